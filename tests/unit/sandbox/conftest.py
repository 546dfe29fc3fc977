"""One sandbox for all tests, reset for each of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.endpoints import handle
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.unit.sandbox import described
from tests.unit.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.responses import ApiResponse
    from airflow_provider_jsms.sandbox.state import Sandbox


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def connected(server: SandboxServer) -> Iterator[SandboxControl]:
    with SandboxControl(server.url) as control:
        control._session.hooks["response"].append(described.check_control)
        yield control


@pytest.fixture(scope="session", autouse=True)
def deviations() -> Iterator[list[str]]:
    """Compare each request to the calls, and its response, with the OpenAPI description."""
    found: list[str] = []

    def compared(
        sandbox: Sandbox, address: str, method: str, path: str, headers: Any, body: bytes
    ) -> ApiResponse:
        response = handle(sandbox, address, method, path, headers, body)
        found.extend(described.deviations(method, path, body, response.status, response.body))
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_jsms.sandbox.exchange.handle", compared)
        yield found


@pytest.fixture(autouse=True)
def is_described(deviations: list[str]) -> Iterator[None]:
    deviations.clear()
    yield
    assert deviations == []


@pytest.fixture
def control(connected: SandboxControl) -> SandboxControl:
    connected.reset()
    return connected


@pytest.fixture
def client(control: SandboxControl) -> Iterator[Client]:
    with Client(control) as client:
        yield client


@pytest.fixture
def jsms_default(control: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Airflow connection to the sandbox."""
    fields = {
        "conn_type": "jsms",
        "host": control.url,
        "login": DEFAULT_APP_KEY,
        "password": DEFAULT_MASTER_SECRET,
    }
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(fields))
