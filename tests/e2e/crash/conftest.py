"""A real Airflow of its own, whose workers reach its API server through a holding proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests import leaks
from tests.e2e.crash.proxy import HoldingProxy
from tests.e2e.crash.stage import Stage, airflow_behind
from tests.stack.settings import HAS_STORE
from tests.unit.wire import WireServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stack.airflow import AirflowStack
    from tests.stack.sandbox import RunningSandbox


@pytest.fixture(scope="package")
def proxy() -> Iterator[HoldingProxy]:
    with HoldingProxy() as proxy:
        yield proxy


@pytest.fixture(scope="package")
def nameless() -> Iterator[WireServer]:
    """A JSMS that says 200 to everything and never names a schedule."""
    with WireServer([answer(200, b"{}", Content_Type="application/json")]) as server:
        yield server


@pytest.fixture(scope="package")
def airflow(
    running_sandbox: RunningSandbox,
    proxy: HoldingProxy,
    nameless: WireServer,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AirflowStack]:
    if not HAS_STORE:
        pytest.skip("before Airflow 3.3 nothing is kept for the try after a crash")
    home = tmp_path_factory.mktemp("airflow-of-crashes")
    known = running_sandbox.connection
    connections = {
        "jsms_default": known,
        "jsms_impatient": {**known, "extra": {"read_timeout": 1}},
        "jsms_nameless": {**known, "host": nameless.url},
    }
    with airflow_behind(proxy, home, connections, new_database("crashes")) as stack:
        stack.wait_for_dags("crash_single", "crash_batch", "lost_single", "lost_batch")
        stack.wait_for_dags("crash_campaign")
        yield stack
    leaks.check_logs(home)


@pytest.fixture(scope="package")
def whole_stage(
    airflow: AirflowStack, running_sandbox: RunningSandbox, proxy: HoldingProxy
) -> Iterator[Stage]:
    """Everything that is played on; no two runs on it have the same people."""
    with SandboxControl(running_sandbox.url) as sandbox:
        yield Stage(airflow, sandbox, proxy)


@pytest.fixture(scope="module")
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """The stage with a sandbox as new, and nothing on it of the module before."""
    whole_stage.sandbox.reset()
    yield whole_stage
    whole_stage.clear()
