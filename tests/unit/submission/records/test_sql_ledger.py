"""The ledger in a SQL database: the contract of a store, and of two writers one loses."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, TASK, Place, Writer
from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger
from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError
from tests.databases import DATABASES, database, needs_mariadb, needs_postgres
from tests.stack.mariadb import MariaDB
from tests.stack.postgres import Postgres
from tests.store import check_values
from tests.unit.another_process import run_in_another_process
from tests.versions import NEVER_EXPIRE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_jsms.submission.records.sql_ledger import SqlStore

WRITER = Writer("dag", "run", "task", -1)
PLACE = Place("app", ONCE, WRITER)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ACCEPTED = {
    "state": "accepted",
    "schedule_id": "id",
    "send_time": "2026-12-01 09:00:00",
    "send_time_utc": "2026-12-01T01:00:00Z",
    "recipients": 3,
    "success_count": 2,
    "failure_count": 1,
    "try": 4,
    "note": "anna answered",
}


@pytest.fixture(scope="module", params=DATABASES)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[str]:
    with database(request.param, tmp_path_factory.mktemp("ledger")) as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    engine = sa.create_engine(server)
    metadata = sa.MetaData()
    metadata.reflect(engine)
    metadata.drop_all(engine)
    engine.dispose()
    return server


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., SqlLedger]]:
    ledgers = []

    def open_one(*table: str, **arguments: Any) -> SqlLedger:
        ledgers.append(SqlLedger(sa.create_engine(url, **arguments), *table, name="'texts'"))
        return ledgers[-1]

    yield open_one
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(connect: Callable[..., SqlLedger]) -> SqlLedger:
    return connect()


def test_it_keeps_the_contract_of_a_store(ledger: SqlLedger) -> None:
    check_values(ledger.store(PLACE), NEVER_EXPIRE)


def test_people_read_the_columns(ledger: SqlLedger) -> None:
    ledger.store(Place("app", TASK, WRITER, "reminders")).set("jsms_submission", ACCEPTED)
    (row,) = ledger.newest("app", state=None, limit=9)
    assert row.record_key == "dag/run/task/-1/jsms_submission"
    assert row.place == Place("app", TASK, WRITER, "reminders")
    assert (row.state, row.send_time, row.note) == (
        *("accepted", "2026-12-01T01:00:00Z", "anna answered"),
    )
    assert (row.recipients, row.success_count, row.failure_count) == (3, 2, 1)
    assert row.try_number == 4
    assert row.created_at == row.updated_at
    assert row.content == ACCEPTED


class TestOfTwoWriters:
    """Both have read the same version."""

    @pytest.fixture
    def stores(self, connect: Callable[..., SqlLedger]) -> list[SqlStore]:
        return [connect().store(PLACE), connect().store(PLACE)]

    @pytest.mark.parametrize("is_there", [False, True])
    def test_the_second_loses_and_wins_once_it_has_read(
        self, stores: list[SqlStore], *, is_there: bool
    ) -> None:
        first, second = stores
        if is_there:
            first.set("key", {"state": "begun"})
        assert first.get("key") == second.get("key")
        first.set("key", {"state": "sending", "try": 1})
        for _ in range(2):
            with pytest.raises(RecordTakenError):
                second.set("key", {"state": "sending", "try": 2})
        first.set("key", {"state": "accepted"})
        assert second.get("key") == {"state": "accepted"}
        second.set("key", {"state": "sending", "try": 2})
        with pytest.raises(RecordTakenError):
            first.set("key", {"state": "finished"})

    def test_each_may_have_rows_of_its_own(self, ledger: SqlLedger) -> None:
        places = [
            PLACE,
            Place("other", ONCE, WRITER),
            Place("app", TASK, WRITER),
            Place("app", TASK, Writer("dag", "run", "task", 0)),
        ]
        for number, place in enumerate(places):
            ledger.store(place).set("key", {"state": str(number)})
        found = [ledger.store(place).get("key") for place in places]
        assert found == [{"state": str(number)} for number in range(4)]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_write_whose_reply_was_lost_is_found_again(tmp_path: Path, *, is_there: bool) -> None:
    class LosesReplies(sqlite3.Connection):
        is_broken = False

        def commit(self) -> None:
            super().commit()
            if LosesReplies.is_broken:
                LosesReplies.is_broken = False
                raise sqlite3.OperationalError("the connection is lost")

    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(tmp_path / "db", factory=LosesReplies)
    )
    store = SqlLedger(engine).store(PLACE)
    assert store.get("key") is None
    if is_there:
        store.set("key", {"state": "begun"})
    LosesReplies.is_broken = True
    with pytest.raises(StoreAwayError):
        store.set("key", {"state": "accepted"})
    store.set("key", {"state": "accepted"})
    LosesReplies.is_broken = True
    with pytest.raises(StoreAwayError):
        store.set("key", {"state": "finished"})
    other = SqlLedger(engine).store(PLACE)
    other.get("key")
    other.set("key", {"state": "deleted"})
    with pytest.raises(RecordTakenError):
        store.set("key", {"state": "finished"})
    engine.dispose()


def test_many_rows_are_read_at_once(ledger: SqlLedger) -> None:
    keys = [f"key {number}" for number in range(1200)]
    store = ledger.store(Place("app", ONCE, WRITER, "reminders"))
    for key in keys[::100]:
        store.set(key, ACCEPTED)
    ledger.store(PLACE).set("of no scope", ACCEPTED)
    statements: list[str] = []
    sa.event.listen(
        ledger._tables.engine, "before_cursor_execute", lambda *it: statements.append(it[2])
    )
    rows = ledger.rows("app", keys)
    assert len(statements) == 3
    assert list(rows) == [row.record_key for row in rows.values()]
    assert {*rows} == {*keys[::100]}
    assert set(ledger.pending_in_scope("app", "reminders", LONG_AGO)) == {*rows}
    assert ledger.rows("other", keys) == {}
    assert ledger.pending_in_scope("other", "reminders", LONG_AGO) == {}
    again = ledger.store(PLACE)
    again.remember("key 100", rows["key 100"])
    again.set("key 100", {"state": "deleted"})
    with pytest.raises(RecordTakenError):
        store.set("key 100", {"state": "finished"})


def test_names_that_differ_in_case_or_accents_are_different(ledger: SqlLedger) -> None:
    scopes = {"A1": "clinic", "a1": "Clinic", "á1": "clínic"}
    for name, scope in scopes.items():
        store = ledger.store(Place("app", ONCE, WRITER, scope))
        store.set(name, {**ACCEPTED, "schedule_id": name})
    for name, scope in scopes.items():
        assert set(ledger.pending_in_scope("app", scope, LONG_AGO)) == {name}
    ledger.mark_deleted("app", "a1")
    states = {key: row.state for key, row in ledger.rows("app", scopes).items()}
    assert states == {"A1": "accepted", "a1": "deleted", "á1": "accepted"}
    assert ledger.pending_in_scope("APP", "clinic", LONG_AGO) == {}


def test_several_may_create_the_table_at_once(connect: Callable[..., SqlLedger]) -> None:
    count = 8
    barrier = Barrier(count)

    def use(number: int) -> None:
        ledger = connect()
        barrier.wait()
        ledger.store(PLACE).set(f"key {number}", ACCEPTED)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(use, range(count)))
    assert len(connect().newest("app", state=None, limit=100)) == count


def test_the_table_may_have_another_name(connect: Callable[..., SqlLedger]) -> None:
    connect("texts").store(PLACE).set("key", ACCEPTED)
    assert connect().store(PLACE).get("key") is None
    assert connect("texts").store(PLACE).get("key") == ACCEPTED


def test_a_table_of_a_newer_version_is_refused(
    ledger: SqlLedger, connect: Callable[..., SqlLedger], url: str
) -> None:
    ledger.store(PLACE).get("key")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE jsms_ledger_schema SET version = 2"))
    engine.dispose()
    with pytest.raises(JsmsSettingsError, match="newer version"):
        connect().store(PLACE).set("key", ACCEPTED)


def test_a_record_that_somebody_edited_is_no_record(ledger: SqlLedger, url: str) -> None:
    ledger.store(PLACE).set("key", ACCEPTED)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE jsms_ledger SET content = 'begun'"))
    engine.dispose()
    assert ledger.store(PLACE).get("key") == "begun"


class TestDeliveryReports:
    def report(self, msg_id: str, **changed: Any) -> dict[str, Any]:
        times = {"received_at": "2026-12-01T01:00:00Z", "read_at": "2026-12-01T02:00:00Z"}
        return {"msg_id": msg_id, "status": 4001, **times, **changed}

    def saved(self, url: str) -> dict[tuple[str, str], int]:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            query = "SELECT app, msg_id, status FROM jsms_ledger_reports"
            rows = connection.execute(sa.text(query)).all()
        engine.dispose()
        return {(row.app, row.msg_id): row.status for row in rows}

    def test_the_last_one_of_a_msg_id_stays(self, ledger: SqlLedger, url: str) -> None:
        ledger.save_reports("app", [])
        assert self.saved(url) == {}
        ledger.save_reports("app", [self.report("1"), self.report("2")])
        ledger.save_reports("other", [self.report("1", received_at=None)])
        newer = [self.report("2", status=4002), self.report("2", status=4003), self.report("3")]
        ledger.save_reports("app", newer)
        assert self.saved(url) == {
            ("app", "1"): 4001,
            ("app", "2"): 4003,
            ("app", "3"): 4001,
            ("other", "1"): 4001,
        }

    def test_a_whole_page_of_the_longest_ids_is_two_statements(
        self, ledger: SqlLedger, url: str
    ) -> None:
        ledger.save_reports("app", [])
        statements: list[str] = []
        sa.event.listen(
            ledger._tables.engine, "before_cursor_execute", lambda *it: statements.append(it[2])
        )
        page = [self.report(f"{number:0128d}", status=10**6 - 1) for number in range(500)]
        ledger.save_reports("a" * 64, page)
        assert len(statements) == 2
        assert len(self.saved(url)) == 500

    def test_old_ones_are_purged(self, ledger: SqlLedger, url: str) -> None:
        later = self.report("2", read_at="2026-12-03T00:00:00Z")
        ledger.save_reports("app", [self.report("1"), later])
        ledger.save_reports("other", [self.report("1")])
        ledger.purge("app", "2026-12-02T00:00:00Z", dry_run=True)
        assert len(self.saved(url)) == 3
        ledger.purge("app", "2026-12-02T00:00:00Z", dry_run=False)
        assert self.saved(url).keys() == {("app", "2"), ("other", "1")}


# The process of the tests has threads, and a fork of it could wait forever for a lock of theirs.
FORK = """
import multiprocessing, sqlalchemy
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, Place, Writer
from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

engine = sqlalchemy.create_engine(sys.stdin.read())
store = SqlLedger(engine).store(Place("app", ONCE, Writer()))
store.set("key", {"state": "begun"})

def connection(_):
    content = store.get("key")
    with engine.connect() as connection:
        return [content, connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()]

with multiprocessing.get_context("fork").Pool(1) as pool:
    print(json.dumps([connection(None), *pool.map(connection, [None]), connection(None)]))
"""


@needs_postgres
@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_forked_process_leaves_the_connections_alone(url: str) -> None:
    parent, child, parent_again = json.loads(run_in_another_process(FORK, url))
    assert parent[0] == child[0] == {"state": "begun"}
    assert child[1] != parent[1]
    assert parent_again == parent


def test_a_file_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    ledger = SqlLedger(sa.create_engine(f"sqlite:///{tmp_path}/no/folder.db"), name="'texts'")
    with pytest.raises(StoreAwayError, match=r"'texts' cannot be used.*OperationalError"):
        ledger.store(PLACE).get("key")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(Postgres, marks=needs_postgres), pytest.param(MariaDB, marks=needs_mariadb)],
)
def test_a_server_that_is_stopped_is_away(kind: type[Postgres | MariaDB]) -> None:
    with kind() as server:
        ledger = SqlLedger(sa.create_engine(server.create_database("ledger")), name="'texts'")
        store = ledger.store(PLACE)
        store.set("key", ACCEPTED)
        server.family.stop(0)
        for _ in range(2):
            with pytest.raises(StoreAwayError):
                store.get("key")
            with pytest.raises(StoreAwayError):
                store.set("key", ACCEPTED)
    ledger.close()
