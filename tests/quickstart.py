"""The command of the quick start in a process of its own, measured where the tests are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from coverage import Coverage

from airflow_provider_jsms.quickstart.waiting import tail, wait_until

if TYPE_CHECKING:
    import re

ROOT: Final = Path(__file__).parents[1]
MARK: Final = "TEST_OF_THE_QUICKSTART"


def _command() -> list[str]:
    """Return the command, whose coverage is written where pytest-cov collects it."""
    start = ["-m", "airflow_provider_jsms.quickstart"]
    if Coverage.current() is None:
        return [sys.executable, *start]
    files = [f"--rcfile={ROOT / 'pyproject.toml'}", f"--data-file={ROOT / '.coverage'}"]
    return [sys.executable, "-m", "coverage", "run", "--parallel-mode", *files, *start]


class QuickStart:
    """The running command, all of whose files are in one folder.

    :param modules: a folder whose modules are imported before any other.
    """

    def __init__(self, folder: Path, modules: Path | None = None) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.user = folder / "user"
        self.user.mkdir()
        self.output = folder / "output"
        self.mark = str(folder)
        environment = {
            **{name: it for name, it in os.environ.items() if name != "AIRFLOW_HOME"},
            "HOME": str(self.user),
            "PYTHONPATH": os.pathsep.join(str(each) for each in (modules, ROOT) if each),
            "TMPDIR": str(self.temporary),
            MARK: self.mark,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                _command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.seen: set[psutil.Process] = set()

    def end(self) -> None:
        """End the command if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def address(self, pattern: re.Pattern[str]) -> str:
        """Wait until the command prints an address."""

        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, self.output.read_text()
            return pattern.search(self.output.read_text())

        return wait_until(found, timeout=300, otherwise=lambda: tail(self.output)).group(1)

    def wait_for_processes(self, count: int) -> None:
        """Wait until the command has started processes."""

        def has_started() -> bool:
            self.note_processes()
            return len(self.seen) >= count

        wait_until(has_started, timeout=120, otherwise=lambda: tail(self.output))

    def note_processes(self) -> None:
        """Remember all that the command has started so far."""
        self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))

    def living(self) -> list[psutil.Process]:
        """Return what is left: processes seen before, and those with our environment."""
        return [
            process
            for process in {*self.seen, *filter(self._is_ours, psutil.process_iter())}
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark
        except (psutil.Error, OSError):
            return False
