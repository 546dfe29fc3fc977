"""A sandbox that examples are tried on, and how many there were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tenacity import wait_none

from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.unit.fuzz.watching import CONNECTION, Service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A sandbox that the connection ``jsms_fuzz`` leads to."""
    sandbox = Sandbox(app_key=APP_KEY, master_secret=MASTER_SECRET)
    with SandboxServer(sandbox) as server, pytest.MonkeyPatch.context() as patch:
        fields = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET}
        patch.setenv(
            f"AIRFLOW_CONN_{CONNECTION.upper()}", json.dumps({**fields, "host": server.url})
        )
        patch.setattr(client, "_WAIT", wait_none())
        yield Service(server)


@pytest.fixture(scope="module")
def hook(service: Service) -> Iterator[JsmsHook]:
    with JsmsHook(CONNECTION) as hook:
        yield hook


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if Service.examples:
        terminalreporter.line(f"fuzz: {Service.examples:,} examples were tried")
