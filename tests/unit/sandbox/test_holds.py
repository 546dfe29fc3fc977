"""Held calls: the state meanwhile, and every way in which a hold ends."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import requests
from requests.auth import _basic_auth_str

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.faults import CALLS, MOMENTS
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.people import ANNA, BEN, CANARY
from tests.unit.sandbox.client import Client, eventually, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

# Posts its standard input, and prints the schedule_id of the response.
POSTING = """
import json, sys, time, urllib.request
url, authorization = sys.argv[1:]
headers = {"Authorization": authorization, "Content-Type": "application/json"}
request = urllib.request.Request(url, sys.stdin.buffer.read(), headers)
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
    print(json.load(response)["schedule_id"], flush=True)
time.sleep(60)
"""
AUTHORIZATION = _basic_auth_str(DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def uvicorn_log(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    def logged() -> list[str]:
        names = ("uvicorn", "asyncio")
        return [one.getMessage() for one in caplog.records if one.name.startswith(names)]

    with caplog.at_level(logging.WARNING):
        yield logged


def held_submit(
    client: Client, control: SandboxControl, pool: ThreadPoolExecutor, moment: str
) -> Future[requests.Response]:
    control.fault("submit_schedule", "hold", moment=moment)
    submitting = pool.submit(client.submit)
    assert control.wait_for_hold()["moment"] == moment
    return submitting


def seen(control: SandboxControl) -> tuple[int, int | None]:
    """Return the number of schedules, and the response status of the first request."""
    return len(control.state()["schedules"]), control.requests()[0]["status"]


WHILE_HELD = [("request_read", (0, None)), ("accepted", (1, None)), ("answered", (1, 200))]


@pytest.mark.parametrize(("moment", "while_held"), WHILE_HELD)
def test_a_held_call_goes_on_once_it_is_released(
    client: Client,
    control: SandboxControl,
    pool: ThreadPoolExecutor,
    moment: str,
    while_held: tuple[int, int | None],
) -> None:
    submitting = held_submit(client, control, pool, moment)
    [hold] = control.holds()
    assert hold.keys() == {"number", "call", "moment", "since"}
    assert (hold["number"], hold["call"]) == (1, "submit_schedule")
    assert seen(control) == while_held
    assert control.requests()[0]["body"]["mobile"] == ANNA
    time.sleep(0.1)
    assert submitting.done() == (moment == "answered")
    assert control.release() == 1
    assert ok(submitting.result(10))["schedule_id"]
    assert control.holds() == []
    assert seen(control) == (1, 200)
    assert control.release() == 0


def start_posting(client: Client, control: SandboxControl) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", POSTING, f"{control.url}/v1/schedule", AUTHORIZATION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(json.dumps(client.single()).encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize(("moment", "while_held"), WHILE_HELD)
def test_a_client_that_is_killed_while_its_call_is_held(
    client: Client,
    control: SandboxControl,
    uvicorn_log: Callable[[], list[str]],
    moment: str,
    while_held: tuple[int, int | None],
) -> None:
    control.fault("submit_schedule", "hold", moment=moment)
    with start_posting(client, control) as process:
        held = control.wait_for_hold()
        if moment == "answered":
            assert process.stdout
            assert process.stdout.readline()
        process.kill()
    # Let the server notice the disconnect.
    time.sleep(0.2)
    assert control.holds() == [held]
    assert seen(control) == while_held
    assert control.release() == 1
    assert eventually(lambda: seen(control) == (1, 200))
    assert len(control.requests()) == 1
    assert uvicorn_log() == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_other_call_is_served_meanwhile(
    client: Client, control: SandboxControl, pool: ThreadPoolExecutor, moment: str
) -> None:
    submitting = held_submit(client, control, pool, moment)
    if moment == "answered":
        submitting.result(10)
    schedule_id = client.submitted(mobile=BEN)
    ok(client.query(schedule_id))
    assert client.delete(schedule_id).status_code == 200
    control.advance(7200)
    assert control.release() == 1
    # At request_read its time has passed by now: the request is handled when it is released.
    expected = 403 if moment == "request_read" else 200
    assert submitting.result(10).status_code == expected


@pytest.mark.parametrize("call", CALLS)
def test_every_call_can_be_held(
    client: Client, control: SandboxControl, pool: ThreadPoolExecutor, call: str
) -> None:
    moment = MOMENTS[CALLS.index(call) % len(MOMENTS)]
    single, batch = client.submitted(), client.submitted_batch({"mobile": ANNA})
    ask: dict[str, Callable[[], requests.Response]] = {
        "submit_schedule": client.submit,
        "submit_batch_schedule": lambda: client.submit_batch({"mobile": ANNA}),
        "modify_schedule": lambda: client.modify(single),
        "modify_batch_schedule": lambda: client.modify_batch(batch, {"mobile": ANNA}),
        "query_schedule": lambda: client.query(single),
        "delete_schedule": lambda: client.delete(single),
        "get_template": lambda: client.get_template(1),
        "get_sign": lambda: client.get_sign(1),
        "fetch_reports": client.reports,
        "fetch_replies": client.replies,
        "balance": client.balance,
        "developer_balance": client.developer_balance,
    }
    control.fault(call, "hold", moment=moment)
    asking = pool.submit(ask[call])
    assert control.wait_for_hold()["call"] == call
    assert control.release() == 1
    assert asking.result(10).status_code == 200


def test_several_are_held_in_order_and_released_together(
    client: Client, control: SandboxControl, pool: ThreadPoolExecutor
) -> None:
    control.fault("*", "hold", times=None, moment="accepted")
    asking = []
    for _ in range(3):
        asking.append(pool.submit(client.balance))
        assert eventually(lambda: len(control.holds()) == len(asking))
    assert [hold["number"] for hold in control.holds()] == [1, 2, 3]
    assert control.wait_for_hold() == control.holds()[0]
    control.clear_faults()
    assert len(control.holds()) == 3
    assert control.release() == 3
    assert {one.result(10).status_code for one in asking} == {200}


def test_since_is_a_time_of_the_sandbox(
    client: Client, control: SandboxControl, pool: ThreadPoolExecutor
) -> None:
    control.advance(86_400)
    before = datetime.fromisoformat(control.state()["clock"]["utc"])
    held_submit(client, control, pool, "accepted")
    since = datetime.fromisoformat(control.wait_for_hold()["since"])
    assert before <= since <= datetime.fromisoformat(control.state()["clock"]["utc"])
    control.release()


def connect(server: SandboxServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def write(connection: socket.socket, method: str, path: str, body: bytes = b"") -> None:
    fields = ("Host: sandbox", f"Authorization: {AUTHORIZATION}", f"Content-Length: {len(body)}")
    head = [f"{method} {path} HTTP/1.1", *fields, "Content-Type: application/json", "", ""]
    connection.sendall("\r\n".join(head).encode() + body)


def test_answered_keeps_the_connection_open_until_it_is_released(
    control: SandboxControl, server: SandboxServer
) -> None:
    control.fault("balance", "hold", moment="answered")
    with connect(server) as connection:
        write(connection, "GET", "/v1/accounts/app")
        control.wait_for_hold()
        answer = connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"connection: close" in head.lower()
        assert json.loads(body)["app_balance"] == control.state()["account"]["balance"]
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(65536)
        assert control.release() == 1
        connection.settimeout(10)
        assert connection.recv(65536) == b""


def test_answered_is_reached_when_the_last_byte_has_left(
    client: Client, control: SandboxControl, server: SandboxServer
) -> None:
    # A refused recipient is returned unchanged: more data than the buffers take.
    long = {"mobile": ANNA, "temp_para": {"name": CANARY + "x" * 8_000_000}}
    body = json.dumps(client.batch(long, temp_id=2)).encode()
    control.fault("submit_batch_schedule", "hold", moment="answered")
    with connect(server) as connection:
        write(connection, "POST", "/v1/schedule/batch", body)
        assert eventually(lambda: server.sandbox.recorded[0].status)
        time.sleep(0.2)
        assert control.holds() == []
        while not control.holds():
            assert connection.recv(4_000_000)
        # From outside, a few buffered bytes look like none.
        connections = server._server.server_state.connections
        assert (0, 0) in [one.transport.get_write_buffer_limits() for one in connections]
        assert control.release() == 1


def open_tasks(server: SandboxServer) -> int:
    return len(server._server.server_state.tasks)


def how_it_ended(submitting: Future[requests.Response]) -> int | str:
    try:
        return submitting.result(10).status_code
    except requests.ConnectionError:
        return "no answer"


@pytest.mark.parametrize("is_over_http", [True, False])
@pytest.mark.parametrize(
    ("moment", "ended"), [("request_read", "no answer"), ("accepted", 200), ("answered", 200)]
)
def test_a_reset_ends_every_hold_and_leaves_no_request_to_the_new_state(
    client: Client,
    control: SandboxControl,
    server: SandboxServer,
    pool: ThreadPoolExecutor,
    uvicorn_log: Callable[[], list[str]],
    moment: str,
    ended: int | str,
    *,
    is_over_http: bool,
) -> None:
    submitting = held_submit(client, control, pool, moment)
    if is_over_http:
        control.reset()
    else:
        server.sandbox.reset()
    assert how_it_ended(submitting) == ended
    assert eventually(lambda: open_tasks(server) == 0)
    assert (control.holds(), control.requests(), control.state()["schedules"]) == ([], [], [])
    assert client.submitted()
    assert uvicorn_log() == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_reset_after_the_client_has_gone(
    control: SandboxControl,
    server: SandboxServer,
    uvicorn_log: Callable[[], list[str]],
    moment: str,
) -> None:
    control.fault("balance", "hold", moment=moment)
    with connect(server) as connection:
        write(connection, "GET", "/v1/accounts/app")
        control.wait_for_hold()
    control.reset()
    assert eventually(lambda: open_tasks(server) == 0)
    assert (control.holds(), uvicorn_log()) == ([], [])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_server_that_stops_lets_a_held_call_go_on(
    pool: ThreadPoolExecutor, uvicorn_log: Callable[[], list[str]], moment: str
) -> None:
    with SandboxServer() as server:
        threads = set(threading.enumerate()) - {server._thread}
        with SandboxControl(server.url) as control, Client(control) as client:
            submitting = held_submit(client, control, pool, moment)
            server.__exit__(None, None, None)
            assert submitting.result(10).status_code == 200
    assert open_tasks(server) == 0
    assert len(server.sandbox.book.schedules) == 1
    assert not server._thread.is_alive()
    assert {one for one in threading.enumerate() if one.name.startswith("uvicorn")} <= threads
    assert uvicorn_log() == []


def test_a_server_that_stops_holds_no_more_calls(uvicorn_log: Callable[[], list[str]]) -> None:
    moment = "accepted"
    with (
        SandboxServer() as server,
        SandboxControl(server.url) as control,
        Client(control) as client,
    ):
        control.fault("submit_schedule", "hold", moment=moment)
        server.sandbox.waits.close()
        assert client.submitted()
    assert uvicorn_log() == []


def test_a_sandbox_that_is_served_again_holds_again(pool: ThreadPoolExecutor) -> None:
    with SandboxServer() as first:
        pass
    with (
        SandboxServer(first.sandbox) as server,
        SandboxControl(server.url) as control,
        Client(control) as client,
    ):
        submitting = held_submit(client, control, pool, "accepted")
        assert control.release() == 1
        assert ok(submitting.result(10))


def test_waiting_for_a_hold_that_does_not_come(client: Client, control: SandboxControl) -> None:
    with pytest.raises(TimeoutError, match=r"within 0 seconds; recorded calls: none; faults: none"):
        control.wait_for_hold(timeout=0)
    control.fault("submit_schedule", "hold", moment="accepted")
    ok(client.balance())
    before = time.monotonic()
    with pytest.raises(TimeoutError, match=r"calls: balance; faults: .*'accepted'"):
        control.wait_for_hold(timeout=0.2)
    assert 0.2 <= time.monotonic() - before < 5
