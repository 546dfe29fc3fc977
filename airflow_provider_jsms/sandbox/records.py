"""Texts, refused recipients and requests as tests read them.

The fields hold full values, because they are the test's own. The reprs are masked, because pytest
prints them when a test fails, and CI keeps that output.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime  # noqa: TC003 - pydantic reads the fields of a request

from airflow_provider_jsms.api.masking import HIDDEN, mask_field

_MASKED = ("mobile", "temp_para")
_HIDDEN = ("text", "body")


class _Masked:
    # pytest prints two dataclasses that differ field by field, unmasked, unless __eq__ is custom.
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    # Some fields are dictionaries.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = [each.name for each in fields(self) if each.repr]  # type: ignore[arg-type]
        shown = ", ".join(f"{name}={self._shown(name)}" for name in names)
        return f"{type(self).__name__}({shown})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        if name in _HIDDEN and value is not None:
            return HIDDEN
        if name.endswith("_time"):
            return str(value)
        return repr(mask_field(name, value) if name in _MASKED else value)


@dataclass(frozen=True, repr=False, eq=False)
class Text(_Masked):
    """A text to one recipient.

    :param text: the message with its signature, as the recipient reads it.
    :param send_time: an aware time on the wall clock of JSMS.
    :param msg_id: the id that JSMS shows once the text is sent.
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
class Undelivered(Text):
    """A text that was accepted and failed at its time.

    :param status: the status in its delivery report, such as 4005.
    :param reason: in words, such as ``no money``.
    """

    status: int
    reason: str


@dataclass(frozen=True, repr=False, eq=False)
class Refused(_Masked):
    """A refused recipient of a batch.

    :param code: the return code, such as 50024.
    :param message: the message of JSMS, such as ``unsubscribed mobile``.
    """

    mobile: str
    code: int
    message: str
    schedule_id: str
    temp_para: dict[str, object]


@dataclass(repr=False, eq=False, kw_only=True)
class ApiRequest(_Masked):
    """A request to the API.

    :param call: the name of the call, such as ``submit_schedule``; None for an unknown path.
    :param status: the HTTP status of the response, None while there is none.
    :param code: the return code in the response, if any.
    :param message: the message beside the code.
    :param body: the JSON document, or text if it is not JSON; None without a body.
    :param number: its position among all requests, from 1.
    :param at: the arrival time by the clock of the sandbox.
    :param headers: by lower-case name, without credentials.
    """

    call: str | None
    status: int | None = None
    code: int | None = None
    message: str | None = None
    method: str
    path: str
    body: object = None
    number: int = field(repr=False)
    at: datetime = field(repr=False)
    headers: dict[str, str] = field(repr=False)
