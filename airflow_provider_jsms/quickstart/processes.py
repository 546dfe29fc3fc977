"""Starting processes in sessions of their own, and stopping them without leaving any behind.

A component forks, its children fork again, some start sessions of their own and some rename
themselves over their environment. So a family is recognised by any of three things: the session
of a process that was started here, a marker in the environment, or descent from one of these.
"""

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from airflow_provider_jsms.quickstart.waiting import INTERVAL, tail, wait_until

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a request to end, and a terminal that was closed."""

MARKER = "JSMS_STACK"
GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL: a scheduler would wait for as long as its tasks run."""

REAPING = 1.0
"""Seconds for a process to collect its dead children, before it is killed as well."""

ENDING = 10.0
"""Seconds after which a process that survives SIGKILL is an error."""

CLOCK_TOLERANCE = 2.0
"""Seconds that the start time of one process may differ between two readings of the clock."""


class ProcessFailedError(Exception):
    """A process ended that should be running; the text carries the end of its log."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A started process, told from a later one of the same pid by the time of its start."""

    name: str
    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if self._is_of(process) and is_alive(process):
                return process
        return None

    def has_lost_its_pid(self) -> bool:
        """Whether another process has been given the pid since."""
        with suppress(psutil.NoSuchProcess):
            return not self._is_of(psutil.Process(self.pid))
        return False

    def _is_of(self, process: psutil.Process) -> bool:
        return bool(abs(process.create_time() - self.started) < CLOCK_TOLERANCE)


class ProcessFamily:
    """Processes that are started one by one and stopped together with all their descendants."""

    def __init__(self) -> None:
        self.marker = uuid.uuid4().hex
        self.records: list[ProcessRecord] = []
        self.started: dict[str, psutil.Popen] = {}
        self._logs: dict[str, Path] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """Start a command detached from the terminal, with all its output going to a file."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self._logs[name] = log
        with interrupts_held_back(), log.open("ab") as output:
            process = psutil.Popen(
                command,
                cwd=folder,
                env={**environment, MARKER: self.marker},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.started[name] = process
            self.records.append(ProcessRecord(name, process.pid, process.create_time()))

    def finish(self, name: str, *, timeout: float) -> None:
        """Wait for a process that ends by itself; fail if it ends badly or not at all."""
        process, log = self.started[name], self._logs[name]
        wait_until(
            lambda: process.poll() is not None,
            timeout=timeout,
            otherwise=lambda: f"{name} has not ended\n{tail(log)}",
        )
        del self.started[name]
        self.records = [record for record in self.records if record.name != name]
        if process.returncode:
            raise ProcessFailedError(self._describe_end(name, process.returncode))

    def check(self) -> None:
        """Fail with the end of its log if a process that was started here has ended."""
        for name, process in self.started.items():
            if process.poll() is not None:
                raise ProcessFailedError(self._describe_end(name, process.returncode))

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(tail(log, lines=15) for log in self._logs.values())

    def members(self) -> set[psutil.Process]:
        """Every living process of the family."""
        everything = [process for process in psutil.process_iter() if is_alive(process)]
        # They outlive the process that began them.
        sessions = {record.pid for record in self.records if not record.has_lost_its_pid()}
        own = {process for process in everything if self._is_own(process, sessions)}
        return own | _descendants(own, everything)

    def stop(self, grace: float = GRACE) -> set[psutil.Process]:
        """End the whole family, politely and then by force; return whom it took force to end."""
        with interrupts_held_back():
            members = self.members()
            leaders = {process for record in self.records if (process := record.process())}
            send(leaders, signal.SIGTERM)
            stubborn = wait_for_end(leaders, grace)
            # those that wait for their children need not any more, and leave at a second signal
            send((members | self.members()) - leaders, signal.SIGKILL)
            send(stubborn, signal.SIGTERM)
            wait_for_end(stubborn, REAPING)
            self._kill_all(members)
            for process in self.started.values():
                process.wait()
            self.started.clear()
            self.records.clear()
            return stubborn

    def _kill_all(self, members: set[psutil.Process]) -> None:
        deadline = time.monotonic() + ENDING
        while left := self.members() | {member for member in members if is_alive(member)}:
            send(left, signal.SIGKILL)
            wait_for_end(left, 1)
            if time.monotonic() > deadline:
                raise RuntimeError(f"could not end {left}")

    def _is_own(self, process: psutil.Process, sessions: set[int]) -> bool:
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) in sessions:
                return True
            return bool(process.environ().get(MARKER) == self.marker)
        return False

    def _describe_end(self, name: str, status: int) -> str:
        return f"{name} ended with status {status}\n{tail(self._logs[name])}"


def is_alive(process: psutil.Process) -> bool:
    """Tell a running process from one that has ended, also if nobody has collected it yet."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Deliver the signals to stop after the block, so that no process is started but not noted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: object) -> None:
        held.append(number)

    previous = {number: signal.signal(number, hold) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if held:
        signal.raise_signal(held[0])


def _descendants(
    ancestors: set[psutil.Process], everything: Iterable[psutil.Process]
) -> set[psutil.Process]:
    children: dict[int, list[psutil.Process]] = {}
    for process in everything:
        with suppress(psutil.NoSuchProcess):
            children.setdefault(process.ppid(), []).append(process)
    found: set[psutil.Process] = set()
    to_visit = list(ancestors)
    while to_visit:
        fresh = [child for child in children.get(to_visit.pop().pid, []) if child not in found]
        found.update(fresh)
        to_visit.extend(fresh)
    return found


def wait_for_end(processes: set[psutil.Process], timeout: float) -> set[psutil.Process]:
    """Return those that still run; psutil's own function would also wait for zombies to vanish."""
    deadline = time.monotonic() + timeout
    while (running := {it for it in processes if is_alive(it)}) and time.monotonic() < deadline:
        time.sleep(INTERVAL)
    return running


def send(processes: Iterable[psutil.Process], number: int) -> None:
    """Send a signal to those that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
