"""What differs where Airflow keeps something for the next try of a task, and where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stack.settings import AIRFLOW, HAS_STORE

if TYPE_CHECKING:
    from tests.stack.rest import AirflowRest

needs_store = pytest.mark.skipif(
    not HAS_STORE, reason="before Airflow 3.3 nothing is kept for the next try of a task"
)
needs_no_store = pytest.mark.skipif(
    HAS_STORE, reason="from Airflow 3.3 on a record is kept for the next try: test_clear.py"
)


def wait_for_killed(
    rest: AirflowRest, dag_id: str, run_id: str, task_id: str, *, timeout: float
) -> dict[str, Any]:
    """Return a run at its end, after another try of the task whose process was killed."""
    run = rest.wait_for_run(dag_id, run_id, timeout=timeout)
    if AIRFLOW == (3, 0):
        # It makes no other try by itself. A person does.
        rest.clear(dag_id, run_id, task_id)
        run = rest.wait_for_run(dag_id, run_id, timeout=timeout)
    return run
