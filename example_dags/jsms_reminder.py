"""A reminder: schedule a text, move it, wait for its msg_id, query the schedule.

Trigger it in the UI as it is: with `make up` it uses the sandbox, which texts no one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param
from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_jsms.operators.jsms import (
    JsmsModifyScheduleOperator,
    JsmsQueryScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

# The person, and the parameters of "{{name}}，您好！您已预约 {{date}} 在 {{place}} ...".
# In your DAG they come from an upstream task (`.output`) or by mapping.
PATIENT = "13900139001"
APPOINTMENT = {"name": "安娜", "date": "12月1日 09:00", "place": "二楼 201"}

with DAG(
    "jsms_reminder",
    description="Remind one person, and move the reminder once",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
        "move_by": Param(10, type="integer", minimum=0, description="seconds later"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # A send_time must be unambiguous. Airflow's times are: they render in UTC with their offset.
    # In a daily DAG use "{{ dag_run.run_after }}", or an hour later
    # "{{ dag_run.run_after + macros.timedelta(hours=1) }}"; on Airflow 2 "{{ data_interval_end }}".
    submit = JsmsSubmitScheduleOperator(
        task_id="submit",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        mobile=PATIENT,
        temp_id=3,
        temp_para=APPOINTMENT,
    )

    # A modification replaces the schedule, so pass everything again.
    move = JsmsModifyScheduleOperator(
        task_id="move",
        schedule_id=submit.output,
        send_time=(
            "{{ dag_run.start_date + macros.timedelta(seconds=params.send_in + params.move_by) }}"
        ),
        mobile=PATIENT,
        temp_id=3,
        temp_para=APPOINTMENT,
    )

    # Waits in the triggerer, without a worker slot.
    wait = JsmsScheduleSensor(
        task_id="wait",
        schedule_id=move.output,
        deferrable=True,
        poke_interval=3,
        grace=timedelta(minutes=10),
    )

    # A msg_id identifies a message at JSMS. It does not prove delivery.
    query = JsmsQueryScheduleOperator(task_id="query", schedule_id=move.output)

    wait >> query
