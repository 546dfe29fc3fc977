"""Recipients in a file: CSV or JSON Lines, on the worker or in object storage.

The file is read as a stream, as often as it is gone through. It is UTF-8, with or without a byte
order mark.
"""

from __future__ import annotations

import csv
import json
import re
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.arguments import reading
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.privacy import is_recipients_file, mask_text, show
from airflow_provider_jsms.recipient import SHOW_THE_WAY
from airflow_provider_jsms.recipients import BLOCK, BadRow, Block, Entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_jsms.campaign import Source

_MOBILE: Final = "mobile"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PATH = re.compile(r"[\w./:@-]*")
Row = tuple[int, Any]


@reading("recipients")
def source_of(value: object) -> Source:
    """Return the recipients that the argument of an operator stands for.

    :param value: a list, or the path or URI of a ``.csv`` or ``.jsonl`` file.
    :raises JsmsInputError: it is neither.
    """
    if is_recipients_file(value):
        return RecipientsFile(value)
    if isinstance(value, str):
        # Text with blanks or commas in it is no slip of a path, but may be somebody's data.
        shown = show(value) if _PATH.fullmatch(value) else f"a text of {len(value)} characters"
        raise JsmsInputError(
            f"recipients is {shown}, neither a list nor the path of a .csv or .jsonl file. "
            f"{SHOW_THE_WAY.format('a list')} Nothing was sent."
        )
    return Entries(value)


class RecipientsFile:
    """Recipients in a CSV file, whose first line names the columns, or in a JSON Lines file.

    A CSV file has the column ``mobile``; every other column is a parameter of the template. A line
    of a JSON Lines file is ``{"mobile": ..., "temp_para": {...}}`` or a bare number. Empty lines
    are passed over.

    :param path: a path, a URI such as ``s3://connection@bucket/people.csv``, or a path object.
    """

    place: Final = "line"

    def __init__(self, path: Any) -> None:  # noqa: ANN401  anything that can be opened
        self._path = path
        self._name = mask_text(path)
        is_table = str(path).lower().endswith(".csv")
        self._rows = self._of_table if is_table else self._of_json_lines

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, from the first one on.

        :raises JsmsInputError: the file is not of the form.
        :raises JsmsRecipientsFileError: it cannot be read.
        """
        with self._lines() as lines:
            rows = self._rows(lines)
            while True:
                entries: list[Any] = []
                places: list[int] = []
                for place, entry in islice(rows, BLOCK):
                    entries.append(entry)
                    places.append(place)
                if not entries:
                    return
                yield Block(entries, places)

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
                yield self._decoded(iter(file.readline, b""))
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

    def _decoded(self, lines: Iterable[bytes]) -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            try:
                yield text.decode()
            except UnicodeDecodeError:
                raise JsmsInputError(
                    f"Line {number} of the file of recipients {self._name} is not UTF-8 (it may be "
                    "GBK or UTF-16). Nothing was sent. Save the file as UTF-8; spreadsheets call "
                    "it 'CSV UTF-8'."
                ) from None

    def _of_table(self, lines: Iterator[str]) -> Iterator[Row]:
        reader = csv.reader(lines, strict=True)
        header: list[str] | BadRow | None = []
        while header == []:
            header = _next_row(reader)
        if header is None:
            return
        if isinstance(header, BadRow):
            raise JsmsInputError(
                f"The first line of the file of recipients {self._name} is no CSV. Nothing was "
                "sent. Save the file as CSV in UTF-8, with commas between the columns."
            )
        at, names = self._columns(header)
        line = reader.line_num + 1
        while (row := _next_row(reader)) is not None:
            if isinstance(row, BadRow):
                yield line, row
            elif len(row) == len(header):
                mobile = row.pop(at)
                yield (
                    line,
                    {_MOBILE: mobile, "temp_para": dict(zip(names, row, strict=True))}
                    if names
                    else mobile,
                )
            elif row:
                yield line, BadRow(f"it has {len(row)} cells, but the first line {len(header)}.")
            line = reader.line_num + 1

    def _columns(self, header: list[str]) -> tuple[int, list[str]]:
        """Return which column holds the number, and the names of the others."""
        names = [name.strip() for name in header]
        # A file without a header begins with somebody's number, so nothing of it is shown.
        if names.count(_MOBILE) != 1 or not all(names) or len(set(names)) != len(names):
            raise JsmsInputError(
                f"The first line of the file of recipients {self._name} has {len(names)} columns. "
                "It has to name them, separated by commas, each once: one is 'mobile', the others "
                "are the parameters of the template. Nothing was sent."
            )
        at = names.index(_MOBILE)
        return at, names[:at] + names[at + 1 :]

    @staticmethod
    def _of_json_lines(lines: Iterator[str]) -> Iterator[Row]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, BadRow("it is not JSON.")


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
