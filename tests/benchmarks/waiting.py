"""A thousand deferred sensors in a real Airflow, and what its triggerer does with them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.benchmarks.measuring import NotMeasuredError
from tests.people import number
from tests.stack.airflow import AirflowStack
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psutil

COUNT = 1000
SLOW = 0.1
WORKERS = 4
RESUMING = 10.0

_REPOSITORY = Path(__file__).parents[2]
_RUN_ID = "measured"
_POOL = "waits"
_LONGEST = 180.0


@dataclass(frozen=True)
class Usage:
    """CPU seconds of the processes of a triggerer and of the sandbox, and of the clock."""

    clock: float
    supervisor: float
    runner: float
    sandbox: float

    def __sub__(self, other: Usage) -> Usage:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Usage(*(end - start for end, start in pairs))

    @property
    def triggerer(self) -> float:
        """Those of the whole triggerer."""
        return self.supervisor + self.runner


@dataclass(frozen=True)
class Polls:
    """When polls came, and what has been used meanwhile."""

    moments: list[datetime]
    usage: Usage

    def last(self, since: datetime) -> float:
        """Return after how many seconds the last one came."""
        return (max(self.moments) - since).total_seconds()


class Waits:
    """A run of 1,000 sensors of one kind."""

    def __init__(self, dag_id: str, airflow: AirflowStack, sandbox: RunningSandbox) -> None:
        self.took_to_start = 0.0
        self._dag_id = dag_id
        self._airflow = airflow
        self._sandbox = sandbox
        self._control = SandboxControl(sandbox.url)
        [self._supervisor] = _processes(airflow, "triggerer")
        self._runners = self._supervisor.children(recursive=True)

    @classmethod
    @contextmanager
    def of(cls, dag_id: str) -> Iterator[Waits]:
        """Start an Airflow and a sandbox for a run of a DAG."""
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder,
            RunningSandbox(Path(folder) / "sandbox.log") as sandbox,
            AirflowStack(
                Path(folder) / "airflow",
                _REPOSITORY / "tests" / "benchmarks" / "dags",
                connections={
                    "jsms_default": sandbox.connection,
                    "http_default": {**sandbox.connection, "conn_type": "http"},
                },
                extra_settings={
                    # as users have it: nothing is imported in advance
                    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                    "AIRFLOW__CORE__PARALLELISM": str(WORKERS),
                    # as it is by default
                    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
                },
            ) as airflow,
        ):
            airflow.wait_for_dags(dag_id)
            waits = cls(dag_id, airflow, sandbox)
            waits.took_to_start = time.monotonic() - began
            yield waits

    def start(self, send_time: datetime) -> None:
        """Schedule the texts, and start the run until only pool slots are missing."""
        self._airflow.rest.set_pool(_POOL, slots=0)
        conf = {"schedule_ids": submit(self._sandbox, send_time, COUNT)}
        self._airflow.rest.trigger(self._dag_id, conf=conf, run_id=_RUN_ID)
        self._wait_for(lambda: self._states() == {"scheduled": COUNT}, "scheduled")

    def defer(self, look_at: datetime) -> None:
        """Let every sensor look once, and defer itself."""
        arguments = [self._dag_id, _RUN_ID, look_at.isoformat()]
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.deferral", *arguments],
            env={**self._airflow.environment, "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL"},
            cwd=_REPOSITORY,
            check=False,
        )
        if done.returncode or self._states() != {"deferred": COUNT}:
            raise NotMeasuredError(f"not all sensors have deferred themselves: {self._states()}")

    def wait_until_running(self) -> float:
        """Wait until the triggerer runs every trigger, and return how long that took."""
        began = time.monotonic()
        logs = self._airflow.home / "logs" / f"dag_id={self._dag_id}"

        def is_each_running() -> bool:
            # Each has a log of its own, and the first thing in it is that it starts.
            started = [log for log in logs.rglob("*.trigger.*.log") if log.stat().st_size]
            return len(started) == COUNT

        self._wait_for(is_each_running, "running")
        return time.monotonic() - began

    def wait_until_all_have_polled(self) -> float:
        """Wait until every trigger has asked after its sensor, and return how long that took."""
        began = time.monotonic()

        def has_each_polled() -> bool:
            asked = Counter(path for path, _, _ in self._asked())
            return sum(count > 1 for count in asked.values()) == COUNT

        self._wait_for(has_each_polled, "polling")
        return time.monotonic() - began

    def answer_404(self) -> None:
        """Let the sandbox say that there is no such schedule."""
        self._control.fault("query_schedule", "status", times=None, status=404)

    def answer_slowly(self) -> None:
        """Let the sandbox answer as it should, but take its time."""
        self._control.clear_faults()
        self._control.fault("query_schedule", "slow", times=None, seconds=SLOW)

    def usage(self) -> Usage:
        """Return the CPU seconds so far."""
        return Usage(
            time.monotonic(),
            _cpu([self._supervisor]),
            _cpu(self._runners),
            _cpu(_processes(self._sandbox, "sandbox")),
        )

    def resident(self) -> tuple[float, float]:
        """Return the MB that the supervisor and the runner have in memory."""
        runners = sum(each.memory_info().rss for each in self._runners)
        return self._supervisor.memory_info().rss / 1e6, runners / 1e6

    def polls(self, seconds: float) -> Polls:
        """Look on for some seconds."""
        since, before = datetime.now(UTC), self.usage()
        time.sleep(seconds)
        usage, until = self.usage() - before, datetime.now(UTC)
        asked = {path: at for path, at, _ in self._asked() if since <= at < until}
        return Polls(_most(list(asked.values()), "polled"), usage)

    def see_end(self, due: datetime) -> tuple[Polls, float]:
        """Look on until every event is in the database, and return how long that took."""
        since, before = datetime.now(UTC), self.usage()
        self._wait_for(lambda: self._states() == {"scheduled": COUNT}, "resumed")
        last_event = (datetime.now(UTC) - due).total_seconds()
        usage = self.usage() - before
        asked = {path: at for path, at, status in self._asked() if at >= since and status == 200}
        return Polls(_most(list(asked.values()), "answered"), usage), last_event

    def resume(self) -> int:
        """Give the resumed tasks workers for a while, and return how many of them ended well."""
        self._airflow.rest.set_pool(_POOL, slots=WORKERS)
        time.sleep(RESUMING)
        states = self._states()
        if not states["success"] or set(states) - {"success", "scheduled", "queued", "running"}:
            raise NotMeasuredError(f"Airflow has not resumed the tasks: {dict(states)}")
        return states["success"]

    def requests_of_each(self) -> float:
        """Return how many requests there were for each wait so far."""
        return len(self._asked()) / COUNT

    def _asked(self) -> list[tuple[str, datetime, int | None]]:
        return [
            (each["path"], datetime.fromisoformat(each["at"]), each["status"])
            for each in self._control.requests()
            if each["call"] == "query_schedule"
        ]

    def _states(self) -> Counter[str]:
        """Count the sensors by their state, without a load on Airflow."""
        database = f"file:{self._airflow.home / 'airflow.db'}?mode=ro"
        query = "select state, count(*) from task_instance where task_id = 'wait' group by state"
        with closing(sqlite3.connect(database, uri=True, timeout=30)) as connection:
            return Counter(dict(connection.execute(query).fetchall()))

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        try:
            wait_until(condition, timeout=_LONGEST, otherwise=lambda: str(dict(self._states())))
        except TimeoutError as error:
            raise NotMeasuredError(f"not all sensors were {what}: {error}") from error


def submit(sandbox: RunningSandbox, send_time: datetime, count: int) -> list[str]:
    """Schedule a text for each of some people, one by one, and return the ids."""
    os.environ["AIRFLOW_CONN_JSMS_DEFAULT"] = json.dumps(sandbox.connection)
    with JsmsHook() as hook:
        return [
            hook.submit_schedule(send_time=send_time, mobile=number(index), temp_id=1)
            for index in range(count)
        ]


def sleep_until(moment: datetime) -> None:
    """Sleep until a moment that must not have passed."""
    seconds = (moment - datetime.now(UTC)).total_seconds()
    if seconds < 0:
        raise NotMeasuredError(f"the preparation took {-seconds:.0f} s too long")
    time.sleep(seconds)


def _processes(of: AirflowStack | RunningSandbox, name: str) -> list[psutil.Process]:
    found = [record.process() for record in of.family.records if record.name == name]
    return [process for process in found if process]


def _cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def _most(moments: list[datetime], what: str) -> list[datetime]:
    # A poll that comes every 20 s may just miss a window of 20 s.
    if len(moments) < 0.95 * COUNT:
        raise NotMeasuredError(f"{len(moments)} of {COUNT} waits were {what} in their time")
    return moments
