"""One recipient: a number and the parameters of the template, checked and brought to one form.

Every check raises :class:`~airflow_provider_jsms.exceptions.JsmsInputError`, before anything is
sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

from airflow_provider_jsms.arguments import is_none
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.privacy import HIDDEN, mask_mobile, mask_text

SEPARATOR: Final = "\x1f"
"""Stands between the parts of a row, and never within one."""

_SEPARATORS = re.compile(r"[ -]")
_MAINLAND = re.compile(r"(?:\+?86)?(1[0-9]{10})")
_LARGEST = 10**18
SHOW_THE_WAY: Final = (
    "If it comes from an upstream task, pass the task's .output instead of a template, or set "
    "render_template_as_native_obj=True on the DAG, so that it stays {}."
)


class Recipient(TypedDict):
    """One person of a batch: a number of 11 digits and the parameters of the template."""

    mobile: str
    temp_para: NotRequired[dict[str, str]]


def recipient(entry: object) -> Recipient:
    """Return one checked recipient from a mapping or a bare number."""
    if not isinstance(entry, Mapping):
        return {"mobile": mobile_of(entry)}
    if unknown := [mask_text(key) for key in entry if key not in ("mobile", "temp_para")]:
        raise JsmsInputError(
            f"a recipient has the keys mobile and temp_para, not {', '.join(unknown)}."
        )
    person: Recipient = {"mobile": mobile_of(entry.get("mobile"))}
    if parameters := parameters_of(entry.get("temp_para")):
        person["temp_para"] = parameters
    return person


def row_of(person: Recipient) -> tuple[str, ...]:
    """Return what two checked recipients share only if they are the same: number, names, values.

    Joined by :data:`SEPARATOR`, a sequence of rows says unambiguously who is in it.
    """
    parameters = person.get("temp_para", {})
    names = tuple(sorted(parameters))
    row = (person["mobile"], heading(names), *(parameters[name] for name in names))
    if sum(part.count(SEPARATOR) for part in row) == len(names):
        return row
    # JSON writes control characters as escapes.
    return person["mobile"], json.dumps(parameters, sort_keys=True)


def heading(names: tuple[str, ...]) -> str:
    """Return the part of a row that tells the names of the parameters, given in sorted order."""
    return SEPARATOR.join((str(len(names)), *names))


def mobile_of(value: object) -> str:
    """Return the 11 digits of a mainland number; +86 or 86, spaces and dashes are understood.

    :param value: a string, or an integer (what native rendering makes of digits).
    :raises JsmsInputError: anything else; the number is masked in the text.
    """
    text = text_of(value)
    match = _MAINLAND.fullmatch(_SEPARATORS.sub("", text))
    if not match or (isinstance(value, int) and text.startswith("-")):
        raise JsmsInputError(
            f"mobile {_shown_number(value)} is not a mainland China number: a string (or an "
            "integer) of 11 digits that begin with 1, with or without +86; spaces and dashes may "
            "stand between them, nothing else. Nothing was sent."
        )
    return match.group(1)


def _shown_number(value: object) -> str:
    if is_none(value):
        return "(none)"
    text = text_of(value)
    masked = mask_mobile(text)
    length = f" of {len(text)} characters" if text else ""
    return f"{'' if masked == HIDDEN else f'{masked} '}(a {type(value).__name__}{length})"


def text_of(value: object) -> str:
    """Return a string, or an integer as one, without regard to what a subclass calls itself."""
    if isinstance(value, str):
        return str.__str__(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return ""
    number = int.__int__(value)
    return str(number) if abs(number) < _LARGEST else ""


def parameters_of(value: object) -> dict[str, str]:
    """Return ``temp_para`` with values as strings, empty for None and ``{}``.

    Integers are turned into strings. A float, a boolean or None is refused by the parameter's
    name: native rendering makes ``"1e5"`` a float, and the text would not say what was meant.
    """
    if is_none(value):
        return {}
    if not isinstance(value, Mapping):
        raise JsmsInputError(
            f"temp_para is of type {type(value).__name__}: a dictionary of the template's "
            f"parameters is needed. {SHOW_THE_WAY.format('a dictionary')} Nothing was sent."
        )
    return {_parameter_name(name): _parameter_value(name, item) for name, item in value.items()}


def _parameter_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise JsmsInputError(
            "temp_para has a parameter whose name is empty or not a string. Nothing was sent."
        )
    return encodable(text_of(name), "the name of a parameter of temp_para")


def _parameter_value(name: object, value: object) -> str:
    text = text_of(value)
    if not text and not isinstance(value, str):
        raise JsmsInputError(
            f"temp_para[{mask_text(name)!r}] is of type {type(value).__name__}: a string is "
            "needed (an integer of at most 18 digits is turned into one). Nothing was sent. "
            "Quote the value, or format it in the template."
        )
    return encodable(text, "temp_para", name)


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
