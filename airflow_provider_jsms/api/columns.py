"""The columns of a table: the number, and the parameters of the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import is_none
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.mobile import MOBILE, digits_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMP_PARA: Final = "temp_para"

# Byte order marks and directions at the ends of a header; pandas names unnamed columns so.
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f\u202a\u202c\u202d"
_UNNAMED: Final = re.compile(r"Unnamed: [0-9]+")
_NO_VALUES: Final = ("NAType", "NaTType")


class Columns:
    """The names of the columns of a table; a column without a name has to be empty.

    :param renamed: names by header, the operator's argument ``columns``.
    :param where: the table, for errors. They show no header, which may be a person.
    :raises JsmsInputError: the header is unusable.
    """

    def __init__(self, header: Sequence[object], renamed: Mapping[str, str], where: str) -> None:
        names = [_name(each) for each in header]
        self.names = [_canonical(renamed.get(name, name)) for name in names]
        missing = [repr(mask_text(name)) for name in renamed if name not in names]
        why = ""
        if missing:
            why = f"has no column {', '.join(missing)}, which the argument columns names."
        elif MOBILE not in self.names and any(map(digits_of, self.names)):
            why = (
                "has a phone number where the names of the columns are expected. Give the table "
                "a first line, such as mobile,name."
            )
        elif MOBILE not in self.names:
            count = f"{len(names)} column{'' if len(names) == 1 else 's'}"
            why = (
                f"has {count}, none of them called 'mobile'. Rename the column of the numbers, or "
                "pass the operator columns={'its name': 'mobile'}."
            )
        elif len(given := [name for name in self.names if name]) > len(set(given)):
            why = "has two columns of the same name."
        if why:
            raise JsmsInputError(f"{where} {why} Nothing was sent.")

    def entry(self, cells: Sequence[Any]) -> dict[str, Any] | JsmsInputError:
        """Return a row as an entry of ``recipients``, or the error of an unusable row."""
        if len(cells) < len(self.names) or not is_blank(cells[len(self.names) :]):
            return JsmsInputError(f"it has {len(cells)} cells, but the header {len(self.names)}.")
        row = dict(zip(self.names, cells, strict=False))
        if TEMP_PARA in row:
            return row
        for at, (name, cell) in enumerate(zip(self.names, cells, strict=False), start=1):
            if name and name != MOBILE and is_blank((cell,)):
                return JsmsInputError(
                    f"its cell for the parameter {mask_text(name)!r} is empty, which JSMS refuses."
                )
            # csv.DictReader collects the cells beyond the header in a list.
            if not name and not is_blank(cell if isinstance(cell, list) else (cell,)):
                return JsmsInputError(
                    f"column {at} holds something, but has no name. Name it in the header or "
                    "remove it (pandas: to_csv(..., index=False))."
                )
        row.pop("", None)
        return {MOBILE: row.pop(MOBILE), TEMP_PARA: row}


def renamed_row(row: object, renamed: Mapping[str, str]) -> object:
    """Return a row with the names that the argument ``columns`` gives it, or its error."""
    if not isinstance(row, Mapping):
        return JsmsInputError(
            f"it has no names for the argument columns: it is a {type(row).__name__}."
        )
    try:
        return columns_of_row(tuple(row), tuple(renamed.items())).entry([*row.values()])
    except JsmsInputError as error:
        return error


@lru_cache(maxsize=64)
def columns_of_row(keys: tuple[object, ...], renamed: tuple[tuple[str, str], ...] = ()) -> Columns:
    """Return the columns of a row that names them itself, as a dictionary does."""
    return Columns(keys, dict(renamed), "it")


def _name(header: object) -> str:
    text = _visible(header) if isinstance(header, str) else ""
    return "" if _UNNAMED.fullmatch(text) else text


def _visible(text: str) -> str:
    return text.strip().strip(_INVISIBLE).strip()


def _canonical(name: str) -> str:
    return MOBILE if name.casefold() == MOBILE else name


def renaming_of(value: object) -> dict[str, str]:
    """Return the valid argument ``columns``: names by header.

    :raises JsmsInputError: anything but a dictionary of strings.
    """
    if is_none(value):
        return {}
    if not isinstance(value, Mapping):
        raise JsmsInputError(
            f"columns {show(value)} is not a dictionary such as "
            "{'手机号': 'mobile', '姓名': 'name'}. Nothing was sent."
        )
    if not all(isinstance(text, str) and _name(text) for pair in value.items() for text in pair):
        raise JsmsInputError(
            "columns has a header or a name that is empty or not a string. Nothing was sent."
        )
    return {_name(header): _name(name) for header, name in value.items()}


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty: None, an empty string, or a missing value of pandas."""
    if isinstance(value, str):
        return not value
    is_nan = isinstance(value, float | Decimal) and value != value  # noqa: PLR0124
    return value is None or is_nan or type(value).__name__ in _NO_VALUES


def is_blank(cells: Sequence[object]) -> bool:
    """Tell whether a row is empty: spreadsheets leave such rows at the end."""
    return all(not _visible(cell) if isinstance(cell, str) else is_missing(cell) for cell in cells)
