"""A submitting task that is cleared, run by a real scheduler: at most one text, always."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission.uncertain.question import ONE_SUBMIT
from tests import leaks, people
from tests.e2e.store import needs_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest
    from tests.stack.sandbox import RunningSandbox

pytestmark = needs_store

KEYS = {"ledger_single": "jsms_submission", "ledger_batch": "jsms_submission_1"}


class Run:
    """One run of a DAG whose task can be cleared, again and again."""

    def __init__(self, rest: AirflowRest, dag_id: str, **variables: Any) -> None:
        self.rest = rest
        self.dag_id = dag_id
        self.set(**variables)
        run = rest.run_dag(dag_id, timeout=90)
        self.run_id, self.state = run["dag_run_id"], run["state"]

    @property
    def map_index(self) -> int:
        return 0 if self.dag_id == "ledger_mapped" else -1

    def set(self, **variables: Any) -> None:
        for name, value in variables.items():
            self.rest.set_variable(name, str(value))

    def clear(self, **variables: Any) -> str:
        self.set(**variables)
        tasks = [task["task_id"] for task in self.rest.tasks(self.dag_id, self.run_id)]
        self.rest.clear(self.dag_id, self.run_id, *dict.fromkeys(tasks), keep=True)
        return self.wait()

    def wait(self) -> str:
        """Wait for the end of the run, or for the question of its task, and return its state."""
        states = ("success", "failed", "awaiting_input")
        task = self.rest.wait_for_task(
            self.dag_id, self.run_id, "submit", self.map_index, states=states, timeout=90
        )
        self.state = task["state"]
        if self.state != "awaiting_input":
            # A task that is cleared before its run has ended may be left without a state.
            self.rest.wait_for_run(self.dag_id, self.run_id, timeout=90)
        return self.state

    @property
    def schedule_id(self) -> str:
        key = "return_value" if self.dag_id != "ledger_batch" else "schedule_ids"
        found = self.rest.xcom(self.dag_id, self.run_id, "submit", key, self.map_index)
        return found[0] if self.dag_id == "ledger_batch" else found

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return self.rest.state_store(self.dag_id, self.run_id, "submit", self.map_index)

    @property
    def record(self) -> dict[str, Any]:
        return self.records[KEYS.get(self.dag_id, "jsms_submission")]

    @property
    def log(self) -> str:
        task = self.rest.task(self.dag_id, self.run_id, "submit", self.map_index)
        return self.rest.log(self.dag_id, self.run_id, "submit", task["try_number"], self.map_index)


@pytest.fixture(autouse=True)
def _variables(rest: AirflowRest) -> Iterator[None]:
    yield
    for name in rest.variables():
        rest.delete_variable(name)


@pytest.fixture
def hook(running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[JsmsHook]:
    """The hook as another program uses it, on the same sandbox."""
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(running_sandbox.connection))
    with JsmsHook() as hook:
        yield hook


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def texts(sandbox: SandboxControl) -> list[tuple[str, int]]:
    sandbox.advance(30 * 86400)
    return [(message["mobile"], message["temp_id"]) for message in sandbox.messages()]


def posts(sandbox: SandboxControl, mobile: str = "") -> int:
    """Return how many submissions have come, of all people or of one."""
    sent = [it["body"] for it in sandbox.requests() if it["method"] == "POST"]
    return sum(not mobile or body["mobile"] == mobile for body in sent)


def test_the_store_of_airflow_keeps_the_contract(rest: AirflowRest) -> None:
    run = rest.run_dag("ledger_contract", timeout=90)
    assert run["state"] == "success", rest.log("ledger_contract", run["dag_run_id"], "check")


@pytest.mark.parametrize("dag_id", KEYS)
def test_cleared_while_pending_it_is_the_same_text(
    dag_id: str, rest: AirflowRest, sandbox: SandboxControl, hook: JsmsHook
) -> None:
    run = Run(rest, dag_id, send_time=in_hours(1))
    schedule_id = run.schedule_id
    assert run.records[KEYS[dag_id]]["state"] == "finished"
    assert leaks.found_in(str(run.records)) == []
    hook.modify_schedule(schedule_id, send_time=in_hours(3), mobile=people.BEN, temp_id=1)
    assert run.clear() == "success"
    assert run.schedule_id == schedule_id
    assert posts(sandbox) == 1
    sandbox.advance(2 * 3600)
    assert sandbox.messages() == []  # the modification stands
    assert texts(sandbox) == [(people.BEN, 1)]


@pytest.mark.parametrize("dag_id", KEYS)
def test_cleared_with_something_else_it_is_the_new_text(
    dag_id: str, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = Run(rest, dag_id, send_time=in_hours(1))
    schedule_id = run.schedule_id
    assert run.clear(temp_id=4, send_time=in_hours(2)) == "success"
    assert run.clear(mobile=people.DAN) == "success"
    assert run.schedule_id == schedule_id
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.DAN, 4)]


@pytest.mark.parametrize("query_deleted", ["50028", "record"])
def test_deleted_and_cleared_nobody_knows(
    query_deleted: str, rest: AirflowRest, sandbox: SandboxControl, hook: JsmsHook
) -> None:
    sandbox.switch(query_deleted=query_deleted)
    run = Run(rest, "ledger_single", send_time=in_hours(1))
    schedule_id = run.schedule_id
    hook.delete_schedule(schedule_id)
    if query_deleted == "record":
        # JSMS shows it as if it were there: the sensor would end overdue.
        assert (run.clear(), run.schedule_id) == ("success", schedule_id)
        assert texts(sandbox) == []
        return
    assert run.clear() == "awaiting_input"
    assert "it was deleted, or sent" in run.log
    rest.answer("ledger_single", run.run_id, "submit", -1, ONE_SUBMIT)
    assert run.wait() == "success"
    assert run.schedule_id != schedule_id
    assert texts(sandbox) == [(people.ANNA, 2)]


@pytest.mark.parametrize("query_sent", ["50029", "record"])
def test_moved_earlier_sent_and_cleared_there_is_no_second_text(
    query_sent: str, rest: AirflowRest, sandbox: SandboxControl, hook: JsmsHook
) -> None:
    sandbox.switch(query_sent=query_sent)
    run = Run(rest, "ledger_single", send_time=in_hours(1))
    schedule_id = run.schedule_id
    soon = datetime.now(UTC) + timedelta(seconds=3)
    hook.modify_schedule(
        schedule_id,
        send_time=soon,
        mobile=people.ANNA,
        temp_id=2,
        temp_para={"name": f"{people.CANARY}-x"},
    )
    sandbox.advance(5)
    unchanged, changed = run.clear(), run.clear(temp_id=4)
    if query_sent == "record":
        assert (unchanged, changed) == ("success", "failed")
    else:
        assert (unchanged, changed) == ("awaiting_input", "awaiting_input")
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.ANNA, 2)]


def test_a_mapped_task_that_now_holds_another_person_is_refused(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = Run(rest, "ledger_mapped", send_time=in_hours(1))
    assert run.state == "success"
    assert run.clear(mobile=people.BEN) == "failed"
    assert "other recipients" in run.log
    assert texts(sandbox) == [(people.ANNA, 2)]


# Each row: the edit of the record, changed variables, the state of the task, its requests, words of
# its log. The last row changes the text.
ROWS = {
    "begun, by a person": ({"state": "begun"}, {}, "success", ["POST"], "has scheduled anything"),
    "sending": ({"state": "sending"}, {}, "awaiting_input", [], "ended during its submission"),
    "spoilt by hand": ({"state": "?"}, {}, "awaiting_input", [], "damaged or was edited"),
    "another secret": (
        *({"fingerprint": {"key": "other"}}, {}, "success", ["GET"], "JSMS holds a"),
    ),
    "accepted, the same": ({"state": "accepted"}, {}, "success", [], "submitted the same"),
    "accepted, another": (
        *({"state": "accepted"}, {"temp_id": 4}, "success", ["PUT"], "other arguments"),
    ),
}


def test_what_the_record_says_decides(rest: AirflowRest, sandbox: SandboxControl) -> None:
    """The rows of the table on Airflow's own store, written as a person can write it."""
    run = Run(rest, "ledger_single", send_time=in_hours(1))
    address, record = ("ledger_single", run.run_id, "submit", "jsms_submission"), run.record
    for row, (found, changed, state, methods, said) in ROWS.items():
        before = len(sandbox.requests())
        rest.set_state_value(*address, {**record, **found})
        assert run.clear(**changed) == state, row
        assert said in run.log, row
        assert [each["method"] for each in sandbox.requests()[before:]] == methods, row


@pytest.mark.parametrize(
    ("decision", "state", "texted"),
    [("fail", "failed", 1), ("resubmit", "success", 2), ("assume_sent", "success", 1)],
)
def test_a_variable_decides_what_an_uncertain_one_does(
    decision: str, state: str, texted: int, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = Run(rest, "ledger_single", send_time=in_hours(1), on_uncertain=decision)
    assert run.state == state
    assert "JSMS may have accepted this" in run.log
    assert len(texts(sandbox)) == texted
