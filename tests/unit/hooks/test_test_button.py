"""The Test button of a connection: works or not, why, and the next step."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.get_provider_info import DEFAULT_HOST
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl


def failed() -> str:
    """Return the text of the button for a connection that does not work."""
    with JsmsHook() as hook:
        works, text = hook.test_connection()
    assert not works, text
    for never in (APP_KEY, MASTER_SECRET, BASIC_TOKEN, "\n"):
        assert never not in text
    return text


def test_a_working_connection_shows_the_balance(sandbox: SandboxControl) -> None:
    sandbox.account(balance=321)
    works, text = JsmsHook().test_connection()
    assert works
    assert text.startswith("The credentials work. Balance: app_balance 321,")
    assert [request["method"] for request in sandbox.requests()] == ["GET"]


def test_an_application_without_balance_proves_the_credentials(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "code", code=50033)
    works, text = JsmsHook().test_connection()
    assert works
    assert "credentials work. No SMS balance is assigned (50033). Assign a balance" in text


@pytest.mark.parametrize("wrong", ["login", "password"])
def test_wrong_credentials(
    wrong: str, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET, "host": sandbox.url}
    given[wrong] = "another000000000000000000"
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(given))
    text = failed()
    assert (
        "JSMS refused it with 50002 (HTTP 401): the app key or the master secret is wrong" in text
    )
    assert "Compare login and password of the Airflow connection" in text
    assert "another" not in text


def test_an_address_that_is_not_on_the_allowlist(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "code", code=50035)
    assert "Add the address to the allowlist in the JSMS console." in failed()


def test_a_port_where_nothing_listens(set_connection: Callable[..., None]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        set_connection(address)
        text = failed()
    assert f"No connection to {address} (" in text
    assert "Check the host, port and schema of the connection" in text


def test_a_certificate_that_does_not_verify(
    set_connection: Callable[..., None], tmp_path: Path
) -> None:
    certificate = wire.Authority(tmp_path).certificate()
    with wire.WireServer([wire.answer()], certificate=certificate) as server:
        set_connection(server.url)
        text = failed()
    assert f"The certificate of {server.url} does not verify (unable to get local issuer" in text
    assert "ca_bundle" in text
    assert server.requests == []


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_host_that_is_not_jsms(status: int, set_connection: Callable[..., None]) -> None:
    page = wire.answer(status, b"<title>Sign in</title>", Location="https://login.example.com/?a=b")
    with wire.WireServer([page]) as server:
        set_connection(server.url)
        text = failed()
    assert f"HTTP {status}" in text
    assert DEFAULT_HOST in text
    assert "Sign in" not in text
    assert "login.example.com" not in text


def test_a_failing_service_is_asked_once(sandbox: SandboxControl) -> None:
    sandbox.fault("balance", "status", status=503)
    assert "failed with HTTP 503" in failed()
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "http://example.com"}, "The host of the Airflow connection is a plain http"),
        ({"port": 8025}, "The host of the Airflow connection is empty although"),
        (
            {"extra": {"read_timeout": 0}},
            "The extra 'read_timeout' of the Airflow connection is 0;",
        ),
    ],
)
def test_an_invalid_field(
    fields: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(given))
    text = failed()
    assert words in text
    assert text.endswith("Nothing was sent. Edit the connection.")
