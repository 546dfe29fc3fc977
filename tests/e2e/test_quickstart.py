"""The command of the quick start, as a user runs it: from the start to Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from airflow_provider_jsms.sandbox.control import SandboxControl
from tests import measured
from tests.stack.settings import REPOSITORY, release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AIRFLOW = re.compile(r"Airflow +(http://127\.0\.0\.1:\d+) ")
PAGE = re.compile(r"Sandbox's page +(http://127\.0\.0\.1:\d+) ")
MARK = "TEST_OF_THE_QUICKSTART"


class Command:
    """The running command, all of whose files are in one folder."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.user = folder / "user"
        self.user.mkdir()
        self.output = folder / "output"
        self.mark = str(folder)
        environment = {
            **{name: it for name, it in os.environ.items() if name != "AIRFLOW_HOME"},
            "HOME": str(self.user),
            "PYTHONPATH": str(REPOSITORY),
            "TMPDIR": str(self.temporary),
            MARK: self.mark,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                measured.module("airflow_provider_jsms.quickstart"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.seen: set[psutil.Process] = set()

    def address(self, pattern: re.Pattern[str]) -> str:
        """Wait until the command prints an address."""

        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, self.output.read_text()
            return pattern.search(self.output.read_text())

        return wait_until(found, timeout=300, otherwise=lambda: tail(self.output)).group(1)

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


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    running = Command(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(60)


def test_it_leads_to_a_text_and_leaves_nothing_behind(command: Command) -> None:
    airflow, page = command.address(AIRFLOW), command.address(PAGE)
    assert requests.get(page, timeout=10).ok
    assert requests.get(airflow, timeout=30).ok
    rest = release.Rest(airflow)
    run_id = rest.trigger("jsms_quickstart", conf={"name": "小明"})["dag_run_id"]
    run = rest.wait_for_run("jsms_quickstart", run_id, timeout=240)
    assert run["state"] == "success", rest.log("jsms_quickstart", run_id, "submit")
    with SandboxControl(page) as sandbox:
        (message,) = sandbox.messages()
    assert "小明，您好，您的预约已确认。" in message["text"]
    command.note_processes()
    assert len(command.living()) > 3
    (home,) = command.temporary.iterdir()
    assert str(home) in command.output.read_text()

    command.process.send_signal(signal.SIGINT)
    command.process.send_signal(signal.SIGINT)  # an impatient user

    assert command.process.wait(60) == 0
    assert command.living() == []
    assert list(command.temporary.iterdir()) == []
    assert list(command.user.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_leaves_nothing_behind(
    command: Command, number: signal.Signals
) -> None:
    def has_started() -> bool:
        command.note_processes()
        return len(command.seen) >= 2

    wait_until(has_started, timeout=120, otherwise=lambda: tail(command.output))

    command.process.send_signal(number)

    assert command.process.wait(60) == 0
    assert command.living() == []
    assert list(command.temporary.iterdir()) == []
