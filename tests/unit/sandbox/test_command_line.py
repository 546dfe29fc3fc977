"""The command, in a process of its own and in this one."""

from __future__ import annotations

import os
import re
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import pytest
import requests

from airflow_provider_jsms.sandbox import command_line
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.credentials import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from tests.people import ANNA, CANARY
from tests.unit.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "airflow_provider_jsms.sandbox"]
MODULE = Path(command_line.__file__).with_name("__main__.py")
READY = re.compile(r"JSMS sandbox listening on (http://127\.0\.0\.1:\d+) \(app key (\w+)\)\n")


def run_module(name: str = "<run_path>") -> None:
    """Run what ``python -m`` runs; runpy itself cannot load what pytest has loaded its own way."""
    runpy.run_path(str(MODULE), run_name=name)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "--port", "0", "--switch", "msg_id_when=accepted", "--timezone", "UTC"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


def test_from_ready_to_sigterm(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    ready = READY.fullmatch(process.stdout.readline())
    assert ready
    assert ready[2] == DEFAULT_APP_KEY
    with SandboxControl(ready[1]) as control, Client(control) as client:
        state = control.state()
        assert state["switches"]["msg_id_when"] == "accepted"
        assert state["clock"]["timezone"] == "UTC"
        client.submitted(
            temp_id=2, temp_para={"name": f"{CANARY}-Anna"}, send_time="2099-07-01 09:00:00"
        )
        control.fault("*", "accepted_then_closed")
        with pytest.raises(requests.ConnectionError):
            client.submit(temp_id=2, temp_para={"name": f"{CANARY}-Anna"})
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    rest = process.stdout.read()
    assert rest == ""
    assert ANNA not in rest
    assert CANARY not in rest


def test_sigint_ends_it_cleanly_too(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert process.stdout.read() == ""


def test_without_its_packages_it_says_what_to_install() -> None:
    code = "import runpy, sys; sys.modules['uvicorn'] = None; runpy.run_module(sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", code, "airflow_provider_jsms.sandbox"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("pip install 'airflow-provider-jsms[sandbox]'")
    assert "Traceback" not in ended.stderr


class Unimportable(ModuleType):
    """A module that cannot be imported, because a module that it needs is missing."""

    def __getattr__(self, _: str) -> NoReturn:
        raise ModuleNotFoundError(name=self.__doc__)


@pytest.mark.parametrize("missing", ["uvicorn", "starlette"])
def test_missing_package_in_this_process(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    name = "airflow_provider_jsms.sandbox.command_line"
    monkeypatch.setitem(sys.modules, name, Unimportable(name, missing))
    with pytest.raises(SystemExit, match=r"airflow-provider-jsms\[sandbox\]"):
        run_module()


def test_another_missing_module_is_not_blamed_on_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "airflow_provider_jsms.sandbox.command_line"
    monkeypatch.setitem(sys.modules, name, Unimportable(name, "argparse"))
    with pytest.raises(ModuleNotFoundError):
        run_module()


class StopWhenReady:
    """A standard output that sends a signal once something was written to it."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_main_in_this_process(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    output = StopWhenReady(number)
    monkeypatch.setattr(sys, "stdout", output)
    assert (
        command_line.main(["--port", "0", "--app-key", "mine", "--switch", "query_sent=50028"]) == 0
    )
    ready = READY.fullmatch(output.text)
    assert ready
    assert ready[2] == "mine"
    assert signal.getsignal(number) == before


def test_module_exits_with_the_status_of_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "main", lambda: 7)
    with pytest.raises(SystemExit) as ended:
        run_module("__main__")
    assert ended.value.code == 7


def test_module_does_nothing_when_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "main", lambda: pytest.fail("it was started"))
    run_module("imported")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--host", "0.0.0.0"], "not a loopback address"),  # noqa: S104 - the point of the test
        (["--host", "example.com"], "not a loopback address"),
        (["--switch", "msg_id_wen=sent"], "msg_id_when"),
        (["--switch", "query_sent=404"], "record or 50028 or 50029"),
        (["--switch", "query_sent"], "record or 50028 or 50029"),
        (["--timezone", "Nowhere/Land"], "Asia/Shanghai"),
        (["--port", "99999"], "cannot listen on 127.0.0.1 port 99999"),
        (["--port", "many"], "invalid int value"),
    ],
)
def test_what_the_command_does_not_accept(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--port", "0", *arguments])
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        command_line.main(["--port", str(taken.getsockname()[1])])
    assert ended.value.code == 2
    assert "cannot listen" in capsys.readouterr().err


def test_bad_host_in_a_process_of_its_own() -> None:
    ended = subprocess.run(
        [*COMMAND, "--port", "0", "--host", "192.0.2.1"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "not a loopback address" in ended.stderr


def test_default_credentials_have_the_form_of_real_ones() -> None:
    for text in (DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET):
        assert re.fullmatch("[A-Za-z0-9]{24}", text)
        assert "sandbox" in text
