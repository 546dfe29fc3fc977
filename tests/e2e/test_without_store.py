"""Where nothing is kept for the next try of a task, only the first one sends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests import people
from tests.e2e.store import needs_no_store, wait_for_killed
from tests.e2e.test_airflow import posts, try_number
from tests.e2e.test_clear import Run, in_hours
from tests.e2e.test_examples import states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

pytestmark = needs_no_store


@pytest.fixture(autouse=True)
def _variables(rest: AirflowRest) -> Iterator[None]:
    yield
    for name in rest.variables():
        rest.delete_variable(name)


@pytest.mark.parametrize("moment", ["request_read", "accepted"])
def test_after_a_kill_in_mid_submission_nobody_knows(
    moment: str, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "hold", moment=moment)
    run = rest.trigger("e2e_submit")
    address = ("e2e_submit", run["dag_run_id"])
    sandbox.wait_for_hold(90)
    os.kill(rest.task(*address, "submit")["pid"], signal.SIGKILL)
    sandbox.release()
    wait_for_killed(rest, *address, "submit", timeout=90)
    assert states(rest, run) == {"submit": "failed"}
    # There is a third one, which is not made.
    assert try_number(rest, run, "submit") == 2
    assert posts(sandbox) == 1
    log = rest.log(*address, "submit", 2)
    assert "JSMS may have accepted this" in log
    assert "If it does not exist, trigger a new run, or clear the task with on_uncertain=" in log
    sandbox.advance(7200)
    assert [each["mobile"] for each in sandbox.messages()] == [people.DAN]


def test_what_time_mends_fails_at_once_and_says_that_nothing_was_sent(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "code", code=50009)
    run = rest.run_dag("e2e_submit", timeout=90)
    assert states(rest, run) == {"submit": "failed"}
    assert (try_number(rest, run, "submit"), posts(sandbox)) == (1, 1)
    log = rest.log("e2e_submit", run["dag_run_id"], "submit")
    assert "50009" in log
    assert "Nothing is scheduled" in log
    sandbox.advance(7200)
    assert sandbox.messages() == []


@pytest.mark.parametrize("dag_id", ["ledger_single", "ledger_batch"])
def test_a_task_that_was_cleared_sends_only_if_it_is_told_to(
    dag_id: str, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = Run(rest, dag_id, send_time=in_hours(1))
    assert run.state == "success"
    assert run.clear() == "failed"
    assert "JSMS may have accepted this" in run.log
    assert run.clear(on_uncertain="assume_sent") == "success"
    assert posts(sandbox) == 1
    assert run.clear(on_uncertain="resubmit") == "success"
    assert posts(sandbox) == 2
