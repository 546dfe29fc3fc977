"""The texts of a sandbox by the person they are for, as they would stand on that person's phone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from airflow_provider_jsms.sandbox.schedules import Recipient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.schedules import (
        Content,
        Failure,
        Schedule,
        ScheduleBook,
    )

BubbleState = Literal["scheduled", "sent", "cancelled", "replaced", "refused"]

# Whatever a request calls a number is a person, but not a longer one than a page can name.
_LONGEST_NUMBER = 40
_STATES: dict[str, BubbleState] = {"pending": "scheduled", "sent": "sent", "deleted": "cancelled"}


class Bubble(NamedTuple):
    """One text to one person; ``key`` tells it from every other.

    A modification replaces a text by another one, which may be for somebody else.
    """

    key: str
    schedule: Schedule
    content: Content
    to: Recipient | Failure

    @property
    def state(self) -> BubbleState:
        """What became of it."""
        if not isinstance(self.to, Recipient):
            return "refused"
        is_replaced = self.content is not self.schedule.content
        return "replaced" if is_replaced else _STATES[self.schedule.status]

    @property
    def send_at(self) -> datetime:
        """When it is, was or would have been sent."""
        return self.content.send_at


class Person:
    """Everybody whom a request has named: the number, and what is for it."""

    def __init__(self, mobile: str) -> None:
        self.mobile = mobile
        self.bubbles: list[Bubble] = []

    @cached_property
    def next(self) -> Bubble | None:
        """The text that will be sent next."""
        scheduled = (bubble for bubble in self.bubbles if bubble.state == "scheduled")
        return min(scheduled, key=_send_at, default=None)

    @cached_property
    def last(self) -> Bubble | None:
        """The text that was sent last."""
        sent = (bubble for bubble in self.bubbles if bubble.state == "sent")
        return max(sent, key=_send_at, default=None)

    @property
    def turn(self) -> tuple[bool, float]:
        """The place among all: who is texted next comes first, then to whom something happened."""
        if self.next:
            return False, self.next.send_at.timestamp()
        newest = max(bubble.schedule.history[-1].at for bubble in self.bubbles)
        return True, -newest.timestamp()


class Phones:
    """The people of a book of schedules, found anew only when something has happened in it."""

    def __init__(self) -> None:
        self._seen: tuple[ScheduleBook, int] | None = None
        self._people: dict[str, Person] = {}

    def people(self, book: ScheduleBook) -> dict[str, Person]:
        """Return everybody by number, in their turn."""
        # Whatever happens to a schedule is one more event in its history; a reset is a new book.
        seen = (book, sum(len(schedule.history) for schedule in book.schedules.values()))
        if seen != self._seen:
            self._seen, self._people = seen, _people(book)
        return self._people


def name_of(mobile: str) -> str:
    """Return the number under which a person is found: one that can be shown and asked for."""
    legible = mobile.encode("utf-8", "replace").decode()
    return f"{legible[:_LONGEST_NUMBER]}…" if len(legible) > _LONGEST_NUMBER else legible


def _people(book: ScheduleBook) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for bubble in _bubbles(book):
        name = name_of(bubble.to.mobile)
        people.setdefault(name, Person(name)).bubbles.append(bubble)
    return {one.mobile: one for one in sorted(people.values(), key=lambda one: one.turn)}


def _bubbles(book: ScheduleBook) -> Iterator[Bubble]:
    for schedule in book.schedules.values():
        for version, content in enumerate([*schedule.replaced, schedule.content]):
            people: list[Recipient | Failure] = [*content.recipients, *content.failures]
            for place, to in enumerate(people):
                yield Bubble(f"{schedule.schedule_id}/{version}/{place}", schedule, content, to)


def _send_at(bubble: Bubble) -> datetime:
    return bubble.send_at
