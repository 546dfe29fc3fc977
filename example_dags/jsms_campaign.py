"""A campaign: text the customers in a file, count the refused ones, wait for the others.

Trigger it in the UI as it is: with `make up` it uses the sandbox, which texts no one. Tick dry_run
to see first, in the log of `campaign`, who would be texted and what it would cost.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

with DAG(
    "jsms_campaign",
    description="Text the customers in a file, each by name",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
        "dry_run": Param(default=False, type="boolean", description="check all, send nothing"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # One task for the whole file, of any length. Yours may be in object storage, such as
    # "s3://my_connection@my_bucket/{{ ds }}/customers.csv", or a list from an upstream task:
    # recipients=that_task.output. One of these three numbers does not exist, so JSMS refuses it.
    campaign = JsmsSubmitBatchScheduleOperator(
        task_id="campaign",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        recipients=str(Path(__file__).with_name("customers.csv")),
        temp_id=4,
        tag="winter",
        # The task fails if JSMS refuses more than half of the list. The accepted texts stay
        # scheduled.
        max_failures="50%",
        # A list that is longer than you expect is refused before anybody is texted.
        max_texts=1000,
        # Then the tasks behind it get an empty result, and the sensor is skipped.
        dry_run="{{ params.dry_run }}",
    )

    @task
    def count_refused(refused: list[dict[str, object]]) -> dict[str, int]:
        """Count the refusals by code; yours may correct the customers' data."""
        return dict(Counter(str(each["error_code"]) for each in refused))

    count_refused(campaign.output["failure_recipients"])

    # Pass the whole result: it holds the number of accepted recipients, and so of msg_ids.
    JsmsScheduleSensor(
        task_id="wait",
        schedule_id=campaign.output,
        deferrable=True,  # in the triggerer, without a worker slot
        poke_interval=3,
        grace=timedelta(minutes=10),
    )
