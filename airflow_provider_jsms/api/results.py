"""The results of calls: plain dictionaries that fit an XCom, read from the JSON of a reply.

JSMS documents some fields in two types (``msg_id`` as number and string, ``error_code`` as string)
and leaves others open (``msg_id`` may be absent, null or empty before the text is sent).
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, cast, get_type_hints

from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.api.statuses import UNREADABLE
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_MSG_ID: Final = 128
_PHONE_NUMBERS: Final = 10**10

T = TypeVar("T")


class MalformedReplyError(ValueError):
    """A reply is not of the documented form; the text says how."""


class FailedRecipient(TypedDict):
    """A recipient that JSMS refused; ``error_code`` is None if JSMS sent no readable one."""

    mobile: str
    temp_para: dict[str, str]
    error_code: int | None
    error_message: str


class BatchResult(TypedDict):
    """The outcome of a batch submit or modify.

    ``schedule_id`` is None only if JSMS refused every recipient and created no schedule.
    """

    schedule_id: str | None
    success_count: int
    failure_count: int
    failure_recipients: list[FailedRecipient]


class ScheduledRecipient(TypedDict):
    """A recipient of a schedule; ``msg_id`` is None until JSMS assigns one."""

    msg_id: str | None
    mobile: str
    temp_para: dict[str, str]


class Schedule(TypedDict):
    """A schedule; ``send_time`` is the wall clock of JSMS, None if unreadable."""

    schedule_id: str
    send_time: str | None
    temp_id: int | None
    recipients: list[ScheduledRecipient]


class Template(TypedDict):
    """A template: ``type`` 1 verification, 2 notification, 3 marketing.

    ``status`` is 0 under review, 1 approved, 2 rejected. A number is None if it is unreadable.
    """

    temp_id: int | None
    template: str
    type: int | None
    ttl: int | None
    remark: str
    status: int | None


class Sign(TypedDict):
    """A signature: ``status`` is 1 approved, 2 rejected; the others are 0 or 1."""

    sign_id: int | None
    sign: str
    status: int | None
    is_default: int | None
    use_status: int | None


class Balance(TypedDict, total=False):
    """How many SMS parts an application has left, None of a kind that is not assigned to it.

    ``app_balance`` pays for every kind, ``app_industry`` for verification and notification texts,
    ``app_market`` for marketing texts.
    """

    app_balance: int | None
    app_voice: int | None
    app_industry: int | None
    app_market: int | None


def read_nothing(body: object) -> None:
    """Accept the reply to a deletion: an empty body or an object."""
    if body is not None:
        _object(body)


def read_schedule_id(body: object) -> str:
    """Return the ``schedule_id`` of a submit or a modify."""
    found = _identifier(_object(body).get("schedule_id"))
    if found is None:
        raise MalformedReplyError("it has no schedule_id")
    try:
        return schedule_id_of(found)  # a later call puts it into a path
    except JsmsInputError:
        raise MalformedReplyError("its schedule_id is invalid") from None


def read_batch_result(body: object, recipients: int) -> BatchResult:
    """Return the result of a batch request to that many recipients.

    Everyone who is not counted as accepted counts as refused. A reply without a schedule_id is
    readable only if it accepted nobody.
    """
    reply = _object(body)
    failures = _entries(reply.get("failure_recipients"), FailedRecipient)
    accepted = whole_number(reply.get("success_count"))
    refused = max(whole_number(reply.get("failure_count")) or 0, len(failures))
    missing = 0 if accepted is None else recipients - accepted
    failure_count = min(recipients, max(refused, missing))
    has_id = _identifier(reply.get("schedule_id"))
    is_nobody = not accepted and refused >= recipients and not has_id
    return {
        "schedule_id": None if is_nobody else read_schedule_id(reply),
        "success_count": recipients - failure_count,
        "failure_count": failure_count,
        "failure_recipients": failures,
    }


def read_schedule(body: object, asked: str) -> Schedule:
    """Return the schedule ``asked`` from the reply to a query."""
    return {**read_fields(body, Schedule), "schedule_id": asked}


def read_fields(body: object, form: type[T]) -> T:
    """Return the fields of a ``TypedDict``, each read by its type; an unreadable one is empty."""
    reply = _object(body)
    types = _types_of(form)  # type: ignore[arg-type]
    return cast("T", {name: _READERS[types[name]](reply.get(name)) for name in types})


def read_reports(body: object) -> list[dict[str, Any]]:
    """Return the delivery reports of a page, ``msgId`` always a string and ``status`` a number.

    JSMS hands out each row once, so one that is not of the documented form is kept as it is:
    ``{"unreadable": row}``.
    """
    return [_report(row) for row in _rows(body)]


def read_replies(body: object) -> list[dict[str, Any]]:
    """Return the replies of a page; see :func:`read_reports`."""
    return [
        row if isinstance(row, dict) and _identifier(row.get("phone")) else {UNREADABLE: row}
        for row in _rows(body)
    ]


def read_error(body: object) -> tuple[int | None, str]:
    """Return the code and the message of an error, None and "" without one."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None, ""
    return _number(error.get("code")), _text(error.get("message"))


def whole_number(value: object) -> int | None:
    """Return an integer from an integer or a string of digits, else None."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _rows(body: object) -> list[object]:
    if isinstance(body, bytes):
        raise MalformedReplyError("it is not JSON")
    if body is None:
        return []
    return body if isinstance(body, list) else [body]


def _report(row: object) -> dict[str, Any]:
    if isinstance(row, dict):
        msg_id, status = _identifier(row.get("msgId")), _number(row.get("status"))
        if msg_id is not None and len(msg_id) <= LONGEST_MSG_ID and status is not None:
            return {**row, "msgId": msg_id, "status": status}
    return {UNREADABLE: row}


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedReplyError("it is not the expected JSON object")
    return value


def _entries(value: object, form: type[T]) -> list[T]:
    entries = value or []
    if not isinstance(entries, list):
        raise MalformedReplyError("its recipients are not a list")
    return [read_fields(entry, form) for entry in entries]


def _parameters(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: str(item) for name, item in value.items() if item is not None}


def _identifier(value: object) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int) else None


def _number(value: object) -> int | None:
    """Return a whole number, unless it has as many digits as a phone number."""
    number = whole_number(value)
    return number if number is not None and number < _PHONE_NUMBERS else None


def _text(value: object) -> str:
    return str(value or "")


_types_of = lru_cache(get_type_hints)
_READERS: Final[dict[object, Callable[[object], object]]] = {
    str: _text,
    str | None: _identifier,
    int | None: _number,
    dict[str, str]: _parameters,
    list[ScheduledRecipient]: partial(_entries, form=ScheduledRecipient),
}
