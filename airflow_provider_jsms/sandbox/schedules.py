"""Schedules: their content, status and history, and the queue of those still to be sent."""

from __future__ import annotations

import heapq
import itertools
import math
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta  # noqa: TC003 - pydantic reads the fields of a schedule
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["single", "batch"]
Status = Literal["pending", "sent", "deleted"]

FREQUENCY_PERIOD = timedelta(hours=24)

_ONE_MESSAGE = 70
_LONG_MESSAGE_PART = 67


class Recipient(NamedTuple):
    """An accepted recipient, with the rendered text."""

    mobile: str
    temp_para: dict[str, object] | None
    text: str
    msg_id: int

    @property
    def cost(self) -> int:
        """Messages charged: 1 up to 70 characters, else 1 per 67; a line break counts twice."""
        length = len(self.text) + self.text.count("\n")
        return 1 if length <= _ONE_MESSAGE else math.ceil(length / _LONG_MESSAGE_PART)


class Failure(NamedTuple):
    """A refused recipient, with the return code."""

    mobile: str
    temp_para: dict[str, object] | None
    code: int


class DeliveryFailure(NamedTuple):
    """Why a text was not delivered.

    :param status: the status in its delivery report, such as 4005.
    :param reason: in words, such as ``no money``.
    """

    status: int
    reason: str


class Content(NamedTuple):
    """The content of a schedule; ``send_at`` is in UTC."""

    kind: Kind
    send_at: datetime
    temp_id: int
    sign_id: int
    tag: str | None
    recipients: list[Recipient]
    failures: list[Failure]

    @property
    def everybody(self) -> list[Recipient | Failure]:
        """The accepted recipients, then the refused ones."""
        return [*self.recipients, *self.failures]

    @property
    def cost(self) -> int:
        """Messages charged for all recipients."""
        return sum(recipient.cost for recipient in self.recipients)


class Event(NamedTuple):
    """An event in the life of a schedule, with its send time from then on."""

    event: Literal["submitted", "modified", "deleted", "sent"]
    at: datetime
    send_at: datetime


@dataclass
class Schedule:
    """One schedule since its submission.

    :param replaced: earlier contents that were modified, oldest first.
    :param undelivered: the texts that failed at their time, by ``msg_id``.
    """

    schedule_id: str
    content: Content
    status: Status = "pending"
    replaced: list[Content] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)
    undelivered: dict[int, DeliveryFailure] = field(default_factory=dict)


class ScheduleBook:
    """Every schedule ever submitted, and a queue of the pending ones by send time.

    :param schedules: those of an earlier book, in the order of their submission.
    """

    def __init__(self, schedules: Iterable[Schedule] = ()) -> None:
        self.schedules = {schedule.schedule_id: schedule for schedule in schedules}
        self._queue: list[tuple[datetime, int, Schedule]] = []
        self._tiebreaker = itertools.count()
        for schedule in self.schedules.values():
            self._enqueue(schedule)

    def submit(self, content: Content, now: datetime) -> Schedule:
        """Add a schedule under a new id."""
        schedule = Schedule(str(uuid.uuid4()), content)
        self.schedules[schedule.schedule_id] = schedule
        schedule.history.append(Event("submitted", now, content.send_at))
        self._enqueue(schedule)
        return schedule

    def modify(self, schedule: Schedule, content: Content, now: datetime) -> None:
        """Replace the content of a schedule."""
        schedule.replaced.append(schedule.content)
        schedule.content = content
        schedule.history.append(Event("modified", now, content.send_at))
        self._enqueue(schedule)

    def rename(self, schedule: Schedule) -> None:
        """Give a schedule a new id; the old one becomes unknown."""
        del self.schedules[schedule.schedule_id]
        schedule.schedule_id = str(uuid.uuid4())
        self.schedules[schedule.schedule_id] = schedule

    def delete(self, schedule: Schedule, now: datetime) -> None:
        """Mark a schedule as deleted, so that it is not sent."""
        schedule.status = "deleted"
        schedule.history.append(Event("deleted", now, schedule.content.send_at))

    def send_due(self, now: datetime) -> Iterator[Schedule]:
        """Mark every due schedule as sent at its own time, and yield them in that order."""
        while self._queue and self._queue[0][0] <= now:
            send_at, _, schedule = heapq.heappop(self._queue)
            # Deletions and modifications leave the earlier entry in the queue.
            if schedule.status == "pending" and schedule.content.send_at == send_at:
                schedule.status = "sent"
                schedule.history.append(Event("sent", send_at, send_at))
                yield schedule

    def messages_near(self, mobile: str, send_at: datetime, excluded: Schedule | None) -> int:
        """Count the messages to a number, sent or pending, within 24 hours of a time."""
        return sum(
            recipient.mobile == mobile
            for schedule in self.schedules.values()
            if schedule.status != "deleted"
            and schedule is not excluded
            and abs(schedule.content.send_at - send_at) < FREQUENCY_PERIOD
            for recipient in schedule.content.recipients
        )

    def _enqueue(self, schedule: Schedule) -> None:
        heapq.heappush(self._queue, (schedule.content.send_at, next(self._tiebreaker), schedule))
