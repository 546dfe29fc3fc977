"""Connections for the unit tests, as a user sets them: in the environment."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from tenacity import wait_none

from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.submission import custom_code
from tests import versions
from tests.leaks import APP_KEY, MASTER_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# How many examples a property is tried on; none has a time limit, because the machine may be busy.
for _name, _count in {"fast": 10, "usual": 50, "long": 3000}.items():
    settings.register_profile(_name, deadline=None, database=None, max_examples=_count)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


@pytest.fixture(autouse=True, scope="session")
def _every_airflow() -> Iterator[None]:
    """What this version of Airflow lacks has a stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        versions.stand_in(patch)
        yield


@pytest.fixture(autouse=True)
def _nothing_is_uncertain_of_another_test() -> Iterator[None]:
    """A process does not submit again what was uncertain in it, and tests share texts."""
    yield
    custom_code.uncertain.clear()


@pytest.fixture
def set_connection(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets ``jsms_default`` to an address, with extras."""

    def set_to(host: str = "https://api.sms.jpush.cn", **extra: Any) -> None:
        fields = {
            "conn_type": "jsms",
            "login": APP_KEY,
            "password": MASTER_SECRET,
            "host": host,
            "extra": extra,
        }
        monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(fields))

    return set_to


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tries follow each other at once; how long the waits are is tested apart."""
    monkeypatch.setattr(client, "_WAIT", wait_none())


@pytest.fixture
def tomorrow() -> datetime:
    return (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer(Sandbox(app_key=APP_KEY, master_secret=MASTER_SECRET)) as server:
        yield server


@pytest.fixture
def sandbox(
    _sandbox_server: SandboxServer, set_connection: Callable[..., None]
) -> Iterator[SandboxControl]:
    """A sandbox as new, which ``jsms_default`` points to."""
    set_connection(_sandbox_server.url)
    with SandboxControl(_sandbox_server.url) as control:
        control.reset()
        yield control
