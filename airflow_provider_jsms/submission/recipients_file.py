"""Recipients in a file: CSV or JSON Lines, on the worker or in object storage.

The file is read as a stream, as often as it is iterated.
"""

from __future__ import annotations

import csv
import json
import re
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, reading
from airflow_provider_jsms.api.columns import Columns, named, renaming_of
from airflow_provider_jsms.api.entries import BadRow, entries_of, in_blocks, with_names
from airflow_provider_jsms.api.masking import is_recipients_file, mask_text, show
from airflow_provider_jsms.api.mobile import MOBILE, OF_A_TEMPLATE
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.submission.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_jsms.api.entries import Block, Source

_PATH = re.compile(r"[\w./:@-]*")
_NUMBERS = re.compile(r"[\s+()\d-]{11,}(?:[,;，；、][\s+()\d-]*)*")
_WORKBOOK = (".xlsx", ".xls", ".xlsm")

_DELIMITERS: Final = ",;\t"
_OTHER_DELIMITER = re.compile("[|，；、]")
# Excel takes a first line such as "sep=;" for what it says and does not show it.
_DELIMITER_LINE = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*', re.IGNORECASE)
_EMPTY_LINE: Final = f"{_DELIMITERS} \r\n\u00a0\u3000"
Row = tuple[int, Any]


@reading("recipients")
def source_of(value: object, columns: object = None) -> Source:
    """Return the recipients that the argument of an operator stands for.

    :param value: a list, a frame, or the path or URI of a ``.csv`` or ``.jsonl`` file.
    :param columns: names of columns by their headers.
    :raises JsmsInputError: it is none of these.
    """
    renamed = renaming_of(columns)
    if is_recipients_file(value):
        return RecipientsFile(value, renamed)
    if isinstance(value, str):
        raise JsmsInputError(_no_file(str.__str__(value)))
    return entries_of(value, renamed)


def _no_file(text: str) -> str:
    """Return the error for a text that is no path."""
    # Text with blanks or commas in it is no slip of a path, but may be somebody's data.
    shown = show(text) if _PATH.fullmatch(text) else f"a text of {len(text)} characters"
    hint = SHOW_THE_WAY.format("a list")
    if text == "None":
        hint = f"That {OF_A_TEMPLATE}. {hint}"
    elif text.lower().endswith(_WORKBOOK):
        hint = "Save the workbook as 'CSV UTF-8', or read it in an upstream task."
    elif _NUMBERS.fullmatch(text):
        hint = f"For numbers in a text pass a list, such as text.split(','). {hint}"
    elif text.lstrip().startswith(("[", "{")):
        hint = f"{hint} JSON text is parsed by json.loads in a task."
    return (
        f"recipients is {shown}, neither a list nor the path of a .csv or .jsonl file. {hint} "
        "Nothing was sent."
    )


class RecipientsFile:
    """Recipients in a CSV file, whose first line names the columns, or in a JSON Lines file.

    A CSV file has the column ``mobile``; every other column is a parameter of the template. A line
    of a JSON Lines file is an entry of a list. Empty lines and empty rows are skipped.

    :param path: a path, a URI such as ``s3://connection@bucket/people.csv``, or a path object.
    :param renamed: names of columns by their headers.
    """

    place: Final = "line"

    def __init__(self, path: Any, renamed: Mapping[str, str] | None = None) -> None:  # noqa: ANN401  anything that can be opened
        self._path = path
        self._name = mask_text(path)
        self._renamed = renamed or {}
        is_table = str(path).lower().endswith(".csv")
        self._rows = self._of_table if is_table else self._of_json_lines
        self._encoding = "" if is_table else "utf-8"

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, from the first one on.

        :raises JsmsInputError: the file is not of the form.
        :raises JsmsRecipientsFileError: it cannot be read.
        """
        with self._lines() as lines:
            yield from in_blocks(self._rows(lines))

    @contextmanager
    def _lines(self) -> Iterator[Iterator[str]]:
        """Open the file and yield its lines, with their ends."""
        # It brings the file systems, which a DAG file must not pull in when it is parsed.
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415

        try:
            given = self._path
            path = ObjectStoragePath(_absolute(given)) if isinstance(given, str) else given
            with path.open("rb") as file:
                # What Airflow opens cannot be iterated over on every version.
                yield decoded(iter(file.readline, b""), self._name, self._encoding)
        except JsmsError:
            raise
        except Exception as error:  # noqa: BLE001  every storage raises its own
            # Its text names the file too, whose name may hold anything.
            said = mask_text(error).rstrip(".")
            raise JsmsRecipientsFileError(
                f"The file of recipients {self._name} could not be read ({type(error).__name__})"
                f"{f': {said}' if said else ''}. See whether it exists, whether the worker may "
                "read it, and for object storage whether the provider package of that storage is "
                "installed."
            ) from None

    def _of_table(self, lines: Iterator[str]) -> Iterator[Row]:
        before, delimiter, lines = _opened(lines, self._renamed)
        reader = csv.reader(lines, strict=True, delimiter=delimiter)
        header = _next_row(reader)
        if header is None:
            return
        where = f"Line {before + 1} of the file of recipients {self._name}"
        if isinstance(header, BadRow):
            raise JsmsInputError(
                f"{where} is no CSV, and it should name the columns. Nothing was sent. Save the "
                "file as CSV in UTF-8, with commas between the columns."
            )
        if len(header) == 1 and _OTHER_DELIMITER.search(header[0]):
            raise JsmsInputError(
                f"{where} names the columns with neither a comma nor a semicolon nor a tab between "
                "them. Nothing was sent. Separate them by commas."
            )
        columns = Columns(header, self._renamed, where)
        width = -1 if columns.unnamed else len(header)
        line = before + reader.line_num + 1
        while (row := _next_row(reader)) is not None:
            if isinstance(row, BadRow):
                yield line, row
            elif len(row) == width and all(map(str.strip, row)):
                yield line, columns.whole_entry(row)
            elif "".join(row).strip():
                yield line, _entry(row, columns)
            line = before + reader.line_num + 1

    def _of_json_lines(self, lines: Iterator[str]) -> Iterator[Row]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                yield number, BadRow("it is not JSON.")
            else:
                yield number, with_names(entry, self._renamed) if self._renamed else entry


def _opened(lines: Iterator[str], renamed: Mapping[str, str]) -> tuple[int, str, Iterator[str]]:
    """Return how many lines come before the header of a table, the delimiter, and the others."""
    before, delimiter = 0, ""
    for line in lines:
        if match := _DELIMITER_LINE.fullmatch(line.strip("\ufeff\r\n")):
            delimiter = match[1]
        elif line.strip(_EMPTY_LINE):
            return before, delimiter or _delimiter_of(line, renamed), chain([line], lines)
        before += 1
    return before, ",", lines


def _delimiter_of(header: str, renamed: Mapping[str, str]) -> str:
    """Return what stands between the columns: with it, one of them is ``mobile``."""
    for delimiter in _DELIMITERS:
        try:
            if MOBILE in named(next(csv.reader([header], delimiter=delimiter)), renamed):
                return delimiter
        except csv.Error:
            return ","
    return max(_DELIMITERS, key=header.count)


def _entry(row: list[str], columns: Columns) -> object:
    """Return a row as an entry; empty cells to the right of the header do not count."""
    width = len(columns.names)
    if len(row) < width or "".join(row[width:]).strip():
        return BadRow(f"it has {len(row)} cells, but the first line {width}.")
    try:
        return columns.entry(row)
    except JsmsInputError as error:
        return BadRow(str(error))


def _absolute(path: str) -> str:
    """Return the absolute path of a file on the worker; what lies elsewhere is left as it is."""
    is_uri = path.startswith("file:")
    if "://" in path and not is_uri:
        return path
    # Before Airflow 3.2 a relative path counts from the root, and not every 3.0 knows these URIs.
    local = path.removeprefix("file:").removeprefix("//") if is_uri else path
    return str(Path(local).expanduser().absolute())


def _next_row(reader: Any) -> list[str] | BadRow | None:  # noqa: ANN401  csv names no type
    """Return the next row of a table, None at its end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return BadRow(f"it is not CSV ({error}).")
