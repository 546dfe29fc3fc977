"""The plugin while it is unused."""

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


def test_it_is_there_for_every_pytest() -> None:
    (point,) = entry_points(group="pytest11", name="jsms_sandbox")
    assert point.value == "airflow_provider_jsms.sandbox.pytest_plugin"


def test_it_loads_nothing_before_it_is_used(project: Project) -> None:
    loaded = json.loads(project.run(sys.executable, "-c", LOADED))
    package = "airflow_provider_jsms"
    assert loaded == [package, f"{package}.sandbox", f"{package}.sandbox.pytest_plugin"]
