"""The command ``airflow-jsms-quickstart``: its errors, and what it leaves where Airflow fails."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_jsms.quickstart.__main__ import _extra, main
from airflow_provider_jsms.quickstart.settings import HOST, free_port, release
from tests.quickstart import ROOT, QuickStart
from tests.versions import without_alembic

# It is imported when Python starts, and ends the first command of Airflow.
BROKEN_AIRFLOW = """
import os, sys
if "migrate" in sys.orig_argv:
    print("the database is on strike", flush=True)
    os._exit(3)
"""
# It is imported when Python starts, and holds every command of Airflow.
HANGING_AIRFLOW = """
import sys, time
if any("run_module('airflow'" in each for each in sys.orig_argv):
    time.sleep(600)
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


def start(folder: Path, airflow: str) -> QuickStart:
    """Start the command with something in the place of Airflow."""
    modules = folder / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(airflow)
    return QuickStart(folder, modules)


def test_a_failure_of_airflow_is_shown_with_the_place_of_its_logs(tmp_path: Path) -> None:
    running = start(tmp_path, BROKEN_AIRFLOW)
    assert running.process.wait(120) == 1
    said = running.output.read_text()
    assert "migration ended with status 3" in said
    assert "the database is on strike" in said
    assert "Traceback" not in said
    named = re.search(r"All logs: (\S+)\. Remove (\S+) when", said)
    assert named
    assert "on strike" in (Path(named[1]) / "migration.log").read_text()
    assert Path(named[1]).parent == Path(named[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    running = start(tmp_path, HANGING_AIRFLOW)
    # the migration, the server, and on Airflow 3 the one of the workers
    running.wait_for_processes(2 + bool(release.WORKERS_SERVER))

    running.process.send_signal(number)

    assert running.process.wait(60) == 0, running.output.read_text()
    assert running.living() == []
    assert list(running.temporary.iterdir()) == []


@pytest.mark.parametrize("module", ["psutil", "uvicorn"])
def test_it_names_the_extra_that_is_not_installed(module: str) -> None:
    """The command needs one at once, the other after a while."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = f"The quick start needs {module}: pip install 'airflow-provider-jsms[sandbox]'\n"
    said = "".join(without_alembic(done.stderr.splitlines(keepends=True)))
    assert (done.returncode, said) == (1, expected)


@pytest.mark.parametrize("module", ["h11", "psutil", "starlette", "uvicorn"])
def test_every_package_of_the_extra_leads_to_it(module: str) -> None:
    with pytest.raises(SystemExit, match=f"needs {module}: pip install"), _extra():
        raise ModuleNotFoundError(name=module)


def test_a_module_that_is_not_of_the_extra_is_named_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError), _extra():
        raise ModuleNotFoundError(name="elsewhere")


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_a_port_is_none_that_the_system_gives_away_before_airflow_listens() -> None:
    lowest = 32_768  # on Linux, unless somebody changes it
    assert free_port() < lowest


def test_it_has_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)
