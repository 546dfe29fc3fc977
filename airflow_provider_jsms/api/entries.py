"""Recipients or texts from a list, any iterable, or a table: its columns name the parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, fetching, is_none
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.mobile import MOBILE
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRecipientsFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEMP_PARA: Final = "temp_para"

# Byte order marks and directions at the ends of a header; pandas names unnamed columns so.
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f\u202a\u202c\u202d"
_UNNAMED: Final = re.compile(r"Unnamed: [0-9]+")


class Rows(NamedTuple):
    """The contents of a list: the argument that it is, and its columns that are no parameters.

    :param optional: those of them that a table need not have.
    :param has_parameters: whether its other columns are parameters; otherwise they are ignored.
    """

    argument: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    has_parameters: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are no parameters."""
        return self.required + self.optional


RECIPIENTS: Final = Rows("recipients", (MOBILE,))
TEXTS: Final = Rows("texts", ("key", "send_time", MOBILE, "temp_id"), ("sign_id",))


class Source(Protocol):
    """Rows that can be iterated several times: places from 1, with entries or errors."""

    place: str
    """The word for a place: ``entry``, ``row`` or ``line``."""
    is_fixed: bool
    """Whether it is in memory, so that it is the same whenever it is iterated."""

    def __iter__(self) -> Iterator[tuple[int, object]]: ...


def entries_of(value: object, renamed: Mapping[str, str] = {}, rows: Rows = RECIPIENTS) -> Source:
    """Return the rows of a list or of a frame.

    :param renamed: names of columns by header, the operator's argument ``columns``.
    :raises JsmsInputError: it is neither, or the frame lacks a column.
    """
    kind = type(value)
    # A DAG file must not import pandas or polars.
    is_frame = hasattr(kind, "itertuples") or hasattr(kind, "iter_rows")
    return (Frame if is_frame else Entries)(value, renamed, rows)


class Entries:
    """Rows of an iterable: entries, rows with ``mobile`` among their keys, or numbers."""

    place = "entry"

    def __init__(
        self, value: object, renamed: Mapping[str, str] = {}, rows: Rows = RECIPIENTS
    ) -> None:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            hint = SHOW_THE_WAY.format("a list")
            if isinstance(value, Mapping):
                hint = "A single one is a list of one: [{...}]."
            raise JsmsInputError(
                f"{rows.argument} is of type {type(value).__name__}: a list is needed, of "
                f"rows with {', '.join(rows.required)}. {hint} Nothing was sent."
            )
        self._renamed = renamed
        self._rows = rows
        if isinstance(value, set | frozenset):
            # The order of a set differs between processes, but the chunks must not.
            value = sorted(value, key=repr)
        # A campaign iterates twice.
        self._entries = list(value) if iter(value) is value else value
        self.is_fixed = isinstance(self._entries, list | tuple)

    def __iter__(self) -> Iterator[tuple[int, object]]:
        entries: Iterable[object] = self._entries
        if self._renamed:
            entries = (entry_of(entry, self._rows, self._renamed) for entry in entries)
        with fetching(self._rows.argument, JsmsRecipientsFileError):
            yield from enumerate(entries, start=1)


class Frame:
    """Rows of a frame of pandas or polars, by the names of its columns."""

    place = "row"
    is_fixed = False

    def __init__(self, frame: Any, renamed: Mapping[str, str], rows: Rows) -> None:  # noqa: ANN401  of a library that may not be installed
        where = f"{rows.argument}, a {type(frame).__name__},"
        self._columns = Columns(list(frame.columns), renamed, where, rows)
        self._frame = frame

    def __iter__(self) -> Iterator[tuple[int, object]]:
        frame = self._frame
        is_pandas = hasattr(frame, "itertuples")
        rows = frame.itertuples(index=False, name=None) if is_pandas else frame.iter_rows()
        for place, row in enumerate(rows, start=1):
            # In a single column an empty cell may be a lost number.
            if len(row) == 1 or not is_blank(row):
                yield place, self._columns.entry(row)


class Columns:
    """The names of the columns of a table; a column without a name has to be empty.

    :param where: the table, for errors. They show no header, which may be a person.
    """

    def __init__(
        self, header: Sequence[object], renamed: Mapping[str, str], where: str, rows: Rows
    ) -> None:
        found = [_name(each) for each in header]
        self._rows = rows
        names = [renamed.get(name, name) for name in found]
        self.names = [it.casefold() if it.casefold() in rows.fields else it for it in names]
        missing = [repr(mask_text(name)) for name in renamed if name not in found]
        given = [name for name in self.names if name]
        lacking = [name for name in rows.required if name not in given]
        why = ""
        if missing:
            why = f"has no column {', '.join(missing)}, which the argument columns names."
        elif lacking:
            why = f"has no column called {lacking[0]!r}. Give it a first line such as "
            why += ",".join(rows.required)
            if rows.has_parameters:
                why += (
                    f",name, or pass the operator columns={{'name of the column': {lacking[0]!r}}}"
                )
            why += "."
        elif len(given) > len(set(given)):
            why = "has two columns of the same name."
        if why:
            raise JsmsInputError(f"{where} {why} Nothing was sent.")

    def entry(self, cells: Sequence[Any]) -> dict[str, Any] | JsmsInputError:
        """Return a row as an entry of the list, or the error of an unusable row."""
        if len(cells) < len(self.names) or not is_blank(cells[len(self.names) :]):
            return JsmsInputError(f"it has {len(cells)} cells, but the header {len(self.names)}.")
        row = dict(zip(self.names, cells, strict=False))
        if TEMP_PARA in row:
            return row
        for at, (name, cell) in enumerate(zip(self.names, cells, strict=False), start=1):
            # csv.DictReader collects the cells beyond the header in a list.
            is_empty = is_blank(cell if isinstance(cell, list) and not name else (cell,))
            is_parameter = self._rows.has_parameters and name not in self._rows.fields
            if name and is_parameter and is_empty:
                return JsmsInputError(
                    f"its cell for the parameter {mask_text(name)!r} is empty, which JSMS refuses."
                )
            if not name and not is_empty:
                return JsmsInputError(
                    f"column {at} holds something, but has no name. Name it in the header or "
                    "remove it (pandas: to_csv(..., index=False))."
                )
        row.pop("", None)
        own = {name: row.pop(name) for name in self._rows.fields if name in row}
        return {**own, TEMP_PARA: row}


def entry_of(
    row: object, rows: Rows = RECIPIENTS, renamed: Mapping[str, str] = {}
) -> dict[str, Any] | JsmsInputError:
    """Return a row that names its columns itself as an entry, or the error of an unusable row."""
    if not isinstance(row, Mapping):
        return JsmsInputError(
            f"it has no names for the argument columns: it is a {type(row).__name__}."
        )
    try:
        columns = _columns_of_row(tuple(row), tuple(renamed.items()), rows)
    except JsmsInputError as error:
        return error
    return columns.entry([*row.values()])


@lru_cache(maxsize=64)
def _columns_of_row(
    keys: tuple[object, ...], renamed: tuple[tuple[str, str], ...], rows: Rows
) -> Columns:
    return Columns(keys, dict(renamed), "it", rows)


def renaming_of(value: object) -> dict[str, str]:
    """Return the valid argument ``columns``: names by header, empty if it is not given."""
    if is_none(value):
        return {}
    if isinstance(value, Mapping):
        names = {_name(header): _name(name) for header, name in value.items()}
        if all(names) and all(names.values()):
            return names
    hint = f" {SHOW_THE_WAY.format('a dictionary')}" if isinstance(value, str) else ""
    raise JsmsInputError(
        f"columns {show(value)} is not a dictionary of names by header, such as "
        f"{{'手机号': 'mobile', '姓名': 'name'}}. Nothing was sent.{hint}"
    )


def is_missing(value: object) -> bool:
    """Return whether a cell is empty: None, an empty string, or a missing value of pandas."""
    if isinstance(value, float | Decimal):
        return value != value  # noqa: PLR0124  NaN
    return is_none(value) or type(value).__name__ in ("NAType", "NaTType")


def is_blank(cells: Sequence[object]) -> bool:
    """Return whether a row is empty: spreadsheets leave such rows at the end."""
    return all(not _visible(cell) if isinstance(cell, str) else is_missing(cell) for cell in cells)


def _name(header: object) -> str:
    text = _visible(header) if isinstance(header, str) else ""
    return "" if _UNNAMED.fullmatch(text) else text


def _visible(text: str) -> str:
    return text.strip().strip(_INVISIBLE).strip()
