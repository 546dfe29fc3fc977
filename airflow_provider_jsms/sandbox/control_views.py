"""The views of the control API: what a sandbox holds, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.responses import message_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.schedules import DeliveryFailure, Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox


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
        "schedules": [schedule_of(sandbox, each) for each in sandbox.book.schedules.values()],
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


def schedule_of(sandbox: Sandbox, schedule: Schedule) -> dict[str, Any]:
    """Return a schedule, with its recipients and its history."""
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


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
