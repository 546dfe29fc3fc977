"""Runs of the waiting DAGs: what they wait for, where they are, and what came of them."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.references import references_in
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.quickstart.waiting import wait_until
from tests import people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack

# Others may use the machine as well.
PATIENCE = 180.0
HOUR = 3600.0
OVER = ("success", "failed", "skipped")
# How old in seconds what is waited for may be: to look costs those who do it their time.
OLDEST = 1.0
TEMPLATE = 1
FIRST_PERSON = 50_000

# What the scheduler logs of a process that has ended by deferring its task.
_DEFERRED = re.compile(
    r"TaskInstance Finished: dag_id=(\w+), task_id=(\w+), run_id=([\w-]+),.* state=deferred,"
)
_MISTAKEN = re.compile(r"reported that the task instance <TaskInstance: (\w+)\.(\w+) ([\w-]+) ")
# What a task logs when its operator begins.
_BEGUN = re.compile(r"^(\S+) ::endgroup::", re.MULTILINE)
_numbers = itertools.count(1)


def in_seconds(seconds: float) -> datetime:
    """Return a time that is a whole second, as JSMS takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


class Jsms:
    """A sandbox under the id of its connection, and a person who schedules and changes texts there.

    :ivar changes: the method of each request of that person.
    :ivar send_times: those that each schedule was given, the first one first.
    """

    def __init__(self, conn_id: str, control: SandboxControl) -> None:
        self.conn_id = conn_id
        self.control = control
        self.changes: list[str] = []
        self.send_times: dict[str, list[datetime]] = {}
        self._people = FIRST_PERSON
        self._requests: list[dict[str, Any]] = []
        self._asked_at = 0.0

    def reset(self) -> None:
        """Begin as new, but keep the answers to the open questions."""
        switches = self.control.state()["switches"]
        self.control.reset()
        self.control.switch(**switches)
        self.changes.clear()
        self.send_times.clear()
        self._asked_at = 0.0

    def submit(self, send_time: datetime) -> str:
        """Schedule a text for a person of its own."""
        with self._changing("POST") as hook:
            schedule_id = hook.submit_schedule(
                send_time=send_time, mobile=self._person(), temp_id=TEMPLATE
            )
        self.send_times[schedule_id] = [send_time]
        return schedule_id

    def send_time(self, schedules: Any) -> datetime:
        """Return when the first of these is due, given as to a sensor."""
        return self.send_times[references_in(schedules).schedule_ids[0]][-1]

    def move(self, schedule_id: str, send_time: datetime) -> None:
        """Move a single schedule."""
        with self._changing("PUT") as hook:
            hook.modify_schedule(
                schedule_id, send_time=send_time, mobile=self._person(), temp_id=TEMPLATE
            )
        self.send_times[schedule_id].append(send_time)

    def delete(self, schedule_id: str) -> None:
        """Take a schedule back."""
        with self._changing("DELETE") as hook:
            hook.delete_schedule(schedule_id)

    def looks(
        self, schedule_ids: Iterable[str], *, status: int | None = None, is_fresh: bool = False
    ) -> list[datetime]:
        """Return when these schedules were asked for, until a moment ago.

        :param status: only where this was the answer.
        :param is_fresh: until now.
        """
        if is_fresh or time.monotonic() > self._asked_at + OLDEST:
            self._requests = self.control.requests()
            self._asked_at = time.monotonic()
        paths = {f"/v1/schedule/{schedule_id}" for schedule_id in schedule_ids}
        return [
            datetime.fromisoformat(each["at"])
            for each in self._requests
            if each["method"] == "GET" and each["path"] in paths
            if status in {None, each["status"]}
        ]

    def changes_of_others(self) -> list[str]:
        """Return the method of each request that was no question, and not that person's."""
        methods = [each["method"] for each in self.control.requests() if each["method"] != "GET"]
        for method in self.changes:
            methods.remove(method)
        return methods

    def schedules(self, schedule_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return what the sandbox knows of these schedules."""
        known = {each["schedule_id"]: each for each in self.control.state()["schedules"]}
        return [known[schedule_id] for schedule_id in schedule_ids]

    def msg_ids(self, schedule_ids: Iterable[str]) -> dict[str, list[str]]:
        """Return what a sensor has to find."""
        return {
            schedule["schedule_id"]: [each["msg_id"] for each in schedule["recipients"]]
            for schedule in self.schedules(schedule_ids)
        }

    def _changing(self, method: str) -> JsmsHook:
        self.changes.append(method)
        return JsmsHook(self.conn_id)

    def _person(self) -> str:
        self._people += 1
        return people.number(self._people)


@dataclass(frozen=True)
class Wait:
    """One sensor of one run.

    :param task_id: its mode.
    :param schedule_id: what it is given to wait for.
    """

    dag_id: str
    run_id: str
    task_id: str
    jsms: Jsms = field(repr=False)
    schedule_id: Any

    @property
    def address(self) -> tuple[str, str, str]:
        return self.dag_id, self.run_id, self.task_id

    @property
    def schedule_ids(self) -> list[str]:
        return list(references_in(self.schedule_id).schedule_ids)

    def looks(self, *, is_fresh: bool = False) -> list[datetime]:
        """Return when it, and whoever waits for the same, has asked."""
        return self.jsms.looks(self.schedule_ids, is_fresh=is_fresh)


@dataclass
class Outcome:
    """What came of a sensor, as Airflow and the sandbox tell it.

    :param expected: the msg_ids of all recipients by schedule.
    :param ended_at: when Airflow has noted its end.
    :param log: of its last try.
    """

    state: str
    tries: int
    xcom: Any
    expected: dict[str, list[str]]
    looks: list[datetime]
    send_times: list[datetime]
    ended_at: datetime
    log: str = field(repr=False)

    @property
    def began_at(self) -> datetime:
        """When it began to wait; on a busy machine it does not look at once."""
        begun = _BEGUN.search(self.log)
        assert begun, self.log
        return datetime.fromisoformat(begun[1])

    def explain(self) -> str:
        """Return everything that helps to understand a failed assertion."""
        at = [f"{each:%H:%M:%S}" for each in self.looks]
        due = [f"{each:%H:%M:%S}" for each in self.send_times]
        return (
            f"{self.state} on try {self.tries} at {self.ended_at:%H:%M:%S}; XCom {self.xcom}; "
            f"looks {at}; send_time {due}\n{end_of(self.log)}"
        )


class Stage:
    """Starts runs, waits for them, and tells what came of them."""

    def __init__(self, airflow: AirflowStack, places: Mapping[str, Jsms]) -> None:
        self.airflow = airflow
        self.rest = airflow.rest
        self.places = places
        self._tasks: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._asked_at = 0.0
        self._scheduler_log = (airflow.home / "components" / "scheduler.log").open()
        self._deferred: Counter[tuple[str, ...]] = Counter()
        self._mistaken: set[tuple[str, ...]] = set()

    def close(self) -> None:
        """Close the log that is read."""
        self._scheduler_log.close()

    def start(
        self, name: str, jsms: Jsms, wait_for: Mapping[str, Any], connection: str | None = None
    ) -> list[Wait]:
        """Start a run of a waiting DAG.

        :param wait_for: what each of its sensors waits for, by mode.
        :param connection: by which they ask, if it is not that of the sandbox.
        """
        dag_id, run_id = f"wait_{name}", f"{name}-{next(_numbers)}"
        given = {"connection": connection or jsms.conn_id, "wait_for": dict(wait_for)}
        self.rest.trigger(dag_id, run_id=run_id, conf=given)
        return [Wait(dag_id, run_id, mode, jsms, each) for mode, each in wait_for.items()]

    def task(self, wait: Wait) -> dict[str, Any]:
        """Return what Airflow knows of a sensor, or knew a moment ago."""
        if time.monotonic() > self._asked_at + OLDEST:
            tasks = self.rest._get("/dags/~/dagRuns/~/taskInstances", limit=1000)
            self._tasks = {
                (each["dag_id"], each["dag_run_id"], each["task_id"]): each
                for each in tasks["task_instances"]
            }
            self._asked_at = time.monotonic()
        return self._tasks.get(wait.address) or self.rest.task(*wait.address)

    def wait_until_begun(self, waits: Iterable[Wait], *, looks: int = 1) -> None:
        """Wait until every one of these has asked so often, or is over."""
        for wait in waits:
            wait_until(
                lambda wait=wait: len(wait.looks()) >= looks or self._if_over(wait),
                timeout=PATIENCE,
                otherwise=lambda wait=wait: f"{wait} does not ask: {self.tail(wait)}",
            )

    def wait_until_waiting(self, waits: Iterable[Wait], *, looks: int = 1) -> None:
        """Wait until every one of these has asked so often, and waits as its mode does."""
        self.wait_until_begun(waits, looks=looks)
        for wait in waits:
            wait_until(
                lambda wait=wait: wait.task_id != "deferrable" or self.deferrals(wait),
                timeout=PATIENCE,
                otherwise=lambda wait=wait: f"{wait} does not wait: {self.tail(wait)}",
            )

    def outcome(self, wait: Wait) -> Outcome:
        """Wait for the end of a sensor, and return what came of it."""
        task = wait_until(
            lambda: self._if_over(wait),
            timeout=PATIENCE,
            otherwise=lambda: f"{wait} is not over: {self.tail(wait)}",
        )
        return Outcome(
            state=task["state"],
            tries=task["try_number"],
            xcom=self.rest.xcoms(*wait.address).get("return_value"),
            expected=wait.jsms.msg_ids(wait.schedule_ids),
            looks=wait.jsms.looks(wait.schedule_ids, is_fresh=True),
            send_times=wait.jsms.send_times[wait.schedule_ids[0]],
            ended_at=datetime.fromisoformat(task["end_date"]),
            log=self.log(wait),
        )

    def log(self, wait: Wait) -> str:
        """Return what the present try of a sensor has logged, in the triggerer too."""
        return self.rest.log(*wait.address, max(self.rest.task(*wait.address)["try_number"], 1))

    def tail(self, wait: Wait) -> str:
        """Return how far a sensor is, with the last lines of its log."""
        task = self.rest.task(*wait.address)
        return f"{task['state']}, try {task['try_number']}\n{end_of(self.log(wait))}"

    def is_mistaken(self, wait: Wait) -> bool:
        """Tell whether the scheduler took a sensor for killed that it had not seen begin again.

        A process that ends by deferring or rescheduling its task is reported by the executor. If
        the scheduler is so slow that the task is queued again before it looks at that report, it
        finds a task that should be at its end, and gives it to its retries: of whatever operator.
        """
        self._read_log()
        return (wait.dag_id, wait.task_id, wait.run_id) in self._mistaken

    def deferrals(self, wait: Wait) -> int:
        """Return how often the scheduler has noted that a process has ended by deferring."""
        self._read_log()
        return self._deferred[wait.dag_id, wait.task_id, wait.run_id]

    def _read_log(self) -> None:
        lines = self._scheduler_log.read()
        self._deferred.update(_DEFERRED.findall(lines))
        self._mistaken.update(_MISTAKEN.findall(lines))

    def _if_over(self, wait: Wait) -> dict[str, Any] | None:
        task = self.task(wait)
        return task if task["state"] in OVER and task["end_date"] else None


def end_of(log: str) -> str:
    """Return the last lines of a log."""
    return "\n".join(line[:400] for line in log.splitlines()[-25:])
