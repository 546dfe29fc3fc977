"""Waits of many hours that pass at once: a clock, and the part of Airflow that runs a sensor."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_jsms.hooks import async_client
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import leaks, people
from tests.versions import BASE_OF_SENSORS, AirflowRescheduleException, TaskInstance, import_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MODES = ("poke", "reschedule", "deferrable")


class Hours:
    """The time of the sensor, the trigger and the sandbox: it passes only while they sleep."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.passed = 0.0
        self.slept: list[float] = []
        self.on_sleep: list[Callable[[], object]] = []
        self.jitters: list[tuple[float, float]] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds))
        self.passed += seconds
        self.traveller.shift(seconds)
        if self.on_sleep:
            self.on_sleep.pop(0)()

    async def sleep_in_a_loop(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def uniform(self, low: float, high: float) -> float:
        self.jitters.append((low, high))
        return low

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    def wait(self, schedule_id: Any, mode: str, **arguments: Any) -> Any:
        """Wait as Airflow does, each time in a new process."""
        first_started_at = datetime.now(UTC)
        step = partial(sensor(schedule_id, mode, **arguments).execute, context())
        for _ in range(200):
            try:
                return step()
            except TaskDeferred as deferral:
                event = fired(deferral.trigger)  # type: ignore[arg-type]
                step = partial(resume, schedule_id, event, **arguments)
            except AirflowRescheduleException as again:
                self.sleep((again.reschedule_date - datetime.now(UTC)).total_seconds())
                new = sensor(schedule_id, mode, **arguments)
                step = partial(new.execute, context(first_started_at))
        raise AssertionError("the wait does not end")


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hours]:
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        hours = Hours(traveller)
        of_a_worker = SimpleNamespace(sleep=hours.sleep, monotonic=hours.monotonic)
        monkeypatch.setattr(f"{BASE_OF_SENSORS}.time", of_a_worker)
        monkeypatch.setattr("airflow_provider_jsms.sensors.jsms.time", of_a_worker)
        of_a_loop = SimpleNamespace(
            sleep=hours.sleep_in_a_loop, gather=asyncio.gather, Semaphore=asyncio.Semaphore
        )
        monkeypatch.setattr("airflow_provider_jsms.triggers.jsms.asyncio", of_a_loop)
        monkeypatch.setattr("airflow_provider_jsms.triggers.jsms.random", hours)
        monkeypatch.setattr(async_client, "monotonic", hours.monotonic)
        yield hours


@pytest.fixture
def nine(hours: Hours) -> datetime:
    """A send_time two and a half hours ahead."""
    return (datetime.now(UTC) + 2.5 * HOUR).replace(microsecond=0)


@pytest.fixture
def scheduled(sandbox: SandboxControl, nine: datetime) -> str:
    return submit(nine)


@pytest.fixture
def never_sent(scheduled: str, sandbox: SandboxControl) -> str:
    """A schedule that JSMS keeps showing, and never sends."""
    sandbox.switch(query_deleted="record")
    delete(scheduled)
    return scheduled


def submit(when: datetime, mobile: str = people.ANNA) -> str:
    with JsmsHook() as hook:
        return hook.submit_schedule(send_time=when, mobile=mobile, temp_id=1)


def submit_batch(when: datetime, *mobiles: str) -> dict[str, Any]:
    with JsmsHook() as hook:
        return dict(hook.submit_batch_schedule(send_time=when, recipients=list(mobiles), temp_id=1))


def move(schedule_id: str, when: datetime) -> None:
    with JsmsHook() as hook:
        hook.modify_schedule(schedule_id, send_time=when, mobile=people.ANNA, temp_id=1)


def delete(schedule_id: str) -> None:
    with JsmsHook() as hook:
        hook.delete_schedule(schedule_id)


def gets(sandbox: SandboxControl, schedule_id: str = "") -> int:
    return sum(
        request["method"] == "GET" and request["path"].endswith(schedule_id)
        for request in sandbox.requests()
    )


def context(first_started_at: datetime | None = None) -> Any:
    return {"ti": TaskInstance(first_started_at)}


def sensor(schedule_id: Any, mode: str = "deferrable", **arguments: Any) -> JsmsScheduleSensor:
    """Return a sensor as a worker has it: a new one for each start of the task."""
    given = {"deferrable": True} if mode == "deferrable" else {"deferrable": False, "mode": mode}
    return JsmsScheduleSensor(task_id="wait", schedule_id=schedule_id, **given, **arguments)


def deferred(run: Callable[[], object]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        run()
    return caught.value


def defer(schedule_id: Any, **arguments: Any) -> TaskDeferred:
    return deferred(lambda: sensor(schedule_id, **arguments).execute(context()))


def stored(trigger: JsmsScheduleTrigger) -> JsmsScheduleTrigger:
    """Return the trigger as a triggerer gets it out of the database."""
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    result: JsmsScheduleTrigger = import_string(path)(**arguments)
    return result


def fired(trigger: JsmsScheduleTrigger) -> dict[str, Any]:
    """Return the event of a trigger, as Airflow stores it."""

    async def run() -> list[Any]:
        return [event.payload async for event in stored(trigger).run()]

    [event] = asyncio.run(run())
    assert not leaks.found_in(json.dumps(event))
    return dict(json.loads(json.dumps(event)))


def resume(schedule_id: Any, event: object, **arguments: Any) -> Any:
    """Resume after a deferral, in a worker that knows only the event."""
    new = sensor(schedule_id, **arguments)
    return new.resume_execution("execute_complete", {"event": event}, context())
