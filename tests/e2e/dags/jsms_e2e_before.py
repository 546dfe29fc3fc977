"""What is decided before a text is sent: the time of day, and who has opted out."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import (
    JsmsModifyBatchScheduleOperator,
    JsmsModifyScheduleOperator,
    JsmsReconcileSchedulesOperator,
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

# A run has a window, or its connection does.
GIVEN = {
    "send_time": "{{ dag_run.conf['send_time'] }}",
    "send_window": "{{ dag_run.conf.get('send_window', '') }}",
    "jsms_conn_id": "{{ dag_run.conf['connection'] }}",
}
AT_ANY_TIME = {**GIVEN, "send_window": "always"}
NAME = {"temp_id": 2, "temp_para": TEXT["temp_para"]}
TRIO = {
    "recipients": [
        {"mobile": each, "temp_para": TEXT["temp_para"]}
        for each in (people.ANNA, people.BEN, people.CARA)
    ],
    "temp_id": 2,
}

with DAG("e2e_window_modify", schedule=None, **COMMON):
    single = JsmsSubmitScheduleOperator(task_id="single", mobile=people.DAN, **AT_ANY_TIME, **NAME)
    batch = JsmsSubmitBatchScheduleOperator(task_id="batch", **AT_ANY_TIME, **TRIO)
    for choice in ("fail", "next"):
        outside = {**GIVEN, "on_outside_window": choice, "retries": 2}
        JsmsSubmitScheduleOperator(
            task_id=f"submit_{choice}", mobile=people.ON_CALL, **outside, **NAME
        )
        JsmsModifyScheduleOperator(
            task_id=f"modify_{choice}",
            schedule_id=single.output,
            mobile=people.DAN,
            **outside,
            **NAME,
        )
        JsmsModifyBatchScheduleOperator(
            task_id=f"modify_batch_{choice}",
            schedule_id=batch.output["schedule_ids"],
            exclude="{{ dag_run.conf['file'] }}",
            **outside,
            **TRIO,
        )

with DAG("e2e_window_reconcile", schedule=None, **COMMON):
    JsmsReconcileSchedulesOperator(
        task_id="reconcile",
        texts=[
            {
                "key": f"{{{{ dag_run.conf['scope'] }}}}-{number}",
                "send_time": GIVEN["send_time"],
                "mobile": mobile,
                **NAME,
            }
            for number, mobile in enumerate((people.ANNA, people.BEN))
        ],
        scope="{{ dag_run.conf['scope'] }}",
        exclude="{{ dag_run.conf['file'] }}",
        send_window=GIVEN["send_window"],
        on_outside_window="{{ dag_run.conf['on_outside_window'] }}",
        jsms_conn_id=GIVEN["jsms_conn_id"],
        retries=2,
    )
