"""The pytest fixture ``jsms_sandbox``, for tests of one's own DAGs.

Every pytest of an environment in which the provider is installed loads this module, so it imports
nothing: what a test needs is loaded when it asks for the fixture. ``-p no:jsms_sandbox`` leaves it
out.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.server import SandboxServer
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox


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
                f"jsms_sandbox cannot listen on 127.0.0.1 ({type(blocked).__name__}). If it was "
                "pytest-socket, run pytest with --allow-hosts=127.0.0.1.",
                pytrace=False,
            ) from None
        yield server


@pytest.fixture
def jsms_sandbox(
    _jsms_sandbox_server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JsmsSandbox]:
    """A JSMS that texts nobody, as new for each test; the connection ``jsms_default`` leads to it.

    See :class:`airflow_provider_jsms.sandbox.testing.JsmsSandbox`.
    """
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox  # noqa: PLC0415

    # Not by the monkeypatch of the test, whose undo() would open the way to the real JSMS.
    with pytest.MonkeyPatch.context() as guard:
        yield JsmsSandbox(_jsms_sandbox_server, monkeypatch, guard)
