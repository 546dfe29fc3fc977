"""Files that rows are added to: a row of a durable page is in the file once, after any crash."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsOutputError
from airflow_provider_jsms.submission.delivery.output_file import (
    LocalFile,
    ObjectFile,
    encoded,
    output_of,
)
from tests.versions import attach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def page(first: int, size: int = 3) -> bytes:
    return encoded({"row": number} for number in range(first, first + size))


def rows(output: LocalFile | ObjectFile) -> list[int]:
    return [json.loads(line)["row"] for line in output.lines()]


class Killed(BaseException):
    """The end of the worker, which nothing catches."""


class Mortal:
    """A file system whose worker is killed before or after its n-th change."""

    def __init__(self, fs: Any, kill_at: float, *, is_done: bool) -> None:
        self._fs = fs
        self._changes = count(1)
        self._kill_at = kill_at
        self._is_done = is_done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    def pipe_file(self, *arguments: Any) -> None:
        self._change(self._fs.pipe_file, *arguments)

    def rm_file(self, *arguments: Any) -> None:
        self._change(self._fs.rm_file, *arguments)

    def _change(self, change: Any, *arguments: Any) -> None:
        is_last = next(self._changes) == self._kill_at
        if is_last and not self._is_done:
            raise Killed
        change(*arguments)
        if is_last:
            raise Killed


@pytest.fixture(params=["memory", "folder"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An object storage: in memory, or a folder in the place of a bucket."""
    if request.param == "folder":
        (tmp_path / "bucket").mkdir()
        yield DirFileSystem(str(tmp_path), LocalFileSystem())
        return
    storage = MemoryFileSystem()
    storage.makedirs("/bucket", exist_ok=True)
    yield storage
    storage.rm("/bucket", recursive=True)


class TestInObjectStorage:
    PATH = "bucket/reports.jsonl"

    def names(self, fs: Any) -> list[str]:
        return sorted(name.rpartition("/")[2] for name in fs.ls("bucket", detail=False))

    def output(self, fs: Any) -> ObjectFile:
        return ObjectFile("memory://bucket/reports.jsonl", fs, self.PATH)

    def test_each_page_is_an_object_until_the_end(self, fs: Any) -> None:
        output = self.output(fs)
        output.begin()
        assert self.names(fs) == ["reports.jsonl"]
        output.add(page(0))
        output.add(page(3))
        assert [name[:19] for name in self.names(fs)] == [
            "reports.jsonl",
            *["reports.jsonl.page-"] * 2,
        ]
        assert rows(output) == []
        output.finish()
        assert self.names(fs) == ["reports.jsonl"]
        assert rows(output) == [*range(6)]

    def test_what_is_there_already_stays(self, fs: Any) -> None:
        fs.pipe_file(self.PATH, page(0))
        fs.pipe_file("bucket/reports.jsonl.gz", b"of somebody else")
        output = self.output(fs)
        output.begin()
        output.add(page(3))
        output.finish()
        assert rows(output) == [*range(6)]
        assert self.names(fs) == ["reports.jsonl", "reports.jsonl.gz"]

    @pytest.mark.parametrize("is_done", [False, True])
    @pytest.mark.parametrize("kill_at", range(1, 11))
    def test_after_any_crash_each_page_is_in_it_once(
        self, fs: Any, kill_at: int, *, is_done: bool
    ) -> None:
        durable: list[int] = [0, 1, 2]
        fs.pipe_file(self.PATH, page(0))

        def work(output: ObjectFile, first: int) -> None:
            output.begin()
            for each in (first, first + 3):
                output.add(page(each))
                durable.extend(range(each, each + 3))
            output.finish()

        mortal = Mortal(fs, kill_at, is_done=is_done)
        try:
            work(self.output(mortal), 3)
        except Killed:
            # A page that was written when the worker died counts too.
            durable[:] = [*range(3 + 3 * self.pages_written(fs, durable))]
        work(self.output(fs), 100)
        assert rows(self.output(fs)) == durable
        assert self.names(fs) == ["reports.jsonl"]

    def pages_written(self, fs: Any, durable: list[int]) -> int:
        """Return how many pages of the killed worker are anywhere."""
        found = b"".join(fs.cat_file(name) for name in fs.ls("bucket", detail=False))
        return len({number for number in (3, 6) if b'{"row": %d}' % number in found})

    def test_a_torn_end_is_completed(self, fs: Any) -> None:
        fs.pipe_file(self.PATH, page(0) + b'{"row": 3}')
        output = self.output(fs)
        output.add(page(4))
        output.finish()
        assert rows(output) == [*range(7)]

    def test_a_bucket_that_is_not_there(self, tmp_path: Path) -> None:
        output = ObjectFile("s3://no/a.jsonl", DirFileSystem(str(tmp_path / "no")), "no/a.jsonl")
        with pytest.raises(FileNotFoundError):
            output.begin()


class TestOnTheWorker:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "reports.jsonl"

    @pytest.fixture
    def output(self, path: Path) -> LocalFile:
        return LocalFile(str(path), path)

    def test_pages_are_appended(self, path: Path, output: LocalFile) -> None:
        output.begin()
        assert path.read_bytes() == b""
        output.add(page(0))
        assert rows(output) == [*range(3)]
        output.begin()
        output.add(page(3))
        output.finish()
        assert rows(output) == [*range(6)]

    def test_a_page_is_on_the_disk_before_the_next(
        self, output: LocalFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synchronized: list[int] = []
        monkeypatch.setattr("os.fsync", synchronized.append)
        output.add(page(0))
        output.add(page(3))
        assert len(synchronized) == 2

    @pytest.mark.parametrize(
        ("torn", "kept"),
        [
            (b"", []),
            (b'{"row": 3}', [{"row": 3}]),
            (b'{"row": 3, "phone": "13', [{"unreadable": '{"row": 3, "phone": "13'}]),
            ('{"content": "谢'.encode()[:-1], [{"unreadable": '{"content": "\ufffd'}]),
        ],
    )
    @pytest.mark.parametrize("before", [b"", page(0)])
    def test_a_torn_line_is_completed(
        self, path: Path, output: LocalFile, before: bytes, torn: bytes, kept: list[Any]
    ) -> None:
        path.write_bytes(before + torn)
        output.begin()
        output.add(page(4))
        assert path.read_bytes().startswith(before)
        found = [json.loads(line) for line in path.read_bytes()[len(before) :].splitlines()]
        assert found == [*kept, *({"row": number} for number in (4, 5, 6))]

    def test_a_file_that_is_whole_is_not_changed(self, path: Path, output: LocalFile) -> None:
        path.write_bytes(page(0))
        output.begin()
        assert path.read_bytes() == page(0)


def test_a_uri_names_an_object() -> None:
    attach("memory", fs=MemoryFileSystem())
    output = output_of("memory://bucket/reports.jsonl")
    assert isinstance(output, ObjectFile)
    output.begin()
    output.add(page(0))
    output.finish()
    assert rows(output) == [0, 1, 2]


def test_a_path_names_a_file_on_the_worker(tmp_path: Path) -> None:
    for given in (
        f"{tmp_path}/a.jsonl",
        f"file://{tmp_path}/a.jsonl",
        tmp_path / "a.jsonl",
        ObjectStoragePath(f"file://{tmp_path}/a.jsonl"),
    ):
        here = output_of(given)
        assert isinstance(here, LocalFile)
        here.begin()
        here.add(page(0))
        assert str(here) == str(given)
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 12


@pytest.mark.parametrize("given", [None, "", "None", "reports.csv", 7, ["a.jsonl"], b"a.jsonl"])
def test_anything_else_is_refused(given: object) -> None:
    with pytest.raises(JsmsInputError, match=r"\.jsonl file. Nothing was read"):
        output_of(given)


def test_a_storage_that_is_not_installed() -> None:
    with pytest.raises(JsmsOutputError, match=r"Nothing was read.*provider package"):
        output_of("nowhere://bucket/a.jsonl")
