"""Validation of arguments: plain values, and the values that templates render to.

Every check raises ``JsmsInputError`` before anything is sent.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Final
from uuid import UUID

from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.mobile import OF_A_TEMPLATE
from airflow_provider_jsms.exceptions import JsmsError, JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOW_THE_WAY: Final = (
    "If it comes from an upstream task, pass the task's .output instead of a template, or set "
    "render_template_as_native_obj=True on the DAG, so that it stays {}. "
    "JSON text has to be parsed with json.loads, in that task or in the DAG file."
)
_OF_A_TABLE: Final = (
    "Empty cells make a column of pandas float. Read it as text, such as "
    "pandas.read_csv(..., dtype=str, keep_default_na=False)"
)

_LONGEST_CONN_ID: Final = 250
_LONGEST_TAG: Final = 10
# Ids are logged, phone numbers must not be.
_POSITIVE: Final = re.compile(r"(?!0*(?:86)?1[0-9]{10}\Z)0*[1-9][0-9]{0,17}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
# "batch" would change the path, and "None" is a rendered None.
_SCHEDULE_ID: Final = re.compile(
    r"(?!(?:batch|None|(?:86)?1[0-9]{10})\Z)[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
)
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_SHARE: Final = re.compile(r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%")
_LONGEST_KEY: Final = 200
# As people write a number, and not a part of a longer one.
_NUMBER_IN_KEY: Final = re.compile(
    r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])", re.ASCII
)
_CHUNK_IN_KEY: Final = re.compile(r"#[0-9]+\Z")
_FLAGS: Final = {"true": True, "false": False}


@contextmanager
def fetching(name: str, raises: type[JsmsError]) -> Iterator[None]:
    """Let a task retry: Airflow fetches results of mapped tasks while the list is iterated."""
    try:
        yield
    except JsmsError:
        raise
    except Exception as error:  # noqa: BLE001  Airflow's client raises many
        raise raises(
            f"{name} could not be read ({type(error).__name__}). If it comes from other tasks, "
            "another try may fetch it. Nothing was sent."
        ) from None


def is_none(value: object) -> bool:
    """Return whether an argument is not given: None, or an empty string from a template."""
    return value is None or (isinstance(value, str) and not value)


def connection_id_of(value: object) -> str:
    """Return a valid Airflow connection id."""
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_CONN_ID:
        return value
    raise JsmsInputError(
        f"jsms_conn_id {show(value)} is invalid: pass the id of an Airflow connection, 1 to "
        f"{_LONGEST_CONN_ID} printable characters. Nothing was sent."
    )


def once_key_of(value: object, name: str = "once_key") -> str:
    """Return a key that names one text, or a scope of them, without spaces around it."""
    text = text_of(value).strip()
    if value is None:
        flaw = f"is None, which {OF_A_TEMPLATE}, or of an empty cell. Give it a value"
    elif text == "None":
        flaw = f"is the text 'None', which {OF_A_TEMPLATE}. Every such text would have the same key"
    elif isinstance(value, float):
        flaw = f"is the float {show(value)}. {_OF_A_TABLE}"
    elif not text or not text.isprintable() or len(text) > _LONGEST_KEY:
        flaw = f"is {show(value)}: pass 1 to {_LONGEST_KEY} printable characters"
    elif _NUMBER_IN_KEY.search(unicodedata.normalize("NFKC", text)):
        flaw = (
            "contains a phone number, but people read keys. Use the person's id in your system, "
            "or a hash of the number with a secret"
        )
    elif _CHUNK_IN_KEY.search(text):
        flaw = "ends with # and a number, which names a chunk of a batch. Use another form"
    else:
        return text
    raise JsmsInputError(f"{name} {flaw}. Nothing was sent.")


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the accepted words."""
    if isinstance(value, str) and value in accepted:
        return value
    words = " or ".join(map(repr, accepted))
    raise JsmsInputError(f"{name} is {show(value)}: accepted is {words}. Nothing was sent.")


def flag(name: str, value: object) -> bool:
    """Return a boolean from a boolean, also of numpy, or from a rendered one."""
    word = str(value).strip().lower()
    if word in _FLAGS:
        return _FLAGS[word]
    raise JsmsInputError(f"{name} is {show(value)}: accepted is True or False. Nothing was sent.")


def period(name: str, value: object) -> timedelta:
    """Return a duration longer than zero from a timedelta or a number of seconds."""
    if isinstance(value, int | float):
        with suppress(OverflowError, ValueError):  # infinite, or not a number
            value = timedelta(seconds=value)
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    raise JsmsInputError(
        f"{name} is {show(value)}: pass a timedelta, or a number of seconds, longer than zero. "
        "Nothing was sent."
    )


class Limit:
    """A count (``3`` or ``"3"``) or a share of a total (``"5%"``)."""

    def __init__(self, name: str, value: object) -> None:
        self._text = text_of(value)
        self._is_share = bool(_SHARE.fullmatch(self._text))
        if not self._is_share and not _COUNT.fullmatch(self._text):
            raise JsmsInputError(
                f"{name} {show(value)} is neither a count (0 or more) nor a share from '0%' to "
                "'100%'. Nothing was sent."
            )

    def __str__(self) -> str:
        return self._text

    def of(self, total: int) -> Fraction:
        """Return the most that is allowed of a total."""
        # Fractions, because 0.07 * 100 is more than 7 in binary.
        limit = Fraction(self._text.removesuffix("%"))
        return limit * total / 100 if self._is_share else limit


def whole_number_of(name: str, value: object, low: int, high: int) -> int:
    """Return a whole number within bounds."""
    text = text_of(value)
    if _COUNT.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    raise JsmsInputError(
        f"{name} is {show(value)}: pass a whole number from {low} to {high}. Nothing was sent."
    )


def required_id(name: str, value: object) -> int:
    """Return a positive integer from an integer or a string of digits."""
    text = text_of(value).strip()
    if _POSITIVE.fullmatch(text):
        return int(text)
    hint = f"Take {name} from the JSMS console."
    if isinstance(value, float):
        hint = f"{_OF_A_TABLE}."
    elif text == "None":
        hint = f"That {OF_A_TEMPLATE}. Give it a value."
        if name == "sign_id":
            hint += " For the default signature write {{ params.sign_id or '' }}."
    raise JsmsInputError(
        f"{name} {show(value)} is not a positive whole number. Nothing was sent. {hint}"
    )


def tag_of(value: object) -> str | None:
    """Return a tag of at most 10 characters, or None for None, ``""`` and a rendered None."""
    text = text_of(value)  # native rendering makes a number of {{ ds_nodash }}
    if is_none(value) or text == "None":
        return None
    if text and len(text) <= _LONGEST_TAG:
        return encodable("tag", text)
    raise JsmsInputError(
        f"tag {show(value)} is not a string of at most {_LONGEST_TAG} characters. Nothing was sent."
    )


def is_no_schedule_id(value: object) -> bool:
    """Return whether a value comes from an upstream task that returned nothing."""
    # The filter tojson makes "null" of None.
    return value is None or (isinstance(value, str) and value.strip() in ("", "None", "null"))


def schedule_id_of(value: object) -> str:
    """Return a schedule_id that can stand in a path, from a string or a UUID."""
    text = str(value).strip() if isinstance(value, str | UUID) else ""
    if _SCHEDULE_ID.fullmatch(text):
        return text
    hint = ""
    if is_no_schedule_id(value):
        hint = " The task that it comes from returned nothing."
    elif text.startswith(("{", "[", "Lazy")):
        hint = f" {SHOW_THE_WAY.format('what it is')}"
    raise JsmsInputError(
        f"schedule_id {show(value)} is invalid: use letters, digits and - . _ ~, as in the "
        f"schedule_id that a submit returns.{hint} Nothing was sent."
    )


def text_of(value: object) -> str:
    """Return a string as it is and a whole number as a string, else an empty string."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Integral | Decimal):
        return ""
    text = str(value if isinstance(value, Decimal) else int(value))
    return text if _WHOLE.fullmatch(text) else ""


def encodable(name: str, text: str) -> str:
    """Return a text if UTF-8 can encode it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsmsInputError(
            f"{name} contains half of a character (a lone surrogate), which cannot be sent. "
            "Nothing was sent. Decode the source with the right encoding."
        ) from None
    return text
