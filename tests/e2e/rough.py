"""The Airflow of the tests that kill, freeze and overload, and everything that its DAGs reach.

One for all of them: an Airflow takes longer to start than most of its tests take.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from airflow_provider_jsms.quickstart.settings import (
    HOST,
    free_port,
    release,
    sandbox_connection,
)
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from tests import leaks
from tests.e2e.crash.proxy import HoldingProxy
from tests.e2e.crash.stage import airflow_behind
from tests.stack.settings import REPOSITORY
from tests.unit.wire import WireServer, answer

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS: Final = ("crash", "deferred", "load")
DAGS: Final = (
    *("crash_campaign", "crash_reconcile", "lost_single", "soak_batch"),
    *("wait_done", "wait_gone", "load"),
)
SETTINGS: Final = {
    "AIRFLOW__CORE__PARALLELISM": "32",
    # files do not change
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "10",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    # a triggerer that is silent is given up soon
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
}
# Each has a sandbox of its own, because all kinds are waited for at once.
KINDS: Final[dict[str, dict[str, str]]] = {
    "jsms_deleted_shown": {"query_deleted": "record"},
    "jsms_failing": {},
}


class Rough:
    """An Airflow as a context manager, with the proxy that its workers reach it by.

    :param known: the connection to the sandbox that all tests share, in Airflow's JSON form.
    :ivar connections: every connection by its id.
    :ivar nameless: a JSMS that says 200 to everything and never names a schedule.
    """

    def __init__(self, home: Path, known: dict[str, Any], database: str) -> None:
        self.proxy = HoldingProxy()
        self.nameless = WireServer([answer(200, b"{}", Content_Type="application/json")])
        self._kinds = {name: SandboxServer(Sandbox(switches=it)) for name, it in KINDS.items()}
        self._home = home
        self._known = known
        self._database = database
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in (self.proxy, self.nameless, *self._kinds.values()):
                starting.enter_context(server)
            self.connections = self._connections()
            self.airflow = airflow_behind(
                self.proxy,
                self._home,
                self.connections,
                dags=[REPOSITORY / "tests" / "e2e" / name / "dags" for name in FOLDERS],
                database=self._database,
                components=release.COMPONENTS,
                extra_settings=SETTINGS,
            )
            starting.enter_context(self.airflow)
            self.airflow.wait_for_dags(*DAGS)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        leaks.check_logs(self._home)

    def _connections(self) -> dict[str, dict[str, Any]]:
        known, nowhere = self._known, f"http://{HOST}:{free_port()}"
        return {
            "jsms_default": known,
            "jsms_impatient": {**known, "extra": {"read_timeout": 1}},
            # A call is held until all have come, which takes a while on a small machine.
            "jsms_patient": {**known, "extra": {"read_timeout": 200}},
            "jsms_ledger": {**known, "extra": {"ledger_conn_id": "texts"}},
            "texts": {"conn_type": "sqlite", "host": str(self._home / "ledger.db")},
            "jsms_nameless": {**known, "host": self.nameless.url},
            "jsms_nowhere": {**known, "host": nowhere, "extra": {"max_attempts": 1}},
            **{name: _connection(server.url) for name, server in self._kinds.items()},
        }


def _connection(url: str) -> dict[str, Any]:
    return {**sandbox_connection(url), "extra": {"max_attempts": 1}}
