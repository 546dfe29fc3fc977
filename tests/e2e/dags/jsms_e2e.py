"""What the examples do not show: every operator, mapped tasks, both modes, failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.openlineage.utils.selective_enable import enable_lineage

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsModifyBatchScheduleOperator,
    JsmsQueryScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from airflow_provider_jsms.operators.retry_policy import jsms_retry_policy
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people
from tests.stack.settings import HAS_STORE

SOON = "{{ dag_run.start_date + macros.timedelta(seconds=%d) }}"
ANNA = {"mobile": people.ANNA, "temp_para": {"name": f"{people.CANARY}-Anna"}}
BEN = {"mobile": people.BEN, "temp_para": {"name": f"{people.CANARY}-Ben"}}
COMMON = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "default_args": {"retry_delay": timedelta(seconds=1)},
}

with DAG("e2e_batch", schedule=None, **COMMON) as batch:

    @task(show_return_value_in_logs=False)
    def everybody() -> list[dict[str, object]]:
        return [ANNA, BEN]

    submit = JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=SOON % 3600, recipients=everybody(), temp_id=2, tag="e2e"
    )
    modify = JsmsModifyBatchScheduleOperator(
        task_id="modify",
        schedule_id="{{ ti.xcom_pull(task_ids='submit')['schedule_ids'][0] }}",
        send_time=SOON % 7200,
        recipients=[BEN],
        temp_id=2,
    )
    query = JsmsQueryScheduleOperator(
        task_id="query", schedule_id="{{ ti.xcom_pull(task_ids='modify')['schedule_id'] }}"
    )
    (
        submit
        >> modify
        >> query
        >> JsmsDeleteScheduleOperator(task_id="delete", schedule_id=submit.output)
    )

with DAG("e2e_mapped", schedule=None, **COMMON) as mapped:

    @task(show_return_value_in_logs=False)
    def numbers() -> list[str]:
        return [people.ANNA, people.CARA]

    JsmsSubmitScheduleOperator.partial(
        task_id="submit",
        send_time=SOON % 3600,
        temp_id=2,
        temp_para={"name": f"{people.CANARY}-{{{{ ti.map_index }}}}"},
    ).expand(mobile=numbers())

    @task(show_return_value_in_logs=False)
    def names() -> list[dict[str, str]]:
        return [{"name": f"{people.CANARY}-{{{{ 1 + 1 }}}}"}]

    JsmsSubmitScheduleOperator.partial(
        task_id="submit_data", send_time=SOON % 3600, temp_id=2, mobile=people.BEN
    ).expand(temp_para=names())

with DAG("e2e_modes", schedule=None, **COMMON):
    schedule = JsmsSubmitScheduleOperator(
        task_id="submit", send_time=SOON % 10, mobile=people.ANNA, temp_id=1
    )
    for mode in ("poke", "reschedule"):
        JsmsScheduleSensor(task_id=mode, schedule_id=schedule.output, mode=mode, poke_interval=1)

with DAG("e2e_deferred", schedule=None, **COMMON):
    JsmsScheduleSensor(
        task_id="wait",
        schedule_id=JsmsSubmitBatchScheduleOperator(
            task_id="submit", send_time=SOON % 3600, recipients=[ANNA, BEN], temp_id=2
        ).output,
        deferrable=True,
        # The test moves the clock of the sandbox: that the texts are sent shows before they are
        # due here.
        recheck_interval=timedelta(seconds=1),
    )

POLICY = (
    {"retry_policy": jsms_retry_policy(frequency_delay=timedelta(seconds=2))} if HAS_STORE else {}
)

with DAG("e2e_submit", schedule=None, **COMMON):
    JsmsSubmitScheduleOperator(
        task_id="submit",
        **POLICY,
        send_time=SOON % 3600,
        mobile=people.DAN,
        temp_id=2,
        temp_para={"name": f"{people.CANARY}-Dan"},
        retries=2,
    )

with DAG("e2e_refused", schedule=None, **COMMON):
    JsmsSubmitBatchScheduleOperator(
        task_id="submit",
        send_time=SOON % 3600,
        recipients=[ANNA, {**BEN, "mobile": "12012345678"}],
        temp_id=2,
        retries=2,
    )

with DAG("e2e_mistakes", schedule=None, **COMMON):
    JsmsSubmitScheduleOperator(
        task_id="late",
        send_time=SOON % -5,
        mobile=people.ANNA,
        temp_id=1,
        on_past_send_time="skip",
    )
    JsmsSubmitBatchScheduleOperator(task_id="nobody", send_time=SOON % 60, recipients=[], temp_id=1)
    JsmsSubmitBatchScheduleOperator(
        task_id="text_instead_of_a_list",
        send_time=SOON % 60,
        recipients="{{ [%s] }}" % repr(people.ANNA),  # noqa: UP031  braces of a template
        temp_id=1,
        retries=2,
    )
    JsmsSubmitScheduleOperator(
        task_id="undefined_name",
        send_time=SOON % 60,
        mobile=people.ANNA + "{{ who.mobile }}",
        temp_id=1,
    )
    JsmsScheduleSensor(task_id="unknown", schedule_id="00000000-0000-4000-8000-000000000000")

for dag in (batch, mapped):
    enable_lineage(dag)
