"""The calls of the JSMS API: an argument is validated once and becomes part of a :class:`Call`.

Empty fields are left out, never sent as null (as the official Java client does).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from airflow_provider_jsms import __version__
from airflow_provider_jsms.api import results
from airflow_provider_jsms.api.arguments import is_none, required_id, schedule_id_of, tag_of
from airflow_provider_jsms.api.codes import PULLED_TOO_OFTEN
from airflow_provider_jsms.api.masking import mask_mobile
from airflow_provider_jsms.api.recipients import mobile_of, parameters_of, recipients_of
from airflow_provider_jsms.api.results import Balance, Sign, Template, read_fields
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.api.statuses import INTERVAL
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsThrottledError,
    JsmsUncertainError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, Schedule
    from airflow_provider_jsms.api.send_time import SendTime

HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-jsms/{__version__}",
}
MAX_RECIPIENTS: Final = 1000
"""Recipients per request; JSMS answers 50031 to more."""

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and the function that reads its reply.

    :param name: the hook's method, such as ``submit_schedule``.
    :param read: turns the decoded body of a success into the result.
    :param body: sent as JSON; personal data, so never in a repr.
    :param send_time: the moment that the body names.
    :param interval: seconds that JSMS asks to wait before the next such call.
    """

    name: str
    method: str
    path: str
    read: Callable[..., T] = field(repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    send_time: SendTime | None = None
    interval: float = 0.0

    def __str__(self) -> str:
        """Return ``submit_schedule (POST /v1/schedule)``."""
        return f"{self.name} ({self.method} {self.path})"

    @property
    def content(self) -> bytes | None:
        """The body as JSON in UTF-8."""
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        return text.encode() if self.body else None

    @property
    def recipients(self) -> Sequence[Recipient]:
        """The recipients in the body."""
        if "mobile" not in self.body:
            return self.body.get("recipients", [])  # type: ignore[no-any-return]
        return [{"mobile": self.body["mobile"], "temp_para": self.body.get("temp_para", {})}]

    @property
    def who(self) -> str:
        """The recipients, masked."""
        people = self.recipients
        who = mask_mobile(people[0]["mobile"])
        if len(people) == 1:
            return who
        return f"{len(people):,} recipients (the first is {who})"

    @property
    def subject(self) -> str:
        """Recipients, template and time, masked for the log."""
        moment = f"{self.body['send_time']} (the wall clock of JSMS)"
        return f"{self.who} with temp_id {self.body['temp_id']} at {moment}"

    @property
    def summary(self) -> dict[str, Any]:
        """Time, template and number of recipients, for records that people read."""
        return {
            "send_time": self.send_time.wire if self.send_time else None,
            "send_time_utc": self.send_time.utc if self.send_time else None,
            "temp_id": self.body.get("temp_id"),
            "recipients": len(self.recipients),
        }

    def require_future(self) -> None:
        """Raise if ``send_time`` has passed."""
        if self.send_time:
            self.send_time.require_future(datetime.now(UTC))

    def require_sendable(self) -> None:
        """Raise if ``send_time`` has passed, or if the send_window refuses it."""
        self.require_future()
        if self.send_time:
            self.send_time.require_in_window()

    def may_be_sent_again_after(self, error: BaseException) -> bool:
        """Return whether sending the call once more cannot text anyone twice."""
        if isinstance(error, JsmsNotSentError | JsmsThrottledError):
            return True  # nothing left this machine, or JSMS did not accept it
        if self.interval and getattr(error, "code", None) == PULLED_TOO_OFTEN:
            return True  # nothing was read
        # Repeating a GET, PUT or DELETE leads to the same state. A second POST would be a second
        # text, because JSMS has no idempotency key.
        return isinstance(error, JsmsNoAnswerError) and self.method != "POST"


def submit_schedule(
    *, send_time: SendTime, mobile: object, temp_id: object, sign_id: object, temp_para: object
) -> Call[str]:
    """``POST /v1/schedule``: one text to one person; returns the schedule_id."""
    body = {
        "send_time": send_time.wire,
        "mobile": mobile_of(mobile),
        **_template(temp_id, sign_id, temp_para=parameters_of(temp_para)),
    }
    read = results.read_schedule_id
    return Call("submit_schedule", "POST", "/v1/schedule", read, body, send_time)


def submit_batch_schedule(
    *, send_time: SendTime, recipients: object, temp_id: object, sign_id: object, tag: object
) -> Call[BatchResult]:
    """``POST /v1/schedule/batch``: one text to each of 1 to 1,000 people."""
    head = batch_head(temp_id=temp_id, sign_id=sign_id, tag=tag)
    people = recipients_of(recipients)
    if not people:
        raise JsmsInputError("recipients is empty: at least one is needed. Nothing was sent.")
    if len(people) > MAX_RECIPIENTS:
        raise JsmsInputError(
            f"recipients has {len(people)} entries: one request carries at most "
            f"{MAX_RECIPIENTS}. Nothing was sent. Split the list."
        )
    return batch_call(send_time, head, people)


def batch_head(*, temp_id: object, sign_id: object, tag: object = None) -> dict[str, Any]:
    """Return the validated fields that all chunks of a campaign share."""
    return _template(temp_id, sign_id, tag=tag_of(tag))


def batch_call(
    send_time: SendTime, head: Mapping[str, Any], recipients: Sequence[Recipient]
) -> Call[BatchResult]:
    """Return the batch submit of validated fields and recipients."""
    body = {"send_time": send_time.wire, **head, "recipients": recipients}
    read = partial(results.read_batch_result, recipients=len(recipients))
    return Call("submit_batch_schedule", "POST", "/v1/schedule/batch", read, body, send_time)


def modification(submit: Call[T], schedule_id: object) -> Call[T]:
    """Return the ``PUT`` that replaces a schedule by the content of a submit."""
    name = submit.name.replace("submit", "modify")
    path = f"{submit.path}/{schedule_id_of(schedule_id)}"
    return replace(submit, name=name, method="PUT", path=path)


def query_schedule(schedule_id: object) -> Call[Schedule]:
    """``GET /v1/schedule/{schedule_id}``: a single or a batch schedule."""
    asked = schedule_id_of(schedule_id)
    read = partial(results.read_schedule, asked=asked)
    return Call("query_schedule", "GET", f"/v1/schedule/{asked}", read)


def delete_schedule(schedule_id: object) -> Call[None]:
    """``DELETE /v1/schedule/{schedule_id}``: a single or a batch schedule; no result."""
    path = f"/v1/schedule/{schedule_id_of(schedule_id)}"
    return Call("delete_schedule", "DELETE", path, results.read_nothing)


def get_template(temp_id: object) -> Call[Template]:
    """``GET /v1/templates/{temp_id}``: a template of the application."""
    path = f"/v1/templates/{required_id('temp_id', temp_id)}"
    return Call("get_template", "GET", path, partial(read_fields, form=Template))


def get_sign(sign_id: object) -> Call[Sign]:
    """``GET /v1/sign/{sign_id}``: a signature of the application."""
    path = f"/v1/sign/{required_id('sign_id', sign_id)}"
    return Call("get_sign", "GET", path, partial(read_fields, form=Sign))


def get_balance() -> Call[Balance]:
    """``GET /v1/accounts/app``: the balance of the application; changes nothing."""
    read = partial(read_fields, form=Balance)
    return Call("get_balance", "GET", "/v1/accounts/app", read)


def fetch_reports() -> Call[list[dict[str, Any]]]:
    """``GET /v1/report``: at most 500 delivery reports, which JSMS then forgets."""
    return Call("fetch_reports", "GET", "/v1/report", results.read_reports, interval=INTERVAL)


def fetch_replies() -> Call[list[dict[str, Any]]]:
    """``GET /v1/reply``: at most 500 replies, which JSMS then forgets."""
    return Call("fetch_replies", "GET", "/v1/reply", results.read_replies, interval=INTERVAL)


def uncertain(call: Call[Any], error: JsmsNoAnswerError, since: datetime) -> JsmsUncertainError:
    """Return the error for a submission with an unknown outcome; ``since`` is when it left."""
    return JsmsUncertainError.like(
        error,
        f"JSMS may have accepted this at {utc_text(since)}: {error.text} "
        f"It concerns {call.subject}. It was not sent again. Check in the JSMS console whether "
        "that schedule exists, and delete it there before you send again.",
    )


def _template(temp_id: object, sign_id: object, **more: object) -> dict[str, Any]:
    sign = None if is_none(sign_id) else required_id("sign_id", sign_id)
    fields = {"sign_id": sign, "temp_id": required_id("temp_id", temp_id), **more}
    return {name: value for name, value in fields.items() if value}
