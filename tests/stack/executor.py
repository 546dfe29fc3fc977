"""A LocalExecutor that starts tasks faster, and lets the scheduler idle until something changes."""

import sqlite3
import time
from importlib import import_module

from airflow import settings
from airflow.executors.local_executor import LocalExecutor

# Two thirds of the CPU time of a short task are imports.
IMPORTED = (
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.openlineage.plugins.openlineage",
    "airflow.providers.openlineage.extractors.manager",
    "tests.stack.bundle",
)
INTERVAL = 0.05
# Work that becomes due by time alone, such as a retry, is up to one second late.
LONGEST = 1.0
# for another database than sqlite
PAUSE = 0.2
# What the scheduler does itself need not wake it.
CHANGES = (
    "select count(*), state from task_instance where state not in"
    " ('scheduled', 'queued', 'running') group by state union all"
    " select count(*), state from dag_run group by state"
)


class WarmExecutor(LocalExecutor):
    """The executor of every Airflow 3 that the tests start.

    A scheduling loop takes up to 0.1 s of CPU time, even with nothing to schedule. Each loop polls
    the executor for finished tasks: it blocks here until one has finished, or until a run or a task
    has changed in the database.
    """

    def start(self) -> None:
        """Import what tasks import, then fork."""
        for name in IMPORTED:
            import_module(name)
        super().start()
        self._database = _database()
        self._seen: list[tuple[object, ...]] = []

    def sync(self) -> None:
        """Wait for a change, then read the results of finished tasks."""
        if self._database is None:
            time.sleep(PAUSE)
        else:
            self._wait_for_change(self._database)
        super().sync()

    def _wait_for_change(self, database: sqlite3.Connection) -> None:
        end = time.monotonic() + LONGEST
        while self.result_queue.empty() and time.monotonic() < end:
            seen, self._seen = self._seen, database.execute(CHANGES).fetchall()
            if self._seen != seen:
                return
            time.sleep(INTERVAL)


def _database() -> sqlite3.Connection | None:
    if settings.engine.dialect.name != "sqlite":
        return None
    return sqlite3.connect(f"file:{settings.engine.url.database}?mode=rw", uri=True, timeout=30)
