"""Where the submissions of one try are recorded, and what a later try finds there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import (
    JsmsForeignRecordError,
    JsmsLedgerError,
    JsmsUncertainError,
)
from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from airflow_provider_jsms.submission.task_try import TaskTry
from tests import people
from tests.store import DictStore
from tests.unit.submission.records.test_ledger import (
    CHANGED,
    CLEARED,
    FIRST,
    MAPPED,
    MINE,
    OTHER_APP,
    OTHER_PEOPLE,
    OTHER_SECRET,
    RETRY,
)
from tests.unit.submission.tries import TaskInstance, posts, puts

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.submission.records.decisions import Attempt
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint


def submit_all(store: DictStore | None, attempt: Attempt, *requests: Fingerprint) -> list[str]:
    """Record some submissions of a try as accepted, and return the keys of their records."""
    task = TaskTry(store, attempt)
    keys = []
    for request in requests:
        ledger = task.record_of_text(request)
        ledger.sending(request, {}, resubmitted=0)
        ledger.accepted({"schedule_id": f"id-{len(keys)}"})
        keys.append(ledger.key)
    return keys


def found(store: DictStore, attempt: Attempt, *requests: Fingerprint) -> list[str]:
    """Return which schedule_ids a try finds, and what it does about each of them."""
    task = TaskTry(store, attempt)
    ledgers = [task.record_of_text(request) for request in requests]
    return [
        f"{ledger.schedule_id} {ledger.decide(request).do.name}"
        for ledger, request in zip(ledgers, requests, strict=True)
    ]


def test_the_text_of_a_task_has_a_record_of_its_own() -> None:
    task = TaskTry(DictStore(), FIRST)
    assert task.record_of_task().key == "jsms_submission"
    assert task.record_of_subclass(MINE).key == "jsms_submission"
    assert task.record_of_text(OTHER_PEOPLE).key == f"jsms_submission_{OTHER_PEOPLE.people[:12]}"


def test_each_text_of_code_has_a_record_that_names_no_person() -> None:
    keys = submit_all(DictStore(), FIRST, MINE, OTHER_PEOPLE, MINE, OTHER_PEOPLE)
    mine, others = MINE.people[:12], OTHER_PEOPLE.people[:12]
    assert keys == [
        f"jsms_submission_{mine}",
        f"jsms_submission_{others}",
        f"jsms_submission_{mine}_2",
        f"jsms_submission_{others}_2",
    ]


def test_the_note_counts_the_texts_of_each_account() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE, OTHER_PEOPLE, OTHER_APP)
    note = store.get("jsms_code")
    assert (note["texts"], note["keys"]) == (3, {MINE.app: MINE.key, OTHER_APP.app: OTHER_APP.key})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1,)])
def test_a_later_try_finds_each_text_in_any_order(order: tuple[int, ...]) -> None:
    store = DictStore()
    third = replace(MINE, people="0" * 32, request="third")
    requests = [MINE, OTHER_PEOPLE, third]
    submit_all(store, FIRST, *requests)
    assert found(store, RETRY, *(requests[at] for at in order)) == [
        f"id-{at} REUSE" for at in order
    ]


def test_two_texts_to_one_person_are_found_by_their_words() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE, CHANGED, MINE)
    assert found(store, RETRY, CHANGED, MINE, MINE) == ["id-1 REUSE", "id-0 REUSE", "id-2 REUSE"]


def test_a_text_that_changed_is_left_alone() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE, OTHER_PEOPLE)
    assert found(store, RETRY, CHANGED, OTHER_PEOPLE) == ["id-0 LEAVE", "id-1 REUSE"]


def test_a_further_text_to_a_person_is_submitted_once_the_others_were_asked_for() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE)
    assert found(store, RETRY, MINE, CHANGED) == ["id-0 REUSE", "None SUBMIT"]


def test_what_was_refused_leaves_its_place_to_the_next_call() -> None:
    store = DictStore()
    task = TaskTry(store, FIRST)
    for refused in (True, False):
        ledger = task.record_of_text(MINE)
        ledger.sending(MINE, {}, resubmitted=0)
        ledger.refused(50009) if refused else ledger.accepted({"schedule_id": "id"})
    assert found(store, RETRY, MINE) == ["id REUSE"]


def test_what_is_unknown_is_not_sent_again_by_the_same_try() -> None:
    task = TaskTry(DictStore(), FIRST)
    task.record_of_text(MINE).sending(MINE, {}, resubmitted=0)
    assert task.record_of_text(MINE).decide(MINE).do.name == "DOUBT"


def test_a_person_who_is_not_asked_for_any_more_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE)
    assert found(store, RETRY, OTHER_PEOPLE) == ["None SUBMIT"]
    assert "submitted 1 texts, and this try has asked for 0 of them" in caplog.text


def test_the_only_text_of_a_subclass_is_modified_for_the_same_person_alone() -> None:
    for request, does in ((CHANGED, "MODIFY"), (OTHER_PEOPLE, "LEAVE"), (MINE, "REUSE")):
        store = DictStore()
        first = TaskTry(store, FIRST).record_of_subclass(MINE)
        first.sending(MINE, {}, resubmitted=0)
        first.accepted({"schedule_id": "id"})
        assert TaskTry(store, RETRY).record_of_subclass(request).decide(request).do.name == does


def test_a_record_of_this_very_try_is_never_modified() -> None:
    """As where a task was deferred between two texts, and its memory is gone."""
    store = DictStore()
    submit_all(store, FIRST, MINE)
    assert found(store, FIRST, CHANGED, MINE) == ["None SUBMIT", "id-0 REUSE"]


def test_texts_of_a_mapped_task_are_found_too() -> None:
    store = DictStore()
    submit_all(store, MAPPED._replace(number=1), MINE, OTHER_PEOPLE)
    assert found(store, MAPPED, OTHER_PEOPLE, MINE) == ["id-1 REUSE", "id-0 REUSE"]


def test_a_cleared_task_asks_jsms_because_nobody_knows_when_its_code_was_done() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE)
    assert found(store, CLEARED, MINE) == ["id-0 QUERY"]


def test_a_changed_secret_makes_every_text_uncertain() -> None:
    store = DictStore()
    submit_all(store, FIRST, MINE, OTHER_PEOPLE)
    decision = TaskTry(store, RETRY).record_of_text(OTHER_SECRET).decide(OTHER_SECRET)
    assert (decision.do.name, "secret has changed" in decision.why) == ("DOUBT", True)


def test_batches_are_found_by_their_lists() -> None:
    store = DictStore()
    task = TaskTry(store, FIRST)
    for listed in ("a", "b"):
        record = task.records_of_batch(MINE, listed)(1)
        record.sending(MINE, {"list": listed}, resubmitted=0)
        record.accepted({"schedule_id": listed})
    later = TaskTry(store, RETRY)
    batches = [later.records_of_batch(MINE, listed) for listed in ("b", "a")]
    assert [batch(1).schedule_id for batch in batches] == ["b", "a"]
    assert [batch(7).key for batch in batches] == [
        "jsms_submission_2_7",
        "jsms_submission_7",
    ]
    assert all(batch(1).attempt.is_one_of_several for batch in batches)


def test_without_a_store_every_text_of_the_first_try_is_submitted_and_none_of_a_later_one() -> None:
    for attempt, does in ((FIRST, "SUBMIT"), (RETRY, "DOUBT")):
        task = TaskTry(None, attempt)
        requests = [MINE, OTHER_PEOPLE]
        assert [task.record_of_text(each).decide(each).do.name for each in requests] == [does] * 2


class Loop:
    """A task that executes an operator for each of some people."""

    task_id = "loop"
    retries = 1

    def __init__(self, tomorrow: datetime) -> None:
        self.store = DictStore()
        self.when = tomorrow

    def run(self, ti: TaskInstance, *numbers: str) -> None:
        context: dict[str, Any] = {"ti": ti, "task_state_store": self.store, "task": self}
        for number in numbers:
            JsmsSubmitScheduleOperator(
                task_id="text", send_time=self.when, mobile=number, temp_id=1
            ).execute(context)


@pytest.fixture
def loop(tomorrow: datetime) -> Loop:
    return Loop(tomorrow)


def test_where_the_note_cannot_be_written_a_further_text_is_not_sent(
    loop: Loop, sandbox: SandboxControl
) -> None:
    loop.run(TaskInstance(1), people.ANNA)
    loop.store.fail_on = {"submitted by code"}
    with pytest.raises(JsmsLedgerError, match="jsms_code could not be written"):
        loop.run(TaskInstance(2), people.ANNA, people.BEN)
    assert posts(sandbox) == 1


def test_a_changed_loop_says_how_to_continue(
    loop: Loop, sandbox: SandboxControl, tomorrow: datetime
) -> None:
    loop.run(TaskInstance(1), people.ANNA, people.BEN)
    loop.when = tomorrow.replace(minute=(tomorrow.minute + 1) % 60)
    with pytest.raises(JsmsForeignRecordError, match=r"To continue: 1\. .* clear the task"):
        loop.run(TaskInstance(2), people.ANNA, people.BEN)
    assert (posts(sandbox), puts(sandbox)) == (2, 0)


def test_an_uncertain_text_is_not_resent_by_the_same_try(
    loop: Loop, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    ti = TaskInstance(1)
    for _ in range(2):
        with pytest.raises(JsmsUncertainError):
            loop.run(ti, people.ANNA)
    assert posts(sandbox) == 1


# As Airflow 3.4 clears it, if nobody keeps its records.
FORGOTTEN = CLEARED._replace(is_kept_by_clear=False)


@pytest.mark.parametrize("attempt", [FIRST, RETRY, CLEARED])
def test_code_that_failed_before_its_first_text_submits_later(attempt: Attempt) -> None:
    store = DictStore()
    task = TaskTry(store, attempt)
    task.begin_code()
    assert store.get("jsms_code")["state"] == "begun"
    assert found(store, FORGOTTEN, MINE) == ["None SUBMIT"]


def test_code_whose_records_may_be_gone_does_not_know_until_a_person_says_so() -> None:
    store = DictStore()
    TaskTry(store, FORGOTTEN).begin_code()
    for attempt in (FORGOTTEN, RETRY):
        assert found(store, attempt, MINE) == ["None DOUBT"]
    assert store.get("jsms_code")["state"] == "unknown"
    store.set("jsms_code", {"state": "begun"})
    assert found(store, FORGOTTEN, MINE) == ["None SUBMIT"]
