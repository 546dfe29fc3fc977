"""The clock of the sandbox, which runs with the machine's and can be moved ahead of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from time import CLOCK_MONOTONIC, clock_gettime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_jsms.sandbox.validation import InvalidInputError

# datetime ends with the year 9999, and the clock must be able to keep running.
_LAST_YEAR = 9998
_MORNING, _EVENING = 8, 21
_WALL_FORMAT = "%Y-%m-%d %H:%M:%S"
_WALL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def monotonic() -> float:
    """Return monotonic seconds, even while a test has frozen or patched ``time``."""
    return clock_gettime(CLOCK_MONOTONIC)


def milliseconds(instant: datetime) -> int:
    """Return an aware time as epoch milliseconds."""
    return int(instant.timestamp() * 1000)


class Clock:
    """A clock that never goes back.

    :param timezone: the IANA name of the zone in which ``send_time`` is read.
    :ivar ahead: how far it is ahead of the machine's.
    :raises InvalidInputError: unknown timezone.
    """

    def __init__(self, timezone: str) -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidInputError(
                f"timezone {timezone!r} is unknown; use an IANA name such as Asia/Shanghai"
            ) from error
        self.timezone = timezone
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the current time of the sandbox, in UTC."""
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        :raises InvalidInputError: a negative number, or one beyond the year 9998.
        """
        try:
            when = self.now() + timedelta(seconds=seconds)
        except OverflowError as error:
            raise InvalidInputError(f"the clock ends with the year {_LAST_YEAR}") from error
        self.travel_to(when)

    def travel_to(self, when: datetime) -> None:
        """Move the clock forward to an aware time.

        :raises InvalidInputError: a naive time, a past one, or one beyond the year 9998.
        """
        if when.tzinfo is None:
            raise InvalidInputError("the time needs an offset, such as 2030-07-01T09:00:00+08:00")
        if when.year > _LAST_YEAR:
            raise InvalidInputError(f"the clock ends with the year {_LAST_YEAR}")
        if when < self.now():
            now = f"{self.wall(self.now())} ({self.timezone})"
            raise InvalidInputError(f"the clock moves forward only; it shows {now}")
        self.ahead += when - self.now()

    def is_night(self, instant: datetime) -> bool:
        """Return whether a time is outside 08:00 to 21:00, when no advertising may be sent."""
        return not _MORNING <= instant.astimezone(self.zone).hour < _EVENING

    def next_morning(self, instant: datetime) -> datetime:
        """Return the next 08:00, in UTC."""
        local = instant.astimezone(self.zone)
        day = local + timedelta(days=local.hour >= _MORNING)
        return day.replace(hour=_MORNING, minute=0, second=0).astimezone(UTC)

    def wall(self, instant: datetime) -> str:
        """Format an instant as wall time, such as ``2030-07-01 09:00:00``."""
        return instant.astimezone(self.zone).strftime(_WALL_FORMAT)

    def instant(self, wall: str) -> datetime:
        """Parse a wall time of exactly ``yyyy-MM-dd HH:mm:ss`` and return it in UTC.

        :raises ValueError: another form, or a time outside the calendar.
        """
        if not _WALL.fullmatch(wall):
            raise ValueError("use yyyy-MM-dd HH:mm:ss")
        local = datetime.strptime(wall, _WALL_FORMAT).replace(tzinfo=self.zone)
        try:
            return local.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("out of range") from error
