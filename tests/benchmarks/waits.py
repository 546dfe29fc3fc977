"""Requests for waiting until a text is sent an hour, a day or 30 days ahead, beside HttpSensor.

Both wait for the same schedule with a poke_interval of 60 seconds, through the same sandbox, which
counts; sensor, trigger and sandbox share one simulated clock, so that nobody really sleeps.

HttpSensor looks for the msg_id in a response_check. With one it cannot defer, and without one it
ends at the first answer that is no HTTP 404. So for its deferrable mode the sandbox answers 404
until the text is due: more than this endpoint would ever do for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import time_machine
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests.benchmarks.measuring import NotMeasuredError
from tests.people import ANNA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from airflow_provider_jsms.sandbox.state import Sandbox

MODES = ("poke", "reschedule", "deferrable")
POKE_INTERVAL = 60
AHEAD = {"1 hour": 1, "1 day": 24, "30 days": 720}
# 30 days of HttpSensor in all modes would take minutes, with nothing new to learn.
LONGEST_POLLED = 24


class SimulatedTime:
    """The clock of everybody here, which sleeping moves on at once."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._passed = 0.0
        self._to_happen: dict[datetime, Callable[[], None]] = {}

    def sleep(self, seconds: float) -> None:
        """Let this time pass, and let happen what was to happen meanwhile."""
        self._passed += seconds
        self._traveller.shift(max(0.0, seconds))
        due = [moment for moment in self._to_happen if moment <= datetime.now(UTC)]
        for moment in due:
            self._to_happen.pop(moment)()

    def at(self, moment: datetime, action: Callable[[], None]) -> None:
        """Do something as soon as somebody has slept until then."""
        self._to_happen[moment] = action

    async def sleep_in_loop(self, seconds: float) -> None:
        """Let this time pass, in an event loop."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic() + self._passed


class Wait:
    """One sensor that waits in one mode, as Airflow runs it: with a new object for each look."""

    def __init__(self, make: Callable[..., Any], clock: SimulatedTime, mode: str) -> None:
        self._make = make
        self._clock = clock
        self._mode = mode
        self._first_look: datetime | None = None

    def run(self) -> Any:
        """Wait until the sensor has ended, and return its result."""
        if self._mode != "deferrable":
            return self._until_done({"mode": self._mode})
        try:
            return self._execute({"deferrable": True})
        except TaskDeferred as deferred:
            return self._in_triggerer(deferred)

    def _until_done(self, how: dict[str, Any]) -> Any:
        while True:
            began = datetime.now(UTC)
            try:
                return self._execute(how)
            except AirflowRescheduleException as again:
                self._first_look = self._first_look or began
                until = again.reschedule_date - datetime.now(UTC)
                self._clock.sleep(until.total_seconds())

    def _execute(self, how: dict[str, Any]) -> Any:
        sensor = self._make(task_id="wait", poke_interval=POKE_INTERVAL, **how)
        return sensor.execute({"ti": self._task_instance()})

    def _task_instance(self) -> Any:
        first_look = self._first_look
        return SimpleNamespace(get_first_reschedule_date=lambda context: first_look)

    def _in_triggerer(self, deferred: TaskDeferred) -> Any:
        trigger = deferred.trigger
        _, arguments = trigger.serialize()
        event = asyncio.run(_first_event(type(trigger)(**arguments)))
        sensor = self._make(task_id="wait", deferrable=True)
        resume = getattr(sensor, deferred.method_name)
        return resume({"ti": self._task_instance()}, event=event.payload)


def run() -> Iterator[str]:
    """Yield the report."""
    yield f"{'':<29}{'bound':>6}" + "".join(f"{mode:>12}" for mode in MODES)
    for name, hours in AHEAD.items():
        ours = [_requests(_jsms_sensor, mode, hours) for mode in MODES]
        yield _line(f"{name}: JsmsScheduleSensor", ours, bound=2 + hours)
        polled = min(hours, LONGEST_POLLED)
        # One more for each further minute: that is all that HttpSensor does.
        others = [
            _requests(_http_sensor, mode, polled) + (hours - polled) * 3600 // POKE_INTERVAL
            for mode in MODES
        ]
        remark = "" if hours == polled else f"   {polled} hours polled, the others calculated"
        yield _line(f"{name}: HttpSensor", others) + remark
        yield _line("  times the requests", [b // a for a, b in zip(ours, others, strict=True)])


def _line(what: str, figures: list[int], *, bound: int | None = None) -> str:
    return f"{what:<29}{bound or '':>6}" + "".join(f"{each:>12,}" for each in figures)


@cache
def _requests(make: Callable[..., Any], mode: str, hours: int) -> int:
    """Let one sensor wait in one mode, and return how many requests the sandbox saw."""
    with _simulated_time() as clock, SandboxServer() as server:
        _set_connections(server.url)
        due = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
        with JsmsHook() as hook:
            schedule_id = hook.submit_schedule(send_time=due, mobile=ANNA, temp_id=1)
        if make is _http_sensor and mode == "deferrable":
            _answer_404_until(due, server.sandbox, clock)
        before = len(server.sandbox.recorded)
        result = Wait(partial(make, schedule_id), clock, mode).run()
        _check(server.sandbox, schedule_id, due, result)
        return len(server.sandbox.recorded) - before


def _jsms_sensor(schedule_id: str, **arguments: Any) -> JsmsScheduleSensor:
    return JsmsScheduleSensor(schedule_id=schedule_id, **arguments)


def _http_sensor(schedule_id: str, **arguments: Any) -> HttpSensor:
    return HttpSensor(
        endpoint=f"v1/schedule/{schedule_id}",
        response_check=None if arguments.get("deferrable") else _has_msg_id,
        timeout=timedelta(days=60),
        **arguments,
    )


def _has_msg_id(response: requests.Response) -> bool:
    return all(each.get("msg_id") for each in response.json()["recipients"])


@contextmanager
def _simulated_time() -> Iterator[SimulatedTime]:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        clock = SimulatedTime(traveller)
        # Only the sensors' and triggers': the event loop of the sandbox needs the real one.
        waiting = SimpleNamespace(sleep=clock.sleep, monotonic=clock.monotonic)
        loop = mock.Mock(wraps=asyncio, sleep=clock.sleep_in_loop)
        with (
            mock.patch("airflow.sdk.bases.sensor.time", waiting),
            mock.patch("airflow_provider_jsms.sensors.jsms.time", waiting),
            mock.patch("airflow_provider_jsms.triggers.jsms.asyncio", loop),
            mock.patch("airflow.providers.http.triggers.http.asyncio", loop),
            # It calls the 404 on which it waits an error.
            mock.patch("airflow.providers.http.hooks.http.HttpHook.log"),
        ):
            yield clock


def _set_connections(url: str) -> None:
    account = {"login": DEFAULT_APP_KEY, "password": DEFAULT_MASTER_SECRET, "host": url}
    for kind in ("jsms", "http"):
        name = f"AIRFLOW_CONN_{kind.upper()}_DEFAULT"
        os.environ[name] = json.dumps({"conn_type": kind, **account})


def _answer_404_until(due: datetime, sandbox: Sandbox, clock: SimulatedTime) -> None:
    fault = {"call": "query_schedule", "kind": "status", "status": 404, "times": None}
    with sandbox.lock:
        sandbox.faults.add(fault)
    clock.at(due, sandbox.faults.clear)


async def _first_event(trigger: Any) -> Any:
    events = trigger.run()
    try:
        return await anext(events)
    finally:
        await events.aclose()


def _check(sandbox: Sandbox, schedule_id: str, due: datetime, result: object) -> None:
    if not sandbox.sent or datetime.now(UTC) < due:
        raise NotMeasuredError("the sensor ended before the text was sent")
    # HttpSensor returns nothing.
    if result is not None and list(result) != [schedule_id]:
        raise NotMeasuredError(f"the sensor returned {result!r}")
