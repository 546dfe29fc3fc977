"""Runs of pytest in projects as users have them, each in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from airflow_provider_jsms.quickstart.environment import inherited_environment
from tests.pages import text, the_block
from tests.versions import AIRFLOW, as_here

if TYPE_CHECKING:
    from collections.abc import Iterator

collect_ignore = ["project"]
PAGE = text("docs/en/how-to/testing.md")


class Project:
    """A folder with tests of a user; no setting of ours and none of Airflow gets in.

    :param folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A proxy of the environment must not come between a test and its sandbox.
        self.environment = {
            **inherited_environment(),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run(self, *command: str, timeout: float = 300) -> str:
        """Run a command and return its output."""
        with self.start(*command) as process:
            try:
                return process.communicate(timeout=timeout)[0]
            finally:
                process.kill()

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


class Running(NamedTuple):
    """The tests of a project while they run."""

    process: subprocess.Popen[str]
    report: Path


def block(language: str, text: str) -> str:
    """Return the first code block of a text."""
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def running_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The project of the page about tests; its tests take long enough to run beside all others."""
    folder = tmp_path_factory.mktemp("people") / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parent / "project", folder, ignore=ignored)
    project = Project(folder)
    project.write("dags/reminders.py", as_here(the_block('DAG("reminders"', below="docs/en/index")))
    test = block("python", PAGE)
    if AIRFLOW < (3, 0):
        test = test.replace("run_after=", "execution_date=")
    project.write("test_reminders.py", test)
    report = folder / "report.xml"
    options = f"--junitxml={report}"
    with project.start("bash", "-ec", block("bash", PAGE), PYTEST_ADDOPTS=options) as process:
        yield Running(process, report)
        process.kill()
