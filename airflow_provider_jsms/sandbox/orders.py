"""The body of a request, read into what it asks for; the names and the limits of its form.

Read leniently where real clients differ: unknown keys are ignored (one SDK sends ``type`` and
``ttl``), ``tag`` and ``sign_id`` may be null, ids may be numeric texts.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.accept import is_whole
from airflow_provider_jsms.sandbox.answers import Refusal, from_json

MAX_RECIPIENTS = 1_000
MAX_TAG_CHARACTERS = 10

# requests sends no Content-Type for a text, and one SDK sends text/plain: both carry JSON.
_MEDIA_TYPES = ("", "application/json", "text/plain")
_NUMERIC = re.compile("[0-9]{1,18}")

Kind = Literal["single", "batch"]


class Wanted(NamedTuple):
    """One person who is to be texted; ``temp_para`` is None if the request has none."""

    mobile: str
    temp_para: dict[str, object] | None


class Order(NamedTuple):
    """What a request asks for; whether it can be done is not looked at yet."""

    kind: Kind
    send_time: object
    temp_id: int
    sign_id: int | None
    tag: str | None
    recipients: list[Wanted]


def check_media_type(content_type: str | None) -> None:
    """Refuse a ``Content-Type`` that cannot be JSON, such as a form: 50017."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise Refusal(reasons.MEDIA_NOT_SUPPORTED)


def read_single(body: bytes) -> Order:
    """Read the body of a single call."""
    given = _object(body)
    return _order("single", given, [_wanted(given)])


def read_batch(body: bytes) -> Order:
    """Read the body of a batch call."""
    given = _object(body)
    recipients = given.get("recipients")
    if recipients is None or recipients == []:
        raise Refusal(reasons.RECIPIENTS_EMPTY)
    if not isinstance(recipients, list):
        raise Refusal(reasons.INVALID_BODY)
    if len(recipients) > MAX_RECIPIENTS:
        raise Refusal(reasons.TOO_MANY_RECIPIENTS)
    return _order("batch", given, [_wanted(recipient) for recipient in recipients])


def _order(kind: Kind, given: dict[str, Any], recipients: list[Wanted]) -> Order:
    temp_id = _identifier(given.get("temp_id"), reasons.INVALID_TEMP_ID)
    if temp_id is None:
        raise Refusal(reasons.MISSING_TEMP_ID)
    sign_id = _identifier(given.get("sign_id"), reasons.INVALID_SIGN_ID)
    return Order(kind, given.get("send_time"), temp_id, sign_id, _tag(given), recipients)


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise Refusal(reasons.MISSING_BODY)
    try:
        given = from_json(body)
    except (ValueError, RecursionError):
        raise Refusal(reasons.INVALID_BODY) from None
    if not isinstance(given, dict):
        raise Refusal(reasons.INVALID_BODY)
    return given


def _wanted(given: object) -> Wanted:
    if not isinstance(given, dict):
        raise Refusal(reasons.INVALID_BODY)
    mobile = given.get("mobile")
    if mobile is None or mobile == "":
        raise Refusal(reasons.MISSING_MOBILE)
    if not isinstance(mobile, str):
        raise Refusal(reasons.INVALID_BODY)
    return Wanted(mobile, _temp_para(given.get("temp_para")))


def _temp_para(given: object) -> dict[str, object] | None:
    if given is None:
        return None
    # One SDK used to send an empty temp_para as [], which the service refused.
    if not isinstance(given, dict) or not all(map(_is_value, given.values())):
        raise Refusal(reasons.INVALID_BODY)
    return given


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, str | float) or is_whole(value)


def _identifier(given: object, invalid: int) -> int | None:
    if given is None or given == "":
        return None
    if isinstance(given, str):
        if not _NUMERIC.fullmatch(given):
            raise Refusal(invalid)
        return int(given)
    if isinstance(given, int) and is_whole(given):
        return given
    raise Refusal(reasons.INVALID_BODY)


def _tag(given: dict[str, Any]) -> str | None:
    tag = given.get("tag")
    if tag is None or (isinstance(tag, str) and len(tag) <= MAX_TAG_CHARACTERS):
        return tag
    raise Refusal(reasons.INVALID_BODY)
