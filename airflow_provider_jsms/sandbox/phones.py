"""Texts grouped by recipient, as they appear on each recipient's phone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from airflow_provider_jsms.sandbox.schedules import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.schedules import (
        Content,
        DeliveryFailure,
        Recipient,
        Schedule,
        ScheduleBook,
    )

BubbleState = Literal["scheduled", "sent", "undelivered", "cancelled", "replaced", "refused"]

STATES: dict[str, BubbleState] = {"pending": "scheduled", "sent": "sent", "deleted": "cancelled"}


class Bubble(NamedTuple):
    """One text to one person; a modification replaces a bubble by a new one."""

    key: str
    schedule: Schedule
    content: Content
    to: Recipient | Failure

    @property
    def state(self) -> BubbleState:
        """Its current state."""
        if isinstance(self.to, Failure):
            return "refused"
        if self.content is not self.schedule.content:
            return "replaced"
        return "undelivered" if self.failure else STATES[self.schedule.status]

    @property
    def failure(self) -> DeliveryFailure | None:
        """Why it was not delivered, if so."""
        if isinstance(self.to, Failure):
            return None
        return self.schedule.undelivered.get(self.to.msg_id)

    @property
    def send_at(self) -> datetime:
        """Its send time, past or future."""
        return self.content.send_at


class Phone:
    """The phone of one recipient."""

    def __init__(self, mobile: str) -> None:
        self.mobile = mobile
        self.bubbles: list[Bubble] = []

    @cached_property
    def next(self) -> Bubble | None:
        """The next text to be sent."""
        return min(self._in_state("scheduled"), key=_send_at, default=None)

    @cached_property
    def last(self) -> Bubble | None:
        """The last text whose time has come."""
        return max(self._in_state("sent", "undelivered"), key=_send_at, default=None)

    @property
    def rank(self) -> tuple[bool, float]:
        """The sort key: by next text first, then by latest event."""
        if self.next:
            return False, self.next.send_at.timestamp()
        newest = max(bubble.schedule.history[-1].at for bubble in self.bubbles)
        return True, -newest.timestamp()

    def _in_state(self, *states: BubbleState) -> Iterator[Bubble]:
        return (bubble for bubble in self.bubbles if bubble.state in states)


class Phones:
    """The phones of all recipients, cached until a schedule changes."""

    def __init__(self) -> None:
        self._version: tuple[ScheduleBook, int] | None = None
        self._phones: dict[str, Phone] = {}

    def of(self, book: ScheduleBook) -> dict[str, Phone]:
        """Return the phones by number, ranked."""
        # Every change adds an event to a history; a reset makes a new book.
        version = (book, sum(len(schedule.history) for schedule in book.schedules.values()))
        if version != self._version:
            self._version, self._phones = version, _phones(book)
        return self._phones


def _phones(book: ScheduleBook) -> dict[str, Phone]:
    phones: dict[str, Phone] = {}
    for bubble in _bubbles(book):
        mobile = bubble.to.mobile
        phones.setdefault(mobile, Phone(mobile)).bubbles.append(bubble)
    return {phone.mobile: phone for phone in sorted(phones.values(), key=lambda each: each.rank)}


def _bubbles(book: ScheduleBook) -> Iterator[Bubble]:
    for schedule in book.schedules.values():
        for version, content in enumerate([*schedule.replaced, schedule.content]):
            for position, to in enumerate(content.everybody):
                yield Bubble(f"{schedule.schedule_id}/{version}/{position}", schedule, content, to)


def _send_at(bubble: Bubble) -> datetime:
    return bubble.send_at
