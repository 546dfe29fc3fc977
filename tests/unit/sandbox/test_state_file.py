"""The state of a sandbox, kept in a file over restarts and kills."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox import __main__ as command
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.page import content_of
from airflow_provider_jsms.sandbox.phones import Phones
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.state_file import StateFile
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import ANNA, BEN
from tests.unit.sandbox.client import Client, eventually, ok

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.json"


@contextmanager
def started(path: Path, **settings: Any) -> Iterator[tuple[Sandbox, SandboxControl, Client]]:
    """Run a sandbox with a state file."""
    sandbox = Sandbox(**settings)
    with (
        StateFile(path, sandbox),
        SandboxServer(sandbox) as server,
        SandboxControl(server.url) as control,
        Client(control) as client,
    ):
        yield sandbox, control, client


def live(control: SandboxControl, client: Client) -> None:
    """Bring every kind of state about, also half of a surrogate pair."""
    control.template(1250, text="{{name}}：{{a}}", type=3)
    control.sign(9, text="另一", is_default=True)
    control.number(BEN, "unsubscribed")
    control.delivery(ANNA, 4003)
    control.switch(pull_limit="per_app_key")
    control.account(market_balance=7, black_words=["坏"])
    people = [{"mobile": mobile, "temp_para": {"name": "\ud83d", "a": 1}} for mobile in (ANNA, BEN)]
    client.submitted_batch(*people, temp_id=1250, tag="spring")
    client.submitted(mobile=BEN, send_time=client.in_seconds(600))
    control.delete(client.submitted())
    moved = client.submitted(mobile=BEN)
    ok(client.modify(moved, mobile=BEN, send_time=client.in_seconds(999_999)))
    control.reply(ANNA, "R")
    control.advance(7200)
    control.reply(BEN, "TD")
    client.send("POST", "/v1/schedule", {"mobile": 1})
    client.ask("PUT", "/v1/schedule/x", data="no json")
    ok_rows = client.reports().json()
    assert len(ok_rows) == 2


def everything(sandbox: Sandbox, control: SandboxControl) -> Any:
    state = control.state()
    del state["clock"]["utc"], state["clock"]["wall"]
    views = control.requests(), control.messages(), control.undelivered()
    page = content_of(sandbox, Phones().of(sandbox.book), mobile=ANNA, grouping="schedules")
    return state, views, page


def test_it_starts_again_as_it_stopped(path: Path) -> None:
    with started(path) as (sandbox, control, client):
        live(control, client)
        before = everything(sandbox, control)
        time = sandbox.clock.now()
    with started(path) as (sandbox, control, client):
        assert everything(sandbox, control) == before
        assert sandbox.clock.now() >= time
        assert client.reports().status_code == 403  # five seconds have not passed
        schedule_id = client.submitted(mobile=BEN, send_time=client.in_seconds(600))
        control.advance(2_000_000)
        assert len(control.messages()) == len(before[1][1]) + 2
        ids = [one["msg_id"] for one in control.messages() + control.undelivered()]
        assert len(set(ids)) == len(ids), "a msg_id is never given twice"
        assert control.messages()[-1]["schedule_id"] != schedule_id, "the moved one comes last"
        assert [row["content"] for row in client.replies().json()] == []  # seven days are over


def test_a_text_due_while_it_was_stopped_is_sent_at_its_time(path: Path) -> None:
    with started(path) as (sandbox, control, client):
        send_time = client.in_seconds(600)
        client.submitted(send_time=send_time)
        sandbox.clock.advance(1200)  # no request sends it any more
    with started(path) as (sandbox, control, _):
        [message] = control.messages()
        assert message["send_time"] == send_time


def test_a_reset_is_saved(path: Path) -> None:
    with started(path) as (_, control, client):
        live(control, client)
        control.reset()
    with started(path) as (_, control, _):
        assert control.state()["schedules"] == control.requests() == []


def test_it_has_no_credentials(path: Path) -> None:
    with started(path) as (_, control, client):
        live(control, client)
    text = path.read_text()
    assert ANNA in text
    for secret in (DEFAULT_MASTER_SECRET, DEFAULT_APP_KEY, "Basic "):
        assert secret not in text


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 200_000),
        b'{"kept": {"numbers": {"13800138000": 5}}, "schedules": []}',
    ],
)
def test_a_damaged_file_is_an_error_with_a_next_step(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with pytest.raises(InvalidInputError) as caught, started(path):
        pass
    text = str(caught.value)
    assert f"the state file {path} is damaged, or of another version" in text
    assert text.endswith("or move this one away to start with an empty sandbox.")
    assert ANNA not in text
    assert caught.value.__cause__ is None
    assert path.read_bytes() == damage, "it may be repaired"


def test_a_text_that_was_sent_needs_its_schedule(path: Path) -> None:
    with started(path) as (_, control, client):
        live(control, client)
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({**saved, "sent": ["of nobody"]}))
    with pytest.raises(InvalidInputError, match="is damaged"), started(path):
        pass


@pytest.mark.parametrize("place", ["missing/sandbox.json", ""])
def test_a_place_that_cannot_be_used_is_an_error_at_once(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot be (read|written): "):
        StateFile(tmp_path / place, Sandbox()).__enter__()


def test_a_kill_keeps_what_was_written(path: Path) -> None:
    options = ["--port", "0", "--state", str(path)]
    module = [sys.executable, "-m", command.__spec__.parent or ""]
    for expected in range(2):
        with subprocess.Popen([*module, *options], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                url = process.stdout.readline().split()[4]
                with SandboxControl(url) as control, Client(control) as client:
                    assert len(control.state()["schedules"]) == expected
                    schedule_id = client.submitted()
                    assert eventually(lambda wanted=schedule_id: wanted in path.read_text())
            finally:
                process.send_signal(signal.SIGKILL)


def test_options_win_over_the_saved_switches(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with started(path, switches={"query_sent": "50029", "pull_limit": "per_app_key"}):
        pass
    monkeypatch.setattr(signal, "signal", lambda _, handler: handler())
    options = ["--port", "0", "--state", str(path), "--switch", "query_sent=50028"]
    assert command.main(options) == 0
    switches = json.loads(path.read_text())["kept"]["switches"]
    assert (switches["query_sent"], switches["pull_limit"]) == ("50028", "per_app_key")
    path.write_text("{")
    with pytest.raises(SystemExit):
        command.main(options)
    assert "is damaged" in capsys.readouterr().err
