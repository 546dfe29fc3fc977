"""When a waiting sensor is done, has failed, or looks again: the clock logic, without a clock.

``msg_id`` may appear at submission or only after sending (no document tells), so a schedule is
looked at once at the start, then seldom until ``send_time``, then often until ``grace`` is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta


@dataclass(frozen=True)
class Seen:
    """What one query told about one schedule.

    :param send_time: aware, None if JSMS sent none that can be read.
    :param msg_ids: those that JSMS has handed out so far.
    :param recipients: how many JSMS lists.
    """

    schedule_id: str
    send_time: datetime | None
    msg_ids: tuple[str, ...]
    recipients: int


@dataclass(frozen=True)
class Wait:
    """The rules of one wait.

    :param started_at: aware; stands for a ``send_time`` that cannot be read.
    :param expected: how many msg_ids there will be over all schedules (the ``success_count`` of a
        batch submit), None if every listed recipient gets one.
    """

    started_at: datetime
    poke_interval: timedelta
    recheck_interval: timedelta
    grace: timedelta
    wait_for_send_time: bool = False
    expected: int | None = None


@dataclass(frozen=True)
class Done:
    """Every msg_id is there: ``{schedule_id: [msg_id, ...]}``."""

    msg_ids: dict[str, list[str]]


@dataclass(frozen=True)
class Overdue:
    """``grace`` is over for these schedules."""

    schedules: tuple[Seen, ...]


@dataclass(frozen=True)
class LookAt:
    """Nothing new can be expected before this time."""

    time: datetime


def due(seen: Seen, wait: Wait) -> datetime:
    """Return the moment from which msg_ids are expected."""
    return seen.send_time or wait.started_at


def next_step(seen: Sequence[Seen], wait: Wait, now: datetime) -> Done | Overdue | LookAt:
    """Return what to do after ``seen``, the latest sight of every schedule."""
    pending = _pending(seen, wait, now)
    if not pending and seen:
        return Done({schedule.schedule_id: list(schedule.msg_ids) for schedule in seen})
    if overdue := tuple(each for each in pending if now >= _later(due(each, wait), wait.grace)):
        return Overdue(overdue)
    looks = (_next_look(each, wait, now) for each in pending)
    return LookAt(min(looks, default=_later(now, wait.poke_interval)))


def is_complete(seen: Seen) -> bool:
    """Tell whether every listed recipient, and at least one, has a msg_id."""
    return 0 < seen.recipients <= len(seen.msg_ids)


def is_settled(seen: Seen, wait: Wait, now: datetime) -> bool:
    """Tell whether another look at this schedule could not change anything."""
    return is_complete(seen) and not (wait.wait_for_send_time and now < due(seen, wait))


def _pending(seen: Sequence[Seen], wait: Wait, now: datetime) -> list[Seen]:
    found = sum(len(each.msg_ids) for each in seen)
    if wait.expected is not None and found >= max(wait.expected, 1):
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


def _next_look(seen: Seen, wait: Wait, now: datetime) -> datetime:
    moment = due(seen, wait)
    if now >= moment:
        return min(_later(now, wait.poke_interval), _later(moment, wait.grace))
    soon = _later(now, wait.recheck_interval)
    # A look shortly before send_time would only be followed by the one at send_time.
    return moment if _later(soon, wait.poke_interval) > moment else soon


def _later(moment: datetime, delta: timedelta) -> datetime:
    """Add without running out of the calendar: a grace of years may be meant as "for ever"."""
    try:
        return moment + delta
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
