"""A reply as received: the result of its call, or the error that it means."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_jsms.api.codes import CODES, SERVER_ERROR, SUCCESS, refusal
from airflow_provider_jsms.api.masking import mask_message
from airflow_provider_jsms.api.results import MalformedReplyError, read_error
from airflow_provider_jsms.exceptions import (
    JsmsServerError,
    JsmsThrottledError,
    JsmsUnreadableReplyError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.exceptions import JsmsCallError

MAX_REPLY: Final = 8 * 1024 * 1024
"""Bytes of a body, after decompression."""

_MAX_WAIT: Final = 30 * 24 * 3600.0
_HTTP_OK: Final = range(200, 300)

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """A reply as received; ``headers`` ignores case."""

    http_status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def read_reply(call: Call[T], reply: Reply) -> T:
    """Return the result of a call, or raise the error that its reply means.

    A known code decides, not the HTTP status, but for a 429. Without one, only a 2xx with a body
    of the documented form is a success.

    :raises JsmsApiError: JSMS refused the call.
    :raises JsmsThrottledError: JSMS asks to wait (HTTP 429).
    :raises JsmsNoAnswerError: the outcome is unknown.
    """
    body = _decoded(reply.content)
    code, message = read_error(body)
    values = (value for person in call.recipients for value in person.get("temp_para", {}).values())
    details: dict[str, Any] = {
        "call": str(call),
        "code": code,
        "message": mask_message(message, values),
        "http_status": reply.http_status,
    }
    if code != SERVER_ERROR and reply.http_status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _throttled(reply, details)
    if code in CODES and code not in (SUCCESS, SERVER_ERROR):
        raise refusal(**details)
    if reply.http_status in _HTTP_OK and code in (None, SUCCESS):
        try:
            return call.read(body)
        except MalformedReplyError as error:
            text = f"HTTP {reply.http_status} with an unreadable body: {error}."
            raise JsmsUnreadableReplyError(text, **details) from None
    raise _without_known_code(reply.http_status, code, details)


def requested_wait(headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that a reply asks to wait, 0 if it asks for none, at most 30 days."""
    waits = [0.0]  # X-Rate-Limit-Reset is documented by the sister service JPush only
    for name in ("Retry-After", "X-Rate-Limit-Reset"):
        with suppress(ValueError):
            waits.append(float(headers.get(name, "")))
    with suppress(TypeError, ValueError, OverflowError):  # no date, or one without a zone
        waits.append((parsedate_to_datetime(headers.get("Retry-After", "")) - now).total_seconds())
    return min(max(waits), _MAX_WAIT)


def _decoded(content: bytes) -> object:
    """Return the decoded JSON, None for an empty body, the bytes if it is not JSON."""
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content


def _throttled(reply: Reply, details: dict[str, Any]) -> JsmsThrottledError:
    wait = requested_wait(reply.headers, datetime.now(UTC))
    asked = f", and asks to wait {wait:.0f} s" if wait else ""
    text = f"JSMS did not accept the request (HTTP 429){asked}. Limit the tasks by an Airflow pool."
    error = JsmsThrottledError(text, **details)
    error.wait = wait
    return error


def _without_known_code(status: int, code: int | None, details: dict[str, Any]) -> JsmsCallError:
    if code == SERVER_ERROR or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        text = f"JSMS, or a proxy in front of it, failed with HTTP {status}"
        return JsmsServerError(f"{text}{f' and {code}' if code else ''}.", **details)
    if code not in (None, SUCCESS) and status >= HTTPStatus.BAD_REQUEST:
        return refusal(**details)
    found = "a body that is not from JSMS" if code is None else f"the code {code}"
    text = f"HTTP {status} with {found}. Check the host of the connection, and proxies on the way."
    return JsmsUnreadableReplyError(text, **details)
