"""Kill many tasks at random moments: ``python -m tests.soak --kills 200``.

A real scheduler runs short submissions, and the process of a task gets SIGKILL after a random time,
from outside. What the sandbox has sent then tells for every person: texted once, or not texted and
named by a failed task. Anything else is an error. The exit status tells.
"""

from __future__ import annotations

import argparse
import queue
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.e2e.crash.proxy import HoldingProxy
from tests.e2e.crash.stage import KINDS, LATER, Stage, airflow_behind, is_task
from tests.stack.processes import exit_on_sigterm
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from tests.e2e.crash.proxy import Start
    from tests.e2e.crash.stage import Run

AT_ONCE = 10
# Of the tries of a task, the last one is spared, so that it can tell.
KILLED_TRIES = 5
SHARE_KILLED = 0.8
# A task is made to take its time, so that a random moment finds every phase of it.
LATENCY = 0.08
SLOW_ANSWER = 0.3
KILLED_AFTER = (0.3, 1.8)
PHASES = ("nothing", "begun", "sending", "accepted", "finished")
HEADING = ("found", "kills", "runs", "once", "lost, named", "lost, not named", "twice")


@dataclass
class Killer:
    """Kills tasks at random moments, and knows which record state each kill has found."""

    stage: Stage
    randomness: random.Random
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _starts: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        return sum(len(each) for each in self.found.values())

    def work(self, is_over: threading.Event) -> None:
        """Take up every process that starts."""
        while not is_over.is_set():
            with suppress(queue.Empty):
                self._take_up(self.stage.proxy.starts.get(timeout=0.2))

    def _take_up(self, start: Start) -> None:
        self._starts[start.run_id] += 1
        is_spared = self.randomness.random() > SHARE_KILLED
        if is_spared or self._starts[start.run_id] > KILLED_TRIES:
            return
        with suppress(psutil.NoSuchProcess):
            delay = self.randomness.uniform(*KILLED_AFTER)
            process = psutil.Process(start.pid)
            threading.Timer(delay, self._kill, [start.run_id, process]).start()

    def _kill(self, run_id: str, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            # It may have ended by itself, and psutil sees to it that its pid is still its own.
            if is_task(process, self.stage.airflow):
                process.send_signal(signal.SIGKILL)
                written = ["nothing", *self.stage.proxy.states_of(run_id)]
                self.found[run_id].append(written[-1])


@dataclass
class Table:
    """What came of everybody, by the record state that the last kill of their task has found."""

    kills: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    people: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    errors: list[str] = field(default_factory=list)

    def add(self, run: Run, found: list[str], sent: Counter[str], *, is_named: bool) -> None:
        """Count a run and its people."""
        phase = found[-1] if found else "(no kill)"
        self.kills.update(found)
        self.runs[phase] += 1
        for number in run.numbers:
            what = _verdict(sent[number], is_named=is_named)
            self.people[phase][what] += 1
            if what in HEADING[-2:]:
                self.errors.append(f"{run.run_id}: {what}; the kills found {found}")

    def show(self) -> None:
        """Print it."""
        _print_row(HEADING)
        for phase in (*PHASES, "(no kill)"):
            counts = [self.people[phase][what] for what in HEADING[3:]]
            _print_row((phase, self.kills[phase], self.runs[phase], *counts))
        totals = [sum(each[what] for each in self.people.values()) for what in HEADING[3:]]
        _print_row(("together", self.kills.total(), self.runs.total(), *totals))
        for error in self.errors:
            print(error)


def _verdict(texts: int, *, is_named: bool) -> str:
    if texts > 1:
        return "twice"
    if texts == 1:
        return "once"
    return "lost, named" if is_named else "lost, not named"


def _print_row(cells: tuple[object, ...]) -> None:
    print("".join(f"{cell!s:>16}" for cell in cells))


def soak(stage: Stage, killer: Killer, kills: int, seconds: float) -> list[Run]:
    """Start runs, ten at a time, until there were enough kills or the time is over."""
    deadline = time.monotonic() + seconds
    runs: list[Run] = []
    while killer.kills < kills and time.monotonic() < deadline:
        first = len(runs)
        numbers = range(first, first + AT_ONCE)
        runs += [stage.start("soak", KINDS[number % 2], str(number)) for number in numbers]
        for run in runs[first:]:
            stage.finish(run)
        print(f"{killer.kills} kills in {len(runs)} runs", flush=True)
    return runs


def tell(stage: Stage, killer: Killer, runs: list[Run]) -> Table:
    """Move the clock past every send_time, and count."""
    stage.sandbox.advance(LATER)
    sent = Counter(message["mobile"] for message in stage.sandbox.messages())
    table = Table()
    for run in runs:
        table.add(run, killer.found[run.run_id], sent, is_named=_is_named(stage, run))
    return table


def _is_named(stage: Stage, run: Run) -> bool:
    """Tell whether the task has failed and says that it does not know."""
    task = stage.rest.task(*run.address)
    if task["state"] != "failed":
        return False
    return "JSMS may have accepted this" in stage.rest.log(*run.address, task["try_number"])


def main() -> None:
    """Exit with status 1 if anybody was texted twice, or was lost and not named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=900, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args()
    exit_on_sigterm()
    with (
        tempfile.TemporaryDirectory(prefix="jsms-soak-") as folder,
        RunningSandbox(Path(folder) / "sandbox.log") as sandbox,
        SandboxControl(sandbox.url) as control,
        HoldingProxy() as proxy,
        airflow_behind(proxy, Path(folder) / "airflow", {"jsms_default": sandbox.connection}) as it,
    ):
        it.wait_for_dags("soak_single", "soak_batch")
        for call in ("submit_schedule", "submit_batch_schedule"):
            control.fault(call, "slow", times=None, seconds=SLOW_ANSWER)
        proxy.latency = LATENCY
        stage = Stage(it, control, proxy)
        killer = Killer(stage, random.Random(options.seed))
        is_over = threading.Event()
        worker = threading.Thread(target=killer.work, args=[is_over])
        worker.start()
        try:
            runs = soak(stage, killer, options.kills, options.seconds)
        finally:
            is_over.set()
            worker.join()
        table = tell(stage, killer, runs)
    table.show()
    enough = table.kills.total() >= options.kills
    print("" if enough else f"fewer kills than {options.kills} in {options.seconds:g} s")
    sys.exit(bool(table.errors) or not enough)


if __name__ == "__main__":
    main()
