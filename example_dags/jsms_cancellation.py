"""A cancellation: schedule a text, check something, take the text back if the check fails.

Trigger it in the UI as it is; with `make up` it talks to the sandbox, and nobody is texted.
"""

from __future__ import annotations

from datetime import UTC, datetime

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param, task

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsSubmitScheduleOperator,
)

with DAG(
    "jsms_cancellation",
    description="Take a scheduled text back when there is no reason for it any more",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(60, type="integer", minimum=5, description="seconds from the start"),
        "is_open": Param(default=False, type="boolean", description="what the check finds"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    submit = JsmsSubmitScheduleOperator(
        task_id="submit",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        mobile="13900139004",
        temp_id=2,
        temp_para={"name": "小李"},
    )

    @task
    def check(params: dict[str, object] | None = None) -> None:
        """Look whether the reason for the text still stands; yours would ask another system."""
        if not (params or {}).get("is_open"):
            raise AirflowFailException("closed today: the text must not go out")

    # It runs if the check fails and is skipped if the check passes. If the text was sent before
    # it could be deleted, the task fails and says so.
    cancel = JsmsDeleteScheduleOperator(
        task_id="cancel",
        schedule_id=submit.output,
        trigger_rule="one_failed",
    )

    submit >> check() >> cancel
