"""A server in this process, over http and https."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock
from urllib.parse import urlsplit

import pytest
import requests
import uvicorn

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import number
from tests.unit.sandbox.client import Client, ok

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def test_it_serves_only_while_entered() -> None:
    threads = threading.active_count()
    with SandboxServer() as server:
        assert server._server.started
        assert requests.get(f"{server.url}/sandbox/state", timeout=10).status_code == 200
        assert requests.get(server.url, timeout=10).headers.get("server") is None
    assert threading.active_count() == threads
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=10)


def test_it_closes_no_idle_connection_under_the_next_request() -> None:
    with SandboxServer() as server, SandboxControl(server.url) as control:
        assert control.requests() == []
        [connection] = server._server.server_state.connections
        time.sleep(uvicorn.Config("").timeout_keep_alive + 0.5)
        assert server._server.server_state.connections == {connection}
        assert control.requests() == []


def test_it_stops_amid_a_call_while_a_test_has_patched_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = SandboxServer()
    server.__enter__()
    with ThreadPoolExecutor() as pool, SandboxControl(server.url) as control:
        control.fault("balance", "hold", moment="request_read")
        held = pool.submit(Client(control).balance)
        control.wait_for_hold()
        monkeypatch.setattr("asyncio.sleep", AsyncMock())
        stopping = threading.Thread(target=server.__exit__, daemon=True)
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()
        assert held.result(timeout=10).ok


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


def test_the_page_and_the_control_answer_to_the_names_of_the_sandbox_only() -> None:
    with SandboxServer(host="127.0.0.2", names=["jsms-sandbox"]) as server:
        port = urlsplit(server.url).port
        for name, status in (
            ("jsms-sandbox", 200),
            ("JSMS-Sandbox", 200),
            ("127.0.0.2", 200),
            ("other", 403),
            ("jsms-sandbox.other", 403),
            ("[", 403),
        ):
            for path in ("/", "/sandbox/state"):
                headers = {"Host": f"{name}:{port}"}
                answer = requests.get(f"{server.url}{path}", headers=headers, timeout=10)
                assert answer.status_code == status, name
        headers = {"Host": f"jsms-sandbox:{port}", "Origin": "http://other"}
        url = f"{server.url}/sandbox/reset"
        assert requests.post(url, headers=headers, timeout=10).status_code == 403


def test_everybody_may_ask_for_its_health() -> None:
    with SandboxServer() as server:
        url = f"{server.url}/health"
        answer = requests.get(url, headers={"Host": "10.0.0.1:8025"}, timeout=10)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert server.sandbox.recorded == []


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a:8025", "-a", "*"])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="must be a host name such as jsms-sandbox"):
        SandboxServer(names=[name])


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


REASONS = {
    "unknown_authority": "unable to get local issuer certificate",
    "other_host": "certificate is not valid for|Hostname mismatch",
    "expired": "certificate has expired",
}
ENDS = {
    "accepted_then_closed": requests.ConnectionError,
    "half_body": requests.exceptions.ChunkedEncodingError,
    "stalled": requests.ReadTimeout,
}
HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "ca.pem"


@pytest.fixture
def served(bundle: Path, caplog: pytest.LogCaptureFixture) -> Iterator[SandboxServer]:
    with caplog.at_level(logging.WARNING), SandboxServer(ca_bundle=bundle) as server:
        yield server
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    assert caplog.records == []


@pytest.fixture
def tls_control(served: SandboxServer, bundle: Path) -> Iterator[SandboxControl]:
    with SandboxControl(served.url, ca_bundle=bundle) as control:
        yield control


@pytest.fixture
def tls_client(tls_control: SandboxControl, bundle: Path) -> Iterator[Client]:
    with Client(tls_control) as client:
        client.session.verify = str(bundle)
        yield client


@HOSTS
def test_its_certificate_verifies_with_its_bundle(bundle: Path, host: str) -> None:
    with SandboxServer(host=host, ca_bundle=str(bundle)) as server:
        assert server.url.startswith("https://")
        assert server.ca_bundle == bundle
        with SandboxControl(server.url, ca_bundle=str(bundle)) as control:
            assert control.state()


def test_its_certificate_has_its_names(bundle: Path) -> None:
    with SandboxServer(names=["jsms-sandbox"], ca_bundle=bundle) as server:
        port = urlsplit(server.url).port
        context = ssl.create_default_context(cafile=bundle)
        for name in ("jsms-sandbox", "localhost"):
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                context.wrap_socket(plain, server_hostname=name),
            ):
                pass
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
        ):
            context.wrap_socket(plain, server_hostname="other")


def test_it_does_not_verify_without_the_bundle(served: SandboxServer) -> None:
    with (
        SandboxControl(served.url) as control,
        pytest.raises(requests.exceptions.SSLError, match=r"local issuer|self-signed"),
    ):
        control.state()


def test_every_start_has_an_authority_of_its_own(bundle: Path) -> None:
    made = []
    for _ in range(2):
        with SandboxServer(ca_bundle=bundle):
            made.append(bundle.read_text())
    assert made[0] != made[1]
    assert "PRIVATE KEY" not in made[0]


@pytest.mark.parametrize("reason", REASONS)
def test_a_certificate_that_does_not_verify(
    tls_control: SandboxControl, tls_client: Client, reason: str
) -> None:
    tls_control.fault("*", "bad_certificate", times=2, reason=reason)
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError, match=REASONS[reason]):
            tls_client.balance()
    assert ok(tls_client.balance())
    assert len(tls_control.requests()) == 1
    assert tls_control.state()["faults"] == []


def test_a_connection_that_stands_has_shown_its_certificate(
    tls_control: SandboxControl, tls_client: Client
) -> None:
    assert ok(tls_client.balance())
    tls_control.fault("*", "bad_certificate", reason="expired")
    assert ok(tls_client.balance())
    [waiting] = tls_control.state()["faults"]
    assert waiting == {"call": "*", "kind": "bad_certificate", "times": 1, "reason": "expired"}


def test_a_handshake_uses_up_no_other_fault(
    tls_control: SandboxControl, tls_client: Client
) -> None:
    tls_control.fault("*", "bad_certificate", reason="expired")
    tls_control.fault("*", "code", code=59999)
    with pytest.raises(requests.exceptions.SSLError):
        tls_client.balance()
    assert tls_client.balance().status_code == 403
    assert ok(tls_client.balance())


def test_connections_are_refused_as_without_tls(
    tls_control: SandboxControl, tls_client: Client
) -> None:
    assert ok(tls_client.balance())
    tls_control.fault("*", "connection_refused", seconds=0.3)
    with pytest.raises(requests.ConnectionError, match="refused"):
        tls_client.balance()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert ok(tls_client.balance())
        except requests.ConnectionError:
            continue
        return
    pytest.fail("it does not accept connections any more")


@pytest.mark.parametrize("kind", ENDS)
def test_connections_end_as_without_tls(
    tls_control: SandboxControl, tls_client: Client, kind: str
) -> None:
    tls_control.fault("submit_schedule", kind)
    body = tls_client.single()
    with pytest.raises(ENDS[kind]) as caught:
        tls_client.ask("POST", "/v1/schedule", json=body, timeout=0.5)
    assert not isinstance(caught.value, requests.exceptions.SSLError)
    assert len(tls_control.state()["schedules"]) == 1


def test_a_bundle_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInputError, match="ca_bundle must be a writable file"),
        SandboxServer(ca_bundle=tmp_path),
    ):
        pass


def test_the_certificates_of_its_handshakes_are_checked_strictly(bundle: Path) -> None:
    """Newer versions of Python look closer at a certificate."""
    with SandboxServer(ca_bundle=bundle) as server:
        strict = ssl.create_default_context(cafile=str(bundle))
        strict.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        host, port = server.url.removeprefix("https://").split(":")
        with (
            socket.create_connection((host, int(port)), timeout=10) as plain,
            strict.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            assert connection.getpeercert()
