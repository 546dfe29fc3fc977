"""Campaigns of more people than a request may carry, from a list and from a file.

A list says by a number who its people are, so that no phone number is in the configuration.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
)
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people

COMMON = {"start_date": datetime(2026, 1, 1, tzinfo=UTC)}
SUBMIT = {
    "task_id": "submit",
    "send_time": "{{ dag_run.start_date + macros.timedelta(hours=1) }}",
    "temp_id": 2,
    "tag": "e2e",
    "max_failures": 2,
}


@task(show_return_value_in_logs=False)
def everybody(**context: Any) -> list[dict[str, object]]:
    return [
        {"mobile": people.number(index), "temp_para": {"name": f"{people.CANARY}-{index}"}}
        for index in range(context["dag_run"].conf["people"])
    ]


with DAG("e2e_campaign", schedule=None, **COMMON):
    submit = JsmsSubmitBatchScheduleOperator(recipients=everybody(), **SUBMIT)
    JsmsScheduleSensor(
        task_id="wait",
        schedule_id=submit.output,
        mode="reschedule",
        # The test moves the clock of the sandbox: that the texts are sent shows before they are
        # due here. By then the scheduler has noted that the process before has ended (which
        # Airflow 3.0 and 3.1 tell it up to five seconds late), or it takes the task for killed.
        recheck_interval=timedelta(seconds=10),
    )

with DAG("e2e_campaign_cancelled", schedule=None, **COMMON):
    cancelled = JsmsSubmitBatchScheduleOperator(recipients=everybody(), **SUBMIT)
    JsmsDeleteScheduleOperator(task_id="cancel", schedule_id=cancelled.output)

with DAG("e2e_campaign_file", schedule=None, **COMMON):
    JsmsSubmitBatchScheduleOperator(recipients="{{ dag_run.conf['file'] }}", **SUBMIT)
