"""The plugin when it is unused, disabled, or lacks the extra."""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

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


def test_it_is_there_for_every_pytest() -> None:
    (point,) = entry_points(group="pytest11", name="jsms_sandbox")
    assert point.value == "airflow_provider_jsms.sandbox.pytest_plugin"


def test_it_loads_nothing_before_it_is_used(project: Project) -> None:
    loaded = json.loads(project.run(sys.executable, "-c", LOADED))
    package = "airflow_provider_jsms"
    assert loaded == [package, f"{package}.sandbox", f"{package}.sandbox.pytest_plugin"]


def test_without_the_extra_it_names_it(project: Project) -> None:
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
