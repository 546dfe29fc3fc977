"""Tasks that are stopped at a moment by a proxy between the workers and their API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.e2e.crash.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.rough import Rough
    from tests.stack.sandbox import RunningSandbox
    from tests.unit.wire import WireServer


@pytest.fixture(scope="package")
def nameless(rough: Rough) -> WireServer:
    """A JSMS that says 200 to everything and never names a schedule."""
    return rough.nameless


@pytest.fixture(scope="package")
def whole_stage(rough: Rough, running_sandbox: RunningSandbox) -> Iterator[Stage]:
    """Everything that is played on; no two runs on it have the same people."""
    with SandboxControl(running_sandbox.url) as sandbox:
        yield Stage(rough.airflow, sandbox, rough.proxy)


@pytest.fixture(scope="module")
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """The stage with a sandbox as new, and nothing on it of the module before."""
    whole_stage.sandbox.reset()
    yield whole_stage
    whole_stage.clear()
