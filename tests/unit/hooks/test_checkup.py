"""What the Test button says: what is the matter with a connection, and what to do about it."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from airflow_provider_jsms.connection_form import DEFAULT_HOST, LABELS
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

HTML = b"<html><title>Sign in</title></html>"


def told() -> str:
    """What the button says about a connection that does not work."""
    with JsmsHook() as hook:
        works, text = hook.test_connection()
    assert not works, text
    for never in (APP_KEY, MASTER_SECRET, BASIC_TOKEN, "task", "\n", "query_balance", "Error"):
        assert never not in text.replace("wherever tasks, triggers", "")
    assert text.endswith(".")
    return text


@pytest.fixture
def answering(set_connection: Callable[..., None]) -> Any:
    """Return a server that answers as a test says, which ``jsms_default`` points to."""
    servers: list[wire.WireServer] = []

    def start(behaviour: Callable[[wire.Connection], None], **extra: Any) -> wire.WireServer:
        server = wire.WireServer([behaviour])
        servers.append(server.__enter__())
        set_connection(server.url, **extra)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def test_a_connection_that_works_tells_the_balance(sandbox: SandboxControl) -> None:
    sandbox.account(balance=321)
    works, text = JsmsHook().test_connection()
    assert works
    assert text.startswith("The app key and the master secret are right. Balance: app_balance 321,")
    assert [request["method"] for request in sandbox.requests()] == ["GET"]


def test_an_application_without_balance_proves_the_credentials(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "code", code=50033)
    works, text = JsmsHook().test_connection()
    assert works
    assert "are right. No SMS balance is assigned (50033). Assign a balance" in text


@pytest.mark.parametrize("wrong", ["login", "password"])
def test_a_wrong_key_or_secret(
    wrong: str, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET, "host": sandbox.url}
    given[wrong] = "another000000000000000000"
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(given))
    text = told()
    assert "JSMS refused the app key and the master secret (50002)" in text
    assert LABELS["login"] in text
    assert "another" not in text


def test_an_address_that_is_not_on_the_allowlist(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "code", code=50035)
    text = told()
    assert "50035" in text
    assert "Add the address to the allowlist in the JSMS console." in text


def test_a_host_that_does_not_exist(set_connection: Callable[..., None]) -> None:
    set_connection("https://jsms.invalid")
    text = told()
    assert "No connection to https://jsms.invalid: there is no host of this name." in text
    assert f"the host of JSMS is {DEFAULT_HOST}" in text


def test_a_port_where_nothing_listens(set_connection: Callable[..., None]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        set_connection(address)
        assert (
            f"No connection to {address}: nothing listens there. See whether Host, Port" in told()
        )


def test_a_host_that_takes_no_connections(set_connection: Callable[..., None]) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address):
            set_connection(f"http://127.0.0.1:{address[1]}", connect_timeout=0.2)
            assert ": it took too long. See whether Host" in told()


def test_a_machine_that_allows_no_connections(
    set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    set_connection("https://127.0.0.1:1")
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    assert "No connection to https://127.0.0.1:1: this machine does not allow it." in told()


def test_certificates_of_the_environment_that_are_not_there(
    set_connection: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_connection("https://127.0.0.1:1")
    bundle = tmp_path / "none.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    text = told()
    assert (
        "No connection to https://127.0.0.1:1: the CA certificates of REQUESTS_CA_BUNDLE, " in text
    )
    assert f"{bundle}, cannot be loaded (No such file or directory), so nothing was sent." in text


def test_a_proxy_that_is_not_there(
    set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    set_connection("https://jsms.invalid")
    assert ": the proxy did not let the test through. See" in told()


def test_a_certificate_that_does_not_verify(
    set_connection: Callable[..., None], tmp_path: Path
) -> None:
    certificate = tmp_path / "certificate.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    with wire.WireServer([wire.answer()], certificate=certificate) as server:
        address = server.url.replace("http://", "https://")
        set_connection(address)
        text = told()
        assert f"The certificate of {address} does not verify (unable to get local issuer" in text
        assert "give CA certificates the path of its file, or set REQUESTS_CA_BUNDLE or SSL" in text
        assert server.requests == []


def test_a_file_of_certificates_that_is_none(
    set_connection: Callable[..., None], tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    with wire.WireServer([wire.answer()]) as server:
        set_connection(server.url.replace("http://", "https://"), ca_bundle=str(bundle))
        text = told()
    assert f"{bundle} cannot be read, or holds no certificates" in text
    assert "Correct CA certificates, or empty it." in text


def test_https_where_there_is_none(
    sandbox: SandboxControl, set_connection: Callable[..., None]
) -> None:
    set_connection(sandbox.url.replace("http://", "https://"))
    assert ": there is no https. See whether Host, Port and Schema are right" in told()


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_host_that_is_not_jsms(answering: Any, status: int) -> None:
    server = answering(wire.answer(status, HTML))
    text = told()
    assert f"{server.url} answered with something that is not from JSMS (HTTP {status})" in text
    assert f"See whether Host is right (the one of JSMS is {DEFAULT_HOST})" in text
    assert "Sign in" not in text


def test_a_host_that_leads_elsewhere(answering: Any) -> None:
    answering(wire.answer(302, b"", Location="https://login.example.com/?token=secret"))
    text = told()
    assert "answered with a redirect (HTTP 302)" in text
    assert "login.example.com" not in text


def test_a_host_that_does_not_answer(answering: Any) -> None:
    server = answering(wire.stall, read_timeout=0.2)
    text = told()
    assert f"{server.url} was reached, but no answer came in time." in text
    assert "set Read timeout (seconds) higher than 0.2." in text


def test_a_host_that_breaks_the_connection(answering: Any) -> None:
    server = answering(wire.reset_after_body)
    assert f"{server.url} broke the connection before it answered. See whether Host" in told()


def test_a_service_that_fails(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "status", status=503)
    text = told()
    assert "failed with HTTP 503. Press Test again in a minute." in text
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, 60), ({"Retry-After": "7"}, 7), ({"Retry-After": "1e300"}, 3600)],
)
def test_a_service_that_asks_to_wait(
    sandbox: SandboxControl, headers: dict[str, str], wait: int
) -> None:
    sandbox.fault("balance", "status", status=429, headers=headers)
    assert told() == f"JSMS takes no more requests at the moment. Press Test again in {wait} s."


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "http://example.com"}, "its host is reached by http"),
        ({"host": "a b"}, "its host or schema is no address"),
        ({"port": 8025}, "its host is empty, but port or schema is set"),
        ({"login": ""}, "its login (the app key) is empty"),
        ({"password": f"{MASTER_SECRET} "}, "its password (the master secret) is of a form"),
        ({"extra": {"read_timeout": 0}}, "its extra 'read_timeout' is 0;"),
        ({"extra": {"timezone": "Mars"}}, "its extra 'timezone' is 'Mars'"),
        ({"extra": {"ca_bundle": "/no"}}, "its extra 'ca_bundle' is /no, which does not exist"),
    ],
)
def test_a_mistake_in_the_form(
    fields: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(given))
    text = told()
    assert f"The Airflow connection cannot be used: {words}" in text
    assert "accepted is" in text
    assert text.endswith("Nothing was sent. Edit the connection.")
