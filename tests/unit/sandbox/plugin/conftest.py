"""Runs of pytest in projects as users have them, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.stack.settings import inherited_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

collect_ignore = ["project"]


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

    def pytest(self, *options: str, timeout: float = 300) -> str:
        """Run pytest and return what it prints."""
        return self.run(sys.executable, "-m", "pytest", *options, timeout=timeout)

    def run(self, *command: str, timeout: float = 300, **variables: str) -> str:
        """Run a command and return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        return done.stdout


def outcomes(report: Path) -> Mapping[str, str]:
    """Return what came of every test, from the XML report of pytest."""
    return {
        case.attrib["name"]: next((part.tag for part in case if part.tag in _ENDS), "passed")
        for case in ET.parse(report).iter("testcase")  # noqa: S314 - pytest has written it
    }


_ENDS = {"failure", "error", "skipped"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
