"""Outages: connections are refused as if nothing listened, then accepted again."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.unit.sandbox.client import Client, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

FAULT = {"call": "*", "kind": "connection_refused", "seconds": 60}


@pytest.fixture(params=["127.0.0.1", "::1"])
def served(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[SandboxServer]:
    threads = threading.active_count()
    with caplog.at_level(logging.WARNING), SandboxServer(host=request.param) as server:
        yield server
    assert caplog.records == []
    assert threading.active_count() == threads


def address(server: SandboxServer) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


def begin(server: SandboxServer, seconds: float = 60) -> None:
    """Set the fault from this thread."""
    with server.sandbox.lock:
        server.sandbox.faults.add({**FAULT, "seconds": seconds})


def is_refused(server: SandboxServer) -> bool:
    try:
        socket.create_connection(address(server), timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_refuses_at_once_and_accepts_again_in_time(served: SandboxServer) -> None:
    with SandboxControl(served.url) as control, Client(control) as client:
        assert ok(client.balance())
        started = time.monotonic()
        shown = control.fault("*", "connection_refused", seconds=0.5)
        assert shown == [{"call": "*", "kind": "connection_refused", "times": 1, "seconds": 0.5}]
        assert is_refused(served)
        with pytest.raises(requests.ConnectionError, match="refused"):
            client.balance()
        while is_refused(served):
            assert time.monotonic() - started < 10
        assert time.monotonic() - started >= 0.5
        assert ok(client.balance())
        assert control.state()["faults"] == []
        assert len(control.requests()) == 2


def test_it_refuses_at_once_when_another_thread_sets_it(served: SandboxServer) -> None:
    for _ in range(5):
        begin(served)
        assert is_refused(served)
        with served.sandbox.lock:
            served.sandbox.faults.clear()
        assert not is_refused(served)


def test_a_reset_ends_it(served: SandboxServer) -> None:
    begin(served)
    assert served.sandbox.faults.as_list() == [{**FAULT, "times": 1}]
    served.sandbox.reset()
    assert served.sandbox.faults.as_list() == []
    with SandboxControl(served.url) as control:
        assert control.state()


def test_the_last_one_set_counts(served: SandboxServer) -> None:
    begin(served, 0.2)
    begin(served, 60)
    time.sleep(0.5)
    assert is_refused(served)
    begin(served, 0.1)
    deadline = time.monotonic() + 10
    while is_refused(served):
        assert time.monotonic() < deadline


def test_an_idle_connection_is_closed(served: SandboxServer) -> None:
    with socket.create_connection(address(served), timeout=10) as idle:
        idle.sendall(b"GET /sandbox/state HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(100)
        begin(served)
        while idle.recv(65536):
            pass


def test_a_server_stops_while_it_refuses() -> None:
    with SandboxServer() as server:
        begin(server)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    host, port = address(server)
    with SandboxServer(host=host, port=port):
        assert not is_refused(server)


def test_a_server_stops_right_after_an_outage() -> None:
    for _ in range(3):
        with SandboxServer() as server:
            begin(server)
            server.sandbox.reset()
        assert is_refused(server)


def test_a_sandbox_without_a_server_has_nothing_to_refuse() -> None:
    with pytest.raises(InvalidInputError, match="needs a running server"):
        Sandbox().faults.add(FAULT)
