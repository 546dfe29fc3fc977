"""The history of a real run, made of what the proxy and the sandbox have seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.e2e.crash.history import Seen, Timed, end_of, history_of
from tests.e2e.crash.proxy import Report, Result, Start, Write
from tests.e2e.crash.stage import Run
from tests.histories import Changes, Happens, broken
from tests.people import ANNA

RUN = Run("crash_single", "one", "single", (ANNA,))
KEY = "jsms_submission"
LOG = "JSMS may have accepted this. Clear the task: it asks what you found."


class Proxy(NamedTuple):
    """What a proxy has seen."""

    starts: list[Start]
    writes: list[Write]
    reports: list[Report]
    results: tuple[Result, ...] = ()


def at(seconds: int) -> datetime:
    return datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def write(seconds: int, state: str, try_id: str = "a", *, is_stored: bool = True) -> Write:
    return Write("one", try_id, KEY, state, at(seconds), is_stored)


def post(seconds: int, **headers: str) -> dict[str, Any]:
    common = {"method": "POST", "status": 200, "code": None, "body": {"mobile": ANNA}}
    return {**common, "at": at(seconds).isoformat(), "headers": headers}


def schedule(seconds: int) -> dict[str, Any]:
    submitted = {"event": "submitted", "at": at(seconds).isoformat()}
    people = [{"mobile": ANNA}]
    return {"schedule_id": "S", "recipients": people, "temp_id": 2, "history": [submitted]}


STARTS = [Start("one", "a", at(1), 11), Start("another", "x", at(1), 12)]
AGAIN = [*STARTS, Start("one", "b", at(8), 13), Start("one", "b", at(10), 14)]
SEEN = Seen([post(4, **{"x-try": "a"})], [schedule(5)], [])


def test_it_tells_in_order_what_happened_to_this_task() -> None:
    writes = [write(2, "begun"), write(3, "sending"), write(6, "accepted", is_stored=False)]
    proxy = Proxy(AGAIN, writes, [Report("one", "b", at(9), "awaiting_input")])
    acts = [
        Timed(at(7), "one", Happens("its process is killed")),
        Timed(at(7), "another", Happens("its process is frozen")),
    ]
    end = end_of({"state": "failed"}, None, LOG)
    history = history_of(RUN, proxy, SEEN, acts, end)
    assert [event.label for event in history] == [
        "try 1 begins",
        "try 1 writes jsms_submission: begun",
        "try 1 writes jsms_submission: sending",
        "try 1: its POST reaches JSMS, which answers 200",
        "JSMS accepts schedule S for 1 recipient",
        "try 1 cannot write jsms_submission: accepted",
        "its process is killed",
        "try 2 begins",
        "try 2 reports awaiting_input",
        "try 2 goes on",
        "the task ends: failed for good",
    ]
    assert broken(history) == ""


def test_a_modification_is_judged_by_the_arguments_of_its_try() -> None:
    states = ("begun", "sending", "accepted", "accepted, modifying", "accepted")
    writes = [
        write(second, state, try_id)
        for second, state, try_id in zip((2, 3, 5, 11, 13), states, "aaabb", strict=True)
    ]
    put = {**post(12, **{"x-try": "b"}), "method": "PUT", "path": "/v1/schedule/single/S"}
    put["body"] = {"mobile": ANNA, "temp_id": 3}
    proxy = Proxy(AGAIN, writes, [], (Result("one", at(9), is_deleted=True),))
    acts = [Timed(at(7), "one", Changes("a person changes temp_id to 3", 3))]
    end = end_of({"state": "success"}, "S", "")
    assert broken(history_of(RUN, proxy, SEEN._replace(puts=[put]), acts, end)) == ""
    assert "1 people are in none" in broken(history_of(RUN, proxy, SEEN, acts, end))


@pytest.mark.parametrize(
    ("writes", "headers"),
    [
        ([write(2, "begun"), write(3, "sending", is_stored=False)], {"x-try": "a"}),
        ([write(2, "begun"), write(5, "sending")], {"x-try": "a"}),
        ([write(2, "begun"), write(3, "sending")], {}),
    ],
    ids=["not stored", "stored too late", "of an unknown try"],
)
def test_a_request_without_its_record_is_found(
    writes: list[Write], headers: dict[str, str]
) -> None:
    proxy = Proxy(STARTS, writes, [])
    history = history_of(
        RUN, proxy, Seen([post(4, **headers)], [], []), [], end_of({"state": "success"}, "S", "")
    )
    assert "sends a POST, but the last that it wrote is" in broken(history)


@pytest.mark.parametrize(
    ("result", "known", "uncertain", "refused"),
    [
        ("S", ("S",), 0, 0),
        (None, (), 1, 0),
        ({"schedule_ids": ["S"], "success_count": 2, "failure_count": 1}, ("S",), 0, 1),
        (
            {"schedule_ids": [], "success_count": 0, "failure_count": 0, "uncertain_count": 2},
            (),
            2,
            0,
        ),
    ],
)
def test_a_success_says_who_is_in_no_schedule(
    result: Any, known: tuple[str, ...], uncertain: int, refused: int
) -> None:
    end = end_of({"state": "success"}, result, "")
    assert (end.schedule_ids, end.uncertain, end.refused) == (known, uncertain, refused)
