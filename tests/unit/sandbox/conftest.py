"""One sandbox for all tests, reset for each of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.unit.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def connected(server: SandboxServer) -> Iterator[SandboxControl]:
    with SandboxControl(server.url) as control:
        yield control


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
