"""A task loop (Airflow 3.4 and newer) that schedules a text in each of its iterations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task_group

from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people
from tests.stack.settings import AIRFLOW

PEOPLE = [people.number(index) for index in range(3)]


def fail_first(context: Any, _result: Any) -> None:
    if context["ti"].try_number == 1:
        raise RuntimeError("after the text was scheduled")


if AIRFLOW >= (3, 4):
    with DAG(
        "task_loop",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        user_defined_macros={"people": PEOPLE},
        default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
    ) as dag:

        @task_group
        def reminders() -> None:
            JsmsSubmitScheduleOperator(
                task_id="submit",
                send_time="2099-01-01 09:00:00",
                mobile="{{ people[loop.index] }}",
                temp_id=1,
                post_execute=fail_first,
            )

        reminders.loop(max_iterations=len(PEOPLE))
        submit = dag.get_task("reminders.submit")
        JsmsScheduleSensor(task_id="wait", schedule_id=submit.output, poke_interval=1)
