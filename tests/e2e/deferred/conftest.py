"""A real Airflow of its own with a triggerer, and a sandbox for each kind of JSMS."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from tests import leaks
from tests.e2e.conftest import REPOSITORY
from tests.e2e.deferred.stage import DAGS, Jsms, Stage
from tests.e2e.deferred.triggerers import SETTINGS, Triggerers
from tests.stack.airflow import AirflowStack
from tests.stack.settings import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stack.sandbox import RunningSandbox

# Each kind of JSMS has a sandbox of its own, because all kinds are played at once.
KINDS: dict[str, dict[str, str]] = {
    "jsms_accepted": {"msg_id_when": "accepted"},
    "jsms_deleted_50029": {"query_deleted": "50029"},
    "jsms_deleted_shown": {"query_deleted": "record"},
    "jsms_refused_shown": {"failed_recipients_in_query": "yes"},
    "jsms_failing": {},
    "jsms_wrong_later": {},
}


@pytest.fixture(scope="package")
def connections(running_sandbox: RunningSandbox) -> Iterator[dict[str, dict[str, Any]]]:
    """Every connection by its id, in Airflow's JSON form."""
    default = running_sandbox.connection
    found = {
        "jsms_default": default,
        "jsms_wrong": {**default, "password": "anotherMasterSecret00000"},
        "jsms_nowhere": {
            **default,
            "host": f"http://{HOST}:{free_port()}",
            "extra": {"max_attempts": 1},
        },
    }
    with ExitStack() as stack:
        for conn_id, switches in KINDS.items():
            server = stack.enter_context(SandboxServer(Sandbox(switches=switches)))
            found[conn_id] = {
                "conn_type": "jsms",
                "host": server.url,
                "login": DEFAULT_APP_KEY,
                "password": DEFAULT_MASTER_SECRET,
                "extra": {"max_attempts": 1},
            }
        yield found


@pytest.fixture(scope="package")
def airflow(
    connections: dict[str, dict[str, Any]],
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AirflowStack]:
    home = tmp_path_factory.mktemp("airflow-of-waits")
    with AirflowStack(
        home,
        DAGS,
        connections=connections,
        extra_settings={**SETTINGS, "PYTHONPATH": str(REPOSITORY)},
        database=new_database("airflow_of_waits"),
    ) as stack:
        stack.wait_for_dags("wait_done", "wait_gone_50029")
        yield stack
    leaks.check_logs(home)


@pytest.fixture(scope="package")
def triggerers(airflow: AirflowStack) -> Triggerers:
    return Triggerers(airflow)


@pytest.fixture(scope="package")
def places(connections: dict[str, dict[str, Any]]) -> Iterator[dict[str, Jsms]]:
    """The sandboxes by their connections, which the hook finds here too."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        places = {}
        for conn_id in ("jsms_default", *KINDS):
            patch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connections[conn_id]))
            control = stack.enter_context(SandboxControl(connections[conn_id]["host"]))
            places[conn_id] = Jsms(conn_id, control)
        yield places


@pytest.fixture(scope="module")
def stage(airflow: AirflowStack, places: dict[str, Jsms]) -> Iterator[Stage]:
    """Everything that a module plays on, with sandboxes as new."""
    for jsms in places.values():
        jsms.reset()
    with closing(Stage(airflow, places)) as stage:
        yield stage
