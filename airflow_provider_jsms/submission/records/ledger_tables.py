"""The tables of the SQL ledger: their columns, their creation, and transactions on them."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import exc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from airflow_provider_jsms.api.results import LONGEST_MSG_ID
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.submission.records.ledger_rows import LONGEST_NOTE
from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Engine

_SCHEMA: Final = 1
# By default MySQL ignores case and accents: the scope "clinic" would include "Clinic".
_EXACT_ON_MYSQL: Final[dict[str, Any]] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


class LedgerTables:
    """The tables of one database, created when they are first used.

    :param table: the name of the table of records; those of the others begin with it.
    :param name: what people know the database by.
    """

    def __init__(self, engine: Engine, table: str, name: str) -> None:
        self.engine = engine
        self.records, self.reports, self._schema = _tables(table)
        self._name = name
        self._process = os.getpid()
        self._is_ready = False
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self, version: str = "") -> Iterator[sa.engine.Connection]:
        """Connect for one transaction; ``version`` is of the row that it writes."""
        try:
            self._get_ready()
            with self.engine.begin() as connection:
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
                self.engine.dispose(close=False)  # the sockets are those of the parent
                self._process = os.getpid()
            if not self._is_ready:
                # The one that is created last.
                if not sa.inspect(self.engine).has_table(self._schema.name):
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
                for table in (self.records, self.reports, self._schema):
                    table.create(self.engine, checkfirst=True)
                if not self._versions():
                    with self.engine.begin() as connection:
                        connection.execute(sa.insert(self._schema).values(version=_SCHEMA))

    def _check_schema(self) -> None:
        newest = max(self._versions(), default=_SCHEMA)
        if newest > _SCHEMA:
            raise JsmsSettingsError(
                f"The table {self.records.name} was made by a newer version of "
                f"airflow-provider-jsms (schema {newest}; this one knows {_SCHEMA}), so nothing "
                "was sent. Upgrade the provider, or set another ledger_table."
            )

    def _versions(self) -> Sequence[int]:
        with self.engine.begin() as connection:
            return connection.execute(sa.select(self._schema.c.version)).scalars().all()


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
        **_EXACT_ON_MYSQL,
    )
    reports = sa.Table(
        f"{name}_reports",
        metadata,
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("msg_id", sa.String(LONGEST_MSG_ID), primary_key=True),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("received_at", sa.String(20)),
        sa.Column("read_at", sa.String(20), nullable=False),
        **_EXACT_ON_MYSQL,
    )
    schema = sa.Table(
        f"{name}_schema",
        metadata,
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )
    return ledger, reports, schema
