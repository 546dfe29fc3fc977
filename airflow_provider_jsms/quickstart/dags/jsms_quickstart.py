"""Schedule one text at the sandbox, and wait until it is sent."""

from __future__ import annotations

from datetime import UTC, datetime

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param
from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

with DAG(
    "jsms_quickstart",
    description="Text one person",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "name": Param("安娜", type="string", description="the name in the text"),
        "seconds": Param(60, type="integer", minimum=5, description="from the start of the run"),
    },
    tags=["jsms"],
    doc_md=__doc__,
):
    submit = JsmsSubmitScheduleOperator(
        task_id="submit",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.seconds) }}",
        mobile="13900139001",
        temp_id=2,  # "{{name}}，您好，您的预约已确认。"
        temp_para={"name": "{{ params.name }}"},
    )

    # Waits in the triggerer, without a worker slot.
    JsmsScheduleSensor(task_id="wait", schedule_id=submit.output, deferrable=True, poke_interval=3)
