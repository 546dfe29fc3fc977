"""Delivery reports and replies: their pages, and the meaning of each status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.exceptions import JsmsNoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ROWS: Final = 500
"""Rows of a page; JSMS hands out each row once, to the first reader."""
INTERVAL: Final = 5.0
"""Seconds between two pages of an app; JSMS answers 50201 to an earlier call."""
DELIVERED: Final = 4001
"""The ``status`` of a delivered text."""
STATUSES: Final[dict[int, str]] = {
    DELIVERED: "delivered",
    4002: "the carrier has blacklisted the number",
    4003: "the phone is off or out of service",
    4004: "the number does not exist",
    4005: "the SMS balance is used up",
    4006: "the carrier's frequency limit is exceeded",
    4007: "not answered (voice)",
    4008: "busy (voice)",
    4009: "cannot be reached (voice)",
    4010: "the carrier has blocked a sensitive word",
    4100: "failed for another reason",
}
"""The meaning of each ``status`` of a delivery report."""
UNREADABLE: Final = "unreadable"
"""The only key of a row that is not of the documented form; its value is the row as received."""


def lost_replies(errors: Iterable[BaseException]) -> int:
    """Return how many failed attempts may have lost a page: the request left, no reply came."""
    return sum(isinstance(error, JsmsNoAnswerError) for error in errors)
