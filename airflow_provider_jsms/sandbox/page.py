"""The JSON behind the web page: people with their phones, schedules, templates and requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.statuses import DELIVERED
from airflow_provider_jsms.sandbox.account import DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.clock import milliseconds
from airflow_provider_jsms.sandbox.phones import STATES
from airflow_provider_jsms.sandbox.responses import message_of
from airflow_provider_jsms.sandbox.schedules import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.sandbox.account import Template
    from airflow_provider_jsms.sandbox.phones import Bubble, Phone
    from airflow_provider_jsms.sandbox.records import ApiRequest
    from airflow_provider_jsms.sandbox.schedules import Schedule
    from airflow_provider_jsms.sandbox.state import Hold, Sandbox

MAX_PEOPLE = 100
MAX_MEMBERS = 20
MAX_BUBBLES = 50
MAX_LINES = 12
_MAX_CHARACTERS = 1_000
_MAX_LINE_CHARACTERS = 200


def clock_of(sandbox: Sandbox) -> dict[str, Any]:
    """Return the current time."""
    now = sandbox.clock.now()
    wall, timezone = sandbox.clock.wall(now), sandbox.clock.timezone
    return {"now": milliseconds(now), "wall": wall, "timezone": timezone}


def content_of(
    sandbox: Sandbox,
    phones: Mapping[str, Phone],
    search: str = "",
    mobile: str = "",
    grouping: str = "people",
) -> dict[str, Any]:
    """Return everything on the page but the time.

    :param search: digits that the listed numbers contain.
    :param mobile: the number of the phone on display, if any.
    :param grouping: ``people`` or ``schedules``: what to list.
    """
    found = [phone for phone in phones.values() if search in phone.mobile]
    first = next(iter(phones.values()), None)
    chosen = phones.get(mobile)
    return {
        "everybody": len(phones),
        "found": len(found),
        "people": [_person(phone) for phone in found[:MAX_PEOPLE]],
        "schedules": _schedules(sandbox, search) if grouping == "schedules" else None,
        "phone": chosen and _phone(sandbox, chosen),
        "next": first and first.next and milliseconds(first.next.send_at),
        "balance": sandbox.account.balance,
        "connection": _connection(sandbox),
        "templates": [_template(template) for template in sandbox.templates.values()],
        "faults": _capped([_fault(fault) for fault in sandbox.faults.as_list()]),
        "holds": _capped([_hold(hold) for hold in sandbox.waits.holds]),
        "requests": [_request(sandbox, one) for one in sandbox.recorded[: -MAX_LINES - 1 : -1]],
    }


def _person(phone: Phone) -> dict[str, Any]:
    shown = phone.last or phone.next or phone.bubbles[-1]
    return {
        "mobile": phone.mobile,
        "state": shown.state,
        "text": _cut(_text(shown)),
        "due": phone.next and milliseconds(phone.next.send_at),
    }


def _phone(sandbox: Sandbox, phone: Phone) -> dict[str, Any]:
    bubbles = sorted(phone.bubbles, key=lambda bubble: bubble.send_at)
    ahead = [bubble for bubble in bubbles if bubble.state == "scheduled"]
    others = [bubble for bubble in bubbles if bubble.state != "scheduled"]
    shown = {bubble.key for bubble in (*others[-MAX_BUBBLES:], *ahead[:MAX_BUBBLES])}
    return {
        "mobile": phone.mobile,
        "state": sandbox.numbers.get(phone.mobile, "normal"),
        "delivery": sandbox.deliveries.get(phone.mobile, DELIVERED),
        "earlier": len(others[:-MAX_BUBBLES]),
        "later": len(ahead[MAX_BUBBLES:]),
        "bubbles": sorted(
            [
                *(_bubble(sandbox, bubble) for bubble in bubbles if bubble.key in shown),
                *_replies(sandbox, phone.mobile)[-MAX_BUBBLES:],
            ],
            key=lambda bubble: bubble["due"],
        ),
    }


def _replies(sandbox: Sandbox, mobile: str) -> list[dict[str, Any]]:
    return [
        {
            "key": f"reply/{position}",
            "state": "reply",
            "text": _cut(content, _MAX_CHARACTERS),
            "due": milliseconds(at),
            "wall": sandbox.clock.wall(at),
            "note": "",
            "details": "GET /v1/reply returns it once",
            "schedule_id": "",
        }
        for position, (at, sender, content) in enumerate(sandbox.replied)
        if sender == mobile
    ]


def _bubble(sandbox: Sandbox, bubble: Bubble) -> dict[str, Any]:
    return {
        "key": bubble.key,
        "state": bubble.state,
        "text": _cut(_text(bubble), _MAX_CHARACTERS),
        "due": milliseconds(bubble.send_at),
        "wall": sandbox.clock.wall(bubble.send_at),
        "note": _note(sandbox, bubble),
        "details": _details(sandbox, bubble),
        "schedule_id": bubble.schedule.schedule_id,
    }


def _text(bubble: Bubble) -> str:
    """Return the text as it arrives, or the parameters of a refused one."""
    if isinstance(bubble.to, Failure):
        return _json(bubble.to.temp_para) if bubble.to.temp_para else ""
    return bubble.to.text


def _note(sandbox: Sandbox, bubble: Bubble) -> str:
    if isinstance(bubble.to, Failure):
        return f"{bubble.to.code} {message_of(bubble.to.code)}"
    if bubble.failure:
        return f"{bubble.failure.status} {bubble.failure.reason}"
    versions = [*bubble.schedule.replaced, bubble.schedule.content]
    if bubble.state == "replaced" or len(versions) == 1:
        return ""
    before = versions[0].send_at
    is_new = bubble.to.mobile not in {to.mobile for to in versions[0].recipients}
    if is_new or before == bubble.send_at:
        return "modified"
    return f"moved from {sandbox.clock.wall(before)}"


def _details(sandbox: Sandbox, bubble: Bubble) -> str:
    _, schedule, content, to = bubble
    lines = [f"schedule_id {schedule.schedule_id}"]
    if not isinstance(to, Failure) and bubble.state in {"sent", "undelivered"}:
        lines.append(f"msg_id {to.msg_id}")
    lines.append(f"temp_id {content.temp_id}, sign_id {content.sign_id}")
    if content.tag is not None:
        lines.append(f"tag {content.tag}")
    if to.temp_para:
        lines.append(f"temp_para {_cut(_json(to.temp_para), _MAX_CHARACTERS)}")
    history = [
        f"{event} {sandbox.clock.wall(at)}, send_time {sandbox.clock.wall(send_at)}"
        for event, at, send_at in schedule.history[-MAX_LINES:]
    ]
    return "\n".join([*lines, *history])


def _schedules(sandbox: Sandbox, search: str) -> dict[str, Any]:
    """Return the schedules that match a number or an id, by send time, the last one first."""
    found = [
        schedule
        for schedule in sandbox.book.schedules.values()
        if search in schedule.schedule_id
        or any(search in each.mobile for each in schedule.content.everybody)
    ]
    found.sort(key=lambda schedule: schedule.content.send_at, reverse=True)
    return {
        "found": len(found),
        "rows": [_schedule(sandbox, schedule) for schedule in found[:MAX_PEOPLE]],
    }


def _schedule(sandbox: Sandbox, schedule: Schedule) -> dict[str, Any]:
    content, people = schedule.content, schedule.content.everybody
    return {
        "key": schedule.schedule_id,
        "state": STATES[schedule.status],
        "wall": sandbox.clock.wall(content.send_at),
        "due": milliseconds(content.send_at) if schedule.status == "pending" else None,
        "temp_id": content.temp_id,
        "tag": content.tag or "",
        "accepted": len(content.recipients),
        "refused": len(content.failures),
        "undelivered": len(schedule.undelivered),
        "people": [_cut(each.mobile) for each in people[:MAX_MEMBERS]],
        "more": len(people[MAX_MEMBERS:]),
    }


def _template(template: Template) -> dict[str, Any]:
    return {
        "key": str(template.temp_id),
        "type": template.type,
        "status": template.status,
        "text": _cut(template.text),
        "variables": template.variables,
    }


def _connection(sandbox: Sandbox) -> dict[str, str]:
    """Return the Airflow connection, without a master secret of the user's own."""
    app_key, secret = sandbox.credentials
    shown = secret if secret == DEFAULT_MASTER_SECRET else "the master secret of this sandbox"
    return {"conn_type": "jsms", "login": app_key, "password": shown}


def _fault(fault: dict[str, Any]) -> str:
    call, kind, times = (fault.pop(name) for name in ("call", "kind", "times"))
    left = "until cleared" if times is None else f"{times} left"
    settings = f", {_json(fault)}" if fault else ""
    return _cut(f"{call}: {kind}, {left}{settings}")


def _hold(hold: Hold) -> str:
    return f"{hold.request.call}: {hold.moment} (request {hold.request.number})"


def _request(sandbox: Sandbox, request: ApiRequest) -> dict[str, Any]:
    return {
        "key": str(request.number),
        "at": sandbox.clock.wall(request.at),
        "name": _cut(request.call or f"{request.method} {request.path}"),
        "status": str(request.status or "no answer"),
        "reason": "" if request.code is None else f"{request.code} {request.message}",
    }


def _capped(lines: list[str]) -> dict[str, Any]:
    return {"lines": lines[:MAX_LINES], "more": len(lines[MAX_LINES:])}


def _cut(text: str, length: int = _MAX_LINE_CHARACTERS) -> str:
    return f"{text[:length]}…" if len(text) > length else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
