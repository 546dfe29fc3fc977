"""What JSMS answers, read without trusting it: results as plain dictionaries that fit XCom.

JSMS documents some fields in two types (``msg_id`` as number and as string, ``error_code`` as a
string) and leaves others open (a ``msg_id`` may be absent, null or empty before the message is
sent), so each is brought to one form here. What cannot be brought to it raises
:class:`MalformedReplyError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

_BALANCES: Final = ("app_balance", "app_voice", "app_industry", "app_market")
_LONGEST_IDENTIFIER: Final = 128
_LARGEST_CODE: Final = 10**6


class MalformedReplyError(ValueError):
    """An answer is not of the documented form; the text says how."""


class FailedRecipient(TypedDict):
    """A recipient that JSMS refused.

    ``error_code`` is the number of the code, or None if JSMS sent none that can be read.
    """

    mobile: str
    temp_para: dict[str, str]
    error_code: int | None
    error_message: str


class BatchResult(TypedDict):
    """What a batch submit or modify did.

    ``schedule_id`` is None only where JSMS refused every recipient and made no schedule.
    """

    schedule_id: str | None
    success_count: int
    failure_count: int
    failure_recipients: list[FailedRecipient]


class ScheduledRecipient(TypedDict):
    """A recipient of a schedule; ``msg_id`` is None as long as JSMS has not handed one out."""

    msg_id: str | None
    mobile: str
    temp_para: dict[str, str]


class Schedule(TypedDict):
    """A schedule as JSMS knows it; ``send_time`` is the wall clock of JSMS, None if unreadable."""

    schedule_id: str
    send_time: str | None
    temp_id: int | None
    recipients: list[ScheduledRecipient]


def read_nothing(body: object, asked: str) -> None:
    """Accept the empty body of a deletion of ``asked``; an object is no reason to doubt it."""
    if body is not None:
        check_same_schedule(_identifier(_object(body).get("schedule_id")), asked)


def read_schedule_id(body: object) -> str:
    """Return the ``schedule_id`` of an answer."""
    schedule_id = _identifier(_object(body).get("schedule_id"))
    if schedule_id is None:
        raise MalformedReplyError("it carries no schedule_id")
    return schedule_id


def read_batch_result(body: object, recipients: int) -> BatchResult:
    """Return the result of a batch request that carried that many recipients.

    A 200 without a schedule_id is an answer only if it says that nobody was accepted.
    """
    answer = _object(body)
    failures = [_failed(entry) for entry in _list(answer, "failure_recipients")]
    accepted = _count(answer, "success_count")
    refused = max(_count(answer, "failure_count") or 0, len(failures))
    nobody = not accepted and refused >= recipients
    # Whoever is not counted as accepted was not: everybody is accounted for.
    missing = 0 if accepted is None else recipients - accepted
    failure_count = min(recipients, max(refused, missing))
    return {
        "schedule_id": (
            _identifier(answer.get("schedule_id")) if nobody else read_schedule_id(answer)
        ),
        "success_count": recipients - failure_count,
        "failure_count": failure_count,
        "failure_recipients": failures,
    }


def check_same_schedule(schedule_id: str | None, asked: str) -> None:
    """Raise if an answer names another schedule: then it answers another request.

    :param schedule_id: the one in the answer, None if there is none.
    :param asked: the one that the call is about.
    """
    if schedule_id not in (None, asked):
        raise MalformedReplyError("it names another schedule_id than the request")


def read_schedule(body: object, asked: str) -> Schedule:
    """Return the schedule of an answer to a query for the schedule_id ``asked``."""
    answer = _object(body)
    check_same_schedule(_identifier(answer.get("schedule_id")), asked)
    send_time = answer.get("send_time")
    return {
        "schedule_id": asked,
        "send_time": send_time if isinstance(send_time, str) else None,
        "temp_id": whole_number(answer.get("temp_id")),
        "recipients": [
            {
                "msg_id": _identifier(entry.get("msg_id")),
                "mobile": str(entry.get("mobile") or ""),
                "temp_para": _parameters(entry),
            }
            for entry in map(_object, _list(answer, "recipients"))
        ],
    }


def read_balance(body: object) -> dict[str, int | None]:
    """Return the balances of the application; None where nothing is assigned."""
    answer = _object(body)
    return {name: whole_number(answer[name]) for name in _BALANCES if name in answer}


def whole_number(value: object) -> int | None:
    """Return a whole number that came as a number or as a string of digits, else None."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value) if len(value) <= _LONGEST_IDENTIFIER else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def code_number(value: object) -> int | None:
    """Return a code of JSMS, None for what cannot be one (it may be anything, a number too)."""
    number = whole_number(value)
    return number if number is not None and 0 <= number < _LARGEST_CODE else None


def _failed(entry: object) -> FailedRecipient:
    failure = _object(entry)
    return {
        "mobile": str(failure.get("mobile") or ""),
        "temp_para": _parameters(failure),
        "error_code": code_number(failure.get("error_code")),
        "error_message": str(failure.get("error_message") or ""),
    }


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedReplyError("it is not the JSON object that was expected")
    return value


def _list(answer: Mapping[str, object], name: str) -> list[object]:
    value = answer.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedReplyError(f"its {name} is not a list")
    return value


def _parameters(entry: Mapping[str, object]) -> dict[str, str]:
    value = entry.get("temp_para")
    if not isinstance(value, dict):
        return {}
    return {str(name): str(item) for name, item in value.items() if item is not None}


def _identifier(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if text.isprintable() and 0 < len(text) <= _LONGEST_IDENTIFIER else None


def _count(answer: Mapping[str, object], name: str) -> int | None:
    if answer.get(name) is None:
        return None
    number = whole_number(answer[name])
    if number is None or number < 0:
        raise MalformedReplyError(f"its {name} is not a count")
    return number
