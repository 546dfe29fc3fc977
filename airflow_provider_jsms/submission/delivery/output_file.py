"""A JSON Lines file that rows are added to page by page, each durable before the next is read.

On the worker a page is appended and synchronized to the disk. In object storage, which cannot
append, it is an object of its own beside the file, until all pages are merged into it.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from mmap import mmap
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import is_recipients_file, mask_text, show
from airflow_provider_jsms.api.statuses import UNREADABLE
from airflow_provider_jsms.compat import absolute_path
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsOutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LOCAL: Final = ("", "file")
_LARGEST_PAGE: Final = 2**20
"""Bytes; 500 replies of 500 characters fit."""


def output_of(value: object) -> LocalFile | ObjectFile:
    """Return the file that an argument names.

    :param value: a path, a URI such as ``s3://connection@bucket/reports.jsonl``, or a path object.
    :raises JsmsInputError: it names no ``.jsonl`` file.
    :raises JsmsOutputError: its storage cannot be used.
    """
    text = str(value)
    if not is_recipients_file(value) or not text.lower().endswith(".jsonl"):
        raise JsmsInputError(
            f"output is {show(value)}: pass the path or URI of a .jsonl file. Nothing was read."
        )
    # It imports the file systems, which a DAG file must not.
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415

    with explaining(text, "Nothing was read."):
        path = ObjectStoragePath(absolute_path(text))
        if path.protocol in _LOCAL:
            return LocalFile(text, Path(path.path))
        return ObjectFile(text, path.fs, path.path)


@contextmanager
def explaining(output: object, consequence: str) -> Iterator[None]:
    """Raise JsmsOutputError for every error of a storage.

    :param consequence: of the error, for the rows that were read.
    """
    try:
        yield
    except Exception as error:
        raise JsmsOutputError(
            f"The output {mask_text(output)} cannot be used ({type(error).__name__}: "
            f"{mask_text(error).rstrip('.')}). {consequence} Check whether its folder or bucket "
            "exists, whether the worker may read, write and delete there, and whether the provider "
            "package of its storage is installed."
        ) from error


def encoded(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return rows as lines of JSON."""
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return lines.encode(errors="backslashreplace")  # a reply may have half of an emoji


@dataclass
class LocalFile:
    """A file on the worker, or on a disk that it has mounted."""

    name: str
    path: Path

    def __str__(self) -> str:
        return self.name

    def begin(self) -> None:
        """Create the file if it is missing, and complete a line that a crash has torn."""
        self.add(b"")
        disk = disk_usage(self.path)
        if disk.total and disk.free < _LARGEST_PAGE:  # a mount may not know its size
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with self.path.open("r+b") as file:
            if self.path.stat().st_size:
                with mmap(file.fileno(), 0) as content:
                    start = content.rfind(b"\n") + 1
                    torn = content[start:]
                file.seek(start)
                file.write(_completed(torn))

    def add(self, page: bytes) -> None:
        """Append lines and wait until they are on the disk."""
        with self.path.open("ab") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Do nothing: the pages are in the file."""

    def lines(self) -> Iterator[bytes]:
        """Iterate over the lines."""
        with self.path.open("rb") as file:
            yield from file


@dataclass
class ObjectFile:
    """An object, and the pages beside it that are not in it yet: ``reports.jsonl.page-<time>``.

    To merge is to write the object and then to delete the pages, oldest first. So if the object
    ends with all pages that are left, a crash has come between the two, and they are in it already.
    """

    name: str
    fs: Any
    path: str

    def __str__(self) -> str:
        return self.name

    def begin(self) -> None:
        """Merge the pages of an earlier try, and check that a page can be written and deleted."""
        self.finish()
        self.add(b"")
        self._delete(self._pages())

    def add(self, page: bytes) -> None:
        """Write a page beside the object."""
        self.fs.pipe_file(f"{self.path}.page-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}", page)

    def finish(self) -> None:
        """Merge all pages into the object, which is created if it is missing."""
        pages = self._pages()
        new = b"".join(self.fs.cat_file(page) for page in pages)
        is_there = self.fs.exists(self.path)
        old = self.fs.cat_file(self.path) if is_there else b""
        if not is_there or not old.endswith(new):
            start = old.rfind(b"\n") + 1
            self.fs.pipe_file(self.path, old[:start] + _completed(old[start:]) + new)
        self._delete(pages)

    def lines(self) -> Iterator[bytes]:
        """Iterate over the lines."""
        with self.fs.open(self.path, "rb") as file:
            yield from file

    def _pages(self) -> list[str]:
        """Return the paths of the pages, oldest first."""
        folder, _, name = self.path.rpartition("/")
        self.fs.invalidate_cache(folder)
        try:
            found = self.fs.ls(folder, detail=False)
        except FileNotFoundError:  # an empty folder is none
            return []
        return sorted(
            each for each in found if f"/{each}".rpartition("/")[2].startswith(f"{name}.page-")
        )

    def _delete(self, pages: Iterable[str]) -> None:
        for page in pages:
            self.fs.rm_file(page)


def _completed(torn: bytes) -> bytes:
    """Return the last line of a file with its end; a part of one becomes an unreadable row."""
    if not torn:
        return b""
    try:
        json.loads(torn)
    except ValueError:
        return encoded([{UNREADABLE: torn.decode(errors="replace")}])
    return torn + b"\n"
