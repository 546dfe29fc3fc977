"""The state of a sandbox as JSON, for the one who looks at it from outside."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.answers import message_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.holds import Hold
    from airflow_provider_jsms.sandbox.records import RecordedRequest, SentMessage
    from airflow_provider_jsms.sandbox.schedules import Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Show everything but the requests and the messages."""
    return {
        "clock": clock(sandbox),
        "switches": sandbox.switches.as_dict(),
        "account": asdict(sandbox.account),
        "templates": [asdict(template) for template in sandbox.templates.values()],
        "signs": [asdict(signature) for signature in sandbox.signs.values()],
        "numbers": sandbox.numbers,
        "faults": sandbox.faults.as_list(),
        "schedules": [_schedule(sandbox, one) for one in sandbox.book.schedules.values()],
    }


def clock(sandbox: Sandbox) -> dict[str, str]:
    """Show the present time, in UTC and on the wall."""
    now = sandbox.clock.now()
    return {
        "utc": _utc(now),
        "wall": sandbox.clock.wall(now),
        "timezone": sandbox.clock.timezone,
    }


def requests(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Show every request to the API, the first one first."""
    return [_request(recorded) for recorded in sandbox.recorded]


def messages(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Show every message that was sent, the first one first."""
    return [_message(sandbox, sent) for sent in sandbox.sent]


def holds(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Show every call that is held, the first one first."""
    return [_hold(hold) for hold in sandbox.holds]


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _request(recorded: RecordedRequest) -> dict[str, Any]:
    return {**vars(recorded), "at": _utc(recorded.at)}


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "number": hold.request.number,
        "call": hold.request.call,
        "moment": hold.moment,
        "since": _utc(hold.since),
    }


def _message(sandbox: Sandbox, sent: SentMessage) -> dict[str, Any]:
    content = sent.schedule.content
    return {
        "mobile": sent.recipient.mobile,
        "text": sent.recipient.text,
        "temp_id": content.temp_id,
        "temp_para": sent.recipient.temp_para,
        "sign_id": content.sign_id,
        "tag": content.tag,
        "schedule_id": sent.schedule.schedule_id,
        "msg_id": str(sent.recipient.msg_id),
        "send_time": sandbox.clock.wall(content.send_at),
        "sent_at": _utc(content.send_at),
    }


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
            {"mobile": one.mobile, "temp_para": one.temp_para, "msg_id": str(one.msg_id)}
            for one in content.recipients
        ],
        "failure_recipients": [
            {
                "mobile": one.mobile,
                "temp_para": one.temp_para,
                "error_code": one.code,
                "error_message": message_of(one.code),
            }
            for one in content.failures
        ],
        "history": [
            {"event": event, "at": _utc(at), "send_time": sandbox.clock.wall(send_at)}
            for event, at, send_at in schedule.history
        ],
    }
