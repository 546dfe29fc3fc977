"""The page of the quick start shows the command and the DAG that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import airflow_provider_jsms
from airflow_provider_jsms.quickstart import __main__ as command

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "en" / "quickstart.md").read_text()
DAG = Path(command.__file__).with_name("dags") / f"{command.DAG_ID}.py"

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="not a source tree")


def test_the_dag_is_the_one_of_the_command() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines = DAG.read_text().splitlines()
    assert [line for line in shown.splitlines() if line not in lines] == []
    tasks = re.findall(r'task_id="(\w+)"', shown)
    assert tasks == re.findall(r'task_id="(\w+)"', DAG.read_text())


def test_the_output_is_that_of_the_command() -> None:
    home = "/tmp/jsms-start-x1y2z3"  # noqa: S108  a path on the page
    printed = command.GUIDE.format(
        airflow="http://127.0.0.1:8080",
        sandbox="http://127.0.0.1:8025",
        dag=command.DAG_ID,
        file=f"{home}/dags/{command.DAG_ID}.py",
        logs=f"{home}/logs",
        home=home,
    )
    assert printed in PAGE


def test_the_wheel_is_that_of_this_version() -> None:
    assert f"airflow_provider_jsms-{airflow_provider_jsms.__version__}-py3-none-any.whl" in PAGE
