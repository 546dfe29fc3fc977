"""Recipients from a list, any iterable, or a frame of pandas or polars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, fetching
from airflow_provider_jsms.api.columns import Columns, is_blank, renamed_row
from airflow_provider_jsms.api.mobile import MOBILE
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRecipientsFileError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Source(Protocol):
    """Recipients that can be iterated several times: places, from 1, with entries.

    The entry of an unusable row is its error.
    """

    @property
    def place(self) -> str:
        """The word for a place: ``entry``, ``row`` or ``line``."""
        ...

    def __iter__(self) -> Iterator[tuple[int, object]]: ...


def entries_of(value: object, renamed: Mapping[str, str] = {}) -> Source:
    """Return the recipients of a list or of a frame.

    :param renamed: names of columns by header, the operator's argument ``columns``.
    :raises JsmsInputError: it is neither, or the frame has no column ``mobile``.
    """
    kind = type(value)
    # A DAG file must not import pandas or polars.
    is_frame = hasattr(kind, "itertuples") or hasattr(kind, "iter_rows")
    return (Frame if is_frame else Entries)(value, renamed)


class Entries:
    """Recipients from an iterable: entries, rows with ``mobile`` among their keys, or numbers."""

    place = "entry"

    def __init__(self, value: object, renamed: Mapping[str, str] = {}) -> None:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise JsmsInputError(_no_list(value))
        self._renamed = renamed
        if isinstance(value, set | frozenset):
            # The order of a set differs between processes, but the chunks must not.
            value = sorted(value, key=repr)
        # A campaign iterates twice.
        self._entries = list(value) if iter(value) is value else value

    def __iter__(self) -> Iterator[tuple[int, object]]:
        entries: Iterable[object] = self._entries
        if self._renamed:
            entries = (renamed_row(entry, self._renamed) for entry in entries)
        with fetching("recipients", JsmsRecipientsFileError):
            yield from enumerate(entries, start=1)


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


class Frame:
    """Recipients from a frame of pandas or polars, by the names of its columns."""

    place = "row"

    def __init__(self, frame: Any, renamed: Mapping[str, str] = {}) -> None:  # noqa: ANN401  of a library that may not be installed
        kind, header = type(frame).__name__, list(frame.columns)
        if MOBILE not in header and MOBILE in getattr(getattr(frame, "index", None), "names", ()):
            raise JsmsInputError(
                f"recipients is a {kind} with mobile as its index, which is no column. Nothing was "
                "sent. Pass frame.reset_index()."
            )
        self._frame = frame
        self._columns = Columns(header, renamed, f"recipients, a {kind},")

    def __iter__(self) -> Iterator[tuple[int, object]]:
        frame = self._frame
        is_pandas = hasattr(frame, "itertuples")
        rows = frame.itertuples(index=False, name=None) if is_pandas else frame.iter_rows()
        for place, row in enumerate(rows, start=1):
            # In a single column an empty cell may be a lost number.
            if len(row) == 1 or not is_blank(row):
                yield place, self._columns.entry(row)
