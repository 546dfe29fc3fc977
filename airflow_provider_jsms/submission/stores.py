"""Where a try finds its records once the connection names a ledger.

A record that Airflow's store has moves into the table when it is read first: the ledger may have
been set up between two tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.submission.decisions import NOT_SCHEDULED, UNKNOWN

if TYPE_CHECKING:
    from airflow_provider_jsms.submission.stored_record import Store


class TaskRows:
    """The records of a task instance in the table.

    :param earlier: Airflow's store, None if there is none.
    """

    def __init__(self, rows: Store, earlier: Store | None) -> None:
        self._rows = rows
        self._earlier = earlier

    def get(self, key: str) -> object:
        """Return the row of a record, or else move Airflow's record there."""
        content = self._rows.get(key)
        if content is not None or self._earlier is None:
            return content
        content = self._earlier.get(key)
        if isinstance(content, Mapping):
            self._rows.set(key, dict(content))
        return content

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write the row of a record."""
        self._rows.set(key, value, retention=retention)


class KeyRow:
    """The row that a key names.

    Without one, the task's own record moves there if it has submitted something: the author may
    have added the key between two tries.

    :param task: the store of the task's own records; ``task_key`` is that of its record.
    :param by: the task instance.
    """

    def __init__(self, rows: Store, task: Store, task_key: str, by: str) -> None:
        self._rows = rows
        self._task = task
        self._task_key = task_key
        self._by = by

    def get(self, key: str) -> object:
        """Return the row, or else move the task's own record there."""
        content = self._rows.get(key)
        if content is not None:
            return content
        earlier = self._task.get(self._task_key)
        if not isinstance(earlier, Mapping) or earlier.get("state") in (UNKNOWN, *NOT_SCHEDULED):
            return None
        self._rows.set(key, {**earlier, "by": self._by})
        return earlier

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write the row."""
        self._rows.set(key, value, retention=retention)
