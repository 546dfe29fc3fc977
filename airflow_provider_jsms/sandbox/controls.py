"""What can be done to a sandbox from outside, each with the JSON object it is given.

Every function returns what it changed, as JSON, and raises
:class:`~airflow_provider_jsms.sandbox.accept.NotAcceptedError` for what it does not know.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox import views
from airflow_provider_jsms.sandbox.accept import (
    TEXT,
    Check,
    NotAcceptedError,
    accept,
    is_number,
    one_of,
)
from airflow_provider_jsms.sandbox.templates import (
    SIGNATURE_CHECKS,
    TEMPLATE_CHECKS,
    Signature,
    Template,
)

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.state import Sandbox

_MOVES = {
    "advance": Check("a number of seconds", is_number),
    "travel_to": TEXT,
}
_NUMBER_STATE = {"state": one_of("normal", "unsubscribed", "invalid")}


def clock(sandbox: Sandbox, given: object) -> dict[str, str]:
    """Move the clock: ``{"advance": 60}`` or ``{"travel_to": "2030-07-01 09:00:00"}``."""
    moves = accept(given, _MOVES)
    if len(moves) != 1:
        raise NotAcceptedError("accepted is one of advance and travel_to")
    if "advance" in moves:
        sandbox.advance(moves["advance"])
    else:
        sandbox.travel_to(_instant(sandbox, moves["travel_to"]))
    return views.clock(sandbox)


def switches(sandbox: Sandbox, given: object) -> dict[str, str]:
    """Set some of the switches: ``{"msg_id_when": "accepted"}``."""
    if not isinstance(given, dict):
        raise NotAcceptedError("accepted is a JSON object of switches and their values")
    sandbox.switches = sandbox.switches.changed(given)
    return sandbox.switches.as_dict()


def account(sandbox: Sandbox, given: object) -> dict[str, Any]:
    """Set some of the fields of the account: ``{"balance": 0}``."""
    sandbox.account.change(given)
    return asdict(sandbox.account)


def template(sandbox: Sandbox, given: object, temp_id: int) -> dict[str, Any]:
    """Set a template: ``{"text", "type", "status"}``; a known one keeps what is not given."""
    known = sandbox.templates.get(temp_id)
    values = accept(given, TEMPLATE_CHECKS, () if known else ("text",))
    changed = replace(known, **values) if known else Template(temp_id, **values)
    sandbox.templates[temp_id] = changed
    return asdict(changed)


def sign(sandbox: Sandbox, given: object, sign_id: int) -> dict[str, Any]:
    """Set a signature: ``{"text", "is_default"}``; a known one keeps what is not given."""
    known = sandbox.signs.get(sign_id)
    values = accept(given, SIGNATURE_CHECKS, () if known else ("text",))
    changed = replace(known, **values) if known else Signature(sign_id, **values)
    if changed.is_default:
        for other in sandbox.signs.values():
            other.is_default = False
    sandbox.signs[sign_id] = changed
    return asdict(changed)


def number(sandbox: Sandbox, given: object, mobile: str) -> dict[str, str]:
    """Set the state of a number: ``{"state": "unsubscribed"}``."""
    state = accept(given, _NUMBER_STATE, ("state",))["state"]
    sandbox.numbers.pop(mobile, None)
    if state != "normal":
        sandbox.numbers[mobile] = state
    return {"mobile": mobile, "state": state}


def fault(sandbox: Sandbox, given: object) -> list[dict[str, Any]]:
    """Set a fault: ``{"call": "submit_schedule", "kind": "slow", "times": 1, "seconds": 2}``."""
    sandbox.faults.add(given)
    return sandbox.faults.as_list()


def clear_faults(sandbox: Sandbox, _given: object) -> list[dict[str, Any]]:
    """Clear every fault that still waits."""
    sandbox.faults.clear()
    return sandbox.faults.as_list()


def release(sandbox: Sandbox, _given: object) -> dict[str, int]:
    """Let every held call go on."""
    return {"released": sandbox.holds.release()}


def reset(sandbox: Sandbox, _given: object) -> dict[str, Any]:
    """Return to the state of a new sandbox."""
    sandbox.reset()
    return views.state(sandbox)


def _instant(sandbox: Sandbox, text: str) -> datetime:
    with suppress(ValueError):
        return sandbox.clock.instant(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NotAcceptedError(
            "travel_to must be a time with an offset, such as 2030-07-01T09:00:00+08:00, or the "
            "wall clock of JSMS as yyyy-MM-dd HH:mm:ss"
        ) from None
