"""The ledger in a SQL database of the user's own: one row per submission.

Rows outlive the run: whatever run, DAG or Airflow submits under the same key finds the same row.
Every write is a compare-and-set on the ``version`` of the row, which is new with each write, so of
two writers that have read the same version one loses. A row holds no number, no parameter and no
secret. Its columns are for people; the ledger itself reads ``content`` alone.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import exc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from airflow_provider_jsms.api.results import LONGEST_MSG_ID
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.submission.decisions import ACCEPTED, DELETED, FINISHED, REFUSED
from airflow_provider_jsms.submission.ledger_rows import (
    COLUMNS,
    LONGEST_NOTE,
    ONCE,
    row_id,
    row_of,
    values_of,
)
from airflow_provider_jsms.submission.stored_record import RecordTakenError, StoreAwayError, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from airflow_provider_jsms.submission.ledger_rows import Place, Row

DEFAULT_TABLE: Final = "jsms_ledger"
_SCHEMA: Final = 1
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
        self._engine = engine
        self._process = os.getpid()
        self._table, self._reports, self._schema = _tables(table)
        self._name = name
        self._is_ready = False
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._engine.dispose()

    def store(self, place: Place) -> SqlStore:
        """Return a store with versions of its own: let each record have one that others may write.

        Two records that share a store do not notice each other's writes.
        """
        return SqlStore(self, place)

    def row(self, app: str, kind: str, record_key: str) -> Row | None:
        """Return a row, None if there is none."""
        column = self._table.c
        found = self._rows(column.id == row_id(app, kind, record_key))
        return next(iter(found), None)

    def rows(self, app: str, record_keys: Iterable[str]) -> dict[str, Row]:
        """Return the rows of many values of ``once_key``, in one statement per 500."""
        ids = [row_id(app, ONCE, each) for each in record_keys]
        parts = [ids[at : at + _BULK] for at in range(0, len(ids), _BULK)]
        found = [row for part in parts for row in self._rows(self._table.c.id.in_(part))]
        return {row.record_key: row for row in found}

    def pending_in_scope(self, app: str, scope: str, moment: datetime) -> dict[str, Row]:
        """Return the rows of a scope that are due after a moment, or name no time, by key."""
        column = self._table.c
        is_due = sa.or_(column.send_time.is_(None), column.send_time > utc_text(moment))
        found = self._rows(column.app == app, column.scope == scope, is_due)
        return {row.record_key: row for row in found}

    def newest(self, app: str, *, state: str | None, limit: int) -> list[Row]:
        """Return the rows that were written last."""
        column = self._table.c
        which = [column.app == app, *([column.state == state] if state else [])]
        return self._rows(*which, order=column.updated_at.desc(), limit=limit)

    def purge(self, app: str, before: str, *, dry_run: bool) -> int:
        """Delete the rows whose outcome is known, and old delivery reports; count the rows.

        :param before: texts that were sent before this moment (UTC), what was refused or deleted
            before it, and reports that were read before it.
        """
        column = self._table.c
        was_sent = sa.and_(column.state.in_((ACCEPTED, FINISHED)), column.send_time < before)
        is_over = column.state.in_((REFUSED, DELETED))
        old = sa.and_(column.app == app, column.updated_at < before, sa.or_(was_sent, is_over))
        with self._statement() as connection:
            if not dry_run:
                report = self._reports.c
                is_old = sa.and_(report.app == app, report.read_at < before)
                connection.execute(sa.delete(self._reports).where(is_old))
                return connection.execute(sa.delete(self._table).where(old)).rowcount
            counted = sa.select(sa.func.count()).select_from(self._table).where(old)
            return int(connection.execute(counted).scalar_one())

    def save_reports(self, app: str, reports: Iterable[Mapping[str, Any]]) -> None:
        """Write delivery reports, each instead of an earlier one of the same msg_id.

        :param reports: ``msg_id``, ``status``, ``received_at`` and ``read_at`` of each.
        """
        # The last of each: a key must occur once.
        rows = {report["msg_id"]: {"app": app, **report} for report in reports}
        column = self._reports.c
        with self._statement() as connection:
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
        with self._statement(values["version"]) as connection:
            if old is None:
                first = {"id": which, "record_key": record_key, "created_at": moment}
                connection.execute(sa.insert(self._table).values(**first, **values))
            else:
                column = self._table.c
                is_same = sa.and_(column.id == which, column.version == old)
                if place.scope is None:
                    del values["scope"]  # a text stays in the scope that has adopted it
                update = sa.update(self._table).where(is_same).values(**values)
                if connection.execute(update).rowcount != 1:
                    raise RecordTakenError
        return str(values["version"])

    def mark_deleted(self, app: str, schedule_id: str, *, only_ahead: bool = False) -> None:
        """Write into the rows of a schedule that it was deleted, so that they may submit again.

        :param only_ahead: only if its time is ahead.
        """
        column = self._table.c
        for row in self._rows(column.app == app, column.schedule_id == schedule_id):
            is_sent = only_ahead and (row.send_time or "") <= now()
            if row.state in (ACCEPTED, FINISHED) and isinstance(row.content, dict) and not is_sent:
                with suppress(RecordTakenError):  # it is of another schedule by now, or deleted
                    self.write(row.place, row.record_key, _deleted(row.content), row.version)

    def _rows(
        self, *conditions: Any, order: sa.ColumnElement[Any] | None = None, limit: int | None = None
    ) -> list[Row]:
        columns = [self._table.c[name] for name in COLUMNS]
        query = sa.select(*columns).where(*conditions).order_by(order).limit(limit)
        with self._statement() as connection:
            found = connection.execute(query)
            return [row_of(each._mapping) for each in found]  # noqa: SLF001  public in SQLAlchemy

    @contextmanager
    def _statement(self, version: str = "") -> Iterator[sa.engine.Connection]:
        try:
            self._get_ready()
            with self._engine.begin() as connection:
                yield connection
        except exc.IntegrityError as error:
            raise RecordTakenError from error
        except (exc.DBAPIError, exc.TimeoutError) as error:
            if not _is_away(error):
                raise
            raise StoreAwayError(self._name, type(error).__name__, version) from error

    def _get_ready(self) -> None:
        """Create the tables unless they are there, and let a forked process connect anew."""
        with self._lock:
            if self._process != os.getpid():
                self._engine.dispose(close=False)  # the sockets are those of the parent
                self._process = os.getpid()
            if not self._is_ready:
                # The one that is created last.
                if not sa.inspect(self._engine).has_table(self._schema.name):
                    self._create()
                self._check_schema()
                self._is_ready = True

    def _create(self) -> None:
        # Where two processes create them at once, one fails, and then finds them.
        for attempt in Retrying(
            retry=retry_if_exception_type(exc.DBAPIError),
            stop=stop_after_attempt(5),
            wait=wait_random(0.1, 1),
            reraise=True,
        ):
            with attempt:
                for table in (self._table, self._reports, self._schema):
                    table.create(self._engine, checkfirst=True)
                if not self._versions():
                    with self._engine.begin() as connection:
                        connection.execute(sa.insert(self._schema).values(version=_SCHEMA))

    def _check_schema(self) -> None:
        newest = max(self._versions(), default=_SCHEMA)
        if newest > _SCHEMA:
            raise JsmsSettingsError(
                f"The table {self._table.name} was made by a newer version of "
                f"airflow-provider-jsms (schema {newest}; this one knows {_SCHEMA}), so nothing "
                "was sent. Upgrade the provider, or set another ledger_table."
            )

    def _versions(self) -> Sequence[int]:
        with self._engine.begin() as connection:
            return connection.execute(sa.select(self._schema.c.version)).scalars().all()


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


def _deleted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record once its schedule is deleted: it stands for that one no more."""
    kept = {name: value for name, value in content.items() if name != "schedule_id"}
    return {
        **kept,
        "state": DELETED,
        "deleted_at": now(),
        "deleted_schedule_id": content["schedule_id"],
    }


def _is_away(error: exc.SQLAlchemyError) -> bool:
    # A driver may raise any of its errors where the connection breaks.
    is_broken = getattr(error, "connection_invalidated", False)
    usual = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
    return is_broken or isinstance(error, usual)


@cache
def _tables(name: str) -> tuple[sa.Table, sa.Table, sa.Table]:
    """Return the table, that of delivery reports, and the one-row one with their version."""
    metadata = sa.MetaData()
    ledger = sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("record_key", sa.String(1000), nullable=False),
        sa.Column("scope", sa.String(200)),
        sa.Column("state", sa.String(30)),
        sa.Column("schedule_id", sa.String(128)),
        sa.Column("send_time", sa.String(20)),
        *(sa.Column(each, sa.Integer) for each in ("recipients", "success_count", "failure_count")),
        *(sa.Column(each, sa.String(250)) for each in ("dag_id", "run_id", "task_id")),
        *(sa.Column(each, sa.Integer) for each in ("map_index", "try_number")),
        sa.Column("note", sa.String(LONGEST_NOTE)),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        *(sa.Column(each, sa.String(20), nullable=False) for each in ("created_at", "updated_at")),
        sa.Index(f"{name}_scope", "app", "scope", "send_time"),
        sa.Index(f"{name}_schedule_id", "schedule_id"),
        # MySQL cannot index so long a text as a whole.
        sa.Index(f"{name}_record_key", "record_key", mysql_length=191),
        mysql_charset="utf8mb4",
    )
    reports = sa.Table(
        f"{name}_reports",
        metadata,
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("msg_id", sa.String(LONGEST_MSG_ID), primary_key=True),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("received_at", sa.String(20)),
        sa.Column("read_at", sa.String(20), nullable=False),
        mysql_charset="utf8mb4",
    )
    schema = sa.Table(
        f"{name}_schema",
        metadata,
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )
    return ledger, reports, schema
