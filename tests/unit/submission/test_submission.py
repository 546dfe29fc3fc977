"""The submit operators with the ledger, against the sandbox: tries, clears and what they leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsForeignRecordError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsLateChangeError,
    JsmsLedgerError,
    JsmsNoRetryError,
    JsmsRefusedRecipientsError,
    JsmsStoppedError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators import checked
from airflow_provider_jsms.operators.base import JsmsOperator
from airflow_provider_jsms.submission.campaigns.campaign import Campaign
from airflow_provider_jsms.submission.submission import Submission
from tests import leaks, people
from tests.unit.submission.tries import KEYS, NAME, Task, TaskInstance, changes, posts, puts, texted
from tests.versions import HAS_STORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
    from airflow_provider_jsms.sandbox.control import SandboxControl


@pytest.fixture(params=["single", "batch"])
def task(request: pytest.FixtureRequest, sandbox: SandboxControl, tomorrow: datetime) -> Task:
    return Task(request.param, tomorrow)


def test_a_submission_leaves_a_finished_record_without_personal_data(
    task: Task, sandbox: SandboxControl
) -> None:
    schedule_id = task.run()
    assert (task.state, task.record["schedule_id"]) == ("finished", schedule_id)
    assert task.record["recipients"] == 1
    assert leaks.found_in(str(task.store and task.store.writes)) == []
    assert texted(sandbox) == [people.ANNA]


def test_a_retry_after_accepted_goes_on_without_a_request(
    task: Task, sandbox: SandboxControl
) -> None:
    assert task.store
    task.store.fail_on = {"finished"}  # as if the worker had died then
    schedule_id = task.run()
    task.store.fail_on = set()
    before = len(sandbox.requests())
    assert task.run() == schedule_id
    assert len(sandbox.requests()) == before
    assert task.state == "finished"
    assert texted(sandbox) == [people.ANNA]


def test_a_retry_after_send_time_returns_what_was_accepted(
    task: Task, sandbox: SandboxControl
) -> None:
    assert task.store
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        task.store.fail_on = {"finished"}
        schedule_id = task.run(send_time=soon)
        task.store.fail_on = set()
        assert task.record["state"] == "accepted"
        traveller.shift(61)
        assert task.run(send_time=soon.replace(microsecond=0)) == schedule_id


def test_a_retry_with_another_request_modifies_what_was_accepted(
    task: Task, sandbox: SandboxControl
) -> None:
    assert task.store
    task.store.fail_on = {"finished"}
    schedule_id = task.run()
    task.store.fail_on = set()
    assert task.run(**task.to(people.BEN)) == schedule_id
    assert (posts(sandbox), puts(sandbox)) == (1, 1)
    assert texted(sandbox) == [people.BEN]


def test_a_modification_that_fails_is_made_up_for_by_the_next_try(
    task: Task, sandbox: SandboxControl, no_waits: None
) -> None:
    assert task.store
    task.store.fail_on = {"finished"}
    task.run()
    task.store.fail_on = set()
    sandbox.fault(f"modify_{'batch_' if task.kind == 'batch' else ''}schedule", "code", code=50009)
    with pytest.raises(JsmsFrequencyError):
        task.run(**task.to(people.BEN))
    assert "modifying" in task.record
    task.run()  # the first text again: nobody knows which one holds, so it is sent once more
    assert puts(sandbox) == 2
    assert texted(sandbox) == [people.ANNA]


def test_an_intent_without_an_outcome_is_uncertain(task: Task, sandbox: SandboxControl) -> None:
    assert task.store
    task.run()
    task.store.set(KEYS[task.kind], {**task.record, "state": "sending"})
    before = len(sandbox.requests())
    with pytest.raises(JsmsUncertainError) as caught:
        task.run()
    text = str(caught.value)
    assert isinstance(caught.value, AirflowFailException)
    assert task.record["since"] in text
    assert f"{task.record['send_time']} Asia/Shanghai" in text
    assert "138****8001" in text
    assert "This try sent nothing" in text
    assert ("Clear the task: it asks" if HAS_STORE else "and clear the task") in text
    assert len(sandbox.requests()) == before


class TestALostAnswer:
    @pytest.fixture(autouse=True)
    def _lose(self, task: Task, sandbox: SandboxControl) -> None:
        self.call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(self.call, "accepted_then_closed")

    def test_fails_the_task_and_every_retry(self, task: Task, sandbox: SandboxControl) -> None:
        for sent in ("It was not sent again", "This try sent nothing", "This try sent nothing"):
            with pytest.raises(JsmsUncertainError, match=sent):
                task.run()
        assert posts(sandbox) == 1
        assert texted(sandbox) == [people.ANNA]

    def test_is_resubmitted_once_on_request(self, task: Task, sandbox: SandboxControl) -> None:
        sandbox.fault(self.call, "accepted_then_closed")
        for _ in range(2):
            with pytest.raises(JsmsUncertainError):
                task.run(on_uncertain="{{ 'resubmit' }}")
        assert (posts(sandbox), task.record["resubmitted"]) == (2, 1)

    def test_stays_uncertain_if_the_resubmission_is_refused(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        """A refusal of the second submission says nothing about the first."""
        sandbox.fault(self.call, "code", code=50009)
        with pytest.raises(JsmsUncertainError):
            task.run(on_uncertain="resubmit")
        assert (task.record["state"], task.record["resubmitted"]) == ("sending", 1)
        for decision in ("resubmit", "fail"):
            with pytest.raises(JsmsUncertainError):
                task.run(on_uncertain=decision)
        assert posts(sandbox) == 2
        assert texted(sandbox) == [people.ANNA]

    def test_is_not_submitted_a_third_time_by_code_that_retries_the_refusal(
        self, task: Task, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task.store, ti = None, TaskInstance(1)
        monkeypatch.setattr(task, "ti_of_try", lambda _: ti)
        sandbox.fault(self.call, "code", code=50009)
        for _ in range(2):
            with pytest.raises(JsmsUncertainError, match="says nothing about the first"):
                task.run(on_uncertain="resubmit")
        assert posts(sandbox) == 2

    def test_may_be_resubmitted_with_success(self, task: Task, sandbox: SandboxControl) -> None:
        assert task.run(on_uncertain="resubmit") == task.record["schedule_id"]
        assert (posts(sandbox), task.state) == (2, "finished")

    def test_may_be_assumed_to_be_sent(self, task: Task, sandbox: SandboxControl) -> None:
        result = task.run(on_uncertain="assume_sent")
        if task.kind == "batch":
            assert result == {
                "schedule_ids": [],
                "success_count": 0,
                "failure_count": 0,
                "uncertain_count": 1,
            }
        else:
            assert result is None
        assert posts(sandbox) == 1

    def test_is_a_mistake_to_decide_otherwise(self, task: Task, sandbox: SandboxControl) -> None:
        with pytest.raises(JsmsInputError, match="on_uncertain"):
            task.run(on_uncertain="again")
        assert sandbox.requests() == []


class TestARefusal:
    def test_is_recorded_and_a_later_try_submits(self, task: Task, sandbox: SandboxControl) -> None:
        sandbox.account(balance=0)
        unchecked = {"preflight": False} if task.kind == "batch" else {}
        with pytest.raises(JsmsAccountError):
            task.run(**unchecked)
        assert (task.record["state"], task.record["code"]) == ("refused", 50014)
        sandbox.account(balance=10)
        task.clear()
        assert texted(sandbox) == [people.ANNA]

    @pytest.mark.parametrize(
        "wrong", [{"send_time": "2020-01-01 09:00:00"}, {"temp_id": "{{ 1/0 }}"}, {"temp_id": "x"}]
    )
    def test_before_any_request_is_mended_and_cleared(
        self, task: Task, sandbox: SandboxControl, wrong: dict[str, str]
    ) -> None:
        with pytest.raises((JsmsInputError, ZeroDivisionError)):
            task.run(**wrong)
        assert task.state == "begun"
        task.clear()
        assert texted(sandbox) == [people.ANNA]

    def test_where_nothing_left_is_retried(
        self,
        task: Task,
        set_connection: Callable[..., None],
        sandbox: SandboxControl,
        no_waits: None,
    ) -> None:
        set_connection("http://127.0.0.1:1")
        with pytest.raises(Exception, match="nothing was sent") as caught:
            task.run()
        assert not isinstance(caught.value, AirflowFailException)
        assert task.record["state"] == "refused"
        set_connection(sandbox.url)
        task.run()
        assert texted(sandbox) == [people.ANNA]


class TestAClearedTask:
    def test_finds_its_schedule_and_leaves_a_modification_alone(
        self, task: Task, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        schedule_id = task.run()
        later = tomorrow + timedelta(hours=5)
        with JsmsHook() as hook:
            hook.modify_schedule(
                schedule_id, send_time=later, mobile=people.ANNA, temp_id=2, temp_para=NAME
            )
        assert task.clear() == schedule_id
        assert (posts(sandbox), puts(sandbox)) == (1, 1)
        sandbox.travel_to(later - timedelta(minutes=1))
        assert sandbox.messages() == []
        assert texted(sandbox) == [people.ANNA]

    def test_with_another_text_modifies_it(self, task: Task, sandbox: SandboxControl) -> None:
        schedule_id = task.run()
        assert task.clear(temp_id=4) == schedule_id
        assert texted(sandbox) == [people.ANNA]
        assert sandbox.messages()[0]["temp_id"] == 4

    def test_whose_schedule_is_gone_does_not_know(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        with JsmsHook() as hook:
            hook.delete_schedule(task.run())
        for decision in ("fail", "resubmit"):
            with pytest.raises(JsmsUncertainError, match="it was deleted, or sent"):
                task.clear(on_uncertain=decision)
        assert posts(sandbox) == 1

    def test_after_it_was_sent_returns_it_or_refuses_to_change_it(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        # nearer than the minute in which a change may come too late
        soon = (datetime.now(UTC) + timedelta(seconds=50)).replace(microsecond=0)
        schedule_id = task.run(send_time=soon)
        sandbox.travel_to(soon + timedelta(seconds=1))
        assert task.clear(send_time=soon) == schedule_id
        with pytest.raises(JsmsLateChangeError, match="is about to be"):
            task.clear(temp_id=4)
        assert len(sandbox.messages()) == 1

    def test_is_kept_by_the_advice_to_clear_unless_only_a_new_run_can_continue(
        self, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checked, "KEEP", "Tick the box.")  # as on Airflow 3.4
        soon = (datetime.now(UTC) + timedelta(seconds=50)).replace(microsecond=0)
        with pytest.raises(JsmsInputError, match="Tick the box"):
            task.run(send_time=soon, temp_id="none")
        task.clear(send_time=soon)
        with pytest.raises(JsmsLateChangeError) as caught:
            task.clear(send_time=soon, temp_id=4)
        assert "trigger a new run" in str(caught.value)
        assert "Tick the box" not in str(caught.value)

    def test_of_a_mapped_task_does_not_touch_another_message(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        task.map_index = 0
        task.run()
        with pytest.raises(JsmsForeignRecordError, match="other recipients"):
            task.clear(**task.to(people.BEN))
        assert texted(sandbox) == [people.ANNA]

    def test_after_the_secret_was_changed_asks_jsms_for_its_schedule(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        assert task.store
        schedule_id = task.run()
        other = {**task.record["fingerprint"], "key": "another"}
        task.store.set(KEYS[task.kind], {**task.record, "fingerprint": other})
        assert task.clear(on_uncertain="resubmit") == schedule_id
        for other in ({"temp_id": 4}, task.to(people.BEN)):
            with pytest.raises(JsmsUncertainError, match="is of another text"):
                task.clear(**other, on_uncertain="resubmit")
        assert (posts(sandbox), puts(sandbox)) == (1, 0)

    def test_does_not_know_without_its_record(self, task: Task, sandbox: SandboxControl) -> None:
        """As Airflow 3.4 clears it, or as one that ran on an Airflow without records."""
        task.run()
        for _ in range(2):
            assert task.store
            task.store.clear()
            with pytest.raises(JsmsUncertainError, match="keeps no record of its earlier tries"):
                task.clear()
            assert task.state == "unknown"
        with pytest.raises(JsmsUncertainError, match="keeps no record of its earlier tries"):
            task.run()
        assert posts(sandbox) == 1

    def test_goes_on_where_a_person_has_written_that_nothing_was_sent(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        assert task.store
        task.tries = 1
        task.store.set(KEYS[task.kind], {"state": "begun"})
        task.clear()
        assert texted(sandbox) == [people.ANNA]


class TestAModificationThatComesTooLate:
    def test_does_not_know(self, task: Task, sandbox: SandboxControl) -> None:
        assert task.store
        task.store.fail_on = {"finished"}
        schedule_id = task.run()
        task.store.fail_on = set()
        with JsmsHook() as hook:
            hook.delete_schedule(schedule_id)
        with pytest.raises(JsmsUncertainError, match="could not be modified") as caught:
            task.run(temp_id=4)
        assert schedule_id in str(caught.value)
        with pytest.raises(JsmsUncertainError, match="could not be modified"):
            task.run(temp_id=4, on_uncertain="resubmit")
        assert posts(sandbox) == 1


class TestWithoutAStore:
    @pytest.fixture(autouse=True)
    def _remove(self, task: Task) -> None:
        task.store = None

    def test_the_first_try_submits_and_a_later_one_does_not_know(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        task.run()
        with pytest.raises(JsmsUncertainError, match="keeps no record"):
            task.run()
        assert posts(sandbox) == 1
        task.run(on_uncertain="resubmit")
        assert posts(sandbox) == 2

    def test_what_time_mends_is_not_retried(self, task: Task, sandbox: SandboxControl) -> None:
        call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(call, "code", code=50009)
        with pytest.raises(JsmsNoRetryError, match="Nothing is scheduled"):
            task.run()

    @pytest.mark.parametrize("wrong", [{"temp_id": 0}, {"exclude": None}, {"temp_id": 7}])
    def test_a_mistake_names_the_way_on(
        self, task: Task, sandbox: SandboxControl, wrong: Any
    ) -> None:
        with pytest.raises(AirflowFailException, match="or clear this one with on_uncertain="):
            task.run(**wrong)
        with pytest.raises(AirflowFailException) as caught:
            task.clear(**wrong)
        assert "clear this one" not in str(caught.value)  # the first try may have submitted
        task.clear(on_uncertain="resubmit")
        assert texted(sandbox) == [people.ANNA]

    def test_an_interruption_after_the_submission_is_not_retried(
        self, task: Task, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(_: object) -> None:
            raise SystemExit

        monkeypatch.setattr(Submission, "finish", interrupt)
        monkeypatch.setattr(Campaign, "finish", interrupt)
        with pytest.raises(JsmsNoRetryError, match="after it had submitted"):
            task.run()
        assert posts(sandbox) == 1

    def test_a_failure_before_the_submission_is_not_retried_either(
        self, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIRFLOW_CONN_JSMS_DEFAULT")
        with pytest.raises(JsmsNoRetryError, match="Nothing is scheduled"):
            task.run()

    def test_a_second_lost_answer_ends_a_resubmission(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(call, "accepted_then_closed", times=None)
        with pytest.raises(JsmsUncertainError, match="trigger a new run"):
            task.run(on_uncertain="resubmit")
        assert posts(sandbox) == 2


def test_the_ledger_can_be_turned_off(task: Task, sandbox: SandboxControl) -> None:
    task.run(durable="{{ false }}")
    task.run(durable=False)
    assert task.record is None
    assert posts(sandbox) == 2
    call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
    sandbox.fault(call, "code", code=50009)
    with pytest.raises(JsmsFrequencyError):
        task.run(durable=False)


def test_a_try_that_was_replaced_sends_nothing(task: Task, sandbox: SandboxControl) -> None:
    assert task.store
    task.store.fail_on = {"sending"}
    with pytest.raises(JsmsLedgerError):
        task.run()
    assert changes(sandbox) == []


def test_a_try_that_stood_still_asks_again_whether_it_was_replaced(
    task: Task, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert task.store
    store, write = task.store, task.store.set

    def slowly(key: str, value: Any, *, retention: object = None) -> None:
        write(key, value, retention=retention)
        store.fail_on = {"sending"}  # meanwhile another try has replaced this one

    monkeypatch.setattr(store, "set", slowly)
    monkeypatch.setattr("airflow_provider_jsms.submission.submission._SUSPICIOUS_SECONDS", -1.0)
    with pytest.raises(JsmsLedgerError, match="another try of this task is running"):
        task.run()
    assert changes(sandbox) == []


def test_a_task_that_was_told_to_stop_sends_nothing_more(
    task: Task, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow calls on_kill from a signal handler, and the interrupted code runs on."""

    def killed(operator: JsmsSubmitScheduleOperator) -> JsmsHook:
        operator.on_kill()
        return JsmsHook()

    monkeypatch.setattr(JsmsOperator, "hook", killed)
    with pytest.raises(JsmsStoppedError, match="was stopped"):
        task.run()
    assert sandbox.requests() == []
    assert task.state == "begun"


class TestABatch:
    EVERYBODY = [{"mobile": each} for each in (people.ANNA, people.BEN, people.CARA)]  # noqa: RUF012

    def test_tells_the_same_refusals_in_every_try(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        task = Task("batch", tomorrow)
        sandbox.number(people.BEN, "invalid")
        given = {"recipients": self.EVERYBODY, "temp_id": 1, "max_failures": 1}
        first, told = task.run(**given), task.ti.xcoms
        assert task.record["refused"] == [[1, 50006]]
        assert (task.clear(**given), task.ti.xcoms) == (first, told)
        assert told["failure_recipients"] == [
            {
                "mobile": people.BEN,
                "temp_para": {},
                "error_code": 50006,
                "error_message": "invalid mobile",
            }
        ]

    def test_with_too_many_refusals_can_be_mended_by_another_list(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        task = Task("batch", tomorrow)
        sandbox.number(people.BEN, "invalid")
        with pytest.raises(JsmsRefusedRecipientsError):
            task.run(recipients=self.EVERYBODY, temp_id=1)
        assert task.state == "finished"
        mended = [self.EVERYBODY[0], {"mobile": people.DAN}, self.EVERYBODY[2]]
        assert task.clear(recipients=mended, temp_id=1) == task.record["schedule_id"]
        assert sorted(texted(sandbox)) == sorted([people.ANNA, people.DAN, people.CARA])

    @pytest.mark.parametrize("answer", ["schedule_id", "no_schedule_id", "error"])
    def test_that_was_refused_as_a_whole_can_be_mended(
        self, answer: str, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        sandbox.switch(all_failed_batch=answer)
        task = Task("batch", tomorrow)
        sandbox.number(people.ANNA, "invalid")
        with pytest.raises(AirflowFailException):
            task.run()
        task.clear(**task.to(people.DAN))
        assert texted(sandbox) == [people.DAN]
