"""The pytest fixture ``jsms_sandbox``, for tests of your DAGs.

Every pytest in an environment with the provider loads this module, so it imports nothing heavy.
``-p no:jsms_sandbox`` disables it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.server import SandboxServer
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox

__all__ = ["jsms_sandbox"]


@pytest.fixture(scope="session")
def _jsms_sandbox_server() -> Iterator[SandboxServer]:
    """One server for all tests of this process."""
    try:
        from airflow_provider_jsms.sandbox.testing import serve  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise pytest.fail.Exception(
            f"jsms_sandbox needs {missing.name}: pip install 'airflow-provider-jsms[sandbox]'",
            pytrace=False,
        ) from None
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serve())
        except RuntimeError as blocked:  # pytest-socket
            raise pytest.fail.Exception(
                f"jsms_sandbox cannot listen on 127.0.0.1 ({type(blocked).__name__}). If you use "
                "pytest-socket, run pytest with --allow-hosts=127.0.0.1.",
                pytrace=False,
            ) from None
        yield server


@pytest.fixture
def jsms_sandbox(
    _jsms_sandbox_server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JsmsSandbox]:
    """A local JSMS that sends nothing, reset for each test; ``jsms_default`` points to it.

    See :class:`airflow_provider_jsms.sandbox.testing.JsmsSandbox`.
    """
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox  # noqa: PLC0415

    # The test's own monkeypatch could undo the block of other services.
    with pytest.MonkeyPatch.context() as guard:
        yield JsmsSandbox(_jsms_sandbox_server, monkeypatch, guard)
