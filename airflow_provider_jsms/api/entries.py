"""Where recipients come from: a list, whatever can be iterated, or a frame of pandas or polars.

Each of them can be iterated more than once, in blocks of entries with their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, reading
from airflow_provider_jsms.api.columns import TEMP_PARA, Columns, columns_of_row, is_blank
from airflow_provider_jsms.api.mobile import MOBILE
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRecipientsFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK: Final = 1000
"""How many entries are read at once."""

# What an upstream task returned may be fetched piece by piece, and that may fail for a while.
_reading_list = partial(reading, "recipients", raises=JsmsRecipientsFileError)


class Block(NamedTuple):
    """Entries that are read at once.

    :param places: where each of them stands, from 1.
    """

    entries: Sequence[Any]
    places: Sequence[int]


class Source(Protocol):
    """Recipients that can be iterated more than once."""

    @property
    def place(self) -> str:
        """What an entry's place is called, such as ``entry`` or ``line``."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield all entries, from the first one on."""
        ...


class BadRow:
    """Stands for a row that is no entry at all.

    :param why: what is wrong with it, for the error.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def read(self) -> NoReturn:
        """Raise what is wrong with it."""
        raise JsmsInputError(self._why)


def entries_of(value: object, renamed: Mapping[str, str] | None = None) -> Source:
    """Return the entries of a list or of a frame.

    :param renamed: names of columns by their headers, the operator's argument ``columns``.
    :raises JsmsInputError: it is neither, or the frame has no column ``mobile``.
    :raises JsmsRecipientsFileError: it cannot be iterated now.
    """
    is_frame = hasattr(type(value), "columns") and hasattr(type(value), _rows_of(value))
    return (Frame if is_frame else Entries)(value, renamed)


def _rows_of(frame: object) -> str:
    """Return the name of the method that yields the rows of a frame of pandas or polars."""
    return "itertuples" if hasattr(type(frame), "itertuples") else "iter_rows"


class Entries:
    """Recipients from a list, or from anything that can be iterated.

    :param value: entries ``{"mobile": ..., "temp_para": {...}}``, rows with ``mobile`` among their
        keys, or bare numbers.
    :param renamed: names of columns by their headers.
    :raises JsmsInputError: it is nothing of the kind.
    :raises JsmsRecipientsFileError: it cannot be iterated now.
    """

    place: Final = "entry"

    @_reading_list()
    def __init__(self, value: object, renamed: Mapping[str, str] | None = None) -> None:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise JsmsInputError(_no_list(value))
        self._renamed = renamed
        if isinstance(value, set | frozenset):
            # Its order is another one in each process, and the same list has to stay the same.
            self._entries: Iterable[object] = sorted(value, key=repr)
        else:
            # What can be iterated only once is kept, because a campaign iterates it twice.
            self._entries = list(value) if iter(value) is value else value

    def blocks(self) -> Iterator[Block]:
        """Yield all entries, from the first one on."""
        first = 1
        with _reading_list():
            entries = iter(self._entries)
            while block := list(islice(entries, BLOCK)):
                if self._renamed:
                    block = [with_names(entry, self._renamed) for entry in block]
                yield Block(block, range(first, first + len(block)))
                first += len(block)


def _no_list(value: object) -> str:
    hint = SHOW_THE_WAY.format("a list")
    if isinstance(value, Mapping):
        hint = (
            "One person is a list of one: [{...}]. A dictionary of columns becomes a list by "
            "[dict(zip(columns, row)) for row in zip(*columns.values())]."
        )
    return (
        f"recipients is of type {type(value).__name__}: a list is needed, of numbers or of "
        f'{{"mobile": ..., "temp_para": {{...}}}}. {hint} Nothing was sent.'
    )


def with_names(entry: object, renamed: Mapping[str, str]) -> object:
    """Return an entry with the keys that the argument ``columns`` gives it."""
    if not isinstance(entry, Mapping):
        return BadRow(f"it has no names for the argument columns: it is a {type(entry).__name__}.")
    try:
        if TEMP_PARA in entry and all(name in entry for name in renamed):
            return {renamed.get(name, name): entry[name] for name in entry}
        columns = columns_of_row(tuple(entry), tuple(renamed.items()))
        return columns.entry([entry[name] for name in entry])
    except JsmsInputError as error:
        return BadRow(str(error))


class Frame:
    """Recipients from a frame of pandas or polars, by the names of its columns.

    It is known by its methods, because a DAG file must not import either library. Rows without
    any value are left out.

    :param frame: with a column ``mobile``; the others are the parameters of the template.
    :param renamed: names of columns by their headers.
    :raises JsmsInputError: it has no such column.
    """

    place: Final = "row"

    @reading("recipients")
    def __init__(self, frame: Any, renamed: Mapping[str, str] | None = None) -> None:  # noqa: ANN401  of a library that may not be installed
        self._frame = frame
        names, kind = list(frame.columns), type(frame).__name__
        if MOBILE not in names and MOBILE in getattr(getattr(frame, "index", None), "names", ()):
            raise JsmsInputError(
                f"recipients is a {kind} with mobile as its index, which is no column. Nothing was "
                "sent. Pass frame.reset_index()."
            )
        self._columns = Columns(names, renamed or {}, f"recipients, a {kind},")

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, from the first one on."""
        method = _rows_of(self._frame)
        arguments = {"index": False, "name": None} if method == "itertuples" else {}
        rows = enumerate(getattr(self._frame, method)(**arguments), start=1)
        return in_blocks((at, self._entry(row)) for at, row in rows if not _is_nobody(row))

    def _entry(self, row: Sequence[Any]) -> object:
        if TEMP_PARA in self._columns.names:
            return dict(zip(self._columns.names, row, strict=True))
        try:
            return self._columns.entry(row)
        except JsmsInputError as error:
            return BadRow(str(error))


def _is_nobody(row: Sequence[object]) -> bool:
    """Tell whether a row is empty; a single cell that is so may be somebody's lost number."""
    return len(row) > 1 and is_blank(row)


def in_blocks(rows: Iterator[tuple[int, Any]]) -> Iterator[Block]:
    """Yield entries with their places in blocks."""
    while True:
        entries: list[Any] = []
        places: list[int] = []
        for place, entry in islice(rows, BLOCK):  # pairs would cost the garbage collector
            places.append(place)
            entries.append(entry)
        if not entries:
            return
        yield Block(entries, places)
