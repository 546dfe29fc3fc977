"""A reminder: schedule a text, move it, wait until JSMS has taken it on, ask what became of it.

Trigger it in the UI as it is; with `make up` it talks to the sandbox, and nobody is texted.
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

# The one person, and what the template "{{name}}，您好！您已预约 {{date}} 在 {{place}} ..." needs.
# In your DAG they come from an upstream task (`.output`) or from a mapped one.
PATIENT = "13900139001"
APPOINTMENT = {"name": "安娜", "date": "12月1日 09:00", "place": "二楼 201"}

with DAG(
    "jsms_reminder",
    description="Remind one person, at a time that is moved once",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
        "move_by": Param(10, type="integer", minimum=0, description="seconds later"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # A send_time has to name one moment. Airflow's own times do: they are in UTC and carry their
    # offset when they are rendered. In a daily DAG this would be "{{ dag_run.run_after }}" or an
    # hour after it, "{{ dag_run.run_after + macros.timedelta(hours=1) }}"; on Airflow 2,
    # "{{ data_interval_end }}".
    submit = JsmsSubmitScheduleOperator(
        task_id="submit",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        mobile=PATIENT,
        temp_id=3,
        temp_para=APPOINTMENT,
    )

    # A modification replaces the schedule: everything is passed again.
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

    # It waits in the triggerer, and holds no worker slot.
    wait = JsmsScheduleSensor(
        task_id="wait",
        schedule_id=move.output,
        deferrable=True,
        poke_interval=3,
        grace=timedelta(minutes=10),
    )

    # The msg_id names the message towards JSMS. It does not prove that it was delivered.
    query = JsmsQueryScheduleOperator(task_id="query", schedule_id=move.output)

    wait >> query
