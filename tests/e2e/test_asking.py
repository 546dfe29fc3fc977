"""An uncertain task asks a person in a real Airflow, and goes on with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.submission.uncertain import question
from tests import leaks, people
from tests.e2e.store import needs_store
from tests.e2e.test_clear import KEYS, Run, _variables, in_hours, posts, texts  # noqa: F401
from tests.stack.settings import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

pytestmark = needs_store

CALLS = {"ledger_single": "submit_schedule", "ledger_batch": "submit_batch_schedule"}
has_keep = pytest.mark.skipif(AIRFLOW < (3, 4), reason="every clear keeps the records before 3.4")


class Asking(Run):
    """A run whose task may wait for a person."""

    def __init__(self, rest: AirflowRest, dag_id: str, **variables: Any) -> None:
        self.rest, self.dag_id = rest, dag_id
        self.set(**variables)
        self.run_id = rest.trigger(dag_id)["dag_run_id"]

    def question(self) -> dict[str, Any]:
        return self.rest.question(self.dag_id, self.run_id, "submit")

    def answer(self, option: str, **params: str) -> str:
        self.rest.answer(self.dag_id, self.run_id, "submit", -1, option, **params)
        return self.end()

    def end(self) -> str:
        self.state = self.rest.wait_for_run(self.dag_id, self.run_id, timeout=120)["state"]
        return self.state

    def clear_anyhow(self, *, keep: bool) -> None:
        """Clear the task, and wait for nothing."""
        self.rest.clear(self.dag_id, self.run_id, "submit", keep=keep)


@pytest.mark.parametrize("dag_id", CALLS)
def test_a_task_that_asks_adopts_what_is_there(
    dag_id: str, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault(CALLS[dag_id], "accepted_then_closed")
    run = Asking(rest, dag_id, send_time=in_hours(1), on_uncertain="ask")
    asked = run.question()
    (schedule,) = sandbox.state()["schedules"]
    assert "138****8001" in asked["body"]
    assert leaks.found_in(str(asked)) == []
    assert run.answer(question.ONE_THERE, schedule_id=schedule["schedule_id"]) == "success"
    assert run.schedule_id == schedule["schedule_id"]
    assert "answered at" in run.records[KEYS[dag_id]]["note"]
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.ANNA, 2)]


@pytest.mark.parametrize("keep", [True, pytest.param(False, marks=has_keep)])
@pytest.mark.parametrize("dag_id", CALLS)
def test_a_task_that_failed_asks_once_it_is_cleared_and_submits_what_is_not_there(
    dag_id: str, keep: bool, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault(CALLS[dag_id], "closed_before_reading")
    run = Asking(rest, dag_id, send_time=in_hours(1))
    assert run.end() == "failed"
    assert "it asks what you found" in run.log
    run.clear_anyhow(keep=keep)
    assert run.answer(question.ONE_SUBMIT) == "success"
    assert posts(sandbox) == 2
    assert texts(sandbox) == [(people.ANNA, 2)]


def test_a_wrong_answer_fails_and_the_next_clear_asks_again(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = Asking(rest, "ledger_single", send_time=in_hours(1), on_uncertain="ask")
    assert run.answer(question.ONE_THERE, schedule_id="nowhere") == "failed"
    assert "JSMS does not know schedule nowhere" in run.log
    run.clear_anyhow(keep=True)
    assert run.answer(question.LEAVE) == "success"
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.ANNA, 2)]


FINE_THEN_LOST = ({"kind": "slow", "seconds": 0}, {"kind": "accepted_then_closed"})


def campaign_that_asks(rest: AirflowRest, sandbox: SandboxControl) -> Asking:
    """Lose the answer for the second of two chunks, of a thousand people and of one."""
    for fault in FINE_THEN_LOST:
        sandbox.fault(CALLS["ledger_batch"], **fault)
    given = {"send_time": in_hours(1), "temp_id": 1, "on_uncertain": "ask"}
    run = Asking(rest, "ledger_campaign", **given)
    assert list(run.question()["params"]) == ["schedule_id_2"]
    return run


def schedule_ids(sandbox: SandboxControl) -> dict[str, str]:
    """Return the newest schedule of each chunk by the field of the question."""
    return {
        f"schedule_id_{1 if len(each['recipients']) == 1000 else 2}": each["schedule_id"]
        for each in sandbox.state()["schedules"]
    }


def test_a_campaign_is_asked_again_about_the_same_chunk(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = campaign_that_asks(rest, sandbox)
    assert run.answer(question.SEVERAL_THERE, schedule_id_2="nowhere") == "failed"
    run.clear_anyhow(keep=True)
    assert run.answer(question.SEVERAL_THERE, **schedule_ids(sandbox)) == "success"
    assert posts(sandbox) == 2
    assert len(texts(sandbox)) == 1001


def test_records_deleted_before_the_answer_are_no_reason_to_submit_again(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = campaign_that_asks(rest, sandbox)
    for key in run.records:
        rest.delete_state(run.dag_id, run.run_id, "submit", key)
    assert run.answer(question.SEVERAL_SUBMIT) == "failed"
    run.clear_anyhow(keep=True)
    if AIRFLOW < (3, 4):
        assert run.end() == "failed"
        assert "the first question of a task again" in run.log
        run.set(on_uncertain="assume_sent")
        run.clear_anyhow(keep=True)
        assert run.end() == "success"
    else:
        assert run.answer(question.SEVERAL_THERE, **schedule_ids(sandbox)) == "success"
    assert posts(sandbox) == 2
    assert len(texts(sandbox)) == 1001


@pytest.mark.parametrize("wrong", [{"temp_id": "{{ 1/0 }}"}, {"temp_id": "none"}], ids=str)
def test_a_mended_argument_is_submitted_by_the_cleared_task(
    wrong: dict[str, str], rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = Asking(rest, "ledger_single", send_time=in_hours(1), **wrong)
    assert run.end() == "failed"
    run.set(temp_id=2)
    run.clear_anyhow(keep=True)
    assert run.end() == "success"
    assert texts(sandbox) == [(people.ANNA, 2)]


def test_without_its_record_a_cleared_task_asks(rest: AirflowRest, sandbox: SandboxControl) -> None:
    """As after the clear of Airflow 3.4, or after an upgrade from an Airflow without records."""
    run = Asking(rest, "ledger_single", send_time=in_hours(1))
    assert run.end() == "success"
    schedule_id = run.schedule_id
    rest.delete_state("ledger_single", run.run_id, "submit", "jsms_submission")
    run.clear_anyhow(keep=True)
    assert run.answer(question.ONE_THERE, schedule_id=schedule_id) == "success"
    assert run.schedule_id == schedule_id
    assert posts(sandbox) == 1
