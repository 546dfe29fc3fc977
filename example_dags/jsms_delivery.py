"""Delivery: who has got the text, and who has to be called instead.

JSMS hands out each delivery report once, to the first reader. So one DAG, `jsms_reports`, reads
the reports of all campaigns into a file, and `jsms_delivery` texts people and then looks into it.

Trigger `jsms_delivery` in the UI as it is, and `jsms_reports` once its task `wait` has succeeded:
with `make up` they use the sandbox, which texts no one.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_jsms.api.statuses import DELIVERED, STATUSES
from airflow_provider_jsms.operators.jsms import (
    JsmsFetchRepliesOperator,
    JsmsFetchReportsOperator,
    JsmsSubmitBatchScheduleOperator,
)
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

# They hold full numbers. Yours may be in object storage, with a file for each run, such as
# "s3://my_connection@my_bucket/reports/{{ ts_nodash }}.jsonl".
FOLDER = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
REPORTS = FOLDER / "jsms_reports.jsonl"
REPLIES = FOLDER / "jsms_replies.jsonl"


def reports_of(sent: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return the last report of each msg_id of a campaign, as far as they have arrived."""
    msg_ids = {msg_id for of_one_schedule in sent.values() for msg_id in of_one_schedule}
    if not REPORTS.exists():
        return []
    with REPORTS.open(encoding="utf-8") as file:
        # The other DAG may be writing the last one.
        whole = [line for line in file if line.endswith("\n")]
    rows = [row for row in map(json.loads, whole) if row.get("msgId") in msg_ids]
    return list({row["msgId"]: row for row in rows}.values())


with DAG(
    "jsms_reports",
    description="Read the delivery reports and replies of all texts into two files",
    schedule=None,  # yours runs on its own: "@hourly"
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # No other task, DAG or program may read for the same app: with several, give each of them
    # pool="jsms_app", a pool with one slot.
    reports = JsmsFetchReportsOperator(task_id="reports", output=str(REPORTS))
    reports >> JsmsFetchRepliesOperator(task_id="replies", output=str(REPLIES))


with DAG(
    "jsms_delivery",
    description="Text the customers in a file, and list those whom the text has not reached",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    campaign = JsmsSubmitBatchScheduleOperator(
        task_id="campaign",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        recipients=str(Path(__file__).with_name("customers.csv")),
        temp_id=4,
        max_failures="50%",
    )

    # Its msg_ids, at most 1,000, prove no delivery: the reports do.
    wait = JsmsScheduleSensor(
        task_id="wait",
        schedule_id=campaign.output,
        wait_for_send_time=True,
        deferrable=True,
        poke_interval=3,
        grace=timedelta(minutes=10),
    )

    # Carriers report within seconds, or much later where a phone is off: yours may wait a day.
    @task.sensor(poke_interval=3, timeout=3600, mode="reschedule", soft_fail=True)
    def reported(sent: dict[str, list[str]]) -> bool:
        """Wait until there is a report for everybody, an hour at most."""
        return len(reports_of(sent)) >= sum(map(len, sent.values()))

    @task(trigger_rule="none_failed")
    def list_to_call(sent: dict[str, list[str]], path: str) -> dict[str, int]:
        """Write a file of those whom the text has not reached, and count all by status."""
        found = reports_of(sent)
        unreached = [row for row in found if row["status"] != DELIVERED]
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["mobile", "reason"])
            table.writerows([row["phone"], STATUSES.get(row["status"])] for row in unreached)
        counts = Counter(str(row["status"]) for row in found)
        return {**counts, "no report": sum(map(len, sent.values())) - len(found)}

    reported(wait.output) >> list_to_call(wait.output, str(FOLDER / "jsms_to_call.csv"))
