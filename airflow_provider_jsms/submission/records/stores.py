"""The stores of records: that of Airflow, for any thread, and one whose records move to a table."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_jsms.submission.records.decisions import NOT_SCHEDULED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_store_lock = threading.RLock()


class RecordTakenError(Exception):
    """Another try, task or person has written the record since it was read."""

    def __str__(self) -> str:
        return "another try, task or person has written it meanwhile"


class StoreAwayError(Exception):
    """The database of the ledger cannot be used at the moment.

    :param version: of the row that may have been written nevertheless.
    """

    def __init__(self, name: str, kind: str, version: str = "") -> None:
        super().__init__(f"its database {name} cannot be used at the moment: {kind}")
        self.version = version


class Store(Protocol):
    """The part of Airflow's task state store that the ledger uses."""

    def get(self, key: str) -> object:
        """Return the value under a key, None if there is none."""

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write a value; raises in a try that another one has replaced."""


@dataclass(frozen=True)
class ThreadSafeStore:
    """Airflow's task state store, which ``dag.test()`` lets only one thread use at a time."""

    store: Store

    def get(self, key: str) -> object:
        """Return a record, None if there is none."""
        with _one_thread():
            return self.store.get(key)

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write a record."""
        with _one_thread():
            self.store.set(key, value, retention=retention)


def _one_thread() -> AbstractContextManager[object]:
    """Return the lock for a call of Airflow's store; on a worker it locks nothing.

    ``dag.test()`` removes SUPERVISOR_COMMS during each call, so other threads fail to import it. A
    worker's has a lock of its own, which never blocks the event loop; this one could.
    """
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    is_worker = hasattr(getattr(runner, "SUPERVISOR_COMMS", None), "asend")
    return nullcontext() if is_worker else _store_lock


@dataclass(frozen=True)
class MovingStore:
    """Rows of the table, to which an earlier record of the task moves when it is read first.

    The ledger may have been set up, or the key added, between two tries.

    :param earlier: returns that record, None if there is none.
    """

    rows: Store
    earlier: Callable[[str], object]

    def get(self, key: str) -> object:
        """Return the row of a record, or else move the earlier one there."""
        content = self.rows.get(key)
        if content is None:
            content = self.earlier(key)
            if isinstance(content, Mapping):
                self.rows.set(key, dict(content))
        return content

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write the row of a record."""
        self.rows.set(key, value, retention=retention)


def own_record(task: Store, key: str, by: str) -> dict[str, Any] | None:
    """Return the record that a task has without ``once_key``, if it has submitted something."""
    record = task.get(key)
    if not isinstance(record, Mapping) or record.get("state") in (UNKNOWN, *NOT_SCHEDULED):
        return None
    return {**record, "by": by}
