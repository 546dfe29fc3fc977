"""The collector that checks every test for private data finds it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from airflow_provider_jsms.quickstart.environment import inherited_environment
from tests import people
from tests.stack.settings import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """
from tests.leaks import LeakCollector

def pytest_configure(config):
    config.pluginmanager.register(LeakCollector())
"""
TESTS = f"""
import logging
from airflow_provider_jsms.exceptions import JsmsError

def test_log(): logging.getLogger("any").warning("to {people.ANNA}")
def test_output(): print("to {people.ANNA}")
def test_error(): JsmsError("to {people.ANNA}")
def test_masked(): print("to 138****8001")
"""


def test_a_test_that_shows_a_number_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_showing.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rE", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={
            **inherited_environment(),
            "AIRFLOW_HOME": str(tmp_path),
            "PYTHONPATH": str(REPOSITORY),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR ")]
    assert errors == [
        f"ERROR test_showing.py::{name} - PRIVATE DATA LEAKED"
        for name in ("test_log", "test_output", "test_error")
    ]
