"""A cancellation: schedule a text, run a check, delete the schedule if the check fails.

Trigger it in the UI as it is: with `make up` it uses the sandbox, which texts no one.
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
    description="Cancel a scheduled text when its reason is gone",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(60, type="integer", minimum=5, description="seconds from the start"),
        "is_open": Param(default=False, type="boolean", description="result of the check"),
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
        """Check that the text is still needed; yours may query another system."""
        if not (params or {}).get("is_open"):
            raise AirflowFailException("closed today: the text must not go out")

    # Runs if the check fails, and is skipped if it passes. If the text was sent before it could be
    # deleted, this task fails with that reason.
    cancel = JsmsDeleteScheduleOperator(
        task_id="cancel",
        schedule_id=submit.output,
        trigger_rule="one_failed",
    )

    submit >> check() >> cancel
