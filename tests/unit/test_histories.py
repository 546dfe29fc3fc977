"""Each way in which a history breaks the promise is found, and is shown up to there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.histories import (
    Accepts,
    Answers,
    Begins,
    Deletes,
    Ends,
    Forgets,
    Happens,
    Returns,
    Schedule,
    Sends,
    Writes,
    broken,
)
from tests.people import ANNA, BEN

if TYPE_CHECKING:
    from tests.histories import Event

KEY = "jsms_submission"
UNCERTAIN = "JSMS may have accepted this. Clear the task: it asks what you found."


def begins(number: int, *mobiles: str, excused: int = 0) -> Begins:
    return Begins(f"try {number} begins", number, mobiles or (ANNA,), 2, excused)


def writes(number: int, state: str, key: str = KEY) -> Writes:
    return Writes(f"try {number} writes {state}", number, key, state)


def sends(number: int, method: str = "POST") -> Sends:
    return Sends(f"try {number} sends a {method}", number, method)


def accepts(name: str, *mobiles: str, number: int = 1, temp_id: int = 2) -> Accepts:
    schedule = Schedule(name, mobiles or (ANNA,), temp_id)
    return Accepts(f"JSMS accepts {name}", number, schedule)


def success(*names: str, uncertain: int = 0, refused: int = 0) -> Ends:
    return Ends("it succeeds", "success", "", names, uncertain, refused)


def fails(text: str = UNCERTAIN) -> Ends:
    return Ends("it fails", "failed for good", text)


KILL = Happens("its process is killed")
GONE = Deletes("schedule A is deleted", "A")
RETURN, FORGET = Returns("try 1 returns"), Forgets("the result is deleted")
LEAVE = Answers("a person answers: Leave it", is_left=True)
SENT = [begins(1), writes(1, "begun"), writes(1, "sending"), sends(1)]
ONCE = [*SENT, accepts("A"), writes(1, "accepted")]
ASKED = [*SENT, KILL, begins(2), writes(2, "begun"), writes(2, "sending"), sends(2)]

KEPT: dict[str, tuple[list[Event], str]] = {
    "one text": ([*ONCE, success("A")], "fail"),
    "uncertain and named": ([*SENT, KILL, begins(2), fails()], "fail"),
    "submitted after a true answer": ([*ASKED, accepts("B", number=2), success("B")], "fail"),
    "two with resubmit": ([*SENT, accepts("A"), *ASKED, accepts("B"), success("B")], "resubmit"),
    "two after an untrue answer": (
        [*SENT, accepts("A"), Answers("a lie", excused=1), *ASKED, accepts("B"), success("B")],
        "fail",
    ),
    "deleted before the next": ([*ONCE, GONE, *ASKED, accepts("B"), success("B")], "fail"),
    "left by a person": ([*SENT, KILL, begins(2), LEAVE, success(uncertain=1)], "fail"),
    "assumed": ([*SENT, KILL, begins(2), success(uncertain=1)], "assume_sent"),
    "modified": (
        [*ONCE, begins(2), writes(2, "accepted, modifying"), sends(2, "PUT"), success("A")],
        "fail",
    ),
    "its result deleted by an earlier try": ([*ONCE, RETURN, FORGET, success(uncertain=1)], "fail"),
    "one refused": ([begins(1, ANNA, BEN), *ONCE[1:], success("A", refused=1)], "fail"),
}
BROKEN: dict[str, tuple[list[Event], str, str]] = {
    "two texts": (
        [*ONCE, GONE, *ONCE, accepts("B"), success("B")],
        "fail",
        "138****8001 gets 2 texts, and at most 1 are allowed",
    ),
    "three with resubmit": (
        [*SENT, accepts("A"), accepts("B"), accepts("C")],
        "resubmit",
        "138****8001 gets 3 texts, and at most 2 are allowed",
    ),
    "POST without a record": (
        [begins(1), writes(1, "begun"), sends(1)],
        "fail",
        "try 1 sends a POST, but the last that it wrote is begun",
    ),
    "POST with the record of another try": (
        [begins(1), writes(1, "sending"), KILL, begins(2), sends(2)],
        "fail",
        "try 2 sends a POST, but the last that it wrote is nothing",
    ),
    "POST twice with one record": (
        [*ONCE, sends(1)],
        "fail",
        "try 1 sends a POST, but the last that it wrote is accepted",
    ),
    "PUT without a record": (
        [*ONCE, sends(1, "PUT")],
        "fail",
        "try 1 sends a PUT, but the last that it wrote is accepted",
    ),
    "record of a replaced try": (
        [begins(1), begins(2), writes(1, "sending")],
        "fail",
        f"try 1 writes {KEY} after try 2 has begun",
    ),
    "POST of a replaced try": (
        [*SENT[:3], *ASKED[5:], sends(1)],
        "fail",
        f"try 1 sends a POST for {KEY} after try 2 has sent one",
    ),
    "untexted in a success": (
        [*SENT, success("A")],
        "fail",
        "success, but 1 people are in none of the schedules that it returned",
    ),
    "another text in a success": (
        [*SENT, accepts("A", temp_id=3), success("A")],
        "fail",
        "success, but 1 people are in none of the schedules that it returned",
    ),
    "untexted, and its result deleted": (
        [*SENT, RETURN, FORGET, success(uncertain=1)],
        "fail",
        "success, but 1 people are in no schedule",
    ),
    "no result although it was deleted only before": (
        [*ONCE, FORGET, RETURN, success(uncertain=1)],
        "fail",
        "success with uncertain people",
    ),
    "no result of a later try": (
        [*ONCE, RETURN, FORGET, begins(2), success(uncertain=1)],
        "fail",
        "success with uncertain people",
    ),
    "uncertain in a success": (
        [*SENT, success(uncertain=1)],
        "fail",
        "success with uncertain people",
    ),
    "uncertain in a success after a later try": (
        [*SENT, LEAVE, begins(2), success(uncertain=1)],
        "fail",
        "success with uncertain people",
    ),
    "untexted and not named": (
        [begins(1), fails("It did not work. Clear the task.")],
        "fail",
        "a failure that does not name the 1 people who are not texted",
    ),
    "no way on": (
        [*ONCE, fails("JSMS may have accepted this.")],
        "fail",
        "a failure without a way on",
    ),
    "no end": (
        [*ONCE, Ends("it runs", "running")],
        "fail",
        "the task ends in the state running, which is no end",
    ),
}


@pytest.mark.parametrize(("history", "on_uncertain"), KEPT.values(), ids=KEPT)
def test_a_history_that_keeps_the_promise(history: list[Event], on_uncertain: str) -> None:
    assert broken(history, on_uncertain) == ""


@pytest.mark.parametrize(("history", "on_uncertain", "why"), BROKEN.values(), ids=BROKEN)
def test_a_history_that_breaks_the_promise(
    history: list[Event], on_uncertain: str, why: str
) -> None:
    assert broken(history, on_uncertain).splitlines()[0] == why


def test_a_broken_history_is_shown_up_to_the_event_that_breaks_it() -> None:
    history = [begins(1), writes(1, "begun"), sends(1), accepts("A"), success("A")]
    assert broken(history).splitlines()[1:] == [
        "  1. try 1 begins",
        "  2. try 1 writes begun",
        "  3. try 1 sends a POST",
    ]
