"""Reading an argument of which nothing is known: an object may do anything when it is looked at.

A text may be a subclass with methods of its own, a mapping may raise while it is gone through, a
stand-in may only claim to be what it is not. Whatever comes of it, it is an unusable argument.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from numbers import Integral
from typing import TYPE_CHECKING, Final
from uuid import UUID

from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.mobile import OF_A_TEMPLATE
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRecipientsFileError,
    JsmsRenderError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_CONN_ID: Final = 250
_MAY_PASS: Final = (JsmsRecipientsFileError, JsmsRenderError)

LONGEST_TAG: Final = 10
_POSITIVE = re.compile(r"0*[1-9][0-9]{0,17}")
_BLANKS = " \t\r\n\u00a0\u3000"
_SCHEDULE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
_NUMBER = re.compile(r"(?:86)?1[0-9]{10}")
# One would change the path, the other is what a template makes of nothing.
_NO_SCHEDULE_ID = ("batch", "None")
_LARGEST = 10**18
SHOW_THE_WAY: Final = (
    "If it comes from an upstream task, pass the task's .output instead of a template, or set "
    "render_template_as_native_obj=True on the DAG, so that it stays {}."
)
_FLAGS = {"true": True, "false": False}


@contextmanager
def reading(name: str, raises: type[JsmsError] = JsmsInputError) -> Iterator[None]:
    """Turn whatever an argument raises when it is looked at into an error that names it.

    :param name: of the argument.
    :param raises: the error; a lazy list may be readable in another try.
    """
    try:
        yield
    except JsmsError:
        raise
    except Exception as error:  # noqa: BLE001  it can raise anything, with anything in its text
        hint = (
            "If it comes from other tasks, another try may fetch it."
            if raises in _MAY_PASS
            else "Accepted is a plain value, such as a string, a number, a list or a dictionary."
        )
        raise raises(
            f"{name} cannot be read: it raised {type(error).__name__} when it was looked at. "
            f"{hint} Nothing was sent."
        ) from None


def is_none(value: object) -> bool:
    """Tell whether an argument is not given: None, or the empty text that a template may make."""
    return value is None or (isinstance(value, str) and str.__len__(value) == 0)


@reading("jsms_conn_id")
def connection_id_of(value: object) -> str:
    """Return the id of an Airflow connection that can be looked up and told in a log.

    :raises JsmsInputError: it is no text, empty, too long, or has a line break or the like in it.
    """
    text = str.__str__(value) if isinstance(value, str) else ""
    if text.isprintable() and 0 < len(text) <= _LONGEST_CONN_ID:
        return text
    raise JsmsInputError(
        f"jsms_conn_id {show(value)} is not the id of an Airflow connection: a text of 1 to "
        f"{_LONGEST_CONN_ID} characters that can be seen, without line breaks. Nothing was sent."
    )


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the accepted words.

    :raises JsmsInputError: it is not; the text names them.
    """
    with reading(name):
        if isinstance(value, str) and str.__str__(value) in accepted:
            return str.__str__(value)
        words = " or ".join(repr(word) for word in accepted)
        raise JsmsInputError(f"{name} is {show(value)}: accepted is {words}. Nothing was sent.")


def flag(name: str, value: object) -> bool:
    """Return a boolean from a boolean (also of numpy) or from what a template renders one to.

    :raises JsmsInputError: it is neither True nor False.
    """
    with reading(name):
        if type(value).__module__ == "numpy":
            value = value.item()  # type: ignore[attr-defined]
        if isinstance(value, bool):
            return value
        word = str.lower(str.strip(value)) if isinstance(value, str) else ""
        if word in _FLAGS:
            return _FLAGS[word]
        raise JsmsInputError(
            f"{name} is {show(value)}: accepted is True or False. Nothing was sent."
        )


def period(name: str, value: object) -> timedelta:
    """Return a duration longer than zero from a timedelta or a number of seconds.

    :raises JsmsInputError: it is neither.
    """
    with reading(name):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and value > 0:  # type: ignore[operator]
            return _seconds(value)  # type: ignore[arg-type]
        if isinstance(value, timedelta) and value > timedelta(0):
            return value
        shown = str(value) if isinstance(value, timedelta) else show(value)
        raise JsmsInputError(
            f"{name} is {shown}: pass a timedelta, or a number of seconds, longer than zero. "
            "Nothing was sent."
        )


def _seconds(value: float) -> timedelta:
    try:
        return timedelta(seconds=value)
    except OverflowError:
        return timedelta.max


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


def text_of(value: object) -> str:
    """Return a string, or a whole number as one, without regard to what a subclass calls itself."""
    if isinstance(value, str):
        return str.__str__(value)
    number = _whole(value)
    return str(number) if number is not None and abs(number) < _LARGEST else ""


def _whole(value: object) -> int | None:
    """Return an integer, also of numpy, or a Decimal that is written without a fraction."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, Integral):
        return operator.index(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= _LARGEST:
        return None
    return int(value) if value.as_tuple().exponent >= 0 else None  # type: ignore[operator]


def encodable(text: str, what: str, key: object = None) -> str:
    """Return a text that can be sent in UTF-8; ``what``, and its key, name it in the error."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # The key is masked only now, because that takes longer than all the rest.
        place = what if key is None else f"{what}[{mask_text(key)!r}]"
        raise JsmsInputError(
            f"{place} contains half of a character (a lone surrogate), which cannot be sent. "
            "Nothing was sent. Decode the source with the right encoding."
        ) from None
    return text
