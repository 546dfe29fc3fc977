"""Request bodies, parsed into an order that is not reviewed yet (:mod:`.review`).

Parsing is lenient where real clients differ: unknown keys are ignored (one SDK sends ``type`` and
``ttl``), ``tag`` and ``sign_id`` may be null, ids may be numeric strings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal, from_json
from airflow_provider_jsms.sandbox.validation import is_integer

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.schedules import Kind
    from airflow_provider_jsms.sandbox.switches import Switches

MAX_RECIPIENTS = 1_000
MAX_TAG_CHARACTERS = 10

# requests sends no Content-Type with a string, and one SDK sends text/plain: both carry JSON.
_MEDIA_TYPES = ("", "application/json", "text/plain")
_NUMERIC = re.compile("[0-9]{1,18}")


class Person(NamedTuple):
    """A recipient as requested; ``temp_para`` is None if the request has none."""

    mobile: str
    temp_para: dict[str, object] | None


class Order(NamedTuple):
    """A parsed request, not yet reviewed."""

    kind: Kind
    send_time: object
    temp_id: int
    sign_id: int | None
    tag: str | None
    people: list[Person]


def check_media_type(content_type: str | None) -> None:
    """Refuse a ``Content-Type`` other than JSON, such as a form, with 50017."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise Refusal(ErrorCode.MEDIA_NOT_SUPPORTED)


def parse_single(switches: Switches, body: bytes) -> Order:
    """Parse the body of a single call."""
    given = _object(body)
    return _order("single", given, [_person(switches, given)])


def parse_batch(switches: Switches, body: bytes) -> Order:
    """Parse the body of a batch call."""
    given = _object(body)
    recipients = given.get("recipients")
    if recipients is None or recipients == []:
        raise Refusal(ErrorCode.RECIPIENTS_EMPTY)
    if not isinstance(recipients, list):
        raise Refusal(ErrorCode.INVALID_BODY)
    if len(recipients) > MAX_RECIPIENTS:
        raise Refusal(ErrorCode.TOO_MANY_RECIPIENTS)
    return _order("batch", given, [_person(switches, each) for each in recipients])


def _order(kind: Kind, given: dict[str, Any], people: list[Person]) -> Order:
    temp_id = _identifier(given.get("temp_id"), ErrorCode.INVALID_TEMP_ID)
    if temp_id is None:
        raise Refusal(ErrorCode.MISSING_TEMP_ID)
    sign_id = _identifier(given.get("sign_id"), ErrorCode.INVALID_SIGN_ID)
    tag = given.get("tag")
    if tag is not None and not (isinstance(tag, str) and len(tag) <= MAX_TAG_CHARACTERS):
        raise Refusal(ErrorCode.INVALID_BODY)
    return Order(kind, given.get("send_time"), temp_id, sign_id, tag, people)


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise Refusal(ErrorCode.MISSING_BODY)
    try:
        given = from_json(body)
    except ValueError:
        raise Refusal(ErrorCode.INVALID_BODY) from None
    if not isinstance(given, dict):
        raise Refusal(ErrorCode.INVALID_BODY)
    return given


def _person(switches: Switches, given: object) -> Person:
    if not isinstance(given, dict):
        raise Refusal(ErrorCode.INVALID_BODY)
    mobile, temp_para = given.get("mobile"), given.get("temp_para")
    if mobile is None or mobile == "":
        raise Refusal(ErrorCode.MISSING_MOBILE)
    if is_integer(mobile) and switches.numeric_mobile == "accept":
        mobile = str(mobile)
    if not isinstance(mobile, str) or not _is_temp_para(temp_para):
        raise Refusal(ErrorCode.INVALID_BODY)
    return Person(mobile, temp_para)


def _is_temp_para(given: object) -> bool:
    # One SDK used to send an empty temp_para as [], which the service refused.
    return given is None or (isinstance(given, dict) and all(map(_is_value, given.values())))


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, str | float) or is_integer(value)


def _identifier(given: object, invalid: ErrorCode) -> int | None:
    if given is None or given == "":
        return None
    if isinstance(given, str):
        if not _NUMERIC.fullmatch(given):
            raise Refusal(invalid)
        return int(given)
    if isinstance(given, int) and is_integer(given):
        return given
    raise Refusal(ErrorCode.INVALID_BODY)
