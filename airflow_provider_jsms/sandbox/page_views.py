"""What the page of a sandbox shows, as JSON: short, so that it can be asked for every second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.answers import message_of
from airflow_provider_jsms.sandbox.credentials import DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.schedules import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.sandbox.holds import Hold
    from airflow_provider_jsms.sandbox.phones import Bubble, Person
    from airflow_provider_jsms.sandbox.records import RecordedRequest
    from airflow_provider_jsms.sandbox.schedules import Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox

MOST_PEOPLE = 100
MOST_BUBBLES = 50
MOST_LINES = 12
_MOST_CHARACTERS = 1_000
_MOST_IN_A_LINE = 200


def clock(sandbox: Sandbox) -> dict[str, Any]:
    """Show the present time, in milliseconds and on the wall."""
    now = sandbox.clock.now()
    return {
        "now": _milliseconds(now),
        "wall": sandbox.clock.wall(now),
        "timezone": sandbox.clock.timezone,
    }


def view(
    sandbox: Sandbox, people: Mapping[str, Person], *, search: str, mobile: str
) -> dict[str, Any]:
    """Show everything but the present time.

    :param people: everybody by number, in their turn.
    :param search: a part of the numbers to list.
    :param mobile: the number of the person whose phone is shown, if there is one.
    """
    found = [person for person in people.values() if search in person.mobile]
    first = next(iter(people.values()), None)
    chosen = people.get(mobile)
    return {
        "everybody": len(people),
        "found": len(found),
        "people": [_person(person) for person in found[:MOST_PEOPLE]],
        "phone": chosen and _phone(sandbox, chosen),
        "next": first and first.next and _milliseconds(first.next.send_at),
        "balance": sandbox.account.balance,
        "connection": _connection(sandbox),
        "faults": _capped([_fault(fault) for fault in sandbox.faults.as_list()]),
        "holds": _capped([_hold(hold) for hold in sandbox.holds]),
        "requests": [_request(sandbox, one) for one in sandbox.recorded[: -MOST_LINES - 1 : -1]],
    }


def _person(person: Person) -> dict[str, Any]:
    shown = person.last or person.next or person.bubbles[-1]
    return {
        "mobile": person.mobile,
        "state": shown.state,
        "text": _line(_text(shown)),
        "due": person.next and _milliseconds(person.next.send_at),
    }


def _phone(sandbox: Sandbox, person: Person) -> dict[str, Any]:
    bubbles = sorted(person.bubbles, key=lambda bubble: bubble.send_at)
    ahead = [bubble for bubble in bubbles if bubble.state == "scheduled"]
    others = [bubble for bubble in bubbles if bubble.state != "scheduled"]
    shown = {bubble.key for bubble in (*others[-MOST_BUBBLES:], *ahead[:MOST_BUBBLES])}
    return {
        "mobile": person.mobile,
        "state": sandbox.numbers.get(person.mobile, ""),
        "earlier": len(others[:-MOST_BUBBLES]),
        "later": len(ahead[MOST_BUBBLES:]),
        "bubbles": [_bubble(sandbox, bubble) for bubble in bubbles if bubble.key in shown],
    }


def _bubble(sandbox: Sandbox, bubble: Bubble) -> dict[str, Any]:
    return {
        "key": bubble.key,
        "state": bubble.state,
        "text": _cut(_text(bubble)),
        "due": _milliseconds(bubble.send_at),
        "wall": sandbox.clock.wall(bubble.send_at),
        "note": _note(sandbox, bubble),
        "details": _details(sandbox, bubble),
    }


def _text(bubble: Bubble) -> str:
    """Return a text as it arrives; of one that was refused there are the parameters only."""
    if isinstance(bubble.to, Failure):
        return _json(bubble.to.temp_para) if bubble.to.temp_para else ""
    return bubble.to.text


def _note(sandbox: Sandbox, bubble: Bubble) -> str:
    history = bubble.schedule.history
    if isinstance(bubble.to, Failure):
        return f"{bubble.to.code} {message_of(bubble.to.code)}"
    if bubble.state == "replaced":
        return ""
    first = (bubble.schedule.replaced or [bubble.content])[0]
    if bubble.to.mobile not in {to.mobile for to in first.recipients}:
        return "modified"
    if history[0].send_at != bubble.send_at:
        return f"moved from {sandbox.clock.wall(history[0].send_at)}"
    return "modified" if any(event.event == "modified" for event in history) else ""


def _details(sandbox: Sandbox, bubble: Bubble) -> str:
    _, schedule, content, to = bubble
    lines = [f"schedule_id {schedule.schedule_id}"]
    if not isinstance(to, Failure) and bubble.state == "sent":
        lines.append(f"msg_id {to.msg_id}")
    lines.append(f"temp_id {content.temp_id}, sign_id {content.sign_id}")
    if content.tag is not None:
        lines.append(f"tag {content.tag}")
    if to.temp_para:
        lines.append(f"temp_para {_cut(_json(to.temp_para))}")
    return "\n".join([*lines, *_history(sandbox, schedule)])


def _history(sandbox: Sandbox, schedule: Schedule) -> list[str]:
    return [
        f"{event} {sandbox.clock.wall(at)}, send_time {sandbox.clock.wall(send_at)}"
        for event, at, send_at in schedule.history[-MOST_LINES:]
    ]


def _connection(sandbox: Sandbox) -> dict[str, str]:
    """Show how to connect; a secret that was given to the sandbox stays with who gave it."""
    app_key, secret = sandbox.credentials
    shown = secret if secret == DEFAULT_MASTER_SECRET else "the master secret of this sandbox"
    return {"conn_type": "jsms", "login": app_key, "password": shown}


def _fault(fault: dict[str, Any]) -> str:
    call, kind, times = (fault.pop(name) for name in ("call", "kind", "times"))
    left = "until cleared" if times is None else f"{times} left"
    settings = f", {_json(fault)}" if fault else ""
    return _line(f"{call}: {kind}, {left}{settings}")


def _hold(hold: Hold) -> str:
    return f"{hold.request.call}: {hold.moment} (request {hold.request.number})"


def _request(sandbox: Sandbox, recorded: RecordedRequest) -> dict[str, Any]:
    name = recorded.call or f"{recorded.method} {recorded.path}"
    code = recorded.code
    return {
        "key": str(recorded.number),
        "at": sandbox.clock.wall(recorded.at),
        "name": _line(name),
        "status": str(recorded.status or "no answer"),
        "reason": "" if code is None else f"{code} {message_of(code)}",
    }


def _capped(lines: list[str]) -> dict[str, Any]:
    return {"lines": lines[:MOST_LINES], "more": len(lines[MOST_LINES:])}


def _cut(text: str) -> str:
    more = len(text) - _MOST_CHARACTERS
    # On a line of its own, where no text from right to left can turn it round.
    return f"{text[:_MOST_CHARACTERS]}\n… and {more:,} more characters" if more > 0 else text


def _line(text: str) -> str:
    return f"{text[:_MOST_IN_A_LINE]}…" if len(text) > _MOST_IN_A_LINE else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
