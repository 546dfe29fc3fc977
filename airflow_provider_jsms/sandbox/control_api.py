"""The control API: controls change a sandbox, and :mod:`.control_views` show it.

A control takes a JSON object, returns the changed part as JSON, and raises
:class:`~airflow_provider_jsms.sandbox.validation.InvalidInputError` for invalid input.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.statuses import DELIVERED, STATUSES
from airflow_provider_jsms.sandbox import control_views as views
from airflow_provider_jsms.sandbox.account import Signature, Template
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
    from collections.abc import Callable, Mapping

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


def move_clock(sandbox: Sandbox, given: object) -> dict[str, str]:
    """Move the clock: ``{"advance": 60}`` or ``{"travel_to": "2030-07-01 09:00:00"}``."""
    moves = validate(given, _CLOCK_CHECKS)
    if len(moves) != 1:
        raise InvalidInputError("use one of advance and travel_to")
    if "advance" in moves:
        sandbox.advance(moves["advance"])
    else:
        sandbox.travel_to(_instant(sandbox, moves["travel_to"]))
    return views.clock(sandbox)


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
    return views.schedule_of(sandbox, schedule)


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
    return views.state(sandbox)


# HTTP method, path, and the parameter at the end of the path.
ROUTES: Mapping[Callable[..., Any], tuple[str, str, str]] = {
    views.state: ("GET", "state", ""),
    views.requests: ("GET", "requests", ""),
    views.messages: ("GET", "messages", ""),
    views.undelivered: ("GET", "undelivered", ""),
    views.holds: ("GET", "holds", ""),
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
