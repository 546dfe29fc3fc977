"""Runs of the crash DAGs: started, stopped at a moment, killed, and what came of them."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from airflow_provider_jsms.quickstart.processes import is_alive
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.submission.uncertain.question import LEAVE
from tests import people
from tests.e2e.crash.history import Seen, Timed, end_of, history_of
from tests.histories import Answers, Happens, broken
from tests.stack.airflow import AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.e2e.crash.proxy import Hold, HoldingProxy
    from tests.histories import Ends, Event

DAGS = Path(__file__).parent / "dags"
# Others may use the machine as well.
PATIENCE = 90.0
TASK = "submit"
KEYS = {"single": "jsms_submission", "batch": "jsms_submission_1"}
KINDS = tuple(KEYS)
# Past the send_time of every schedule.
LATER = 7200
Key = tuple[str, str]

SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "12",
    # A task whose worker is silent is given up soon.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # A supervisor waits for as long as the proxy holds its request ...
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
    # ... and gives up soon where there is no answer.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "2",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "1",
}


def airflow_behind(
    proxy: HoldingProxy,
    home: Path,
    connections: Mapping[str, Mapping[str, Any]],
    *,
    dags: Sequence[Path] = (DAGS,),
    database: str = "",
    components: Sequence[str] = ("api-server", "scheduler", "dag-processor"),
    extra_settings: Mapping[str, str] | None = None,
) -> AirflowStack:
    """Return an Airflow with the crash DAGs, whose workers reach its API server by the proxy."""
    stack = AirflowStack(
        home,
        dags,
        connections=connections,
        extra_settings={
            **SETTINGS,
            **(extra_settings or {}),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": proxy.url,
        },
        components=components,
        database=database,
    )
    proxy.upstream = stack.workers_url
    return stack


def is_task(process: psutil.Process, airflow: AirflowStack) -> bool:
    """Tell whether a process is the child of a worker, which is a child of the scheduler."""
    components = {record.pid for record in airflow.family.records}
    ancestors = [parent.pid for parent in process.parents()]
    return bool(
        {process.pid, *ancestors[:1]}.isdisjoint(components) and components.intersection(ancestors)
    )


@dataclass(frozen=True)
class Run:
    """A run of a crash DAG: one task, ``single``, ``batch`` or ``campaign``, and its own people."""

    dag_id: str
    run_id: str
    kind: str
    numbers: tuple[str, ...] = field(repr=False)

    @property
    def address(self) -> tuple[str, str, str]:
        return self.dag_id, self.run_id, TASK


@dataclass
class Outcome:
    """What came of a run, as Airflow and the sandbox tell it.

    :param texts: how many each of its people got.
    :param posts: how many submissions for its people reached the sandbox.
    :param writes: the states that it has tried to write into its records, in order.
    :param record: of its submission.
    :param logs: of each try, the first one first.
    """

    state: str
    tries: int
    schedules: list[str]
    texts: dict[str, int] = field(repr=False)
    posts: int
    writes: list[str]
    xcom: Any
    record: dict[str, Any]
    logs: list[str] = field(repr=False)
    history: list[Event] = field(repr=False)

    @property
    def last_log(self) -> str:
        return self.logs[-1]

    def explain(self) -> str:
        """Return everything that helps to understand a failed assertion, without the numbers."""
        texts = list(self.texts.values())
        return (
            f"{self.state} on try {self.tries}; schedules {self.schedules}; texts {texts}; POSTs "
            f"{self.posts}; writes {self.writes}; XCom {self.xcom}; record {self.record}\n"
            f"{ends_of(self.logs)}"
        )

    def line(self) -> str:
        """Return it as a line of a table."""
        texts = "/".join(str(count) for count in self.texts.values())
        return (
            f"{len(self.schedules)} schedules, {self.posts} POSTs, texts {texts}, {self.state} on "
            f"try {self.tries}, wrote {' '.join(self.writes)}"
        )

    def assert_is_told(self) -> None:
        """Assert that a task that does not know says so, and the way on."""
        told = self.explain()
        assert "JSMS may have accepted this" in self.last_log, told
        assert "it asks what you found" in self.last_log, told
        assert self.record["state"] == "sending", told

    def assert_returns_its_schedule(self, kind: str) -> None:
        """Assert that the task has handed on and recorded the one schedule that there is."""
        self.assert_hands_on_its_schedule(kind)
        assert [self.record["schedule_id"]] == self.schedules, self.explain()

    def assert_hands_on_its_schedule(self, kind: str) -> None:
        """Assert that the task has handed on the one schedule that there is, as its last act."""
        told = self.explain()
        assert self.record["state"] == "finished", told
        if kind == "single":
            assert self.xcom == self.schedules[0], told
        else:
            counts = {"success_count": 2, "failure_count": 0}
            assert self.xcom == {"schedule_ids": self.schedules, **counts}, told


class Stage:
    """Starts runs, does things to their processes, and tells what came of them."""

    def __init__(self, airflow: AirflowStack, sandbox: SandboxControl, proxy: HoldingProxy) -> None:
        self.airflow = airflow
        self.rest = airflow.rest
        self.sandbox = sandbox
        self.proxy = proxy
        self._people = 0
        self._lock = threading.Lock()
        self._started: list[Run] = []
        self._acts: list[Timed] = []

    def start(
        self, purpose: str, kind: str, name: str, at: datetime | None = None, **conf: Any
    ) -> Run:
        """Start a run; ``name``, and the date ``at`` if it has one, have to be its own."""
        run = self.prepare(purpose, kind, name)
        offsets = self.enlist(1 if kind == "single" else 2)
        self.trigger(run, at, people=offsets.start, **conf)
        return replace(run, numbers=tuple(map(people.number, offsets)))

    def trigger(self, run: Run, at: datetime | None = None, **conf: Any) -> None:
        """Start a run as it is."""
        self.rest.trigger(run.dag_id, run_id=run.run_id, conf=conf, logical_date=at)
        self._started.append(run)

    def clear(self) -> None:
        """Wait until every run is over, also if they were left in the middle of it."""
        self.proxy.drop_all()
        self.sandbox.clear_faults()
        self.sandbox.release()
        while self._started:
            self.finish(self._started.pop())

    def enlist(self, count: int) -> range:
        """Return by which numbers (:func:`tests.people.number`) people are told that are new."""
        with self._lock:
            first = self._people
            self._people += count
        return range(first, first + count)

    @staticmethod
    def prepare(purpose: str, kind: str, name: str) -> Run:
        """Return a run that is not started yet, to name it to the proxy."""
        return Run(f"{purpose}_{kind}", f"{purpose}-{kind}-{name}", kind, ())

    def wait_for(self, run: Run, hold: Hold) -> None:
        """Wait until the proxy holds a write of the run."""
        wait_until(
            hold.is_reached.is_set,
            timeout=PATIENCE,
            otherwise=lambda: (
                f"{run.run_id} has not come to write {hold.state}, but "
                f"{self.proxy.states_of(run.run_id)}\n{self.tail(run)}"
            ),
        )

    def wait_for_sandbox(self, runs: Iterable[Run]) -> None:
        """Wait until the sandbox holds a call of each of these runs."""
        count = len(list(runs))
        wait_until(
            lambda: len(self.sandbox.holds()) == count,
            timeout=PATIENCE,
            otherwise=lambda: (
                f"the sandbox holds {self.sandbox.holds()}\n"
                + "\n".join(self.tail(run) for run in runs)
            ),
        )

    def process_of(self, run: Run) -> psutil.Process:
        """Return the process of the task that runs, and of nothing else."""
        process = psutil.Process(self.rest.task(*run.address)["pid"])
        assert is_task(process, self.airflow), f"{process} is not the process of a task"
        return process

    def kill(self, run: Run) -> None:
        """End the process of the task as the kernel does when memory runs out."""
        process = self.process_of(run)
        self.act(run, Happens("its process is killed"))
        process.send_signal(signal.SIGKILL)
        wait_until(
            lambda: not is_alive(process), timeout=PATIENCE, otherwise=lambda: f"{process} lives on"
        )

    def freeze(self, run: Run) -> Frozen:
        """Stop the task and its supervisor, as a machine does that is suspended."""
        task = self.process_of(run)
        self.act(run, Happens("its process and its supervisor are frozen"))
        return Frozen.stop(task)

    def clear_task(self, run: Run) -> None:
        """Clear the task as a person does who follows its advice."""
        self.act(run, Happens("a person clears the task"))
        self.rest.clear(*run.address, keep=True)

    def answer(self, run: Run, option: str, **params: str) -> None:
        """Answer the question of the task, and wait until the task has ended."""
        event = Answers(f"a person answers: {option}", is_left=option == LEAVE)
        self.act(run, event)
        self.rest.answer(*run.address, -1, option, **params)

    def act(self, run: Run, event: Event) -> None:
        """Note for the history of a run what is about to be done to it."""
        self._acts.append(Timed(datetime.now(UTC), run.run_id, event))

    def finish(self, run: Run) -> dict[str, Any]:
        """Wait until Airflow has done everything for a run, retries too."""
        return self.rest.wait_for_run(run.dag_id, run.run_id, timeout=PATIENCE)

    def outcome(self, run: Run) -> Outcome:
        """Return what came of a run that is over."""
        task = self.rest.task(*run.address)
        tries = task["try_number"]
        seen = self.seen().of(run)
        sent = Counter(each["mobile"] for each in self.sandbox.messages())
        records = self.rest.state_store(*run.address)
        xcom = self.rest.xcoms(*run.address).get("return_value")
        logs = self.logs(run, tries)
        return Outcome(
            state=task["state"],
            tries=tries,
            schedules=[each["schedule_id"] for each in seen.schedules],
            texts={number: sent[number] for number in run.numbers},
            posts=len(seen.posts),
            writes=self.proxy.states_of(run.run_id),
            xcom=xcom,
            record=records.get(KEYS[run.kind], {}),
            logs=logs,
            history=self.history(run, seen, end_of(task, xcom, logs[-1])),
        )

    def seen(self) -> Seen:
        """Return what the sandbox shows."""
        requests = self.sandbox.requests()
        posts, puts = (
            [each for each in requests if each["method"] == method] for method in ("POST", "PUT")
        )
        return Seen(posts, self.sandbox.state()["schedules"], puts)

    def history(self, run: Run, seen: Seen, end: Ends) -> list[Event]:
        """Return the history of a run that is over."""
        return history_of(run, self.proxy, seen, self._acts, end)

    def logs(self, run: Run, tries: int) -> list[str]:
        """Return what each try has logged, the first one first.

        Airflow 3.3 may lose a try that it gives to the retries while the task continues.
        """
        known = sorted(each["try_number"] for each in self.rest.tries(*run.address))
        return [self.rest.log(*run.address, number) for number in known if number <= tries]

    def outcomes(self, runs: Mapping[Key, Run]) -> dict[Key, Outcome]:
        """Return what came of all runs after their texts were sent, and print it."""
        self.sandbox.advance(LATER)
        outcomes = {key: self.outcome(run) for key, run in runs.items()}
        for (name, kind), outcome in outcomes.items():
            print(f"{name:<45} {kind:<6} {outcome.line()}")
        return outcomes

    def tail(self, run: Run) -> str:
        """Return how far a run is, with the last lines of its log."""
        task = self.rest.task(*run.address)
        log = self.rest.log(*run.address, max(task["try_number"], 1)) if task["pid"] else ""
        return f"{run.run_id}: {task['state']}, try {task['try_number']}\n{_end_of(log)}"


@dataclass(frozen=True)
class Frozen:
    """A task and its supervisor that stand still."""

    supervisor: psutil.Process
    task: psutil.Process

    @classmethod
    def stop(cls, task: psutil.Process) -> Self:
        """Let a task and its supervisor stand still."""
        supervisor = task.parent()
        assert supervisor is not None
        for process in (supervisor, task):
            process.suspend()
        return cls(supervisor, task)

    def thaw(self) -> None:
        """Let them go on, as if no time had passed; one of them may be gone."""
        for process in (self.task, self.supervisor):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def wait_for_end(self) -> None:
        """Wait until the task has ended by itself, or was ended by its supervisor."""
        wait_until(
            lambda: not is_alive(self.task),
            timeout=PATIENCE,
            otherwise=lambda: f"{self.task} lives on",
        )


def assert_kept(histories: Iterable[Sequence[Event]], on_uncertain: str = "fail") -> None:
    """Assert that each of these histories keeps the promise."""
    checked = [broken(each, on_uncertain) for each in histories]
    assert checked, "there are no histories"
    assert not any(checked), "\n\n".join(filter(None, checked))


def ends_of(logs: Iterable[str]) -> str:
    """Return the last lines of each of these logs, for the text of an error."""
    return "\n".join(f"--- try {number}\n{_end_of(log)}" for number, log in enumerate(logs, 1))


def _end_of(log: str) -> str:
    return "\n".join(line[:400] for line in log.splitlines()[-15:])
