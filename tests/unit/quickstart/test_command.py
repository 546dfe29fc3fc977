"""The command ``airflow-jsms-quickstart``: its errors, and what it leaves where Airflow fails."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_jsms.quickstart import __main__ as command
from airflow_provider_jsms.quickstart.settings import HOST, free_port
from tests import measured

ROOT = Path(__file__).parents[3]
# It is imported when Python starts, and ends the first command of Airflow.
BROKEN_AIRFLOW = """
import os, sys
if "migrate" in sys.orig_argv:
    print("the database is on strike", flush=True)
    os._exit(3)
"""
WITHOUT = """
import runpy, sys

class Missing:
    def find_spec(self, name, *_):
        if name == missing:
            raise ModuleNotFoundError(name=name)

missing = sys.argv.pop()
sys.meta_path.insert(0, Missing())
runpy.run_module("airflow_provider_jsms.quickstart", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def broken(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "sitecustomize.py").write_text(BROKEN_AIRFLOW)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "TMPDIR": str(tmp_path),
    }
    return subprocess.run(
        measured.module("airflow_provider_jsms.quickstart"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_failure_of_airflow_is_shown_with_the_place_of_its_logs(
    broken: subprocess.CompletedProcess[str],
) -> None:
    assert broken.returncode == 1
    assert "migration ended with status 3" in broken.stderr
    assert "the database is on strike" in broken.stderr
    assert "Traceback" not in broken.stderr
    named = re.search(r"All logs: (\S+)\. Remove (\S+) when", broken.stderr)
    assert named
    assert "on strike" in (Path(named[1]) / "migration.log").read_text()
    assert Path(named[1]).parent == Path(named[2])


@pytest.mark.parametrize("module", ["psutil", "starlette", "uvicorn"])
def test_it_names_the_extra_that_is_not_installed(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = f"The quick start needs {module}: pip install 'airflow-provider-jsms[sandbox]'\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_it_has_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)
