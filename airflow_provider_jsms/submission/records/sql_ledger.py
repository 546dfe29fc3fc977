"""The ledger in a SQL database of the user's own: one row per submission.

Rows outlive the run: whatever run, DAG or Airflow submits under the same key finds the same row.
Every write is a compare-and-set on the ``version`` of the row, which is new with each write, so of
two writers that have read the same version one loses. A row holds no number, no parameter and no
secret. Its columns are for people; the ledger itself reads ``content`` alone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.submission.records.decisions import ACCEPTED, DELETED, FINISHED, REFUSED
from airflow_provider_jsms.submission.records.ledger_rows import (
    COLUMNS,
    ONCE,
    row_id,
    row_of,
    values_of,
)
from airflow_provider_jsms.submission.records.ledger_tables import LedgerTables
from airflow_provider_jsms.submission.records.record_content import deleted, now
from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from airflow_provider_jsms.submission.records.ledger_rows import Place, Row

DEFAULT_TABLE: Final = "jsms_ledger"
_BULK: Final = 500
LOCKED_FOR: Final = 30
"""Seconds that a write to SQLite waits for another."""


class SqlLedger:
    """The table of one database.

    Threads may share it; a forked process gets connections of its own. While the database cannot be
    used, every method raises :class:`StoreAwayError`.

    :param engine: of the database; :meth:`close` disposes of its connections.
    :param name: what people know the database by.
    """

    def __init__(self, engine: Engine, table: str = DEFAULT_TABLE, *, name: str = "") -> None:
        self._tables = LedgerTables(engine, table, name)
        self._records, self._reports = self._tables.records, self._tables.reports

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._tables.engine.dispose()

    def store(self, place: Place) -> SqlStore:
        """Return a store with versions of its own: let each record have one that others may write.

        Two records that share a store do not notice each other's writes.
        """
        return SqlStore(self, place)

    def row(self, app: str, kind: str, record_key: str) -> Row | None:
        """Return a row, None if there is none."""
        column = self._records.c
        found = self._rows(column.id == row_id(app, kind, record_key))
        return next(iter(found), None)

    def rows(self, app: str, record_keys: Iterable[str]) -> dict[str, Row]:
        """Return the rows of many values of ``once_key``, in one statement per 500."""
        ids = [row_id(app, ONCE, each) for each in record_keys]
        parts = [ids[at : at + _BULK] for at in range(0, len(ids), _BULK)]
        found = [row for part in parts for row in self._rows(self._records.c.id.in_(part))]
        return {row.record_key: row for row in found}

    def pending_in_scope(self, app: str, scope: str, moment: datetime) -> dict[str, Row]:
        """Return the rows of a scope that are due after a moment, or name no time, by key."""
        column = self._records.c
        is_due = sa.or_(column.send_time.is_(None), column.send_time > utc_text(moment))
        found = self._rows(column.app == app, column.scope == scope, is_due)
        return {row.record_key: row for row in found}

    def newest(self, app: str, *, state: str | None, limit: int) -> list[Row]:
        """Return the rows that were written last."""
        column = self._records.c
        which = [column.app == app, *([column.state == state] if state else [])]
        return self._rows(*which, order=column.updated_at.desc(), limit=limit)

    def purge(self, app: str, before: str, *, dry_run: bool) -> int:
        """Delete the rows whose outcome is known, and old delivery reports; count the rows.

        :param before: texts that were sent before this moment (UTC), what was refused or deleted
            before it, and reports that were read before it.
        """
        column = self._records.c
        was_sent = sa.and_(column.state.in_((ACCEPTED, FINISHED)), column.send_time < before)
        is_over = column.state.in_((REFUSED, DELETED))
        old = sa.and_(column.app == app, column.updated_at < before, sa.or_(was_sent, is_over))
        with self._tables.transaction() as connection:
            if not dry_run:
                report = self._reports.c
                is_old = sa.and_(report.app == app, report.read_at < before)
                connection.execute(sa.delete(self._reports).where(is_old))
                return connection.execute(sa.delete(self._records).where(old)).rowcount
            counted = sa.select(sa.func.count()).select_from(self._records).where(old)
            return int(connection.execute(counted).scalar_one())

    def save_reports(self, app: str, reports: Iterable[Mapping[str, Any]]) -> None:
        """Write delivery reports, each instead of an earlier one of the same msg_id.

        :param reports: ``msg_id``, ``status``, ``received_at`` and ``read_at`` of each.
        """
        # The last of each: a key must occur once.
        rows = {report["msg_id"]: {"app": app, **report} for report in reports}
        column = self._reports.c
        with self._tables.transaction() as connection:
            if rows:
                is_old = sa.and_(column.app == app, column.msg_id.in_(rows))
                connection.execute(sa.delete(self._reports).where(is_old))
                connection.execute(sa.insert(self._reports), [*rows.values()])

    def write(
        self, place: Place, record_key: str, content: Mapping[str, Any], old: str | None
    ) -> str:
        """Write a row if it still has the version ``old``, and return its new version.

        :param old: None if there is no row.
        """
        moment, which = now(), row_id(place.app, place.kind, record_key)
        values = {"version": uuid4().hex, "updated_at": moment, **values_of(place, content)}
        with self._tables.transaction(values["version"]) as connection:
            if old is None:
                first = {"id": which, "record_key": record_key, "created_at": moment}
                connection.execute(sa.insert(self._records).values(**first, **values))
            else:
                column = self._records.c
                is_same = sa.and_(column.id == which, column.version == old)
                if place.scope is None:
                    del values["scope"]  # a text stays in the scope that has adopted it
                update = sa.update(self._records).where(is_same).values(**values)
                if connection.execute(update).rowcount != 1:
                    raise RecordTakenError
        return str(values["version"])

    def mark_deleted(self, app: str, schedule_id: str, *, only_ahead: bool = False) -> None:
        """Write into the rows of a schedule that it was deleted, so that they may submit again.

        :param only_ahead: only if its time is ahead.
        """
        for row in self._accepted(app, schedule_id):
            if not only_ahead or (row.send_time or "") > now():
                self._rewrite(row, deleted(row.content))

    def mark_moved(self, app: str, schedule_id: str, times: Mapping[str, str]) -> None:
        """Write into the rows of a schedule when it is sent now.

        :param times: ``send_time`` and ``send_time_utc``.
        """
        for row in self._accepted(app, schedule_id):
            self._rewrite(row, {**row.content, **times})

    def _accepted(self, app: str, schedule_id: str) -> list[Row]:
        column = self._records.c
        rows = self._rows(column.app == app, column.schedule_id == schedule_id)
        states = (ACCEPTED, FINISHED)
        return [row for row in rows if row.state in states and isinstance(row.content, dict)]

    def _rewrite(self, row: Row, content: Mapping[str, Any]) -> None:
        with suppress(RecordTakenError):  # it is of another schedule by now, deleted or modified
            self.write(row.place, row.record_key, content, row.version)

    def _rows(
        self, *conditions: Any, order: sa.ColumnElement[Any] | None = None, limit: int | None = None
    ) -> list[Row]:
        columns = [self._records.c[name] for name in COLUMNS]
        query = sa.select(*columns).where(*conditions).order_by(order).limit(limit)
        with self._tables.transaction() as connection:
            found = connection.execute(query)
            return [row_of(each._mapping) for each in found]  # noqa: SLF001  public in SQLAlchemy


class SqlStore:
    """Some rows of the ledger as a store of records, as :mod:`.ledger` uses it.

    It remembers the version of each record that it has read, and writes that version only.
    """

    def __init__(self, ledger: SqlLedger, place: Place) -> None:
        self._ledger = ledger
        self._place = place
        self._versions: dict[str, str] = {}
        self._unsure: dict[str, str] = {}

    def remember(self, key: str, row: Row) -> None:
        """Use a row that was read with others."""
        self._versions[key] = row.version

    def get(self, key: str, default: object = None) -> object:
        """Return a record, ``default`` if there is none."""
        place = self._place
        row = self._ledger.row(place.app, place.kind, place.record_key(key))
        self._versions.pop(key, None)
        if row is None:
            return default
        self.remember(key, row)
        return row.content

    def set(self, key: str, value: Mapping[str, Any], *, retention: object = None) -> None:
        """Write a record that nobody else has written since it was read."""
        del retention  # rows stay until somebody purges them
        try:
            self._write(key, value)
        except RecordTakenError:
            if key not in self._unsure:
                raise
            self.get(key)
            if self._versions.get(key) != self._unsure[key]:
                raise
            # The row is of an earlier write, whose reply was lost.
            self._write(key, value)

    def _write(self, key: str, value: Mapping[str, Any]) -> None:
        old = self._versions.get(key)
        try:
            name = self._place.record_key(key)
            self._versions[key] = self._ledger.write(self._place, name, value, old)
        except StoreAwayError as error:
            self._unsure[key] = error.version
            raise
