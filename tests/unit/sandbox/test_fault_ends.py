"""The faults that keep a client waiting or cut it off, as they are on the wire, and their end."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.auth import _basic_auth_str

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.credentials import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.unit.sandbox.client import Client, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
AUTHORIZATION = _basic_auth_str(DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)
ENDLESS = {
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "length": HEAD + b"Content-Length: 1099511627776\r\n\r\n",
    "headers": HEAD + b"X-Endless: ",
}
# Nothing of these comes to an end by itself.
LASTING: list[tuple[str, dict[str, Any]]] = [
    ("slow", {"seconds": 600}),
    ("stalled", {}),
    ("endless_body", {}),
    ("endless_body", {"seconds": 0.05}),
    ("endless_body", {"seconds": 600}),
]
BY_KIND = pytest.mark.parametrize(("kind", "settings"), LASTING)


@pytest.fixture(autouse=True)
def _no_word_of_uvicorn(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    names = ("uvicorn", "asyncio")
    assert [one.getMessage() for one in caplog.records if one.name.startswith(names)] == []


def eventually(is_so: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(is_so())


def lasting(server: SandboxServer) -> int:
    """Return how many answers go on in a sandbox."""
    with server.sandbox.lock:
        return sum(not ending.done() for ending in server.sandbox.endings._awaited)


@contextmanager
def submitting(client: Client, control: SandboxControl) -> Iterator[socket.socket]:
    """Yield a connection on which a submission was sent."""
    body = json.dumps(client.single()).encode()
    lines = [
        "POST /v1/schedule HTTP/1.1",
        "Host: sandbox",
        f"Authorization: {AUTHORIZATION}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    host, port = control.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        yield connection


def received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def rest_of(connection: socket.socket) -> bytes:
    """Return what still comes until the connection ends, in either way."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


@pytest.mark.parametrize("handled", [True, False])
def test_stalled(
    client: Client, control: SandboxControl, server: SandboxServer, *, handled: bool
) -> None:
    control.fault("submit_schedule", "stalled", handled=handled)
    with submitting(client, control) as connection:
        assert eventually(lambda: lasting(server))
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert len(control.state()["schedules"]) == handled
        [recorded] = control.requests()
        assert (recorded["call"], recorded["status"]) == ("submit_schedule", None)
        assert recorded["body"]["temp_id"] == 1
    assert eventually(lambda: not lasting(server))
    assert ok(client.submit())


def test_closed_before_reading(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "closed_before_reading")
    with submitting(client, control) as connection:
        assert rest_of(connection) == b""
    [recorded] = control.requests()
    assert (recorded["call"], recorded["body"], recorded["status"]) == (
        "submit_schedule",
        None,
        None,
    )
    assert control.state()["schedules"] == []
    assert ok(client.submit())


def test_half_a_body(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "half_body")
    with submitting(client, control) as connection:
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    [schedule] = control.state()["schedules"]
    whole = json.dumps({"schedule_id": schedule["schedule_id"]}).encode()
    assert head + b"\r\n" == HEAD + b"Content-Length: %d\r\n" % len(whole)
    assert body == whole[: len(whole) // 2]
    assert control.requests()[0]["status"] == 200


def test_half_a_head(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "half_body", part="headers")
    with submitting(client, control) as connection:
        answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert HEAD.startswith(answer)
    assert len(control.state()["schedules"]) == 1


def test_half_of_an_answer_without_a_body_is_the_answer(
    client: Client, control: SandboxControl
) -> None:
    schedule_id = client.submitted()
    control.fault("delete_schedule", "half_body")
    response = client.delete(schedule_id)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("form", ENDLESS)
def test_an_endless_answer(
    client: Client, control: SandboxControl, server: SandboxServer, form: str
) -> None:
    control.fault("submit_schedule", "endless_body", form=form)
    with submitting(client, control) as connection:
        assert received(connection, len(ENDLESS[form])) == ENDLESS[form]
        assert len(received(connection, 2_000_000)) == 2_000_000
        assert len(control.state()["schedules"]) == 1
        assert control.requests()[0]["status"] == 200
    assert eventually(lambda: not lasting(server))


@pytest.mark.parametrize(
    ("form", "pieces"), [("chunks", b"1\r\n \r\n" * 3), ("length", b"   "), ("headers", b"eee")]
)
def test_an_answer_that_trickles(
    client: Client, control: SandboxControl, form: str, pieces: bytes
) -> None:
    control.fault("submit_schedule", "endless_body", form=form, seconds=0.1, handled=False)
    with submitting(client, control) as connection:
        received(connection, len(ENDLESS[form]))
        begin = time.monotonic()
        assert received(connection, len(pieces)) == pieces
        assert time.monotonic() - begin >= 0.25
    assert control.state()["schedules"] == []


def test_a_client_that_does_not_read_gets_no_more_than_fits(
    client: Client, control: SandboxControl, server: SandboxServer
) -> None:
    control.fault("submit_schedule", "endless_body")
    with submitting(client, control) as connection:
        received(connection, len(ENDLESS["chunks"]))
        [serving] = [
            each
            for each in server._server.server_state.connections
            if each.cycle.response_started is False
        ]
        time.sleep(0.3)
        assert serving.transport.get_write_buffer_size() < 1_000_000
        control.reset()
        assert eventually(lambda: not lasting(server))


@BY_KIND
def test_it_ends_when_the_sandbox_is_reset(
    client: Client,
    control: SandboxControl,
    server: SandboxServer,
    kind: str,
    settings: dict[str, Any],
) -> None:
    control.fault("submit_schedule", kind, **settings)
    with submitting(client, control) as connection:
        assert eventually(lambda: lasting(server))
        control.reset()
        rest_of(connection)
    assert control.requests() == []
    assert control.state()["schedules"] == []
    assert ok(client.submit())


@BY_KIND
def test_it_ends_when_the_server_stops(kind: str, settings: dict[str, Any]) -> None:
    threads = threading.active_count()
    with (
        SandboxServer() as server,
        SandboxControl(server.url) as control,
        Client(control) as client,
    ):
        control.fault("*", kind, times=None, **settings)
        with submitting(client, control) as one, submitting(client, control) as other:
            assert eventually(lambda: lasting(server) == 2)
            begin = time.monotonic()
            server.__exit__(None, None, None)
            assert time.monotonic() - begin < 2
            rest_of(one)
            rest_of(other)
    assert threading.active_count() == threads


def test_a_sandbox_without_a_server_lets_nothing_go_on() -> None:
    with SandboxServer() as server:
        pass
    ending = server.sandbox.endings.new()
    assert ending.cancelled()


def test_a_slow_request_of_an_old_test_is_dropped(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "slow", seconds=0.5)
    with pytest.raises(requests.ReadTimeout):
        client.ask("POST", "/v1/schedule", json=client.single(), timeout=0.1)
    control.reset()
    control.fault("balance", "slow", seconds=0.6)
    assert ok(client.balance())
    assert control.state()["schedules"] == []
    assert [request["call"] for request in control.requests()] == ["balance"]
