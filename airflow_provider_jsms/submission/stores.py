"""Where a try finds its records once the connection names a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.submission.decisions import NOT_SCHEDULED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.submission.stored_record import Store


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
