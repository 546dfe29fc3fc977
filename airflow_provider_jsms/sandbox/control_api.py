"""The control API: views return the state as JSON, controls change it.

A control takes a JSON object, returns the changed part as JSON, and raises
:class:`~airflow_provider_jsms.sandbox.validation.InvalidInputError` for invalid input.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.statuses import DELIVERED, STATUSES
from airflow_provider_jsms.sandbox.account import Signature, Template
from airflow_provider_jsms.sandbox.responses import message_of
from airflow_provider_jsms.sandbox.validation import (
    BOOLEAN,
    COUNT,
    MOBILE,
    STRING,
    STRINGS,
    Check,
    InvalidInputError,
    is_number,
    nullable,
    one_of,
    validate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_jsms.sandbox.schedules import DeliveryFailure, Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox

_CLOCK_CHECKS = {
    "advance": Check("a number of seconds", is_number, {"type": "number"}),
    "travel_to": STRING,
}
_ACCOUNT_CHECKS = {
    "balance": COUNT,
    "voice_balance": nullable(COUNT),
    "industry_balance": nullable(COUNT),
    "market_balance": nullable(COUNT),
    "developer_balance": COUNT,
    "service_open": BOOLEAN,
    "frozen": BOOLEAN,
    "blacklisted": BOOLEAN,
    "quota_assigned": BOOLEAN,
    "callback": BOOLEAN,
    "has_signature": BOOLEAN,
    "allowed_ips": nullable(STRINGS),
    "black_words": STRINGS,
    "frequency_limit": nullable(COUNT),
}
_TEMPLATE_CHECKS = {"text": STRING, "type": one_of(1, 2, 3), "status": one_of(0, 1, 2)}
_SIGN_CHECKS = {"text": STRING, "is_default": BOOLEAN, "status": one_of(0, 1, 2)}
_MOBILE_CHECKS = {"mobile": MOBILE}
_NUMBER_CHECKS = {"state": one_of("normal", "unsubscribed", "invalid")}
_DELIVERY_CHECKS = {"status": one_of(*STATUSES)}
_REPLY_CHECKS = {**_MOBILE_CHECKS, "content": STRING}


def state(sandbox: Sandbox, _given: object = None) -> dict[str, Any]:
    """Return everything but the requests and the messages."""
    return {
        "clock": clock(sandbox),
        "switches": sandbox.switches.as_dict(),
        "account": asdict(sandbox.account),
        "templates": [asdict(template) for template in sandbox.templates.values()],
        "signs": [asdict(signature) for signature in sandbox.signs.values()],
        "numbers": sandbox.numbers,
        "deliveries": sandbox.deliveries,
        "faults": sandbox.faults.as_list(),
        "schedules": [_schedule(sandbox, each) for each in sandbox.book.schedules.values()],
    }


def clock(sandbox: Sandbox) -> dict[str, str]:
    """Return the current time in UTC and as wall time."""
    now = sandbox.clock.now()
    wall, timezone = sandbox.clock.wall(now), sandbox.clock.timezone
    return {"utc": _utc(now), "wall": wall, "timezone": timezone}


def requests(sandbox: Sandbox, _given: object = None) -> list[dict[str, Any]]:
    """Return every request to the API, oldest first."""
    return [{**vars(request), "at": _utc(request.at)} for request in sandbox.recorded]


def messages(sandbox: Sandbox, _given: object = None) -> list[dict[str, Any]]:
    """Return every delivered message, oldest first."""
    return [
        message
        for schedule in sandbox.sent
        for message, failure in messages_of(sandbox, schedule)
        if failure is None
    ]


def undelivered(sandbox: Sandbox, _given: object = None) -> list[dict[str, Any]]:
    """Return every message that failed at its time, with ``status`` and ``reason``."""
    return [
        {**message, **failure._asdict()}
        for schedule in sandbox.sent
        for message, failure in messages_of(sandbox, schedule)
        if failure
    ]


def messages_of(
    sandbox: Sandbox, schedule: Schedule
) -> Iterator[tuple[dict[str, Any], DeliveryFailure | None]]:
    """Yield the messages of a schedule, each with its failure, if any."""
    content = schedule.content
    for recipient in content.recipients:
        message = {
            "mobile": recipient.mobile,
            "text": recipient.text,
            "temp_id": content.temp_id,
            "temp_para": recipient.temp_para,
            "sign_id": content.sign_id,
            "tag": content.tag,
            "schedule_id": schedule.schedule_id,
            "msg_id": str(recipient.msg_id),
            "send_time": sandbox.clock.wall(content.send_at),
            "sent_at": _utc(content.send_at),
        }
        yield message, schedule.undelivered.get(recipient.msg_id)


def holds(sandbox: Sandbox, _given: object = None) -> list[dict[str, Any]]:
    """Return every held call, oldest first."""
    return [
        {
            "number": hold.request.number,
            "call": hold.request.call,
            "moment": hold.moment,
            "since": _utc(hold.since),
        }
        for hold in sandbox.waits.holds
    ]


def move_clock(sandbox: Sandbox, given: object) -> dict[str, str]:
    """Move the clock: ``{"advance": 60}`` or ``{"travel_to": "2030-07-01 09:00:00"}``."""
    moves = validate(given, _CLOCK_CHECKS)
    if len(moves) != 1:
        raise InvalidInputError("use one of advance and travel_to")
    if "advance" in moves:
        sandbox.advance(moves["advance"])
    else:
        sandbox.travel_to(_instant(sandbox, moves["travel_to"]))
    return clock(sandbox)


def set_switches(sandbox: Sandbox, given: object) -> dict[str, str]:
    """Set some of the switches: ``{"msg_id_when": "accepted"}``."""
    sandbox.switches = sandbox.switches.updated(given)
    return sandbox.switches.as_dict()


def set_account(sandbox: Sandbox, given: object) -> dict[str, Any]:
    """Set some fields of the account: ``{"balance": 0}``."""
    sandbox.account = replace(sandbox.account, **validate(given, _ACCOUNT_CHECKS))
    return asdict(sandbox.account)


def set_template(sandbox: Sandbox, given: object, temp_id: int) -> dict[str, Any]:
    """Add or update a template: ``{"text", "type", "status"}``."""
    known = sandbox.templates.get(temp_id)
    values = validate(given, _TEMPLATE_CHECKS, () if known else ("text",))
    template = replace(known, **values) if known else Template(temp_id, **values)
    sandbox.templates[temp_id] = template
    return asdict(template)


def set_sign(sandbox: Sandbox, given: object, sign_id: int) -> dict[str, Any]:
    """Add or update a signature: ``{"text", "is_default", "status"}``."""
    known = sandbox.signs.get(sign_id)
    values = validate(given, _SIGN_CHECKS, () if known else ("text",))
    signature = replace(known, **values) if known else Signature(sign_id, **values)
    if signature.is_default:
        for other in sandbox.signs.values():
            other.is_default = False
    sandbox.signs[sign_id] = signature
    return asdict(signature)


def delete_schedule(sandbox: Sandbox, _given: object, schedule_id: str) -> dict[str, Any]:
    """Delete a pending schedule, as somebody could in the console of JSMS."""
    schedule = sandbox.book.schedules.get(schedule_id)
    if schedule is None or schedule.status != "pending":
        raise InvalidInputError("there is no such schedule that is still to be sent")
    sandbox.book.delete(schedule, sandbox.clock.now())
    return _schedule(sandbox, schedule)


def set_number(sandbox: Sandbox, given: object, mobile: str) -> dict[str, str]:
    """Set the state of a number: ``{"state": "unsubscribed"}``."""
    validate({"mobile": mobile}, _MOBILE_CHECKS)
    state = validate(given, *BODIES[set_number])["state"]
    sandbox.numbers.pop(mobile, None)
    if state != "normal":
        sandbox.numbers[mobile] = state
    return {"mobile": mobile, "state": state}


def set_delivery(sandbox: Sandbox, given: object, mobile: str) -> dict[str, Any]:
    """Set the status in the delivery reports of a number: ``{"status": 4003}``."""
    validate({"mobile": mobile}, _MOBILE_CHECKS)
    status = validate(given, *BODIES[set_delivery])["status"]
    sandbox.deliveries.pop(mobile, None)
    if status != DELIVERED:
        sandbox.deliveries[mobile] = status
    return {"mobile": mobile, "status": status}


def add_reply(sandbox: Sandbox, given: object) -> dict[str, Any]:
    """Let a person reply: ``{"mobile": "13800138000", "content": "1"}``."""
    return sandbox.reply(**validate(given, *BODIES[add_reply]))


def add_fault(sandbox: Sandbox, given: object) -> list[dict[str, Any]]:
    """Set a fault: ``{"call": "submit_schedule", "kind": "slow", "times": 1, "seconds": 2}``."""
    sandbox.faults.add(given)
    return sandbox.faults.as_list()


def clear_faults(sandbox: Sandbox, _given: object) -> list[dict[str, Any]]:
    """Remove every fault."""
    sandbox.faults.clear()
    return sandbox.faults.as_list()


def release(sandbox: Sandbox, _given: object) -> dict[str, int]:
    """Let every held call continue."""
    return {"released": sandbox.waits.release()}


def reset(sandbox: Sandbox, _given: object) -> dict[str, Any]:
    """Return to the initial state."""
    sandbox.reset()
    return state(sandbox)


# HTTP method, path, and the parameter at the end of the path.
ROUTES: Mapping[Callable[..., Any], tuple[str, str, str]] = {
    state: ("GET", "state", ""),
    requests: ("GET", "requests", ""),
    messages: ("GET", "messages", ""),
    undelivered: ("GET", "undelivered", ""),
    holds: ("GET", "holds", ""),
    move_clock: ("POST", "clock", ""),
    set_switches: ("PATCH", "switches", ""),
    set_account: ("PATCH", "account", ""),
    set_template: ("PUT", "templates", "/{temp_id:int}"),
    set_sign: ("PUT", "signs", "/{sign_id:int}"),
    delete_schedule: ("DELETE", "schedules", "/{schedule_id}"),
    set_number: ("PUT", "numbers", "/{mobile}"),
    set_delivery: ("PUT", "deliveries", "/{mobile}"),
    add_reply: ("POST", "replies", ""),
    add_fault: ("POST", "faults", ""),
    clear_faults: ("DELETE", "faults", ""),
    release: ("POST", "holds/release", ""),
    reset: ("POST", "reset", ""),
}

# The fields of the bodies, and those that are required.
BODIES: Mapping[Callable[..., Any], tuple[Mapping[str, Check], tuple[str, ...]]] = {
    move_clock: (_CLOCK_CHECKS, ()),
    set_account: (_ACCOUNT_CHECKS, ()),
    set_template: (_TEMPLATE_CHECKS, ()),
    set_sign: (_SIGN_CHECKS, ()),
    set_number: (_NUMBER_CHECKS, ("state",)),
    set_delivery: (_DELIVERY_CHECKS, ("status",)),
    add_reply: (_REPLY_CHECKS, tuple(_REPLY_CHECKS)),
}


def _instant(sandbox: Sandbox, text: str) -> datetime:
    with suppress(ValueError):
        return sandbox.clock.instant(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "travel_to must be a time with an offset, such as 2030-07-01T09:00:00+08:00, or the "
            "wall clock of JSMS as yyyy-MM-dd HH:mm:ss"
        ) from None


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _schedule(sandbox: Sandbox, schedule: Schedule) -> dict[str, Any]:
    content = schedule.content
    return {
        "schedule_id": schedule.schedule_id,
        "status": schedule.status,
        "kind": content.kind,
        "send_time": sandbox.clock.wall(content.send_at),
        "temp_id": content.temp_id,
        "sign_id": content.sign_id,
        "tag": content.tag,
        "recipients": [
            {"mobile": each.mobile, "temp_para": each.temp_para, "msg_id": str(each.msg_id)}
            for each in content.recipients
        ],
        "failure_recipients": [
            {
                "mobile": each.mobile,
                "temp_para": each.temp_para,
                "error_code": each.code,
                "error_message": message_of(each.code),
            }
            for each in content.failures
        ],
        "history": [
            {"event": event, "at": _utc(at), "send_time": sandbox.clock.wall(send_at)}
            for event, at, send_at in schedule.history
        ],
    }
