"""An alert: text the person on call when a task has failed for good.

Trigger it in the UI as it is: with `make up` it uses the sandbox, which texts no one. The Airflow
Variable `on_call` holds the number, or several with commas between them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, AirflowException, Param, task

from airflow_provider_jsms.notifications.jsms import JsmsNotifier

with DAG(
    "jsms_on_call",
    description="Text the person on call when a task fails",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "is_broken": Param(default=True, type="boolean", description="whether the task fails"),
        "delay": Param(5, type="integer", minimum=5, description="seconds until the text goes out"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # As on_failure_callback of the DAG it sends one text per run, even if several tasks fail. In
    # default_args={"on_failure_callback": ...} it is the callback of every task.
    @task(
        retries=1,
        retry_delay=timedelta(seconds=1),
        # Runs after the last retry; on_retry_callback runs before each retry.
        on_failure_callback=JsmsNotifier(
            mobile="{{ var.value.get('on_call', '13900139006') }}",
            temp_id=8,
            temp_para={"dag": "{{ dag.dag_id }}", "task": "{{ ti.task_id }}"},
            # The default is a minute.
            delay="{{ params.delay }}",
        ),
    )
    def load(params: dict[str, object] | None = None) -> None:
        """Stand in for the work of the DAG."""
        if (params or {}).get("is_broken"):
            raise AirflowException("the source is empty today")

    load()
