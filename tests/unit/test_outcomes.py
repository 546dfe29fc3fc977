"""Every fault in every call: what comes of it is what the rules say, and what its page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.exceptions import JsmsError
from airflow_provider_jsms.sandbox.faults import KINDS
from tests import people, tables
from tests.outcomes import rows
from tests.outcomes.stage import ASYNC_QUERY
from tests.outcomes.table import lines_of, play_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outcomes.rows import Row
    from tests.outcomes.stage import Seen
    from tests.outcomes.table import Played

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

WORKED = {rows.DONE, rows.AGAIN, rows.ASKED}
BY_ROW = pytest.mark.parametrize("row", rows.ROWS, ids=[row.label for row in rows.ROWS])
BY_CALL = pytest.mark.parametrize("call", rows.CALLS)
RECIPIENTS = {"schedule": [people.BEN], "batch_schedule": [people.BEN, people.CARA]}


@pytest.fixture(scope="module")
def played() -> Played:
    return play_all()


def mobiles(seen: Seen) -> list[list[str]]:
    """Return who is to be texted, by schedule."""
    pending = [schedule for schedule in seen.schedules if schedule.status == "pending"]
    return [[person.mobile for person in schedule.content.recipients] for schedule in pending]


@BY_CALL
@BY_ROW
def test_what_comes_of_it_is_what_the_rules_say(played: Played, row: Row, call: str) -> None:
    assert played[row.label, call].outcome == row.rule[call]


@BY_ROW
def test_a_query_from_an_event_loop_ends_in_the_same_way(played: Played, row: Row) -> None:
    query, other = played[row.label, "query_schedule"], played[row.label, ASYNC_QUERY]
    assert other.outcome == query.outcome
    assert type(other.error) is type(query.error)
    assert other.requests == query.requests


def test_nobody_is_scheduled_twice_and_what_worked_is_in_effect(played: Played) -> None:
    for (label, call), seen in played.items():
        where, (verb, _, kind) = f"{label} {call}", call.partition("_")
        if verb == "submit":
            assert len(seen.schedules) <= 1, where
        if seen.outcome not in WORKED:
            continue
        if verb in {"submit", "modify"}:
            assert mobiles(seen) == [RECIPIENTS[kind]], where
            accepted = seen.result if kind == "schedule" else seen.result["schedule_id"]
            assert accepted == seen.schedules[0].schedule_id, where
        elif verb == "delete":
            assert mobiles(seen) == [], where
        else:
            assert seen.result["schedule_id"] == seen.schedule_id, where
            assert [each["mobile"] for each in seen.result["recipients"]] == [people.ANNA], where


def test_a_submission_that_is_uncertain_left_once(played: Played) -> None:
    uncertain = [seen for seen in played.values() if seen.outcome == rows.UNCERTAIN]
    assert uncertain
    assert {len(seen.requests) for seen in uncertain} == {1}
    # It would not be called uncertain if it could be told.
    assert {len(seen.schedules) for seen in uncertain} == {0, 1}


def test_every_error_is_one_of_the_provider(played: Played) -> None:
    errors = [seen.error for seen in played.values() if seen.error]
    assert errors
    assert [error for error in errors if not isinstance(error, JsmsError)] == []


def test_nothing_goes_to_another_host(played: Played) -> None:
    assert {seen.sent_elsewhere for seen in played.values()} == {0}


def test_what_is_asked_for_is_waited(played: Played) -> None:
    for row in rows.ROWS:
        if asked := row.fault.get("headers"):
            waits = [seen.waits for (label, _), seen in played.items() if label == row.label]
            assert [len(each) for each in waits] == [1] * (len(rows.CALLS) + 1)
            assert all(wait >= 7 for [wait] in waits), asked


def test_everything_ends_in_time(played: Played) -> None:
    late = {key: seen.seconds for key, seen in played.items() if seen.seconds > 20}  # or for ever
    assert late == {}


def test_every_kind_of_fault_is_played() -> None:
    assert {row.fault["kind"] for row in rows.ROWS} == set(KINDS) - {"hold"}


@pytest.mark.parametrize("page", tables.PAGES["faults"], ids=str)
def test_the_table_of_the_pages_is_what_was_played(played: Played, page: Path) -> None:
    assert tables.table_in(page, "faults") == lines_of(played), "write it: python -m tests.tables"
