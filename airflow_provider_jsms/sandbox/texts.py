"""What a test asks a sandbox about: texts, recipients that were refused, requests.

Their fields hold everything in full: they are what the test has sent itself. Their reprs are masked
as everything that the provider shows, because pytest prints them where a test fails, and what it
prints is kept: in the logs of a continuous integration, in reports.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_provider_jsms.api.masking import HIDDEN, mask_field
from airflow_provider_jsms.sandbox.answers import message_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.records import RecordedRequest
    from airflow_provider_jsms.sandbox.schedules import Schedule, Status
    from airflow_provider_jsms.sandbox.state import Sandbox

_MASKED = ("mobile", "temp_para")
_HIDDEN = ("text", "body")


class _Masked:
    # What a dataclass compares by itself, pytest prints field by field and in full.
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    # A field may be a dictionary.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [f"{each.name}={self._shown(each.name)}" for each in fields(self)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        if name in _HIDDEN and value is not None:
            return HIDDEN
        if name.endswith("_time"):
            return str(value)
        return repr(mask_field(name, value) if name in _MASKED else value)


@dataclass(frozen=True, repr=False, eq=False)
class Text(_Masked):
    """A text to one person.

    :param text: what the person reads, with the signature before it.
    :param send_time: when it is sent, or was: an aware time on the wall clock of JSMS.
    :param msg_id: the id that JSMS tells once it has been sent.
    :param temp_para: empty if there were no parameters.
    """

    mobile: str
    text: str
    send_time: datetime
    schedule_id: str
    msg_id: str
    temp_id: int
    temp_para: dict[str, object]
    sign_id: int
    tag: str | None


@dataclass(frozen=True, repr=False, eq=False)
class Refused(_Masked):
    """A recipient of a batch whom JSMS did not take.

    :param code: why, a return code such as 50024.
    :param message: what JSMS says about it, such as ``unsubscribed mobile``.
    """

    mobile: str
    code: int
    message: str
    schedule_id: str
    temp_para: dict[str, object]


@dataclass(frozen=True, repr=False, eq=False)
class ApiRequest(_Masked):
    """A request to the API.

    :param call: such as ``submit_schedule``; None if the API has no such call.
    :param status: the HTTP status of the answer, None if there was none.
    :param code: the return code in the answer, None if there was none in it.
    :param body: what was sent, as JSON; None if nothing was.
    """

    call: str | None
    status: int | None
    code: int | None
    method: str
    path: str
    body: object


def texts(sandbox: Sandbox, status: Status) -> list[Text]:
    """Return the texts of every schedule in a state, in the order of their times."""
    found = [text for each in _schedules(sandbox, status) for text in _texts(sandbox, each)]
    return sorted(found, key=lambda text: text.send_time)


def refused(sandbox: Sandbox) -> list[Refused]:
    """Return the recipients that were refused, those of the first schedule first."""
    return [
        Refused(one.mobile, one.code, message_of(one.code), each.schedule_id, one.temp_para or {})
        for each in sandbox.book.schedules.values()
        for one in each.content.failures
    ]


def requests(sandbox: Sandbox) -> list[ApiRequest]:
    """Return every request to the API, the first one first."""
    return [_request(each) for each in sandbox.recorded]


def _schedules(sandbox: Sandbox, status: Status) -> Iterator[Schedule]:
    return (each for each in sandbox.book.schedules.values() if each.status == status)


def _texts(sandbox: Sandbox, schedule: Schedule) -> Iterator[Text]:
    content, zone = schedule.content, ZoneInfo(sandbox.clock.timezone)
    for recipient in content.recipients:
        yield Text(
            mobile=recipient.mobile,
            text=recipient.text,
            send_time=content.send_at.astimezone(zone),
            schedule_id=schedule.schedule_id,
            msg_id=str(recipient.msg_id),
            temp_id=content.temp_id,
            temp_para=recipient.temp_para or {},
            sign_id=content.sign_id,
            tag=content.tag,
        )


def _request(recorded: RecordedRequest) -> ApiRequest:
    return ApiRequest(
        call=recorded.call,
        status=recorded.status,
        code=recorded.code,
        method=recorded.method,
        path=recorded.path,
        body=recorded.body,
    )
