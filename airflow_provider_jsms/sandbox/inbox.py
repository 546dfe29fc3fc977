"""Delivery reports and replies, which a client pulls; each row can be read once."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

DELIVERED = 4001
STATUSES = {
    DELIVERED: "delivered",
    4002: "the number is on the blacklist of the carrier",
    4003: "the phone is off or out of service",
    4004: "the number does not exist",
    4005: "the balance is used up",
    4006: "the number was texted too often",
    4007: "the call was not answered",
    4008: "the line was busy",
    4009: "the phone cannot be reached",
    4010: "the text contains a sensitive word",
    4100: "other error",
}
"""The documented statuses of a delivery report; 4007 to 4009 are for voice calls."""

PULL_INTERVAL = timedelta(seconds=5)
_MAX_ROWS = 500


class Inbox:
    """Rows to pull, oldest first.

    :param kept: how long an unread row can be read.
    """

    def __init__(self, kept: timedelta) -> None:
        self.pulled_at: datetime | None = None
        self._kept = kept
        self._rows: deque[tuple[datetime, dict[str, Any]]] = deque()

    def add(self, at: datetime, row: dict[str, Any]) -> None:
        """Add the row of an event."""
        self._rows.append((at, row))

    def pull(self, now: datetime) -> list[dict[str, Any]]:
        """Return the oldest rows, at most 500, and forget them."""
        self.pulled_at = now
        while self._rows and self._rows[0][0] < now - self._kept:
            self._rows.popleft()
        return [self._rows.popleft()[1] for _ in range(min(_MAX_ROWS, len(self._rows)))]

    def may_pull(self, now: datetime) -> bool:
        """Return whether the last pull is long enough ago."""
        return self.pulled_at is None or now - self.pulled_at >= PULL_INTERVAL
