"""The plan: the desired list, the ledger and the clock decide what each text needs."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.hooks.connection import read_settings
from airflow_provider_jsms.submission.reconciling.plan import Action, plan
from airflow_provider_jsms.submission.reconciling.texts import text_of_entry
from airflow_provider_jsms.submission.records.decisions import (
    ACCEPTED,
    BEGUN,
    DELETED,
    DELETING,
    FINISHED,
    REFUSED,
    SENDING,
    UNKNOWN,
)
from tests import people
from tests.leaks import APP_KEY, MASTER_SECRET

if TYPE_CHECKING:
    from airflow_provider_jsms.submission.reconciling.plan import Plan, Step, Text

NOW = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = read_settings(
    extra={}, login=APP_KEY, password=MASTER_SECRET, host="", schema="", port=""
)
OTHER_SECRET = replace(SETTINGS, master_secret=MASTER_SECRET[::-1])
NOTHING = (BEGUN, REFUSED, DELETED)
UNCLEAR = (SENDING, UNKNOWN, "damaged")


@cache
def text(key: str = "a", hours: float = 2, person: str = "Anna", settings: Any = SETTINGS) -> Text:
    entry = {
        "key": key,
        "send_time": NOW + hours * HOUR,
        "mobile": people.ANNA,
        "temp_id": 2,
        "name": f"{people.CANARY}-{person}",
    }
    return text_of_entry(entry, settings)


def record(state: str = ACCEPTED, of: Text | None = None, **more: Any) -> dict[str, Any]:
    of = of or text()
    assert of.call.send_time
    return {
        "state": state,
        "schedule_id": "d2afae04",
        "send_time_utc": of.call.send_time.utc,
        "fingerprint": asdict(of.request),
        **more,
    }


def action(of: Text | None, known: dict[str, Any] | None, now: datetime = NOW) -> Action | None:
    steps = plan([of] if of else [], {"a": known} if known else {}, now).steps
    return steps[0].do if steps else None


def test_a_new_key_is_submitted_unless_its_time_has_passed() -> None:
    assert action(text(), None) is Action.SUBMIT
    assert action(text(hours=0), None) is Action.PAST


@pytest.mark.parametrize("state", NOTHING)
def test_a_key_of_which_jsms_has_nothing_is_submitted(state: str) -> None:
    assert action(text(), record(state)) is Action.SUBMIT
    assert action(text(hours=-1), record(state)) is Action.PAST
    assert action(None, record(state)) is None


@pytest.mark.parametrize("state", [ACCEPTED, FINISHED])
def test_a_scheduled_text_is_left_alone_modified_or_deleted(state: str) -> None:
    assert action(text(), record(state)) is Action.UNCHANGED
    assert action(text(hours=3), record(state)) is Action.MODIFY
    assert action(text(person="Ben"), record(state)) is Action.MODIFY
    assert action(None, record(state)) is Action.DELETE


@pytest.mark.parametrize("state", [ACCEPTED, FINISHED])
def test_a_sent_text_is_never_touched(state: str) -> None:
    sent = record(state, text(hours=-1))
    assert action(text(hours=-1), sent) is Action.UNCHANGED
    assert action(text(hours=2), sent) is Action.SENT
    assert action(text(hours=-1, person="Ben"), sent) is Action.SENT
    assert action(None, sent) is None


def test_the_last_minute_is_too_late_to_modify_but_not_to_delete() -> None:
    near = text(hours=1 / 60)
    assert action(text(hours=3), record(of=near)) is Action.SENT
    assert action(text(hours=3), record(of=near), NOW - timedelta(seconds=1)) is Action.MODIFY
    assert action(None, record(of=near)) is Action.DELETE


def test_a_pending_text_is_not_moved_into_the_past() -> None:
    assert action(text(hours=-1), record()) is Action.PAST


@pytest.mark.parametrize("state", UNCLEAR)
def test_an_unknown_outcome_is_uncertain_until_its_time_has_passed(state: str) -> None:
    assert action(text(), record(state)) is Action.UNCERTAIN
    assert action(None, record(state)) is Action.UNCERTAIN
    assert action(text(hours=3), record(state, text(hours=-1))) is Action.UNCERTAIN
    assert action(text(hours=-1), record(state, text(hours=-1))) is Action.EXPIRED
    assert action(text(hours=-1), record(state)) is Action.UNCERTAIN
    assert action(None, record(state, text(hours=-1))) is None
    assert action(text(hours=-1), {"state": UNKNOWN}) is Action.EXPIRED


def test_an_interrupted_deletion_is_completed() -> None:
    assert action(None, record(DELETING)) is Action.DELETE
    assert action(text(), record(DELETING)) is Action.REPLACE
    assert action(text(hours=-1), record(DELETING, text(hours=-1))) is Action.PAST
    assert action(None, record(DELETING, text(hours=-1))) is None


def test_an_interrupted_modification_is_repeated_as_long_as_either_time_is_ahead() -> None:
    later = text(hours=3)
    assert later.call.send_time
    intent = {"send_time_utc": later.call.send_time.utc, "fingerprint": asdict(later.request)}
    half = record(of=text(hours=-1), modifying=intent)
    assert action(later, half) is Action.MODIFY
    assert action(None, half) is Action.DELETE
    assert action(later, half, NOW + 4 * HOUR) is Action.SENT
    back = record(modifying=intent)
    assert action(text(), back) is Action.MODIFY, "JSMS may have the later time"


def test_after_a_change_of_the_master_secret_jsms_is_asked_about_what_is_pending() -> None:
    mine = text(settings=OTHER_SECRET)
    assert action(mine, record()) is Action.MODIFY
    sent = record(of=text(hours=-1))
    assert action(text(hours=-1, settings=OTHER_SECRET), sent) is Action.UNCHANGED
    assert action(text(hours=-2, settings=OTHER_SECRET), sent) is Action.SENT


def test_a_text_that_is_moved_away_comes_before_it_is_due() -> None:
    texts = [text("a", 3), text("b", 2.5)]
    steps = plan(texts, {"a": record(of=text("a", 2))}, NOW).steps
    assert [step.key for step in steps] == ["a", "b"]


def test_a_record_edited_by_hand_stops_nobody() -> None:
    odd = {**record(), "send_time_utc": "tomorrow"}
    assert action(text(), odd) is Action.UNCHANGED
    assert action(None, odd) is Action.DELETE


KEYS = st.sampled_from("abcdef")
HOURS = st.sampled_from([-2, -1, 0, 0.01, 1, 2, 3])
TEXTS = st.builds(text, st.just("?"), HOURS, st.sampled_from(["Anna", "Ben"]))
STATES = st.sampled_from([*NOTHING, *UNCLEAR, ACCEPTED, FINISHED, DELETING])
LISTS = st.dictionaries(KEYS, TEXTS).map(
    lambda texts: [each._replace(key=key) for key, each in texts.items()]
)
RECORDS = st.dictionaries(KEYS, st.builds(record, STATES, TEXTS))


def done(made: Plan, records: dict[str, Any]) -> dict[str, Any]:
    """Return the ledger once everything that can be done is done."""
    after = dict(records)
    for step in made.steps:
        if step.do in (Action.SUBMIT, Action.REPLACE, Action.MODIFY):
            after[step.key] = record(ACCEPTED, step.text)
        elif step.do is Action.DELETE:
            after[step.key] = {**after[step.key], "state": DELETED}
    return after


ACTING = (Action.SUBMIT, Action.REPLACE, Action.MODIFY, Action.DELETE)


@given(LISTS, RECORDS)
def test_the_second_time_nothing_is_left_to_do(texts: list[Text], records: dict[str, Any]) -> None:
    first = plan(texts, records, NOW)
    second = plan(texts, done(first, records), NOW)
    assert second.of(*ACTING) == []
    assert len(second.of(Action.UNCERTAIN)) == len(first.of(Action.UNCERTAIN))


@given(LISTS, RECORDS, st.randoms())
def test_the_order_of_the_list_and_of_the_ledger_does_not_matter(
    texts: list[Text], records: dict[str, Any], random: Any
) -> None:
    shuffled, keys = list(texts), list(records)
    random.shuffle(shuffled)
    random.shuffle(keys)
    assert plan(shuffled, {key: records[key] for key in keys}, NOW) == plan(texts, records, NOW)


@given(LISTS, RECORDS)
def test_every_text_has_one_step_and_the_next_due_comes_first(
    texts: list[Text], records: dict[str, Any]
) -> None:
    steps = plan(texts, records, NOW).steps
    keys = [step.key for step in steps]
    assert len(keys) == len(set(keys))
    assert {text.key for text in texts} <= set(keys) <= {text.key for text in texts} | set(records)
    assert [step.at for step in steps] == sorted(step.at for step in steps)


@given(LISTS, RECORDS)
def test_a_sent_text_is_neither_submitted_again_nor_modified_nor_deleted(
    texts: list[Text], records: dict[str, Any]
) -> None:
    def is_sent(step: Step) -> bool:
        known = records.get(step.key, {})
        is_over = known and datetime.fromisoformat(known["send_time_utc"]) <= NOW
        return bool(is_over and known["state"] in (ACCEPTED, FINISHED))

    assert not [step for step in plan(texts, records, NOW).of(*ACTING) if is_sent(step)]


def test_the_plan_counts_the_pending_texts_of_the_scope() -> None:
    records = {
        "a": record(),
        "b": record(FINISHED),
        "c": record(of=text(hours=-1)),
        "d": record(DELETED),
        "e": record(SENDING),
    }
    assert plan([text("a"), text("x")], records, NOW).pending == 2
