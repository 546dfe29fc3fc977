"""A real Airflow with a triggerer, and a sandbox for each kind of JSMS."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.e2e.deferred.stage import Jsms, Stage
from tests.e2e.deferred.triggerers import Triggerers
from tests.e2e.rough import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.rough import Rough


@pytest.fixture(scope="package")
def triggerers(rough: Rough) -> Triggerers:
    return Triggerers(rough.airflow)


@pytest.fixture(scope="package")
def places(rough: Rough) -> Iterator[dict[str, Jsms]]:
    """The sandboxes by their connections, which the hook finds here too."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        places = {}
        for conn_id in ("jsms_default", *KINDS):
            connection = rough.connections[conn_id]
            patch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
            control = stack.enter_context(SandboxControl(connection["host"]))
            places[conn_id] = Jsms(conn_id, control)
        yield places


@pytest.fixture(scope="module")
def stage(rough: Rough, places: dict[str, Jsms]) -> Iterator[Stage]:
    """Everything that a module plays on, with sandboxes as new."""
    for jsms in places.values():
        jsms.reset()
    with closing(Stage(rough.airflow, places)) as stage:
        yield stage
