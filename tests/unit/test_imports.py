"""What a DAG file pulls in when it is parsed, which happens again and again."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import airflow_provider_jsms

ROOT = Path(__file__).parents[2]
PACKAGE = Path(airflow_provider_jsms.__file__).parent
FOR_DAGS = ("operators", "sensors", "notifications")
PUBLIC = ("exceptions", *(f"{room}.jsms" for room in (*FOR_DAGS, "hooks", "triggers")))
# What a DAG file has imported before the provider, on every version.
BEFORE = "airflow.providers.common.compat.sdk, airflow.providers.common.compat.notifier, pendulum"
IMPORTS = f"""
import json, sys
import {BEFORE}
from airflow.providers.common.compat.sdk import BaseNotifier, BaseSensorOperator, DAG, conf, task
before = set(sys.modules)
import {", ".join(f"airflow_provider_jsms.{room}.jsms" for room in FOR_DAGS)}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
HEAVY = (
    "requests",
    "urllib3",
    "aiohttp",
    "httpx",
    "starlette",
    "uvicorn",
    "tenacity",
    "sqlalchemy",
)


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True, cwd=ROOT
    )
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return names


@pytest.mark.parametrize("room", FOR_DAGS)
def test_a_dag_file_can_import(room: str, loaded: list[str]) -> None:
    assert f"airflow_provider_jsms.{room}.jsms" in loaded


def test_no_http_library_comes_along(loaded: list[str]) -> None:
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []


def test_no_hook_no_trigger_and_no_sandbox_comes_along(loaded: list[str]) -> None:
    ours = tuple(f"airflow_provider_jsms.{room}" for room in ("hooks", "triggers.jsms", "sandbox"))
    assert [name for name in loaded if name.startswith(ours)] == []


def test_little_comes_along(loaded: list[str]) -> None:
    theirs = [name for name in loaded if not name.startswith("airflow_provider_jsms")]
    assert len(theirs) <= 10, theirs
    assert len(loaded) <= 80, loaded


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_exports_its_classes_and_nothing_else(name: str) -> None:
    module = import_module(f"airflow_provider_jsms.{name}")
    own = [each for each in vars(module).values() if inspect.isclass(each)]
    # The operators come from the modules beside theirs.
    home = module.__package__ if name == "operators.jsms" else module.__name__
    names = {each.__name__ for each in own if each.__module__.startswith(home)}
    assert set(module.__all__) == {each for each in names if not each.startswith("_")} != set()
