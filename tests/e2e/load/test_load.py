"""Ten thousand people and sixteen tasks at once, some of which die, while JSMS is failing."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests import people
from tests.e2e.crash.stage import is_task
from tests.e2e.load.dags.jsms_load import AT_ONCE, GROUP, PEOPLE
from tests.e2e.store import needs_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.e2e.rough import Rough
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest

pytestmark = needs_store

GROUPS = PEOPLE // GROUP
PATIENCE = 300.0
CALL = "submit_batch_schedule"
REFUSED = range(7, PEOPLE, 97)
KILLED = 2
# Each is met once, by the tasks that come after those that are held.
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("accepted_then_closed", {}),
    ("closed_before_reading", {}),
    ("half_body", {}),
    ("garbage", {"handled": False}),
    ("status", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("status", {"status": 503}),
    ("status", {"status": 500, "code": 50019}),
    ("code", {"code": 50009}),
)


class Load(NamedTuple):
    """The run, its tasks after the first round, and the sandbox it has texted by."""

    rest: AirflowRest
    sandbox: SandboxControl
    run_id: str

    def states(self) -> dict[int, str]:
        """Return the state of each task by its ``map_index``."""
        tasks = self.rest.tasks("load", self.run_id)
        return {it["map_index"]: it["state"] for it in tasks if it["task_id"] == "submit"}

    def log(self, index: int) -> str:
        """Return what the last try of a task has logged."""
        tries = self.rest.task("load", self.run_id, "submit", index)["try_number"]
        return self.rest.log("load", self.run_id, "submit", tries, index)

    def scheduled(self) -> Counter[int]:
        """Return by how many schedules each person will be texted, whoever they are."""
        return Counter(
            place_of(recipient)
            for schedule in self.sandbox.state()["schedules"]
            for recipient in schedule["recipients"]
        )


@pytest.fixture
def load(rough: Rough, sandbox: SandboxControl) -> Load:
    airflow = rough.airflow
    for index in REFUSED:
        sandbox.number(people.number(index), "invalid")
    sandbox.fault(CALL, "hold", times=AT_ONCE, moment="request_read")
    for kind, settings in FAULTS:
        sandbox.fault(CALL, kind, **settings)
    run_id = airflow.rest.trigger("load")["dag_run_id"]
    kill(airflow, run_id, sandbox)
    return Load(airflow.rest, sandbox, run_id)


def kill(airflow: AirflowStack, run_id: str, sandbox: SandboxControl) -> None:
    """Kill some of the tasks when sixteen of them are submitting at the same time."""
    wait_until(
        lambda: len(sandbox.holds()) == AT_ONCE,
        timeout=PATIENCE,
        otherwise=lambda: f"held are {sandbox.holds()}",
    )
    submissions = [each for each in sandbox.requests() if each["call"] == CALL]
    for submission in submissions[:KILLED]:
        index = place_of(submission["body"]["recipients"][0]) // GROUP
        process = psutil.Process(airflow.rest.task("load", run_id, "submit", index)["pid"])
        assert is_task(process, airflow), f"{process} is not the process of a task"
        process.send_signal(signal.SIGKILL)
    sandbox.release()


def place_of(recipient: dict[str, Any]) -> int:
    return int(recipient["temp_para"]["name"].removeprefix(f"{people.CANARY}-"))


def members(index: int) -> set[int]:
    """Return the people of a task whom JSMS takes."""
    return set(range(index * GROUP, (index + 1) * GROUP)) - set(REFUSED)


def test_everybody_is_accounted_for_and_nobody_is_texted_twice(load: Load) -> None:
    load.rest.wait_for_run("load", load.run_id, timeout=PATIENCE)
    states = load.states()
    scheduled = load.scheduled()
    assert set(states) == set(range(GROUPS))
    assert set(scheduled.values()) == {1}
    assert not set(scheduled) & set(REFUSED)
    done = {index for index, state in states.items() if state == "success"}
    failed = set(states) - done
    assert failed
    for index in done:
        assert members(index) <= set(scheduled), load.log(index)
    for index in failed:
        assert "JSMS may have accepted this" in load.log(index), load.log(index)

    decide(load, failed, scheduled)
    load.rest.wait_for_run("load", load.run_id, timeout=PATIENCE)
    assert set(load.states().values()) == {"success"}, load.states()
    load.sandbox.advance(7200)
    texts = Counter(place_of(message) for message in load.sandbox.messages())
    everybody = set(range(PEOPLE))
    assert set(texts) == everybody - set(REFUSED)
    assert set(texts.values()) == {1}
    # A task that has not got its answer cannot tell whom JSMS has refused.
    told = {place for index in done for place in refused_of(load, index)}
    assert told == {place for place in REFUSED if place // GROUP in done}
    assert load.sandbox.state()["faults"] == []
    tell(load, failed, texts)


def decide(load: Load, failed: Iterable[int], scheduled: Counter[int]) -> None:
    """Look what JSMS has accepted, as a person does in its console, and let the tasks go on."""
    there = {index: members(index) <= set(scheduled) for index in failed}
    decisions = {str(index): "assume_sent" if it else "resubmit" for index, it in there.items()}
    assert set(decisions.values()) == {"assume_sent", "resubmit"}
    load.rest.set_variable("load", json.dumps(decisions))
    load.rest.clear("load", load.run_id, *(("submit", index) for index in failed))


def refused_of(load: Load, index: int) -> set[int]:
    """Return whom a task has told to be refused."""
    refused = load.rest.xcom("load", load.run_id, "submit", "failure_recipients", index)
    return set(map(place_of, refused))


def tell(load: Load, failed: set[int], texts: Counter[int]) -> None:
    requests = [each for each in load.sandbox.requests() if each["call"] == CALL]
    answers = Counter(str(each["status"] or "no answer") for each in requests)
    print(
        f"{PEOPLE} people, {GROUPS} tasks, {AT_ONCE} at once, {KILLED} killed: {len(requests)} "
        f"submissions ({dict(answers)}), {len(failed)} tasks uncertain at first; "
        f"{texts.total()} texts to {len(texts)} people, {len(REFUSED)} refused"
    )
