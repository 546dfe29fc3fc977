"""The effect of every kind of fault, as a client sees it on the wire."""

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

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.people import ANNA, BEN
from tests.unit.sandbox.client import Client, eventually, ok, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
AUTHORIZATION = _basic_auth_str(DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)
ENDLESS = {
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "length": HEAD + b"Content-Length: 1099511627776\r\n\r\n",
    "headers": HEAD + b"X-Endless: ",
}
# None of these ends by itself.
LASTING: list[tuple[str, dict[str, Any]]] = [
    ("slow", {"seconds": 600}),
    ("stalled", {}),
    ("endless_body", {}),
    ("endless_body", {"seconds": 0.05}),
    ("endless_body", {"seconds": 600}),
]
BY_KIND = pytest.mark.parametrize(("kind", "settings"), LASTING)


@pytest.fixture(autouse=True)
def _silent_uvicorn(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    names = ("uvicorn", "asyncio")
    assert [one.getMessage() for one in caplog.records if one.name.startswith(names)] == []


def lasting(server: SandboxServer) -> int:
    """Return the number of lasting responses."""
    with server.sandbox.lock:
        return sum(not ending.done() for ending in server.sandbox.waits._lasting)


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
    """Read until the connection ends, cleanly or not."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def test_slow_waits_and_then_answers(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "slow", seconds=0.3)
    body = client.single()
    before = time.monotonic()
    assert ok(client.send("POST", "/v1/schedule", body))
    assert time.monotonic() - before >= 0.3


def test_slow_handles_the_request_of_a_client_that_gave_up(
    client: Client, control: SandboxControl
) -> None:
    control.fault("balance", "slow", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        client.ask("GET", "/v1/accounts/app", timeout=0.1)
    assert control.requests()[0]["status"] is None
    assert eventually(lambda: control.requests()[0]["status"] == 200)


def test_status_as_a_proxy_answers(client: Client, control: SandboxControl) -> None:
    status = 503
    control.fault("submit_schedule", "status", status=status, headers={"Retry-After": "7"})
    response = client.submit()
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["Retry-After"] == "7"
    assert str(status) in response.text
    assert control.state()["schedules"] == []
    assert ok(client.submit())


def test_status_without_a_name(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "status", status=599)
    assert "599 Error" in client.balance().text


def test_status_as_the_service_answers(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "status", status=429, code=50009, headers={"X-Rate-Limit-Reset": "3"})
    response = client.balance()
    assert refusal(response) == (429, 50009)
    assert response.headers["X-Rate-Limit-Reset"] == "3"


def test_accepted_then_closed(client: Client, control: SandboxControl) -> None:
    control.fault("submit_batch_schedule", "accepted_then_closed")
    with pytest.raises(requests.ConnectionError):
        client.submit_batch({"mobile": ANNA}, {"mobile": BEN})
    state = control.state()
    assert [len(schedule["recipients"]) for schedule in state["schedules"]] == [2]
    recorded = control.requests()[0]
    assert (recorded["status"], recorded["code"]) == (None, None)
    assert recorded["body"]["recipients"] == [{"mobile": ANNA}, {"mobile": BEN}]
    assert ok(client.balance())


@pytest.mark.parametrize("handled", [True, False])
def test_garbage(client: Client, control: SandboxControl, *, handled: bool) -> None:
    control.fault("submit_schedule", "garbage", handled=handled)
    response = client.submit()
    assert response.status_code == 200
    assert len(response.content) == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert len(control.state()["schedules"]) == handled
    [recorded] = control.requests()
    assert (recorded["status"], recorded["code"]) == (200, None)
    assert recorded["body"]["mobile"] == ANNA


def test_garbage_is_made_from_its_seed(client: Client, control: SandboxControl) -> None:
    def made(**settings: int) -> bytes:
        control.fault("balance", "garbage", **settings)
        return client.balance().content

    first = made(size=1000)
    assert len(first) == 1000
    assert made(size=1000, seed=0) == first
    assert made(size=1000, seed=1) != first


@pytest.mark.parametrize(
    ("shape", "shown"), [("list", []), ("null", None), ("text", "accepted"), ("number", 1)]
)
def test_another_type_in_place_of_the_object(
    client: Client, control: SandboxControl, shape: str, shown: object
) -> None:
    control.fault("submit_schedule", "wrong_types", shape=shape)
    response = client.submit()
    assert (response.status_code, response.json()) == (200, shown)
    assert response.headers["Content-Type"] == "application/json"
    assert len(control.state()["schedules"]) == 1


def test_values_of_wrong_types(client: Client, control: SandboxControl) -> None:
    control.fault("submit_batch_schedule", "wrong_types")
    answer = ok(client.submit_batch({"mobile": ANNA}, {"mobile": BEN}))
    [schedule] = control.state()["schedules"]
    assert answer == {
        "schedule_id": {"value": schedule["schedule_id"]},
        "success_count": {"value": 2},
        "failure_count": {"value": 0},
        "failure_recipients": "[]",
    }


def test_a_refusal_of_wrong_types(client: Client, control: SandboxControl) -> None:
    control.fault("query_schedule", "wrong_types")
    response = client.query("nothing")
    assert response.status_code == 403
    assert isinstance(response.json()["error"], str)
    [recorded] = control.requests()
    assert (recorded["status"], recorded["code"]) == (403, None)


def test_an_empty_answer_has_no_values(client: Client, control: SandboxControl) -> None:
    control.fault("delete_schedule", "wrong_types")
    assert client.delete(client.submitted()).content == b""
    assert control.state()["schedules"][0]["status"] == "deleted"


@pytest.mark.parametrize(
    ("settings", "status", "location"),
    [
        ({}, 302, "/v1/schedule"),
        ({"status": 308}, 308, "/v1/schedule"),
        ({"status": 307, "location": "https://other.example/x"}, 307, "https://other.example/x"),
    ],
)
def test_a_redirect(
    client: Client,
    control: SandboxControl,
    settings: dict[str, Any],
    status: int,
    location: str,
) -> None:
    control.fault("submit_schedule", "redirect", **settings)
    body = client.single()
    answer = client.session.post(
        f"{control.url}/v1/schedule", json=body, allow_redirects=False, timeout=10
    )
    assert (answer.status_code, answer.headers["Location"]) == (status, location)
    assert control.state()["schedules"] == []
    assert [request["status"] for request in control.requests()] == [status]


def test_a_client_that_follows_a_redirect_sends_twice(
    client: Client, control: SandboxControl
) -> None:
    control.fault("submit_schedule", "redirect", status=307)
    assert ok(client.submit())
    assert [request["status"] for request in control.requests()] == [307, 200]


def test_a_client_that_leaves_in_the_middle_of_its_body(
    client: Client, control: SandboxControl, server: SandboxServer
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = "POST /v1/schedule HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        assert eventually(control.requests)
    assert ok(client.balance())
    assert control.requests()[0]["status"] is None


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
    ending = server.sandbox.waits.last()
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
