"""What a schedule consists of: recipients and parameters, checked, in the form that JSMS takes.

A body carries numbers for ids and strings for the values of ``temp_para``; what is empty is left
out, never sent as null (as the official Java client does). Every check raises
:class:`~airflow_provider_jsms.exceptions.JsmsInputError` before anything is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from airflow_provider_jsms.api.arguments import optional_id, reading, required_id, tag_of
from airflow_provider_jsms.api.recipients import mobile_of, parameters_of, recipients_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.send_time import SendTime

MOST_RECIPIENTS: Final = 1000
"""What one request may carry; JSMS answers 50031 to more."""


class SingleBody(TypedDict):
    """The body of a single schedule, in the order of the official Java client."""

    send_time: str
    mobile: str
    sign_id: NotRequired[int]
    temp_id: int
    temp_para: NotRequired[dict[str, str]]


class BatchBody(TypedDict):
    """The body of a batch schedule, in the order of the official Java client."""

    send_time: str
    sign_id: NotRequired[int]
    temp_id: int
    tag: NotRequired[str]
    recipients: list[Recipient]


def single_body(
    *, send_time: SendTime, mobile: object, temp_id: object, sign_id: object, temp_para: object
) -> SingleBody:
    """Return the body of a single schedule."""
    with reading("mobile"):
        body: dict[str, object] = {"send_time": send_time.wire, "mobile": mobile_of(mobile)}
    if (signature := optional_id("sign_id", sign_id)) is not None:
        body["sign_id"] = signature
    body["temp_id"] = required_id("temp_id", temp_id)
    with reading("temp_para"):
        if parameters := parameters_of(temp_para):
            body["temp_para"] = parameters
    return body  # type: ignore[return-value]


def batch_body(
    *, send_time: SendTime, recipients: object, temp_id: object, sign_id: object, tag: object
) -> BatchBody:
    """Return the body of a batch schedule of 1 to 1,000 recipients."""
    body = batch_head(send_time=send_time, temp_id=temp_id, sign_id=sign_id, tag=tag)
    people = recipients_of(recipients)
    if not people:
        raise JsmsInputError("recipients is empty: at least one is needed. Nothing was sent.")
    if len(people) > MOST_RECIPIENTS:
        raise JsmsInputError(
            f"recipients has {len(people)} entries: one request carries at most "
            f"{MOST_RECIPIENTS}. Nothing was sent. Split the list."
        )
    return {**body, "recipients": people}  # type: ignore[typeddict-item]


def batch_head(
    *, send_time: SendTime, temp_id: object, sign_id: object, tag: object
) -> dict[str, object]:
    """Return the body of a batch schedule without its recipients."""
    body: dict[str, object] = {"send_time": send_time.wire}
    if (signature := optional_id("sign_id", sign_id)) is not None:
        body["sign_id"] = signature
    body["temp_id"] = required_id("temp_id", temp_id)
    if label := tag_of(tag):
        body["tag"] = label
    return body
