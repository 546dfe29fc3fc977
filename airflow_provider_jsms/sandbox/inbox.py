"""Delivery reports and replies, which a client pulls; each row can be read once."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.statuses import DELIVERED, INTERVAL, MAX_ROWS, STATUSES

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["DELIVERED", "PULL_INTERVAL", "STATUSES", "Inbox"]

PULL_INTERVAL = timedelta(seconds=INTERVAL)


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
        return [self._rows.popleft()[1] for _ in range(min(MAX_ROWS, len(self._rows)))]

    def may_pull(self, now: datetime) -> bool:
        """Return whether the last pull is long enough ago."""
        return self.pulled_at is None or now - self.pulled_at >= PULL_INTERVAL
