"""Tasks that make several submissions, on a real Airflow that kills and retries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.dags.jsms_loops import EVERYBODY
from tests.e2e.store import needs_store

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

pytestmark = needs_store


def texted(sandbox: SandboxControl) -> list[str]:
    schedules = sandbox.state()["schedules"]
    return sorted(each["mobile"] for schedule in schedules for each in schedule["recipients"])


@pytest.mark.parametrize("way", ["operator", "threads"])
def test_a_loop_that_dies_and_is_retried_texts_everybody_once(
    way: str, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag(f"loop_{way}", timeout=90)
    assert (run["state"], texted(sandbox)) == ("success", EVERYBODY)
    assert {request["method"] for request in sandbox.requests()} <= {"POST", "GET"}
    records = rest.state_store(f"loop_{way}", run["dag_run_id"], way)
    assert len(records) == len(EVERYBODY) + 1
    assert records["jsms_code"]["texts"] == len(EVERYBODY)


def test_processes_of_a_later_try_text_nobody_again(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("loop_processes", timeout=90)
    assert (run["state"], texted(sandbox)) == ("failed", EVERYBODY)
    log = rest.log("loop_processes", run["dag_run_id"], "processes", 2)
    assert "a process that a task starts cannot read" in log
