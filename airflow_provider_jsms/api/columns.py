"""The columns of a table: which one holds the number, and which the parameters of the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import is_none, reading
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.mobile import MOBILE, digits_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMP_PARA: Final = "temp_para"
_HEADER: Final = "a first line, such as mobile,name"

# What the end of a header may hold without being seen; pandas calls a column without a name so.
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u202a\u202c\u202d"
_UNNAMED = re.compile(r"Unnamed: [0-9]+")
_NO_VALUES = ("NAType", "NaTType")


class Columns:
    """The columns of a table, by their place.

    A column without a name has to be empty: spreadsheets leave such columns at the right.

    :param names: of all columns, from left to right.
    :param renamed: other names for some of them, the operator's argument ``columns``.
    :param where: what has them, for the error, which shows no name: a table without a header
        begins with somebody's number.
    :raises JsmsInputError: it is not clear which column is what.
    """

    def __init__(self, names: Sequence[object], renamed: Mapping[str, str], where: str) -> None:
        self.names = named(names, renamed)
        self._where = where
        self._refuse_missing(names, renamed)
        self._refuse_no_mobile()
        self._refuse_unnamed(names)
        self._mobile = self.names.index(MOBILE)
        self._is_parameter = [name not in ("", MOBILE) for name in self.names]
        self._parameters = list(compress(self.names, self._is_parameter))
        self.unnamed = [at for at, name in enumerate(self.names) if not name]

    def entry(self, cells: Sequence[Any]) -> Any:  # noqa: ANN401  of whatever type a number is
        """Return a row as an entry of ``recipients``.

        :raises JsmsInputError: a cell is empty that must not be so, or holds what has no name.
        """
        for at in self.unnamed:
            # csv.DictReader keeps the cells beyond the header as a list.
            cell = cells[at]
            if not is_blank(cell if isinstance(cell, list) else [cell]):
                raise JsmsInputError(
                    f"column {at + 1} holds something, but has no name. Name it in the header or "
                    "remove it (pandas: to_csv(..., index=False))."
                )
        for name, cell in zip(self.names, cells, strict=False):
            if name and name != MOBILE and is_blank([cell]):
                raise JsmsInputError(
                    f"its cell for the parameter {mask_text(name)!r} is empty, which JSMS refuses."
                )
        return self.whole_entry(cells)

    def whole_entry(self, cells: Sequence[Any]) -> Any:  # noqa: ANN401  the same
        """Return a row of which no cell is empty as an entry of ``recipients``."""
        if not self._parameters:
            return cells[self._mobile]
        values = compress(cells, self._is_parameter)
        parameters = dict(zip(self._parameters, values, strict=False))
        return {MOBILE: cells[self._mobile], TEMP_PARA: parameters}

    def _refuse_missing(self, names: Sequence[object], renamed: Mapping[str, str]) -> None:
        given = set(map(_plain, names))
        if missing := [mask_text(name) for name in renamed if name not in given]:
            raise JsmsInputError(
                f"{self._where} has no column {', '.join(map(repr, missing))}, which the argument "
                "columns names. Nothing was sent."
            )

    def _refuse_no_mobile(self) -> None:
        if MOBILE in self.names:
            return
        if any(map(digits_of, self.names)):
            raise JsmsInputError(
                f"{self._where} has a phone number where the names of the columns are expected. "
                f"Nothing was sent. Give the table {_HEADER}."
            )
        raise JsmsInputError(
            f"{self._where} has {_count(self.names)}, none of them called 'mobile'. Nothing "
            "was sent. Rename the column of the numbers, or pass the operator "
            "columns={'its name': 'mobile'}."
        )

    def _refuse_unnamed(self, names: Sequence[object]) -> None:
        for at, name in enumerate(self.names):
            if name and not isinstance(names[at], str):
                raise JsmsInputError(
                    f"{self._where} has a name for column {at + 1} that is not a string. Nothing "
                    "was sent."
                )
            if name and (first := self.names.index(name)) != at:
                raise JsmsInputError(
                    f"{self._where} gives columns {first + 1} and {at + 1} the same name. Nothing "
                    "was sent."
                )


@lru_cache(maxsize=64)
def columns_of_row(names: tuple[object, ...], renamed: tuple[tuple[str, str], ...] = ()) -> Columns:
    """Return the columns of a row that names them itself, as a dictionary does."""
    return Columns(names, dict(renamed), "it")


def named(names: Sequence[object], renamed: Mapping[str, str]) -> list[str]:
    """Return what each column stands for, an empty text for a column without a name."""
    return [_canonical(renamed.get(name, name)) for name in map(_plain, names)]


def _plain(name: object) -> str:
    if not isinstance(name, str):
        return "" if is_missing(name) else type(name).__name__
    text = _visible(str.__str__(name))
    return "" if _UNNAMED.fullmatch(text) else text


def _count(names: Sequence[object]) -> str:
    return "1 column" if len(names) == 1 else f"{len(names)} columns"


def _visible(text: str) -> str:
    return text.strip().strip(_INVISIBLE).strip()


def _canonical(name: str) -> str:
    return MOBILE if name.casefold() == MOBILE else name


@reading("columns")
def renaming_of(value: object) -> dict[str, str]:
    """Return the checked argument ``columns``: the name of a column by its header.

    :raises JsmsInputError: it is no dictionary of that kind.
    """
    if is_none(value):
        return {}
    if not isinstance(value, Mapping):
        raise JsmsInputError(
            f"columns {show(value)} is not a dictionary such as "
            "{'手机号': 'mobile', '姓名': 'name'}. Nothing was sent."
        )
    if not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise JsmsInputError(
            "columns has a header or a name that is not a string. Nothing was sent."
        )
    names = {_plain(header): _plain(name) for header, name in value.items()}
    if not all(names) or not all(names.values()):
        raise JsmsInputError("columns has a header or a name that is empty. Nothing was sent.")
    return names


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty: None, an empty text, or what pandas has in place of a value."""
    if type(value) is str:
        return not value
    if is_none(value) or type(value).__name__ in _NO_VALUES:
        return True
    return isinstance(value, float | Decimal) and value != value  # noqa: PLR0124  NaN


def is_blank(cells: Sequence[object]) -> bool:
    """Tell whether a row is empty: spreadsheets leave such rows at the end."""
    return all(is_missing(cell) or (isinstance(cell, str) and not _visible(cell)) for cell in cells)
