"""The home of a test run goes with the run, also where that crashes or has several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOW_AND_WAIT = "from tests.home import make_home; print(make_home(), flush=True); input()"


class Run:
    """A process with a home, all of whose temporary files are in one folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SHOW_AND_WAIT],
            env={**os.environ, "TMPDIR": str(folder)},
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.home = Path(self.process.stdout.readline().strip())
        assert self.home.is_dir()
        assert self.home.parent == folder

    def end(self) -> None:
        self.process.communicate("\n")
        assert self.process.returncode == 0

    def crash(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    if run.process.poll() is None:
        run.crash()


def test_it_is_gone_after_the_run(running: Run) -> None:
    (running.home / "logs").mkdir()
    running.end()
    assert not running.home.exists()


def test_it_stays_while_another_run_begins_and_ends(running: Run, tmp_path: Path) -> None:
    other = Run(tmp_path)
    assert other.home != running.home
    other.end()
    assert running.home.is_dir()
    running.end()
    assert list(tmp_path.iterdir()) == []


def test_after_a_crash_the_next_run_removes_it(running: Run, tmp_path: Path) -> None:
    (running.home / "logs").mkdir()
    running.crash()
    assert running.home.is_dir()
    Run(tmp_path).end()
    assert list(tmp_path.iterdir()) == []
