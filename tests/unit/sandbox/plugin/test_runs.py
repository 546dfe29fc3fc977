"""The fixture in runs of pytest as users have them: without the extra, with clocks, failing.

All runs share one process, because importing Airflow takes longer than any of them.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.people import ANNA, CANARY
from tests.unit.sandbox.plugin.conftest import PAGE, Project

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    # in real time, so that the server's event loop reaches its timers
    end = now() + seconds
    while now() < end:
        pass
"""
CLOCKS = {
    "clock": """\
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
    "freezegun": """\
@pytest.fixture(scope="session", autouse=True)
def frozen():
    with freeze_time(THEN):
        yield

def test_whole_run(frozen, jsms_sandbox):
    submit()
    assert texted(jsms_sandbox) == AT_NINE
""",
    "time_machine": """\
@pytest.fixture(scope="session", autouse=True)
def frozen():
    with time_machine.travel(THEN, tick=False):
        yield

def test_whole_run(frozen, jsms_sandbox):
    submit()
    assert texted(jsms_sandbox) == AT_NINE
""",
    "own_functions": """\
@pytest.fixture(scope="session", autouse=True)
def stopped():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1e9)
        patch.setattr("time.monotonic", lambda: 7.0)
        patch.setattr("time.perf_counter", lambda: 7.0)
        patch.setattr("time.sleep", lambda _: None)
        patch.setattr("asyncio.sleep", AsyncMock())
        yield

def test_whole_run(stopped, jsms_sandbox):
    submit()
    spin(0.3)
    submit()
    assert texted(jsms_sandbox) == 2 * AT_NINE
""",
}
BOTH = """\
def test_with_it(jsms_sandbox):
    assert jsms_sandbox.requests == []

def test_without_it():
    pass
"""
# It has to run before anything else in its process has imported the server.
WITHOUT_THE_EXTRA = f"""\
import sys
import pytest

@pytest.fixture(scope="session", autouse=True)
def without_uvicorn():
    assert "uvicorn" not in sys.modules
    sys.modules["uvicorn"] = None
    yield
    del sys.modules["uvicorn"]

{BOTH}"""
INTERCEPTORS = """\
import re
import pytest, requests, requests_mock, responses
from airflow_provider_jsms.hooks.jsms import JsmsHook

ELSEWHERE = "https://elsewhere.example/"

def submit(sandbox):
    with JsmsHook() as hook:
        hook.submit_schedule(send_time="2031-01-01 09:00:00", mobile="13900000001", temp_id=1)
    return [text.mobile for text in sandbox.scheduled]

def test_requests_mock(jsms_sandbox):
    with requests_mock.Mocker() as mocker:
        mocker.get(ELSEWHERE, text="mocked")
        {requests_mock}
        assert submit(jsms_sandbox) == ["13900000001"]
        assert requests.get(ELSEWHERE).text == "mocked"

@responses.activate
def test_responses(jsms_sandbox):
    responses.get(ELSEWHERE, body="mocked")
    {responses}
    assert submit(jsms_sandbox) == ["13900000001"]
    assert requests.get(ELSEWHERE).text == "mocked"

def test_blocked_sockets(jsms_sandbox):
    assert submit(jsms_sandbox) == ["13900000001"]
    if {is_blocked}:
        with pytest.raises(Exception, match="192.0.2.1"):
            requests.get("http://192.0.2.1/", timeout=0.2)
"""
FAILING = """\
from datetime import UTC, datetime, timedelta
from airflow_provider_jsms.hooks.jsms import JsmsHook
from people import ANNA, NAME

def test_nobody_is_texted(jsms_sandbox):
    with JsmsHook() as hook:
        hour = datetime.now(UTC) + timedelta(hours=1)
        hook.submit_schedule(send_time=hour, mobile=ANNA, temp_id=2, temp_para={"name": NAME})
    assert jsms_sandbox.scheduled == []

def test_nothing_is_asked(jsms_sandbox):
    test = test_nobody_is_texted
    try:
        test(jsms_sandbox)
    except AssertionError:
        pass
    assert jsms_sandbox.requests == []
"""
# Airflow 3.1 logs to where the output went when it was imported, and each run closes its own. It
# imports its models when it first reads a connection, which may not be in a time that is frozen.
RUN = """\
import json, sys
import airflow.models, pytest
airflow.models.import_all_models()
for name, options in json.loads(sys.argv[1]).items():
    print(f"RUN {name}", flush=True)
    usual = ["-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    pytest.main([f"test_{name}.py", *usual, *options])
"""


def shown(start: str) -> str:
    """Return the code that begins so from the page about tests."""
    found = re.search(rf"`({re.escape(start)}[^`]*)`", PAGE)
    assert found
    return found[1]


SOCKETS = ["--disable-socket", shown("--allow-hosts")]


def interceptors(*, is_blocked: bool) -> str:
    return INTERCEPTORS.format(
        requests_mock=shown("mocker.register_uri("),
        responses=shown("responses.add_passthru("),
        is_blocked=is_blocked,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The output of every run by its name."""
    project = Project(tmp_path_factory.mktemp("runs"))
    tests = {"left_out": BOTH, "without_the_extra": WITHOUT_THE_EXTRA}
    tests |= {name: HEAD + text for name, text in CLOCKS.items()}
    tests["interceptors"] = interceptors(is_blocked=False)
    tests["allowed_hosts"] = interceptors(is_blocked=True)
    tests["blocked"] = "def test_it(jsms_sandbox):\n    pass\n"
    tests["failing"] = FAILING
    for name, text in tests.items():
        project.write(f"test_{name}.py", text)
    project.write("people.py", f'ANNA = "{ANNA}"\nNAME = "{CANARY}-Anna"\n')
    options = {
        **{name: [] for name in tests},
        "left_out": ["-p", "no:jsms_sandbox"],
        "allowed_hosts": SOCKETS,
        "blocked": SOCKETS[:1],
        "failing": ["-vv"],
    }
    shown = project.run(sys.executable, "-c", RUN, json.dumps(options), timeout=120)
    return dict(part.split("\n", 1) for part in shown.split("RUN ")[1:])


def test_it_can_be_left_out(output: Mapping[str, str]) -> None:
    left_out = output["left_out"]
    assert "fixture 'jsms_sandbox' not found" in left_out
    assert "1 passed, 1 error" in left_out


def test_without_the_extra_it_names_it(output: Mapping[str, str]) -> None:
    without = output["without_the_extra"]
    assert "jsms_sandbox needs uvicorn: pip install 'airflow-provider-jsms[sandbox]'" in without
    assert "1 passed, 1 error" in without
    assert "Traceback" not in without
    assert "During handling" not in without


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_stands_still_or_jumps(output: Mapping[str, str], name: str) -> None:
    passed = CLOCKS[name].count("def test_")
    assert f"= {passed} passed" in output[name], output[name]


@pytest.mark.parametrize("name", ["interceptors", "allowed_hosts"])
def test_libraries_that_intercept_requests(output: Mapping[str, str], name: str) -> None:
    assert "= 3 passed" in output[name], output[name]


def test_blocked_sockets_are_named(output: Mapping[str, str]) -> None:
    blocked = output["blocked"]
    assert "jsms_sandbox cannot listen on 127.0.0.1 (SocketBlockedError)" in blocked
    assert shown("--allow-hosts") in blocked
    assert "Traceback" not in blocked


def test_a_failing_test_prints_nothing_personal(output: Mapping[str, str]) -> None:
    failing = output["failing"]
    assert "2 failed" in failing
    assert "Text(mobile='138****8001', text=***, send_time=" in failing
    assert "temp_para={'name': '***'}" in failing
    assert "ApiRequest(call='submit_schedule', status=200, code=None, message=None, " in failing
    assert "body=***" in failing
    assert ANNA not in failing
    assert f"{CANARY}-Anna" not in failing
