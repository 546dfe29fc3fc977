"""The server in this process."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import number
from tests.unit.sandbox.client import Client


def test_it_answers_as_soon_as_it_is_entered_and_no_more_when_left() -> None:
    threads = threading.active_count()
    with SandboxServer() as server:
        assert server._server.started
        assert requests.get(f"{server.url}/sandbox/state", timeout=10).status_code == 200
        assert requests.get(server.url, timeout=10).headers.get("server") is None
    assert threading.active_count() == threads
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=10)


def test_it_serves_the_sandbox_it_is_given() -> None:
    sandbox = Sandbox(app_key="mine", master_secret="own", switches={"query_sent": 50029})
    with SandboxServer(sandbox) as server, SandboxControl(server.url) as control:
        assert server.sandbox is sandbox
        client = Client(control)
        assert client.balance().status_code == 401
        client.session.auth = ("mine", "own")
        assert client.balance().status_code == 200
        control.switch(query_sent="record")
        control.reset()
        assert control.state()["switches"]["query_sent"] == "50029"


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), SandboxServer(port=port):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_hosts(host: str) -> None:
    with SandboxServer(host=host) as server, SandboxControl(server.url) as control:
        assert control.state()


def test_other_hosts_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="loopback"):
        SandboxServer(host="0.0.0.0")  # noqa: S104 - the point of the test


def test_many_at_the_same_time_lose_nothing() -> None:
    with (
        SandboxServer() as server,
        SandboxControl(server.url) as control,
        Client(control) as client,
    ):
        bodies = [client.single(mobile=number(index)) for index in range(60)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda body: client.send("POST", "/v1/schedule", body), bodies))
        assert {answer.status_code for answer in answers} == {200}
        server.sandbox.advance(3601)
        assert {one["mobile"] for one in control.messages()} == {one["mobile"] for one in bodies}
        assert [one["number"] for one in control.requests()] == list(range(1, 61))


def test_answers_do_not_wait_for_more_to_send() -> None:
    with SandboxServer() as server, SandboxControl(server.url) as control:
        control.requests()
        before = time.monotonic()
        for _ in range(50):
            control.requests()
        assert time.monotonic() - before < 50 * 0.03
