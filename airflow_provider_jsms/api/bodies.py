"""What a schedule consists of: recipients and parameters, checked, in the form that JSMS takes.

A body carries numbers for ids and strings for the values of ``temp_para``; what is empty is left
out, never sent as null (as the official Java client does). Every check raises
:class:`~airflow_provider_jsms.exceptions.JsmsInputError` before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict
from uuid import UUID

from airflow_provider_jsms.api.arguments import is_none, reading
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.mobile import OF_A_TEMPLATE
from airflow_provider_jsms.api.recipient import (
    SHOW_THE_WAY,
    encodable,
    mobile_of,
    parameters_of,
    text_of,
)
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from airflow_provider_jsms.api.recipient import Recipient
    from airflow_provider_jsms.api.send_time import SendTime

MOST_RECIPIENTS: Final = 1000
"""What one request may carry; JSMS answers 50031 to more."""
LONGEST_TAG: Final = 10

_POSITIVE = re.compile(r"0*[1-9][0-9]{0,17}")
_BLANKS = " \t\r\n\u00a0\u3000"
_SCHEDULE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
_NUMBER = re.compile(r"(?:86)?1[0-9]{10}")
# One would change the path, the other is what a template makes of nothing.
_NO_SCHEDULE_ID = ("batch", "None")


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
    people = recipients_of(recipients).recipients
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


def required_id(name: str, value: object) -> int:
    """Return a positive integer from an integer or a string of digits."""
    with reading(name):
        text = text_of(value).strip(_BLANKS)
        if not _POSITIVE.fullmatch(text):
            hint = f"Take {name} from the JSMS console."
            if text == "None":
                hint = f"That {OF_A_TEMPLATE}. Give it a value."
                if name == "sign_id":
                    hint += " For the default signature write {{ params.sign_id or '' }}."
            raise JsmsInputError(
                f"{name} {show(value)} is not a positive whole number. Nothing was sent. {hint}"
            )
        return int(text)


def optional_id(name: str, value: object) -> int | None:
    """Return a positive integer, or None for None and an empty string."""
    with reading(name):
        return None if is_none(value) else required_id(name, value)


@reading("tag")
def tag_of(value: object) -> str | None:
    """Return a tag of at most 10 characters, or None for None and an empty string.

    A whole number is what native rendering makes of ``{{ ds_nodash }}``, and the text ``None`` is
    what a template makes of a Param that is null.
    """
    text = text_of(value)
    if is_none(value) or text == "None":
        return None
    if not (text or isinstance(value, str)) or len(text) > LONGEST_TAG:
        raise JsmsInputError(
            f"tag {show(value)} is not a string of at most {LONGEST_TAG} characters. "
            "Nothing was sent."
        )
    return encodable(text, "tag")


def is_no_schedule_id(value: object) -> bool:
    """Tell whether a value is what an upstream task leaves that returned nothing.

    A template renders None as the word.
    """
    if isinstance(value, str):
        return str.strip(str.__str__(value)) in ("", "None")
    return value is None


@reading("schedule_id")
def schedule_id_of(value: object) -> str:
    """Return a schedule_id that can stand in a path as it is.

    :param value: a text, blanks around it are removed, or a UUID.
    :raises JsmsInputError: it is empty, or would change the path.
    """
    text = str(value) if isinstance(value, UUID) else ""
    if isinstance(value, str):
        text = str.strip(str.__str__(value))
    # A phone number in its place would be told with the path of the call.
    if _SCHEDULE_ID.fullmatch(text) and not _is_taken(text):
        return text
    hint = ""
    if is_no_schedule_id(value):
        hint = " The task that it comes from returned nothing."
    elif text.startswith(("{", "[", "Lazy")):
        hint = f" {SHOW_THE_WAY.format('what it is')}"
    elif isinstance(value, Mapping | list | tuple):
        hint = ' Pass a single id, such as result["schedule_id"].'
    raise JsmsInputError(
        f"schedule_id {show(value)} is invalid: use letters, digits and - . _ ~, as in the "
        f"schedule_id that a submit returns.{hint} Nothing was sent."
    )


def _is_taken(value: str) -> bool:
    return value in _NO_SCHEDULE_ID or _NUMBER.fullmatch(value) is not None
