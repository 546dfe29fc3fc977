"""Break tasks at random moments, and check their histories: ``python -m tests.soak --kills 200``.

A real scheduler runs short submissions. Their workers are killed or frozen, the tasks and their
runs are cleared, the API server and the scheduler are restarted. A person answers the questions of
the tasks, truthfully, clears most of those that failed, some on the command line, and changes the
arguments of some before that. In the end everybody is texted once, or
not texted and named by the task. The exit status is 1 if anybody is texted twice or lost, or if a
history breaks the promise of :mod:`tests.histories`.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import requests

from airflow_provider_jsms.quickstart.processes import is_alive
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.submission.uncertain.question import LEAVE, ONE_SUBMIT, ONE_THERE
from tests.e2e.crash.history import TEMPLATE, end_of
from tests.e2e.crash.proxy import HoldingProxy
from tests.e2e.crash.stage import KINDS, LATER, Frozen, Stage, airflow_behind, is_task
from tests.histories import Answers, Changes, Happens, broken, has_way_on
from tests.stack.airflow import WORKERS_SERVER
from tests.stack.postgres import Postgres
from tests.stack.processes import exit_on_sigterm
from tests.stack.rest import FINAL
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.crash.history import Seen
    from tests.e2e.crash.proxy import Start
    from tests.e2e.crash.stage import Run

AT_ONCE: Final = 5
PATIENCE: Final = 300.0
# A task is made to take its time, so that a random moment finds every phase of it.
LATENCY: Final = 0.08
SLOW_ANSWER: Final = 0.3
DISTURBED_AFTER: Final = (0.3, 2.5)
# Later tries of a task are spared, so that it comes to an end.
DISTURBED_TRIES: Final = 4
SHARE_DISTURBED: Final = 0.8
# Airflow gives a task up after 15 seconds.
FROZEN_FOR: Final = ((0.5, 5), (20, 25))
RESTARTED_AFTER: Final = (60, 120)
SHARE_CLEARED: Final = 0.7
SHARE_CLEARED_AFTER_SUCCESS: Final = 0.25
SHARE_CHANGED: Final = 0.4
SHARE_BY_COMMAND: Final = 0.15
# Both take the parameters of the DAGs.
TEMPLATES: Final = (TEMPLATE, 4)
SHARE_LEFT: Final = 0.1
# Each run has an hour of its own, by which the command line finds it.
FIRST_HOUR: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST_CLEARS: Final = 3
SETTINGS: Final = {
    "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "64",
    # The tasks of a scheduler that was killed are soon taken up by the next one.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    # A worker waits until the API server is back.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "8",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "5",
}
VERDICTS: Final = ("once", "uncertain and named", "twice", "lost")


class Faults:
    """Disturbs tasks at random moments.

    :ivar counts: of each kind of fault.
    :ivar found: the record states that the kills have found.
    """

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self._stage = stage
        self._dice = dice
        self._processes: dict[str, list[psutil.Process]] = defaultdict(list)
        self._living: dict[str, Run] = {}

    @property
    def kills(self) -> int:
        return self.counts["kill"]

    def begin(self, run: Run) -> None:
        """Disturb a run from now on."""
        self._living[run.run_id] = run

    def end(self, run: Run) -> None:
        """Leave a run alone."""
        del self._living[run.run_id]

    def wait_for_end_of_processes(self, run: Run) -> None:
        """Wait until no try of a run can send anything any more."""
        wait_until(
            lambda: not self.living_processes(run),
            timeout=PATIENCE,
            otherwise=lambda: f"{run.run_id} has {self.living_processes(run)}",
        )

    def living_processes(self, run: Run) -> list[psutil.Process]:
        """Return the processes of all tries of a run that still run."""
        return [it for it in self._processes[run.run_id] if is_alive(it)]

    def meet(self, start: Start) -> None:
        """Decide what a try that begins will have to bear."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(start.pid)
            processes = self._processes[start.run_id]
            processes.append(process)
            if len(processes) <= DISTURBED_TRIES and self._dice.random() < SHARE_DISTURBED:
                disturb = self._dice.choices(
                    [self._kill, self._freeze, self._clear_task, self._clear_run], [10, 3, 1, 1]
                )[0]
                delay = self._dice.uniform(*DISTURBED_AFTER)
                _later(delay, self._disturb, disturb, start.run_id, process)

    def _disturb(
        self,
        disturb: Callable[[Run, psutil.Process], None],
        run_id: str,
        process: psutil.Process,
    ) -> None:
        # The process may have ended by itself, and the run too.
        with suppress(psutil.NoSuchProcess, KeyError):
            if is_task(process, self._stage.airflow):
                disturb(self._living[run_id], process)

    def _kill(self, run: Run, process: psutil.Process) -> None:
        self._act(run, "kill", "its process is killed")
        process.kill()
        written = ["nothing", *self._stage.proxy.states_of(run.run_id)]
        self.found[written[-1]] += 1

    def _freeze(self, run: Run, process: psutil.Process) -> None:
        seconds = self._dice.uniform(*self._dice.choice(FROZEN_FOR))
        self._act(run, "freeze", f"its process and its supervisor are frozen for {seconds:.0f} s")
        frozen = Frozen.stop(process)
        _later(seconds, self._thaw, run, frozen)

    def _thaw(self, run: Run, frozen: Frozen) -> None:
        self._stage.act(run, Happens("its process and its supervisor go on"))
        frozen.thaw()

    def _clear_task(self, run: Run, _process: psutil.Process) -> None:
        self._act(run, "clear of a task", "a person clears the task")
        with suppress(requests.RequestException):
            self._stage.rest.clear(*run.address, keep=True)

    def _clear_run(self, run: Run, _process: psutil.Process) -> None:
        self._act(run, "clear of a Dag run", "a person clears the run")
        with suppress(requests.RequestException):
            self._stage.rest.clear_run(run.dag_id, run.run_id)

    def restart_components(self, is_over: threading.Event) -> None:
        """Restart the API server and the scheduler now and then."""
        while not is_over.wait(self._dice.uniform(*RESTARTED_AFTER)):
            name = self._dice.choice([WORKERS_SERVER, "scheduler"])
            for run in list(self._living.values()):
                self._stage.act(run, Happens(f"the {name} is killed and restarted"))
            self.counts[f"restart of the {name}"] += 1
            self._stage.airflow.restart(name)

    def _act(self, run: Run, kind: str, label: str) -> None:
        self.counts[kind] += 1
        self._stage.act(run, Happens(label))


class Person:
    """Answers the questions of tasks, and clears most of those that failed."""

    def __init__(self, stage: Stage, faults: Faults, dice: random.Random) -> None:
        self._stage = stage
        self._rest = stage.rest
        self._faults = faults
        self._dice = dice
        self.counts: Counter[str] = Counter()

    def see_through(self, run: Run) -> None:
        """Do for a run what its task asks for, until it has ended."""
        clears = 0
        while True:
            task = self._wait(run)
            if task["state"] == "awaiting_input":
                self._answer(run)
            elif clears < MOST_CLEARS and self._wants_another_try(run, task):
                clears += 1
                self._clear(run)
            else:
                return

    def _wait(self, run: Run) -> dict[str, Any]:
        """Return the task once it asks, or its run has ended."""
        return wait_until(
            lambda: self._asking_or_over(run),
            timeout=PATIENCE,
            otherwise=lambda: self._so_far(run),
        )

    def _so_far(self, run: Run) -> str:
        task = self._rest.task(*run.address)
        end = end_of({**task, "state": "running"}, None, "")
        history = self._stage.history(run, self._stage.seen().of(run), end)
        labels = "\n".join(event.label for event in history)
        processes = self._faults.living_processes(run)
        return f"{self._stage.tail(run)}\nliving processes: {processes}\n{labels}"

    def _asking_or_over(self, run: Run) -> dict[str, Any] | None:
        is_over = self._rest.run(run.dag_id, run.run_id)["state"] in FINAL
        task = self._rest.task(*run.address)
        return task if is_over or task["state"] == "awaiting_input" else None

    def _wants_another_try(self, run: Run, task: dict[str, Any]) -> bool:
        if task["state"] == "success":
            return self._dice.random() < SHARE_CLEARED_AFTER_SUCCESS
        # A worker that died on the last try named nobody. A task that is cleared while its run ends
        # may be left without a state.
        is_told = task["state"] == "failed" and has_way_on(
            self._rest.log(*run.address, task["try_number"])
        )
        return not is_told or self._dice.random() < SHARE_CLEARED

    def _clear(self, run: Run) -> None:
        if self._dice.random() < SHARE_CHANGED:
            self._change(run)
        if self._dice.random() < SHARE_BY_COMMAND:
            self._clear_by_command(run)
        else:
            self.counts["clear after the end"] += 1
            self._stage.clear_task(run)

    def _change(self, run: Run) -> None:
        """Let the next try have another template, so that it modifies what is scheduled."""
        temp_id = self._dice.choice(TEMPLATES)
        self.counts["change of the arguments"] += 1
        self._rest.set_variable(f"temp_id_of_{run.run_id}", str(temp_id))
        self._stage.act(run, Changes(f"a person changes temp_id to {temp_id}", temp_id))

    def _clear_by_command(self, run: Run) -> None:
        self.counts["clear by the command line"] += 1
        self._stage.act(run, Happens("a person clears the task on the command line"))
        airflow = self._stage.airflow
        hour = self._rest.run(run.dag_id, run.run_id)["logical_date"]
        subprocess.run(
            [
                *(sys.executable, "-m", "airflow", "tasks", "clear", run.dag_id, "--yes"),
                *("--start-date", hour, "--end-date", hour),
            ],
            env=airflow.environment,
            cwd=airflow.home,
            check=True,
            capture_output=True,
        )

    def _answer(self, run: Run) -> None:
        """Answer with what JSMS has, once nothing can reach it any more."""
        try:
            question = self._rest.question(*run.address)
            if question["response_received"]:
                return
            self._faults.wait_for_end_of_processes(run)
            time.sleep(2 * SLOW_ANSWER)  # their last requests are carried out
            option, params = self._truth(run)
            label = f"a person answers: {option} {' '.join(params.values())}".rstrip()
            self._stage.act(run, Answers(label, is_left=option == LEAVE))
            self._rest.respond(question, option, **params)
        except (AssertionError, requests.HTTPError):
            return  # it was cleared meanwhile, and asks again
        self.counts[f"answer '{option}'"] += 1

    def _truth(self, run: Run) -> tuple[str, dict[str, str]]:
        if self._dice.random() < SHARE_LEFT:
            return LEAVE, {}
        found = [it for it in self._stage.seen().of(run).schedules if it["status"] != "deleted"]
        if found:
            return ONE_THERE, {"schedule_id": found[0]["schedule_id"]}
        return ONE_SUBMIT, {}


@dataclass
class Result:
    """What came of everybody."""

    histories: int = 0
    modified: int = 0
    people: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def add(self, stage: Stage, run: Run, seen: Seen, sent: Counter[str]) -> None:
        """Check the history of a run, and count its people."""
        task = stage.rest.task(*run.address)
        xcom = stage.rest.xcoms(*run.address).get("return_value")
        log = stage.rest.log(*run.address, task["try_number"])
        history = stage.history(run, seen.of(run), end_of(task, xcom, log))
        self.histories += 1
        self.modified += any(put["status"] == HTTPStatus.OK for put in seen.of(run).puts)
        if why := broken(history):
            self.errors.append(f"{run.run_id}: {why}")
        is_named = "JSMS may have accepted this" in log or history[-1].uncertain > 0
        for number in run.numbers:
            verdict = _verdict(sent[number], is_named=is_named)
            self.people[verdict] += 1
            if verdict in VERDICTS[2:]:
                labels = "\n".join(event.label for event in history)
                self.errors.append(f"{run.run_id}: {verdict}\n{labels}")


def _verdict(texts: int, *, is_named: bool) -> str:
    if texts:
        return "once" if texts == 1 else "twice"
    return "uncertain and named" if is_named else "lost"


def soak(stage: Stage, faults: Faults, person: Person, kills: int, seconds: float) -> list[Run]:
    """Keep some runs alive, until there were enough kills or the time is over."""
    deadline = time.monotonic() + seconds
    numbers = count()
    runs: list[Run] = []

    def live() -> None:
        while faults.kills < kills and time.monotonic() < deadline:
            number = next(numbers)
            hour = FIRST_HOUR + timedelta(hours=number)
            run = stage.start("soak", KINDS[number % 2], str(number), hour)
            runs.append(run)
            faults.begin(run)
            person.see_through(run)
            faults.end(run)
            print(f"{faults.kills} kills in {len(runs)} runs", flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        lives = [pool.submit(live) for _ in range(AT_ONCE)]
    for each in lives:
        each.result()
    return runs


def judge(stage: Stage, runs: list[Run]) -> Result:
    """Move the clock past every send_time, and check everything."""
    stage.sandbox.advance(LATER)
    sent = Counter(message["mobile"] for message in stage.sandbox.messages())
    seen, result = stage.seen(), Result()
    for run in runs:
        result.add(stage, run, seen, sent)
    return result


def _later(seconds: float, call: Callable[..., None], *arguments: object) -> None:
    timer = threading.Timer(seconds, call, arguments)
    timer.daemon = True
    timer.start()


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    """Start everything; the database is that of most who run Airflow, if it is there."""
    with ExitStack() as running:
        sandbox = running.enter_context(RunningSandbox(folder / "sandbox.log"))
        control = running.enter_context(SandboxControl(sandbox.url))
        database = ""
        if Postgres.is_there():
            database = running.enter_context(Postgres()).create_database("airflow")
        proxy = running.enter_context(HoldingProxy())
        connections = {"jsms_default": sandbox.connection}
        home = folder / "airflow"
        airflow = running.enter_context(
            airflow_behind(proxy, home, connections, database=database, extra_settings=SETTINGS)
        )
        airflow.wait_for_dags("soak_single", "soak_batch")
        for call in ("submit_schedule", "submit_batch_schedule"):
            control.fault(call, "slow", times=None, seconds=SLOW_ANSWER)
        proxy.latency = LATENCY
        yield Stage(airflow, control, proxy)


def _play(stage: Stage, options: argparse.Namespace) -> tuple[Faults, Person, Result]:
    faults = Faults(stage, random.Random(f"faults {options.seed}"))
    person = Person(stage, faults, random.Random(f"person {options.seed}"))
    stage.proxy.on_start = faults.meet
    is_over = threading.Event()
    restarts = threading.Thread(target=faults.restart_components, args=[is_over])
    restarts.start()
    try:
        runs = soak(stage, faults, person, options.kills, options.seconds)
    finally:
        is_over.set()
        restarts.join()
    return faults, person, judge(stage, runs)


def _print(faults: Faults, person: Person, result: Result) -> None:
    for name, counts in (
        ("faults", faults.counts),
        ("records that the kills have found", faults.found),
        ("what the person did", person.counts),
    ):
        print(f"{name}: {', '.join(f'{number} x {what}' for what, number in counts.items())}")
    print(*result.errors, sep="\n\n")
    people = ", ".join(f"{result.people[verdict]} {verdict}" for verdict in VERDICTS)
    print(f"{result.histories} histories checked, {result.modified} with a modification")
    print(f"people: {people}")


def main() -> None:
    """Exit with status 1 if anybody was texted twice or lost, or a history broke the promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=2400, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args()
    exit_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="jsms-soak-") as folder, _stage(Path(folder)) as stage:
        faults, person, result = _play(stage, options)
    _print(faults, person, result)
    is_enough = faults.kills >= options.kills
    print("" if is_enough else f"fewer kills than {options.kills} in {options.seconds:g} s")
    sys.exit(bool(result.errors) or not is_enough)


if __name__ == "__main__":
    main()
