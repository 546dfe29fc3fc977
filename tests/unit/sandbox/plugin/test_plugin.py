"""The plugin where nobody wants it, where the extra is missing, and where a test fails."""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from tests.people import ANNA, CANARY

if TYPE_CHECKING:
    from tests.unit.sandbox.plugin.conftest import Project

LOADED = """\
import json, sys
import pytest
before = {*sys.modules}
from airflow_provider_jsms.sandbox import pytest_plugin
print(json.dumps(sorted({*sys.modules} - before)))
"""
WITHOUT_THE_EXTRA = """\
import sys
import pytest
sys.modules["uvicorn"] = None
sys.exit(pytest.main([]))
"""
USED = """\
def test_with_it(jsms_sandbox):
    assert jsms_sandbox.requests == []
"""
NOT_USED = """\
def test_without_it():
    pass
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


def test_it_is_there_for_every_pytest() -> None:
    (point,) = entry_points(group="pytest11", name="jsms_sandbox")
    assert point.value == "airflow_provider_jsms.sandbox.pytest_plugin"


def test_it_loads_nothing_before_it_is_used(project: Project) -> None:
    loaded = json.loads(project.run(sys.executable, "-c", LOADED))
    package = "airflow_provider_jsms"
    assert loaded == [package, f"{package}.sandbox", f"{package}.sandbox.pytest_plugin"]


def test_without_the_extra_it_says_what_to_install(project: Project) -> None:
    project.write("test_both.py", USED + NOT_USED)
    said = project.run(sys.executable, "-c", WITHOUT_THE_EXTRA)
    assert "jsms_sandbox needs uvicorn: pip install 'airflow-provider-jsms[sandbox]'" in said
    assert "1 passed, 1 error" in said
    assert "Traceback" not in said
    assert "During handling" not in said


def test_it_can_be_left_out(project: Project) -> None:
    project.write("test_both.py", USED + NOT_USED)
    said = project.pytest("-p", "no:jsms_sandbox")
    assert "fixture 'jsms_sandbox' not found" in said
    assert "1 passed, 1 error" in said


def test_a_test_that_fails_shows_what_came_and_nothing_personal(project: Project) -> None:
    project.write("people.py", f'ANNA = "{ANNA}"\nNAME = "{CANARY}-Anna"\n')
    project.write("test_failing.py", FAILING)
    said = project.pytest("-vv")
    assert "2 failed" in said
    assert "Text(mobile='138****8001', text=***, send_time=" in said
    assert "temp_para={'name': '***'}" in said
    assert "ApiRequest(call='submit_schedule', status=200, code=None, method='POST'" in said
    assert "body=***" in said
    assert ANNA not in said
    assert f"{CANARY}-Anna" not in said
