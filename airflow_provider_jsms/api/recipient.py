"""One recipient: a number and the parameters of the template, checked and brought to one form.

Every check raises :class:`~airflow_provider_jsms.exceptions.JsmsInputError`, before anything is
sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, NotRequired, TypedDict

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, encodable, is_none, text_of
from airflow_provider_jsms.api.columns import TEMP_PARA, columns_of_row, is_missing
from airflow_provider_jsms.api.masking import HIDDEN, mask_mobile, mask_text
from airflow_provider_jsms.api.mobile import MOBILE, OF_A_TEMPLATE, SEVERAL, digits_of, flaw_of
from airflow_provider_jsms.exceptions import JsmsInputError

SEPARATOR: Final = "\x1f"
"""Stands between the parts of a row, and never within one."""

OF_NOTHING: Final = frozenset(
    (
        "None",
        "NOTSET",
        "nan",
        "NaN",
        "NaT",
        "<NA>",
        "#N/A",
        "#NAME?",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NUM!",
    )
)
"""What a template or a table writes in place of a value; a person may be called Nan, but not so."""


class Recipient(TypedDict):
    """One person of a batch: a number of 11 digits and the parameters of the template."""

    mobile: str
    temp_para: NotRequired[dict[str, str]]


def recipient(entry: object) -> Recipient:
    """Return one checked recipient.

    :param entry: ``{"mobile", "temp_para"}``; or a row with ``mobile`` whose other keys are the
        parameters; or a bare number, also as the only cell of a row.
    """
    if not isinstance(entry, Mapping):
        return {"mobile": mobile_of(_only_cell(entry))}
    if TEMP_PARA not in entry:
        return _of_a_row(entry)
    if unknown := [mask_text(key) for key in entry if key not in (MOBILE, TEMP_PARA)]:
        raise JsmsInputError(
            "a recipient with temp_para has no other key than mobile, but this one has "
            f"{', '.join(unknown)}."
        )
    return _person(entry.get(MOBILE), entry.get(TEMP_PARA))


def _of_a_row(row: Mapping[object, object]) -> Recipient:
    read = columns_of_row(tuple(row)).entry([row[name] for name in row])
    return _person(**read) if isinstance(read, dict) else _person(read)


def _person(mobile: object, temp_para: object = None) -> Recipient:
    person: Recipient = {"mobile": mobile_of(mobile)}
    if parameters := parameters_of(temp_para):
        person["temp_para"] = parameters
    return person


def _only_cell(entry: object) -> object:
    """Return the cell of a row of one column, such as a database returns; or a bare number."""
    is_row = isinstance(entry, Sequence) and not isinstance(entry, str | bytes | bytearray)
    if not is_row and getattr(type(entry), "ndim", None) is not None:
        is_row = getattr(entry, "ndim") == 1  # noqa: B009  a row of numpy
    if not is_row:
        return entry
    cells = list(entry)  # type: ignore[call-overload]
    if cells and isinstance(cells[0], Mapping | list):
        raise JsmsInputError(
            f"a list within the list (a {type(entry).__name__}). Join the lists of several tasks "
            "in an upstream task: list(itertools.chain.from_iterable(lists))."
        )
    if len(cells) != 1:
        raise JsmsInputError(
            f"a row of {len(cells)} values without names (a {type(entry).__name__}). Name them in "
            'an upstream task: [{"mobile": mobile, "name": name} for mobile, name in rows].'
        )
    return cells[0]


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
    """Return the 11 digits of a mainland number; +86, spaces, dashes and the like are left out.

    :param value: a string, or a whole number (what native rendering makes of digits).
    :raises JsmsInputError: anything else; the number is masked in the text.
    """
    digits = digits_of(text_of(value))
    if digits is None or (not isinstance(value, str) and value < 0):  # type: ignore[operator]
        raise JsmsInputError(
            f"mobile {_shown_number(value)} is not a mainland China number of 11 digits: "
            f"{_flaw_of(value)}. Nothing was sent."
        )
    return digits


def _shown_number(value: object) -> str:
    if is_missing(value):
        return "(none)"
    text = text_of(value)
    masked = mask_mobile(text)
    length = f" of {len(text)} characters" if text else ""
    return f"{'' if masked == HIDDEN else f'{masked} '}(a {type(value).__name__}{length})"


def _flaw_of(value: object) -> str:
    if is_missing(value):
        return "it is empty"
    if isinstance(value, list | tuple | set | frozenset):
        return SEVERAL
    if isinstance(value, float):
        return "read numbers as text, such as pandas.read_csv(..., dtype=str)"
    text = text_of(value)
    return flaw_of(text) if text else "a string or a whole number is needed"


def parameters_of(value: object) -> dict[str, str]:
    """Return ``temp_para`` with values as strings, empty for None and ``{}``.

    Whole numbers are turned into strings. A float, a boolean or None is refused by the parameter's
    name: native rendering makes ``"1e5"`` a float, and the text would not say what was meant. So
    is the text ``None``, and the others that stand for no value.
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
    if text in OF_NOTHING:
        raise JsmsInputError(_nothing(name, text))
    return encodable(text, "temp_para", name)


def _nothing(name: object, text: str) -> str:
    """Return the error for a text that stands for no value."""
    why = OF_A_TEMPLATE if text == "None" else "is what a table has where a value is missing"
    other_case = text.lower() if text.title() in OF_NOTHING else text.title()
    return (
        f"temp_para[{mask_text(name)!r}] is the text {text!r}, which {why}. Nothing was sent. Give "
        "it a value or a default, such as {{ params.name or 'customer' }}. If the word itself is "
        f"meant, write {other_case!r}."
    )
