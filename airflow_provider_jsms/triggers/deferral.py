"""What a deferred sensor and its trigger hand to each other, in the form that Airflow stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.replies import whole_number
from airflow_provider_jsms.triggers.waiting import Seen, Wait, duration, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DONE: Final = "done"
LOOK: Final = "look"
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What the functions here raise that read an event or arguments of another version."""


def state_of(seen: Iterable[Seen]) -> dict[str, dict[str, Any]]:
    """Return what was seen of schedules, with msg_ids or their number."""
    return {
        each.schedule_id: {
            "send_time": each.send_time.isoformat() if each.send_time else None,
            "recipients": each.recipients,
            "msg_ids": list(each.msg_ids) if each.count is None else each.count,
        }
        for each in seen
    }


def seen_in(state: Mapping[str, Mapping[str, Any]]) -> dict[str, Seen]:
    """Return what another process has seen, by schedule_id."""
    return {schedule_id: _seen(schedule_id, told) for schedule_id, told in state.items()}


def _seen(schedule_id: str, told: Mapping[str, Any]) -> Seen:
    found, recipients = told["msg_ids"], whole_number(told["recipients"])
    if not are_found(found) or recipients is None:
        raise TypeError
    return Seen(
        schedule_id,
        moment_of(told["send_time"]) if told["send_time"] else None,
        tuple(found) if isinstance(found, list) else (),
        recipients,
        count=None if isinstance(found, list) else found,
    )


def result_in(msg_ids: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a trigger has found, if it is a result of the sensor."""
    if not all(are_found(found) for found in msg_ids.values()):
        raise TypeError
    return msg_ids


def are_found(found: object) -> bool:
    """Tell whether these are msg_ids or their number."""
    if isinstance(found, list):
        return all(isinstance(each, str) for each in found)
    return isinstance(found, int) and not isinstance(found, bool)


def rules_of(wait: Wait) -> dict[str, Any]:
    """Return the rules of a wait: times in ISO 8601, seconds."""
    return {
        "started_at": wait.started_at.isoformat(),
        "poke_interval": wait.poke_interval.total_seconds(),
        "recheck_interval": wait.recheck_interval.total_seconds(),
        "grace": wait.grace.total_seconds(),
        "wait_for_send_time": wait.wait_for_send_time,
        "expected": wait.expected,
        "ends_at": wait.ends_at.isoformat() if wait.ends_at else None,
    }


def wait_of(rules: Mapping[str, Any]) -> Wait:
    """Return the rules of a wait that :func:`rules_of` has made storable."""
    return Wait(
        started_at=moment_of(rules["started_at"]),
        poke_interval=duration(rules["poke_interval"]),
        recheck_interval=duration(rules["recheck_interval"]),
        grace=duration(rules["grace"]),
        wait_for_send_time=bool(rules["wait_for_send_time"]),
        expected=whole_number(rules["expected"]),
        ends_at=moment_of(rules["ends_at"]) if rules["ends_at"] else None,
    )
