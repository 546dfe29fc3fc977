"""When a waiting sensor is done, has failed, or looks again: the clock logic, without a clock.

``msg_id`` may appear at submission or only after sending (no document tells), so a schedule is
looked at once at the start, then seldom until ``send_time``, then often until ``grace`` is over.
All modes of the sensor, and its trigger, ask :func:`next_step` after each look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.exceptions import (
    JsmsFrequencyError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from airflow_provider_jsms.api.replies import Schedule

PATIENCE: Final = timedelta(minutes=10)
"""How long looks may fail in a row once msg_ids may be there."""

PASSING: Final = (JsmsNotSentError, JsmsThrottledError, JsmsNoAnswerError, JsmsFrequencyError)
"""The errors of a look that time commonly mends."""

MOST_MSG_IDS: Final = 1000
"""How many msg_ids a wait keeps, hands on and returns; of more only their number."""

_SHORTEST_PAUSE: Final = timedelta(milliseconds=100)


@dataclass(frozen=True)
class Seen:
    """What the last look told about one schedule.

    :param send_time: aware, None if JSMS sent none that can be read.
    :param msg_ids: those that JSMS has handed out so far.
    :param recipients: how many JSMS lists.
    :param gone: the code with which JSMS said that there is no such schedule (any more), None if
        there is; the rest is then what was seen before.
    :param count: how many msg_ids there are, where they are too many to keep.
    """

    schedule_id: str
    send_time: datetime | None = None
    msg_ids: tuple[str, ...] = ()
    recipients: int = 0
    gone: int | None = None
    count: int | None = None

    @property
    def found(self) -> int:
        """How many msg_ids JSMS has handed out so far."""
        return len(self.msg_ids) if self.count is None else self.count


@dataclass(frozen=True)
class Wait:
    """The rules of one wait.

    :param started_at: aware; stands for a ``send_time`` that cannot be read.
    :param expected: how many msg_ids there will be over all schedules (the ``success_count`` of a
        batch submit), None if every listed recipient gets one.
    :param ends_at: when it ends in any case, None for never.
    """

    started_at: datetime
    poke_interval: timedelta
    recheck_interval: timedelta
    grace: timedelta
    wait_for_send_time: bool = False
    expected: int | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Trouble:
    """Looks fail.

    :param since: when the first of them in a row began.
    :param asked: how long JSMS asks to wait.
    """

    since: datetime
    asked: timedelta = timedelta(0)


@dataclass(frozen=True)
class Done:
    """Every msg_id is there: ``{schedule_id: [msg_id, ...]}``, or the number of many."""

    msg_ids: dict[str, list[str]] | dict[str, int]


@dataclass(frozen=True)
class Gone:
    """JSMS does not know these schedules (any more)."""

    schedules: tuple[Seen, ...]


@dataclass(frozen=True)
class Overdue:
    """``grace`` is over for these schedules."""

    schedules: tuple[Seen, ...]


@dataclass(frozen=True)
class Unreachable:
    """Looks have failed for too long."""


@dataclass(frozen=True)
class TimedOut:
    """The time of the wait is over."""


@dataclass(frozen=True)
class LookAt:
    """Nothing new can be expected before this time."""

    time: datetime


Step = Done | Gone | Overdue | Unreachable | TimedOut | LookAt


def seen_of(schedule_id: str, answer: Schedule, zone: tzinfo) -> Seen:
    """Return what a query told; ``zone`` is that of the wall clock of JSMS."""
    return Seen(
        schedule_id=schedule_id,
        send_time=parse_wire(answer["send_time"] or "", zone),
        msg_ids=tuple(each["msg_id"] for each in answer["recipients"] if each["msg_id"]),
        recipients=len(answer["recipients"]),
    )


def gone(schedule_id: str, known: Seen | None, code: int | None) -> Seen:
    """Return what is known of a schedule after JSMS said that there is none."""
    return replace(known or Seen(schedule_id), gone=code or 0)


def keep_few(seen: dict[str, Seen]) -> None:
    """Keep no more than the number of msg_ids where there are too many."""
    if sum(each.found for each in seen.values()) > MOST_MSG_IDS:
        for schedule_id, each in seen.items():
            seen[schedule_id] = replace(each, msg_ids=(), count=each.found)


def trouble_of(error: Exception | None, since: datetime | None) -> Trouble | None:
    """Return the trouble that looks are in since then, None for none.

    :param error: what the last look met.
    """
    if since is None:
        return None
    return Trouble(since, duration(error.wait if isinstance(error, JsmsThrottledError) else 0.0))


def has(seen: Seen) -> str:
    """Return in words how many msg_ids there are."""
    return f"{seen.found} of {seen.recipients} recipients have a msg_id"


def describe(seen: Seen, wait: Wait, now: datetime) -> str:
    """Return in words where in its life a schedule is."""
    told = f"Schedule {seen.schedule_id}: {has(seen)}"
    if seen.send_time is None:
        return f"{told}; JSMS does not tell its send_time"
    at = f"{seen.send_time:%Y-%m-%dT%H:%M:%SZ}"
    if now < seen.send_time:
        return f"{told}; not yet due, send_time is {at}"
    state = "partly dispatched" if seen.found else "due, and waiting for JSMS"
    end = later(seen.send_time, wait.grace)
    return f"{told}; {state}, send_time was {at}, overdue from {end:%Y-%m-%dT%H:%M:%SZ}"


def due(seen: Seen, wait: Wait) -> datetime:
    """Return the moment from which msg_ids are expected."""
    return seen.send_time or wait.started_at


def next_step(
    seen: Sequence[Seen], wait: Wait, now: datetime, trouble: Trouble | None = None
) -> Step:
    """Return what to do after a look.

    :param seen: the latest sight of every schedule that could be looked at so far.
    :param now: when the look was made, aware.
    :param trouble: it failed.
    """
    pending = _pending(seen, wait, now)
    if lost := tuple(each for each in seen if _is_lost(each, seen, wait, now)):
        return Gone(lost)
    if seen and not pending and not trouble:
        return Done(_result(seen))
    if wait.ends_at is not None and now >= wait.ends_at:
        return TimedOut()
    if trouble:
        return _bear(trouble, pending, wait, now)
    if overdue := tuple(each for each in pending if now >= later(due(each, wait), wait.grace)):
        return Overdue(overdue)
    looks = (_next_look(each, wait, now) for each in pending)
    return _at(min(looks, default=_after_a_poke(wait, now)), wait)


def _result(seen: Sequence[Seen]) -> dict[str, list[str]] | dict[str, int]:
    every = {each.schedule_id: each for each in seen}
    keep_few(every)
    if any(each.count is not None for each in every.values()):
        return {schedule_id: each.found for schedule_id, each in every.items()}
    return {schedule_id: list(each.msg_ids) for schedule_id, each in every.items()}


def _bear(
    trouble: Trouble, pending: Sequence[Seen], wait: Wait, now: datetime
) -> Unreachable | LookAt:
    """Bear failing looks for :data:`PATIENCE`, which does not begin before msg_ids are due."""
    dues = [each.send_time for each in pending if each.send_time]
    end = later(max(trouble.since, min(dues, default=trouble.since)), PATIENCE)
    if now >= end:
        return Unreachable()
    return _at(min(max(_after_a_poke(wait, now), later(now, trouble.asked)), end), wait)


def _at(time: datetime, wait: Wait) -> LookAt:
    return LookAt(time if wait.ends_at is None else min(time, wait.ends_at))


def is_complete(seen: Seen) -> bool:
    """Tell whether every listed recipient, and at least one, has a msg_id."""
    return 0 < seen.recipients <= seen.found


def is_settled(seen: Seen, wait: Wait, now: datetime) -> bool:
    """Tell whether another look at this schedule could not change anything."""
    is_early = wait.wait_for_send_time and now < due(seen, wait)
    return seen.gone is not None or (is_complete(seen) and not is_early)


def _pending(seen: Sequence[Seen], wait: Wait, now: datetime) -> list[Seen]:
    if _are_all_found(seen, wait):
        unfinished = []
    else:
        # With a count given, refused recipients may be listed and never get a msg_id; which
        # schedule lacks one is then told by what is listed, or by all of them.
        unfinished = [each for each in seen if not is_complete(each)]
        if wait.expected is not None and not unfinished:
            unfinished = list(seen)
    early = [
        each
        for each in seen
        if wait.wait_for_send_time and now < due(each, wait) and each not in unfinished
    ]
    return unfinished + early


def _are_all_found(seen: Sequence[Seen], wait: Wait) -> bool:
    """Tell whether there are as many msg_ids as were expected, if that is known."""
    found = sum(each.found for each in seen)
    return wait.expected is not None and found >= max(wait.expected, 1)


def _is_lost(each: Seen, seen: Sequence[Seen], wait: Wait, now: datetime) -> bool:
    """Tell whether a schedule is gone before it was done: JSMS may forget what it has sent."""
    has_all = is_complete(each) or _are_all_found(seen, wait)
    return each.gone is not None and not (has_all and now >= due(each, wait))


def _next_look(seen: Seen, wait: Wait, now: datetime) -> datetime:
    moment = due(seen, wait)
    if now >= moment:
        return min(_after_a_poke(wait, now), later(moment, wait.grace))
    soon = later(now, wait.recheck_interval)
    # A look shortly before send_time would only be followed by the one at send_time.
    return moment if later(soon, wait.poke_interval) > moment else soon


def _after_a_poke(wait: Wait, now: datetime) -> datetime:
    return later(now, max(wait.poke_interval, _SHORTEST_PAUSE))


def moment_of(text: str) -> datetime:
    """Return the moment that an ISO 8601 text with an offset names.

    :raises ValueError: it names none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def duration(seconds: float) -> timedelta:
    """Return some seconds as a duration, the longest there is for more than that."""
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        return timedelta.max


def later(moment: datetime, delta: timedelta) -> datetime:
    """Add without running out of the calendar: a grace of years may be meant as "for ever"."""
    try:
        return moment + delta
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
