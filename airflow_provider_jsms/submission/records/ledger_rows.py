"""The rows of the SQL ledger, without SQLAlchemy: their columns, and who writes them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

ONCE: Final = "once"
"""The kind of a row that ``once_key`` names."""
TASK: Final = "task"
"""The kind of a row that belongs to a task instance."""
LONGEST_NOTE: Final = 500


class Writer(NamedTuple):
    """The task instance that writes a row; code outside a task has no ids."""

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None

    def __str__(self) -> str:
        """Begins the keys of its rows of the kind ``task``; empty outside a task."""
        if self.dag_id is None:
            return ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}/{self.map_index}"


class Row(NamedTuple):
    """A row as it was read; times are UTC, ``2026-12-01T01:00:00Z``.

    :param kind: ``once`` or ``task``.
    :param content: the record, or a text that is no JSON because somebody has edited it.
    """

    app: str
    kind: str
    record_key: str
    scope: str | None
    state: str
    schedule_id: str | None
    send_time: str | None
    recipients: int | None
    success_count: int | None
    failure_count: int | None
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int | None
    try_number: int | None
    note: str | None
    version: str
    content: Any
    created_at: str
    updated_at: str

    @property
    def place(self) -> Place:
        """Where it is, and who has written it last."""
        writer = Writer(self.dag_id, self.run_id, self.task_id, self.map_index)
        return Place(self.app, self.kind, writer, self.scope)


COLUMNS: Final = Row._fields


class Place(NamedTuple):
    """The rows that a store reads and writes.

    :param scope: a name that groups keys, None for none.
    """

    app: str
    kind: str
    writer: Writer
    scope: str | None = None

    def record_key(self, key: str) -> str:
        """Return the key of a row: a task's is named after the task instance."""
        return f"{self.writer}/{key}" if self.kind == TASK else key


def row_id(app: str, kind: str, record_key: str) -> str:
    """Return the primary key of a row."""
    return hashlib.sha256(f"{app}/{kind}/{record_key}".encode()).hexdigest()


def values_of(place: Place, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a record."""
    note = content.get("note")
    same = ("state", "recipients", "success_count", "failure_count")
    return {
        **{name: content.get(name) for name in same},
        **place.writer._asdict(),
        "app": place.app,
        "kind": place.kind,
        "scope": place.scope,
        "schedule_id": content.get("schedule_id") or content.get("deleted_schedule_id"),
        "send_time": due_text(content),
        "try_number": content.get("try"),
        "note": None if note is None else str(note)[:LONGEST_NOTE],
        "content": json.dumps(content),
    }


def due_text(content: Mapping[str, Any]) -> str | None:
    """Return when a text is sent, the later time while it is being modified."""
    each = (content, content.get("modifying") or {})
    return max(filter(None, (it.get("send_time_utc") for it in each)), default=None)


def row_of(columns: Mapping[Any, Any]) -> Row:
    """Return a row by its columns."""
    named = {name: columns[name] for name in COLUMNS}
    return Row(**{**named, "content": _parsed(named["content"])})


def _parsed(content: str) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content
