"""Rows of a list, or of a CSV or JSON Lines file, on the worker or in object storage."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY
from airflow_provider_jsms.api.entries import (
    RECIPIENTS,
    Columns,
    Rows,
    entries_of,
    entry_of,
    is_blank,
    renaming_of,
)
from airflow_provider_jsms.api.masking import is_recipients_file, mask_text
from airflow_provider_jsms.api.mobile import MOBILE, OF_A_TEMPLATE
from airflow_provider_jsms.api.recipients import checked, recipient
from airflow_provider_jsms.compat import absolute_path
from airflow_provider_jsms.exceptions import JsmsError, JsmsInputError, JsmsRecipientsFileError
from airflow_provider_jsms.submission.lists.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.api.entries import Source

EXCLUDE: Final = Rows("exclude", (MOBILE,), has_parameters=False)

# Excel obeys a first line such as "sep=;" and does not show it.
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*', re.IGNORECASE)
_SEPARATORS: Final = ",;\t"
_EMPTY_LINE: Final = re.compile(r"[\s,;\ufeff]*")

_log = logging.getLogger(__name__)


def source_of(value: object, columns: object = None, rows: Rows = RECIPIENTS) -> Source:
    """Return the rows of a list, a frame, or a ``.csv``, ``.jsonl`` or ``.txt`` file."""
    renamed = renaming_of(columns)
    if is_recipients_file(value):
        return RecipientsFile(value, renamed, rows)
    if isinstance(value, str):
        raise JsmsInputError(_no_file(value, rows))
    return entries_of(value, renamed, rows)


def _no_file(text: str, rows: Rows) -> str:
    """Return the error for a text that is no path."""
    hint = SHOW_THE_WAY.format("a list")
    if text == "None":
        hint = f"The text 'None' {OF_A_TEMPLATE}."
    elif text.lower().endswith((".xlsx", ".xls", ".xlsm")):
        hint = "Save the workbook as 'CSV UTF-8', or read it in an upstream task."
    elif "[" not in text and re.search(r"[0-9]{11}", text):
        hint = "For numbers in a text pass a list, such as text.split(',')."
    return (
        f"{rows.argument} is a text of {len(text)} characters, neither a list nor the path of a "
        f".csv, .jsonl or .txt file. Nothing was sent. {hint}"
    )


class RecipientsFile:
    """Rows of a CSV file, whose first line names the columns, of JSON Lines, or one number a line.

    :param path: a path, a URI such as ``s3://connection@bucket/people.csv``, or a path object.
    """

    place = "line"
    is_fixed = False

    def __init__(
        self,
        path: Any,  # noqa: ANN401  anything that can be opened
        renamed: Mapping[str, str] = {},
        rows: Rows = RECIPIENTS,
    ) -> None:
        self._path = path
        self._rows = rows
        self._name = f"file of {rows.argument} {mask_text(path)}"
        self._renamed = renamed
        self._suffix = str(path).lower().rpartition(".")[2]

    def __iter__(self) -> Iterator[tuple[int, object]]:
        # It imports the file systems, which a DAG file must not.
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415

        path = self._path
        try:
            if isinstance(path, str):
                path = ObjectStoragePath(absolute_path(path))
            with path.open("rb") as file:
                # Not every Airflow opens a file that can be iterated.
                pieces = iter(file.readline, b"")
                lines = decoded(pieces, self._name, "utf-8" if self._suffix == "jsonl" else "")
                yield from self._rows_of(lines)
        except JsmsError:
            raise
        except Exception as error:  # noqa: BLE001  every storage raises its own
            raise JsmsRecipientsFileError(
                f"The {self._name} could not be read ({type(error).__name__}): "
                f"{mask_text(error).rstrip('.')}. Check whether it exists, whether the worker may "
                "read it, and whether the provider package of its storage is installed."
            ) from None

    def _rows_of(self, lines: Iterator[str]) -> Iterator[tuple[int, object]]:
        if self._suffix == "csv":
            return self._of_table(lines)
        if self._suffix == "jsonl":
            return self._of_json_lines(lines)
        texts = ((number, line.strip()) for number, line in enumerate(lines, start=1))
        return ((number, text) for number, text in texts if text)

    def _of_table(self, lines: Iterator[str]) -> Iterator[tuple[int, object]]:
        try:
            before, separator, lines = _opened(lines)
            rows = csv.reader(lines, strict=True, delimiter=separator)
            header = next(rows, None)
        except csv.Error:
            raise JsmsInputError(
                f"The first line of the {self._name} is not CSV. Nothing was "
                "sent. Save the file as 'CSV UTF-8'."
            ) from None
        if header is None:
            return
        where = f"Line {before + 1} of the {self._name}"
        columns = Columns(header, self._renamed, where, self._rows)
        row: list[str] | None = header
        while row is not None:
            line = before + rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield line, JsmsInputError(f"it is not CSV ({error}).")
            else:
                if row and not is_blank(row):
                    yield line, columns.entry(row)

    def _of_json_lines(self, lines: Iterator[str]) -> Iterator[tuple[int, object]]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                yield number, JsmsInputError("it is not JSON.")
            else:
                names = self._renamed
                yield number, entry_of(entry, self._rows, names) if names else entry


def _opened(lines: Iterator[str]) -> tuple[int, str, Iterator[str]]:
    """Return how many lines precede the header of a table, the separator, and the other lines."""
    separator = ""
    for before, line in enumerate(lines):
        if match := _SEPARATOR_LINE.fullmatch(line.strip("\ufeff\r\n")):
            separator = match[1]
        elif not _EMPTY_LINE.fullmatch(line):
            return before, separator or _separator_of(line), chain([line], lines)
    return 0, ",", lines


def _separator_of(header: str) -> str:
    """Return the separator that divides the header into the most columns."""
    return max(_SEPARATORS, key=lambda each: len(next(csv.reader([header], delimiter=each))))


def excluded_numbers(value: object) -> frozenset[int] | None:
    """Return the numbers of the argument ``exclude``, None for ``()``, its default.

    :raises JsmsInputError: it is no list and no file, or an entry is no number.
    :raises JsmsRecipientsFileError: the list cannot be read.
    """
    if isinstance(value, tuple) and not value:
        return None
    source = source_of(value, rows=EXCLUDE)
    numbers = frozenset(checked(source, _number, lambda _: "entries of exclude"))
    _log.info("Numbers to exclude: %d", len(numbers))
    return numbers


def _number(entry: object) -> int:
    if isinstance(entry, Mapping):
        entry = entry_of(entry, EXCLUDE)
    return int(recipient(entry[MOBILE] if isinstance(entry, Mapping) else entry)[MOBILE])
