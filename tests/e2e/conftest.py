"""Two real Airflows and one sandbox for all end-to-end tests.

They end with the package: a worker of pytest-xdist that is done with it goes on to other tests.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests import leaks
from tests.e2e.rough import Rough
from tests.stack.airflow import AirflowStack
from tests.stack.postgres import Postgres
from tests.stack.processes import exit_on_sigterm
from tests.stack.sandbox import RunningSandbox
from tests.stack.settings import HAS_STORE, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stack.rest import AirflowRest

DATABASE = os.environ.get("TEST_DATABASE", "sqlite")


@pytest.fixture(scope="package")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    exit_on_sigterm()
    with RunningSandbox(tmp_path_factory.mktemp("sandbox") / "log") as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def new_database() -> Iterator[Callable[[str], str]]:
    """Make an empty database for an Airflow, which makes an sqlite file where it gets no URL."""
    if DATABASE == "sqlite":
        yield lambda _name: ""
        return
    assert DATABASE == "postgresql", f"TEST_DATABASE is {DATABASE}: neither sqlite nor postgresql"
    with Postgres() as server:
        yield server.create_database


@pytest.fixture(scope="package")
def airflow(
    running_sandbox: RunningSandbox,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AirflowStack]:
    home = tmp_path_factory.mktemp("airflow")
    events = home / "lineage.json"
    folders = [REPOSITORY / "example_dags", REPOSITORY / "tests" / "e2e" / "dags"]
    with AirflowStack(
        home,
        folders,
        connections={
            **running_sandbox.connections(home),
            "jsms_in_window": {
                **running_sandbox.connection,
                "extra": {"ledger_conn_id": "ledger_db", "send_window": "10:00-11:00"},
            },
        },
        extra_settings={
            # files do not change
            "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "10",
            # at no level may anything personal be in a log
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            # nor in what leaves for a lineage backend, at the start and the end of a task of the
            # DAGs that enable it
            "AIRFLOW__OPENLINEAGE__SELECTIVE_ENABLE": "True",
            "AIRFLOW__OPENLINEAGE__INCLUDE_FULL_TASK_INFO": "True",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
        },
        database=new_database("airflow"),
    ) as stack:
        stack.wait_for_dags("jsms_reminder", "jsms_campaign", "jsms_cancellation")
        stack.wait_for_dags("jsms_appointments", "e2e_mistakes")
        stack.wait_for_dags("jsms_delivery", "jsms_reports")
        stack.wait_for_dags("ledger_single", "ledger_batch", "ledger_campaign")
        stack.wait_for_dags("ledger_mapped", "ledger_contract")
        stack.wait_for_dags("once_first", "once_other", "once_batch", "once_without_key")
        stack.wait_for_dags("e2e_campaign", "e2e_campaign_cancelled", "e2e_campaign_file")
        stack.wait_for_dags("e2e_window", "e2e_exclude")
        stack.wait_for_dags("e2e_window_modify", "e2e_window_reconcile")
        yield stack
    leaks.check_logs(home)
    leaks.check_lineage(events)


@pytest.fixture(scope="package")
def rough(
    running_sandbox: RunningSandbox,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rough]:
    """The Airflow that is treated roughly."""
    if not HAS_STORE:
        pytest.skip("before Airflow 3.3 nothing is kept for the try after a crash")
    home = tmp_path_factory.mktemp("rough")
    with Rough(home, running_sandbox.connection, new_database("rough")) as rough:
        yield rough


@pytest.fixture
def rest(airflow: AirflowStack) -> AirflowRest:
    return airflow.rest


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox) -> Iterator[SandboxControl]:
    """The sandbox, as new for each test."""
    with SandboxControl(running_sandbox.url) as control:
        control.reset()
        yield control
