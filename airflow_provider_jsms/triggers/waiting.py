"""The clock logic of a wait, without a clock: when to poll, and when a wait is done or has failed.

No document says whether a ``msg_id`` appears at submission or only after sending. So a wait polls
at its start, seldom until ``send_time``, and often until ``grace`` is over. The sensor and the
trigger hand it to each other as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import (
    JsmsFrequencyError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsThrottledError,
    JsmsUnreachableError,
)
from airflow_provider_jsms.triggers.progress import Progress  # noqa: TC001  pydantic reads the fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import TypeAdapter

    from airflow_provider_jsms.exceptions import JsmsError

PATIENCE: Final = timedelta(minutes=10)
"""How long polls may fail in a row once msg_ids are due."""
TRANSIENT: Final = (JsmsNotSentError, JsmsThrottledError, JsmsNoAnswerError, JsmsFrequencyError)
"""The errors after which a wait polls again."""
MOST_MSG_IDS: Final = 1000
"""How many msg_ids a wait keeps and returns; beyond that it only counts them."""
DONE: Final = "done"
POLL: Final = "poll"
"""The status of a trigger event: every msg_id is there, or the sensor has to poll and decide."""


@dataclass(frozen=True)
class Done:
    """Every msg_id is there: ``{schedule_id: [msg_id, ...]}``, or the numbers of many."""

    msg_ids: dict[str, list[str]] | dict[str, int]


@dataclass(frozen=True)
class Failed:
    """The wait has failed, because of these schedules if it is gone or overdue."""

    reason: Literal["gone", "overdue", "unreachable", "timed out"]
    schedules: tuple[Progress, ...] = ()


Step = Done | Failed | datetime
"""The end of a wait, or the time before which nothing can change."""


@dataclass
class Wait:
    """A wait: its rules, and the progress of its schedules by schedule_id.

    :param started_at: aware; stands in for a ``send_time`` that cannot be parsed.
    :param expected: the number of msg_ids over all schedules (the ``success_count`` of batch
        submits); None if every listed recipient gets one.
    :param failing_since: the time of the first of the polls that failed in a row, None if the
        last one succeeded.
    """

    started_at: datetime
    poke_interval: timedelta
    recheck_interval: timedelta
    grace: timedelta
    wait_for_send_time: bool = False
    expected: int | None = None
    ends_at: datetime | None = None
    failing_since: datetime | None = None
    schedules: dict[str, Progress] = field(default_factory=dict)

    def next_step(self, now: datetime, error: Exception | None = None) -> Step:
        """Return the step after a poll at ``now`` that may have met an error."""
        self.failing_since = (self.failing_since or now) if error else None
        self._limit_msg_ids()
        pending = self._pending(now)
        if lost := tuple(each for each in self.schedules.values() if self._is_lost(each, now)):
            return Failed("gone", lost)
        if not pending and not error:
            return Done(self._result())
        if self.ends_at and now >= self.ends_at:
            return Failed("timed out")
        if self.failing_since:
            return self._retry(self.failing_since, pending, now, error)
        if overdue := tuple(each for each in pending if now >= self.overdue_at(each)):
            return Failed("overdue", overdue)
        return self._within_limit(min(self._next_poll(each, now) for each in pending))

    def unsettled(self, now: datetime) -> list[Progress]:
        """Return the schedules that another poll could change."""
        return [
            each
            for each in self.schedules.values()
            if each.gone is None and (not each.is_complete or self._is_early(each, now))
        ]

    def due_at(self, schedule: Progress) -> datetime:
        """Return the time from which msg_ids are expected."""
        return schedule.send_time or self.started_at

    def overdue_at(self, schedule: Progress) -> datetime:
        """Return the time at which a schedule without all msg_ids is overdue."""
        return self.due_at(schedule) + self.grace

    def status(self, now: datetime) -> list[str]:
        """Return the status of the schedules as lines of a log."""
        return first_ten(self._status(each, now) for each in self.schedules.values())

    def last_poll(self) -> str:
        """Return the last known progress as a sentence."""
        return f"Last poll: {'; '.join(first_ten(map(str, self.schedules.values())))}."

    def error_of(self, failed: Failed) -> JsmsError:
        """Return the error for a wait that is gone, overdue or unreachable."""
        if failed.reason == "gone":
            gone = failed.schedules
            lines = [f"Schedule {each.schedule_id} is gone (code {each.gone})." for each in gone]
            return JsmsScheduleGoneError(
                f"{' '.join(first_ten(lines))} {self.last_poll()} It was deleted, JSMS forgot it "
                "after sending, or it belongs to another application. Check the JSMS console, and "
                "that jsms_conn_id is the connection of the submit."
            )
        if failed.reason == "overdue":
            lines = [f"{it}, due since {utc_text(self.due_at(it))}" for it in failed.schedules]
            return JsmsOverdueError(
                f"Overdue by more than grace ({self.grace}): {'; '.join(first_ten(lines))}. Check "
                "the JSMS console: if the text is only late, raise grace and clear the task. If "
                "JSMS refused recipients of a batch, pass the result of the submit as schedule_id."
            )
        since = utc_text(self.failing_since or self.started_at)
        return JsmsUnreachableError(
            f"JSMS could not be polled since {since}. {self.last_poll()} The schedules are "
            "unchanged: once JSMS can be reached again, clear the task."
        )

    def encode(self) -> dict[str, Any]:
        """Return the wait as JSON."""
        return dict(_adapter().dump_python(self, mode="json"))

    @classmethod
    def decode(cls, stored: object) -> Wait:
        """Return the wait that :meth:`encode` returned as JSON.

        :raises ValueError: it is of another version of the provider.
        """
        return _adapter().validate_python(stored)

    def _limit_msg_ids(self) -> None:
        if sum(each.found for each in self.schedules.values()) > MOST_MSG_IDS:
            for schedule_id, each in self.schedules.items():
                self.schedules[schedule_id] = replace(each, msg_ids=())

    def _result(self) -> dict[str, list[str]] | dict[str, int]:
        every = self.schedules.values()
        if any(each.found > len(each.msg_ids) for each in every):
            return {each.schedule_id: each.found for each in every}
        return {each.schedule_id: list(each.msg_ids) for each in every}

    def _pending(self, now: datetime) -> list[Progress]:
        every, missing = list(self.schedules.values()), []
        if not self._has_expected():
            missing = [each for each in every if not each.is_complete]
            # Fewer recipients are listed than were accepted: any of the schedules may lack one.
            missing = missing or (every if self.expected is not None else [])
        return [each for each in every if each in missing or self._is_early(each, now)]

    def _has_expected(self) -> bool:
        # Refused recipients may be listed, and get no msg_id.
        found = sum(each.found for each in self.schedules.values())
        return self.expected is not None and found >= max(self.expected, 1)

    def _is_early(self, schedule: Progress, now: datetime) -> bool:
        return self.wait_for_send_time and now < self.due_at(schedule)

    def _is_lost(self, schedule: Progress, now: datetime) -> bool:
        # After sending, JSMS may forget a schedule.
        has_all = schedule.is_complete or self._has_expected()
        return schedule.gone is not None and not (has_all and now >= self.due_at(schedule))

    def _retry(
        self, since: datetime, pending: Sequence[Progress], now: datetime, error: Exception | None
    ) -> Step:
        # PATIENCE counts from the time msg_ids are due.
        first_due = min((each.send_time for each in pending if each.send_time), default=since)
        end = max(since, first_due) + PATIENCE
        if now >= end:
            return Failed("unreachable")
        asked = timedelta(seconds=error.wait if isinstance(error, JsmsThrottledError) else 0)
        return self._within_limit(min(now + max(self.poke_interval, asked), end))

    def _next_poll(self, schedule: Progress, now: datetime) -> datetime:
        due = self.due_at(schedule)
        if now >= due:
            return min(now + self.poke_interval, self.overdue_at(schedule))
        recheck = now + self.recheck_interval
        # A poll less than poke_interval before send_time would be wasted.
        return due if recheck + self.poke_interval > due else recheck

    def _within_limit(self, time: datetime) -> datetime:
        return min(time, self.ends_at or time)

    def _status(self, schedule: Progress, now: datetime) -> str:
        if schedule.send_time is None:
            return str(schedule)
        at = utc_text(schedule.send_time)
        if now < schedule.send_time:
            return f"{schedule}; not yet due, send_time is {at}"
        state = "partly dispatched" if schedule.found else "due, and waiting for JSMS"
        end = utc_text(self.overdue_at(schedule))
        return f"{schedule}; {state}, send_time was {at}, overdue from {end}"


@cache
def _adapter() -> TypeAdapter[Wait]:
    from pydantic import TypeAdapter  # noqa: PLC0415  a DAG file does not need it on Airflow 2

    return TypeAdapter(Wait)
