"""A sandbox that serves https, and certificates that do not verify."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.unit.sandbox.client import Client, ok

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

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
def control(served: SandboxServer, bundle: Path) -> Iterator[SandboxControl]:
    with SandboxControl(served.url, ca_bundle=bundle) as control:
        yield control


@pytest.fixture
def client(control: SandboxControl, bundle: Path) -> Iterator[Client]:
    with Client(control) as client:
        client.session.verify = str(bundle)
        yield client


@HOSTS
def test_its_certificate_verifies_with_its_bundle(bundle: Path, host: str) -> None:
    with SandboxServer(host=host, ca_bundle=str(bundle)) as server:
        assert server.url.startswith("https://")
        assert server.ca_bundle == bundle
        with SandboxControl(server.url, ca_bundle=str(bundle)) as control:
            assert control.state()


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
    control: SandboxControl, client: Client, reason: str
) -> None:
    control.fault("*", "bad_certificate", times=2, reason=reason)
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError, match=REASONS[reason]):
            client.balance()
    assert ok(client.balance())
    assert len(control.requests()) == 1
    assert control.state()["faults"] == []


def test_a_connection_that_stands_has_shown_its_certificate(
    control: SandboxControl, client: Client
) -> None:
    assert ok(client.balance())
    control.fault("*", "bad_certificate", reason="expired")
    assert ok(client.balance())
    [waiting] = control.state()["faults"]
    assert waiting == {"call": "*", "kind": "bad_certificate", "times": 1, "reason": "expired"}


def test_a_handshake_uses_up_no_other_fault(control: SandboxControl, client: Client) -> None:
    control.fault("*", "bad_certificate", reason="expired")
    control.fault("*", "code", code=59999)
    with pytest.raises(requests.exceptions.SSLError):
        client.balance()
    assert client.balance().status_code == 403
    assert ok(client.balance())


def test_connections_are_refused_as_without_tls(control: SandboxControl, client: Client) -> None:
    assert ok(client.balance())
    control.fault("*", "connection_refused", seconds=0.3)
    with pytest.raises(requests.ConnectionError, match="refused"):
        client.balance()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert ok(client.balance())
        except requests.ConnectionError:
            continue
        return
    pytest.fail("it does not take connections any more")


@pytest.mark.parametrize("kind", ENDS)
def test_connections_end_as_without_tls(control: SandboxControl, client: Client, kind: str) -> None:
    control.fault("submit_schedule", kind)
    body = client.single()
    with pytest.raises(ENDS[kind]) as caught:
        client.ask("POST", "/v1/schedule", json=body, timeout=0.5)
    assert not isinstance(caught.value, requests.exceptions.SSLError)
    assert len(control.state()["schedules"]) == 1


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
