"""The fixture beside what tests do to the clock: it serves, and the run of pytest ends."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.sandbox.plugin.conftest import Project

HEAD = """\
import asyncio, time
from datetime import datetime, timedelta, timezone
from unittest.mock import AsyncMock
import pytest, time_machine
from freezegun import freeze_time
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.control import SandboxControl
THEN = datetime(2030, 12, 1, tzinfo=timezone.utc)

def submit():
    with JsmsHook() as hook:
        hook.submit_schedule(send_time="2030-12-01 09:00:00", mobile="13900000001", temp_id=1)

def texted(sandbox):
    return [(text.mobile, text.send_time) for text in sandbox.scheduled]

AT_NINE = [("13900000001", datetime(2030, 12, 1, 9, tzinfo=timezone(timedelta(hours=8))))]

def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)

def spin(seconds):
    # real time, whatever becomes of the clock: the loop of the server comes to its timers
    end = now() + seconds
    while now() < end:
        pass
"""
WAYS = {
    "tests": """\
def test_freezegun(jsms_sandbox):
    with freeze_time(THEN):
        submit()
        assert texted(jsms_sandbox) == AT_NINE
        spin(0.3)

@freeze_time("2030-12-01T00:00:00Z", tick=True)
def test_freezegun_that_ticks(jsms_sandbox):
    submit()
    jsms_sandbox.advance(3600)
    assert [text.mobile for text in jsms_sandbox.sent] == ["13900000001"]

def test_freezegun_in_the_past(jsms_sandbox):
    with freeze_time("2020-01-01") as clock:
        submit()
        spin(0.3)
        clock.move_to("2019-01-01")
        submit()
    assert texted(jsms_sandbox) == 2 * AT_NINE

def test_time_machine(jsms_sandbox):
    with time_machine.travel(THEN) as clock:
        submit()
        clock.shift(-86400)
        spin(0.3)
        clock.shift(10 * 86400)
        assert [text.mobile for text in jsms_sandbox.sent] == ["13900000001"]

def test_another_monotonic(jsms_sandbox, monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    submit()
    spin(0.3)
    assert texted(jsms_sandbox) == AT_NINE

def test_a_slow_answer(jsms_sandbox):
    jsms_sandbox.fault("submit_schedule", "slow", seconds=0.3)
    with freeze_time(THEN):
        began = now()
        submit()
        assert 0.3 <= now() - began < 5
    assert texted(jsms_sandbox) == AT_NINE

@freeze_time(THEN)
def test_a_wait_for_a_call_that_never_comes(jsms_sandbox):
    with SandboxControl(jsms_sandbox.url) as control, pytest.raises(TimeoutError):
        control.wait_for_hold(timeout=0.2)
""",
    "freezegun for the whole run": """\
@pytest.fixture(scope="session", autouse=True)
def frozen():
    freeze_time(THEN).start()

def test_it(frozen, jsms_sandbox):
    submit()
    assert texted(jsms_sandbox) == AT_NINE
""",
    "time-machine for the whole run": """\
@pytest.fixture(scope="session", autouse=True)
def frozen():
    with time_machine.travel(THEN, tick=False):
        yield

def test_it(frozen, jsms_sandbox):
    submit()
    assert texted(jsms_sandbox) == AT_NINE
""",
    "functions of one's own for the whole run": """\
@pytest.fixture(scope="session", autouse=True)
def stopped():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1e9)
        patch.setattr("time.monotonic", lambda: 7.0)
        patch.setattr("time.perf_counter", lambda: 7.0)
        patch.setattr("time.sleep", lambda _: None)
        patch.setattr("asyncio.sleep", AsyncMock())
        yield

def test_it(stopped, jsms_sandbox):
    submit()
    spin(0.3)
    submit()
    assert texted(jsms_sandbox) == 2 * AT_NINE
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_clock_that_stands_still_or_jumps(way: str, project: Project) -> None:
    tests = WAYS[way]
    project.write("test_it.py", HEAD + tests)
    try:
        said = project.pytest("-p", "no:cacheprovider", timeout=60)
    except subprocess.TimeoutExpired as hung:
        pytest.fail(f"pytest did not end: {hung.stdout!r}")
    assert f"= {tests.count('def test_')} passed" in said, said
