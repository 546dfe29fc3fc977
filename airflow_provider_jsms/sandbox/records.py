"""What the sandbox remembers for the one who looks: requests that came, messages that went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox.answers import from_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.sandbox.schedules import Recipient, Schedule

_SECRET_HEADERS = {"authorization", "proxy-authorization"}


@dataclass
class RecordedRequest:
    """A request to the API.

    :param number: its place among all requests, from 1.
    :param at: when it arrived, by the clock of the sandbox.
    :param call: the call it was, None if the API has none for its path and method.
    :param headers: by lower-case name, without the credentials.
    :param body: the JSON document, or the text if it is none; None if there was no body.
    :param status: the HTTP status of the answer, None as long as there is none.
    :param code: the return code in the answer, None if there is none in it.
    """

    number: int
    at: datetime
    call: str | None
    method: str
    path: str
    headers: dict[str, str]
    body: object = None
    status: int | None = None
    code: int | None = None


@dataclass(frozen=True)
class SentMessage:
    """A message that one person would have got, at the ``send_at`` of its schedule."""

    schedule: Schedule
    recipient: Recipient


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request without those that carry credentials."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}


def legible(body: bytes) -> object:
    """Return a body as the JSON document it is, else as text, or None if it is empty."""
    if not body:
        return None
    try:
        return from_json(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
