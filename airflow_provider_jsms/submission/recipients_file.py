"""Recipients in a CSV or JSON Lines file, on the worker or in object storage, read as a stream."""

from __future__ import annotations

import csv
import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY
from airflow_provider_jsms.api.columns import Columns, is_blank, renamed_row, renaming_of
from airflow_provider_jsms.api.entries import entries_of
from airflow_provider_jsms.api.masking import is_recipients_file, mask_text, show
from airflow_provider_jsms.api.mobile import OF_A_TEMPLATE
from airflow_provider_jsms.compat import absolute_path
from airflow_provider_jsms.exceptions import JsmsError, JsmsInputError, JsmsRecipientsFileError
from airflow_provider_jsms.submission.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_jsms.api.entries import Source

_PATH: Final = re.compile(r"[\w./:@-]*")
_NUMBERS: Final = re.compile(r"[\s+()\d-]{11,}(?:[,;，；、][\s+()\d-]*)*")
_WORKBOOK: Final = (".xlsx", ".xls", ".xlsm")
# Excel obeys a first line such as "sep=;" and does not show it.
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*', re.IGNORECASE)
_SEPARATORS: Final = ",;\t"
_EMPTY_LINE: Final = re.compile(r"[\s,;\ufeff]*")


def source_of(value: object, columns: object = None) -> Source:
    """Return the recipients that the argument of an operator stands for.

    :param value: a list, a frame, or the path or URI of a ``.csv`` or ``.jsonl`` file.
    :param columns: names of columns by header.
    :raises JsmsInputError: none of these.
    """
    renamed = renaming_of(columns)
    if is_recipients_file(value):
        return RecipientsFile(value, renamed)
    if isinstance(value, str):
        raise JsmsInputError(_no_file(value))
    return entries_of(value, renamed)


def _no_file(text: str) -> str:
    """Return the error for a text that is no path."""
    # Blanks and commas are no slip of a path, but may be personal data.
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

    :param path: a path, a URI such as ``s3://connection@bucket/people.csv``, or a path object.
    :param renamed: names of columns by header.
    """

    place = "line"

    def __init__(self, path: Any, renamed: Mapping[str, str] = {}) -> None:  # noqa: ANN401  anything that can be opened
        self._path = path
        self._name = mask_text(path)
        self._renamed = renamed
        self._is_table = str(path).lower().endswith(".csv")

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
                lines = decoded(pieces, self._name, "" if self._is_table else "utf-8")
                yield from self._of_table(lines) if self._is_table else self._of_json_lines(lines)
        except JsmsError:
            raise
        except Exception as error:  # noqa: BLE001  every storage raises its own
            raise JsmsRecipientsFileError(
                f"The file of recipients {self._name} could not be read ({type(error).__name__}): "
                f"{mask_text(error).rstrip('.')}. Check whether it exists, whether the worker may "
                "read it, and whether the provider package of an object storage is installed."
            ) from None

    def _of_table(self, lines: Iterator[str]) -> Iterator[tuple[int, object]]:
        try:
            before, separator, lines = _opened(lines)
            rows = csv.reader(lines, strict=True, delimiter=separator)
            header = next(rows, None)
        except csv.Error:
            raise JsmsInputError(
                f"The first line of the file of recipients {self._name} is no CSV, and it should "
                "name the columns. Nothing was sent. Save the file as 'CSV UTF-8'."
            ) from None
        if header is None:
            return
        where = f"Line {before + 1} of the file of recipients {self._name}"
        columns = Columns(header, self._renamed, where)
        while True:
            line = before + rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, JsmsInputError(f"it is not CSV ({error}).")
            else:
                if not is_blank(row):
                    yield line, columns.entry(row)

    def _of_json_lines(self, lines: Iterator[str]) -> Iterator[tuple[int, object]]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                yield number, JsmsInputError("it is not JSON.")
            else:
                yield number, renamed_row(entry, self._renamed) if self._renamed else entry


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
