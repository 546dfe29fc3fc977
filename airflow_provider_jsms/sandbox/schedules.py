"""The schedules: what each holds, what became of it, and which one is due next."""

from __future__ import annotations

import heapq
import itertools
import math
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.orders import Kind

Status = Literal["pending", "sent", "deleted"]
_ONE_MESSAGE = 70
_LONG_MESSAGE_PART = 67
_FREQUENCY_PERIOD = timedelta(hours=24)


class Recipient(NamedTuple):
    """A person who will be texted, with the text as it will arrive."""

    mobile: str
    temp_para: dict[str, object] | None
    text: str
    msg_id: int

    @property
    def cost(self) -> int:
        """The messages that are charged: 1 up to 70 characters, else 1 for each 67 of them.

        A line break counts as two characters.
        """
        length = len(self.text) + self.text.count("\n")
        return 1 if length <= _ONE_MESSAGE else math.ceil(length / _LONG_MESSAGE_PART)


class Failure(NamedTuple):
    """A person who was refused, with the return code."""

    mobile: str
    temp_para: dict[str, object] | None
    code: int


class Content(NamedTuple):
    """What a schedule will send; ``send_at`` is an instant in UTC."""

    kind: Kind
    send_at: datetime
    temp_id: int
    sign_id: int
    tag: str | None
    recipients: list[Recipient]
    failures: list[Failure]

    @property
    def cost(self) -> int:
        """The messages that are charged for all recipients."""
        return sum(recipient.cost for recipient in self.recipients)


class Event(NamedTuple):
    """What happened to a schedule, when, and the time it was to be sent at since then."""

    event: Literal["submitted", "modified", "deleted", "sent"]
    at: datetime
    send_at: datetime


@dataclass
class Schedule:
    """One schedule from its submission on.

    :param replaced: the contents that modifications have replaced, the first one first.
    """

    schedule_id: str
    content: Content
    status: Status = "pending"
    replaced: list[Content] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)


class ScheduleBook:
    """Every schedule that was ever submitted, with those still to be sent in their order."""

    def __init__(self) -> None:
        self.schedules: dict[str, Schedule] = {}
        self._queue: list[tuple[datetime, int, Schedule]] = []
        self._turn = itertools.count()

    def submit(self, content: Content, now: datetime) -> Schedule:
        """Enter a new schedule under a new id."""
        schedule = Schedule(str(uuid.uuid4()), content)
        self.schedules[schedule.schedule_id] = schedule
        self._note(schedule, Event("submitted", now, content.send_at))
        return schedule

    def modify(self, schedule: Schedule, content: Content, now: datetime) -> None:
        """Replace the content of a schedule."""
        schedule.replaced.append(schedule.content)
        schedule.content = content
        self._note(schedule, Event("modified", now, content.send_at))

    def rename(self, schedule: Schedule) -> None:
        """Give a schedule a new id; the old one is known no more."""
        del self.schedules[schedule.schedule_id]
        schedule.schedule_id = str(uuid.uuid4())
        self.schedules[schedule.schedule_id] = schedule

    def delete(self, schedule: Schedule, now: datetime) -> None:
        """Mark a schedule as deleted; it will not be sent."""
        schedule.status = "deleted"
        schedule.history.append(Event("deleted", now, schedule.content.send_at))

    def send_due(self, now: datetime) -> Iterator[Schedule]:
        """Mark every schedule that is due as sent, at its own time, and yield them in order."""
        while self._queue and self._queue[0][0] <= now:
            send_at, _, schedule = heapq.heappop(self._queue)
            # A deletion or a modification leaves the earlier place in the queue behind.
            if schedule.status == "pending" and schedule.content.send_at == send_at:
                schedule.status = "sent"
                schedule.history.append(Event("sent", send_at, send_at))
                yield schedule

    def messages_near(self, mobile: str, send_at: datetime, apart_from: Schedule | None) -> int:
        """Count the messages to a number within 24 hours of a time, sent or still to be sent."""
        return sum(
            recipient.mobile == mobile
            for schedule in self.schedules.values()
            if schedule.status != "deleted"
            and schedule is not apart_from
            and abs(schedule.content.send_at - send_at) < _FREQUENCY_PERIOD
            for recipient in schedule.content.recipients
        )

    def _note(self, schedule: Schedule, event: Event) -> None:
        schedule.history.append(event)
        heapq.heappush(self._queue, (event.send_at, next(self._turn), schedule))
