"""The clock of the sandbox: it runs with the real one and can be moved ahead of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from time import CLOCK_MONOTONIC, clock_gettime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_jsms.sandbox.accept import NotAcceptedError

# The year after it is the last that a datetime knows: a clock must be able to run on.
_LAST_YEAR = 9998
_THE_END = f"the clock ends with the year {_LAST_YEAR}"
WALL_FORMAT = "%Y-%m-%d %H:%M:%S"
_WALL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def monotonic() -> float:
    """Return the seconds of a clock that runs while a test has frozen or replaced the others."""
    return clock_gettime(CLOCK_MONOTONIC)


class Clock:
    """A clock that never goes back.

    :param timezone: the zone of the wall clock in which ``send_time`` is read, an IANA name such
        as ``Asia/Shanghai``.
    """

    def __init__(self, timezone: str) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise NotAcceptedError(
                f"timezone {timezone!r} is not known; accepted is a name such as Asia/Shanghai"
            ) from error
        self.timezone = timezone
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the present instant of the sandbox, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by some seconds.

        :raises NotAcceptedError: for a negative number, or one beyond the year 9998.
        """
        try:
            when = self.now() + timedelta(seconds=seconds)
        except OverflowError as error:
            raise NotAcceptedError(_THE_END) from error
        self.travel_to(when)

    def travel_to(self, when: datetime) -> None:
        """Move the clock forward to an instant.

        :param when: an aware time, such as ``2030-07-01T09:00:00+08:00``.
        :raises NotAcceptedError: for a naive time, one that has passed, one beyond the year 9998.
        """
        if when.tzinfo is None:
            raise NotAcceptedError("the time needs an offset, such as 2030-07-01T09:00:00+08:00")
        if when.year > _LAST_YEAR:
            raise NotAcceptedError(_THE_END)
        if when < self.now():
            now = f"{self.wall(self.now())} ({self.timezone})"
            raise NotAcceptedError(f"the clock moves forward only; it is {now}")
        self._ahead += when - self.now()

    def wall(self, instant: datetime) -> str:
        """Return an instant as it reads on the wall, such as ``2030-07-01 09:00:00``."""
        return instant.astimezone(self._zone).strftime(WALL_FORMAT)

    def instant(self, wall: str) -> datetime:
        """Return the instant, in UTC, of a wall time of exactly ``yyyy-MM-dd HH:mm:ss``.

        :raises ValueError: for any other form and for a time that no calendar has.
        """
        if not _WALL.fullmatch(wall):
            raise ValueError("the form is yyyy-MM-dd HH:mm:ss")
        local = datetime.strptime(wall, WALL_FORMAT).replace(tzinfo=self._zone)
        try:
            return local.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("the time is out of range") from error
