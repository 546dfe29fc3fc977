"""One sandbox for each module of tests, as new for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.unit.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
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
