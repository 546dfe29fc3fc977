"""The command ``python -m airflow_provider_jsms.sandbox``."""

from __future__ import annotations

import json
import re
import runpy
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox import __main__ as command
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.people import CANARY
from tests.unit.sandbox.client import Client
from tests.versions import without_alembic

if TYPE_CHECKING:
    from pathlib import Path

# What `python -m airflow_provider_jsms.sandbox` does, twice: the imports of a process take seconds.
TWICE = """
import runpy
for _ in range(2):
    try:
        runpy.run_module("airflow_provider_jsms.sandbox", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        print("status", ended.code, flush=True)
"""
COMMAND = [sys.executable, "-c", TWICE, "--port", "0"]
READY = re.compile(r"JSMS sandbox listening on (https://127\.0\.0\.1:\d+) \(app key (\w+)\)\n")
FAULTS = [
    {"call": "balance", "kind": "code", "code": 59999},
    {"call": "query_schedule", "kind": "stalled", "times": None, "probability": 0.5},
]


def test_it_serves_until_a_signal(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    options = ["--switch", "msg_id_when=accepted", "--timezone", "UTC", "--https", str(bundle)]
    options += ["--dev-key", "dev", "--api-dev-secret", CANARY]
    options += [word for fault in FAULTS for word in ("--fault", json.dumps(fault))]
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for number in (signal.SIGTERM, signal.SIGINT):
            ready = READY.fullmatch(next(without_alembic(process.stdout)))
            assert ready
            assert ready[2] == DEFAULT_APP_KEY
            with SandboxControl(ready[1], ca_bundle=bundle) as control, Client(control) as client:
                client.session.verify = str(bundle)
                state = control.state()
                assert state["switches"]["msg_id_when"] == "accepted"
                assert state["clock"]["timezone"] == "UTC"
                balance = client.ask("GET", "/v1/accounts/dev", auth=("dev", CANARY))
                assert balance.status_code == 200
                assert state["faults"] == [{"times": 1, **fault} for fault in FAULTS]
                client.submitted(
                    temp_id=2, temp_para={"name": f"{CANARY}-Anna"}, send_time="2099-07-01 09:00:00"
                )
            process.send_signal(number)
            assert process.stdout.readline() == "status 0\n"
        assert process.wait(timeout=20) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("address", "warned"),
    # Both are this machine; only the usual form is recognized as such.
    [("127.0.0.1", ""), ("127.1", "Warning: whoever reaches 127.1 can read the texts and control")],
)
def test_it_warns_of_an_address_that_others_may_reach(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str, warned: str
) -> None:
    monkeypatch.setattr(signal, "signal", lambda _, handler: handler())
    assert command.main(["--port", "0", "--listen", address, "--name", "jsms-sandbox"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith(warned)
    assert bool(shown.err) is bool(warned)
    assert "listening on http://127.0.0.1:" in shown.out


def test_the_hook_reaches_a_sandbox_at_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with SandboxServer() as server:
        # This machine, which the connection recognizes only in the usual form.
        host = server.url.replace("127.0.0.1", "127.1")
        fields = {"conn_type": "jsms", "host": host, "login": DEFAULT_APP_KEY}
        extra = {"allow_http": True}
        connection = {**fields, "password": DEFAULT_MASTER_SECRET, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(connection))
        with JsmsHook() as hook:
            assert hook.get_balance()
        [request] = server.sandbox.recorded
        assert request.status == 200


def test_without_its_packages_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, SandboxServer.__module__)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(command.__file__, run_name="__main__")
    # A text, which Python prints without a traceback before it exits with status 1.
    assert str(ended.value.code).endswith("pip install 'airflow-provider-jsms[sandbox]'")


def test_main_in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda _, handler: handler())
    assert command.main(["--port", "0", "--app-key", "mine", "--fault", json.dumps(FAULTS[0])]) == 0
    assert capsys.readouterr().out.endswith(" (app key mine)\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--listen", "192.0.2.1"], "cannot listen on 192.0.2.1 port 0"),  # another machine's
        (["--name", "a b"], "must be a host name such as jsms-sandbox"),
        (["--switch", "msg_id_wen=sent"], "msg_id_when"),
        (["--switch", "query_sent"], "record or 50028 or 50029"),
        (["--timezone", "Nowhere/Land"], "Asia/Shanghai"),
        (["--port", "99999"], "cannot listen on 127.0.0.1 port 99999"),
        (["--port", "many"], "invalid int value"),
        (["--fault", "{"], "--fault must be JSON, not {"),
        (["--fault", "{}"], "kind must be slow or"),
        (["--fault", '{"call": "*", "kind": "code"}'], "code is missing"),
        (["--https", "/nowhere/ca.pem"], "ca_bundle must be a writable file"),
    ],
)
def test_invalid_options_are_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        command.main(["--port", "0", *arguments])
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert named in shown.err
    assert shown.out == ""


def test_a_port_in_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        command.main(["--port", str(taken.getsockname()[1])])
    assert ended.value.code == 2
    assert "cannot listen" in capsys.readouterr().err


def test_default_credentials_have_the_form_of_real_ones() -> None:
    for text in (DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET):
        assert re.fullmatch("[A-Za-z0-9]{24}", text)
        assert "sandbox" in text
