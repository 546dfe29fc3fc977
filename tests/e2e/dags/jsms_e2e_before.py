"""What is decided before a text is sent: the time of day, and who has opted out."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people

COMMON = {"start_date": datetime(2026, 1, 1, tzinfo=UTC)}
LATER = "{{ dag_run.start_date + macros.timedelta(hours=1) }}"
# On the wall clock of China, eight hours ahead: it opens an hour after LATER.
CLOCK = "{{ (dag_run.start_date + macros.timedelta(hours=%d)).strftime('%%H:%%M') }}"
TEXT = {"send_time": LATER, "temp_id": 2, "temp_para": {"name": f"{people.CANARY}-Anna"}}

with DAG("e2e_window", schedule=None, **COMMON):
    JsmsSubmitScheduleOperator(
        task_id="outside",
        mobile=people.ANNA,
        send_window=(CLOCK % 10, CLOCK % 11),
        retries=2,
        **TEXT,
    )
    JsmsSubmitScheduleOperator(
        task_id="moved",
        mobile=people.BEN,
        send_window=f"{CLOCK % 10}-{CLOCK % 11}",
        on_outside_window="next",
        **TEXT,
    )

with DAG("e2e_exclude", schedule=None, **COMMON):

    @task(show_return_value_in_logs=False)
    def opted_out() -> list[str]:
        return [f"+86 {people.ANNA}", people.DAN]

    JsmsSubmitScheduleOperator(task_id="single", mobile=people.ANNA, exclude=opted_out(), **TEXT)
    JsmsSubmitBatchScheduleOperator(
        task_id="batch",
        recipients=[
            {"mobile": each, "temp_para": TEXT["temp_para"]}
            for each in (people.ANNA, people.BEN, people.CARA)
        ],
        exclude="{{ dag_run.conf['file'] }}",
        send_time=LATER,
        temp_id=2,
    )
