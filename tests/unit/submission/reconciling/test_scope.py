"""The rows of a scope: read many at once, adopted from operators, and never of another list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsLedgerError
from airflow_provider_jsms.submission.reconciling.scope import Scope
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, Place, Writer
from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger
from tests.databases import DATABASES, database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
WRITER = Writer("dag", "run", "task", -1)


@pytest.fixture(scope="module", params=DATABASES)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[str]:
    with database(request.param, tmp_path_factory.mktemp("scope")) as url:
        yield url


@pytest.fixture
def ledger(server: str, request: pytest.FixtureRequest) -> Iterator[SqlLedger]:
    table = f"of_{abs(hash(request.node.name))}"  # each test has its own
    ledger = SqlLedger(sa.create_engine(server), table, name="texts")
    yield ledger
    ledger.close()


def place(scope: str | None = "visits") -> Place:
    return Place("app", ONCE, WRITER, scope)


def record(hours: float, state: str = "accepted", **more: Any) -> dict[str, Any]:
    moment = utc_text(NOW + timedelta(hours=hours))
    return {
        "state": state,
        "schedule_id": "d2afae04",
        "send_time_utc": moment,
        "fingerprint": {},
        **more,
    }


def write(ledger: SqlLedger, key: str, content: dict[str, Any], scope: str | None) -> None:
    store = ledger.store(place(scope))
    store.get(key)
    store.set(key, content)


def test_pending_rows_and_those_of_the_list_are_read(ledger: SqlLedger) -> None:
    write(ledger, "sent", record(-1), "visits")
    write(ledger, "sent-and-listed", record(-1), "visits")
    write(ledger, "pending", record(1), "visits")
    write(ledger, "timeless", {"state": "sending", "fingerprint": {}}, "visits")
    write(ledger, "of-another-scope", record(1), "other")
    write(ledger, "of-no-scope", record(1), None)
    found = Scope(ledger, place()).read(["sent-and-listed", "new"], NOW)
    assert set(found) == {"sent-and-listed", "pending", "timeless"}
    assert found["pending"] == record(1)


def test_a_text_that_is_being_moved_is_pending_until_the_later_time(ledger: SqlLedger) -> None:
    write(ledger, "moving", record(-1, modifying=record(1)), "visits")
    assert set(Scope(ledger, place()).read([], NOW)) == {"moving"}


def test_the_text_of_an_operator_joins_the_scope_of_its_list(ledger: SqlLedger) -> None:
    write(ledger, "a", record(1), None)
    scope = Scope(ledger, place())
    scope.read(["a"], NOW)
    scope.adopt()
    assert set(Scope(ledger, place()).read([], NOW)) == {"a"}
    write(ledger, "a", record(2), None)  # the operator moves it
    assert set(Scope(ledger, place()).read([], NOW)) == {"a"}


def test_a_text_that_changes_meanwhile_is_not_adopted(ledger: SqlLedger) -> None:
    write(ledger, "a", record(1), None)
    scope = Scope(ledger, place())
    scope.read(["a"], NOW)
    write(ledger, "a", record(2), None)
    scope.adopt()
    assert ledger.row("app", ONCE, "a").content == record(2)  # type: ignore[union-attr]
    assert Scope(ledger, place()).read([], NOW) == {}


def test_a_key_of_another_scope_is_refused_unless_jsms_has_nothing_of_it(
    ledger: SqlLedger,
) -> None:
    write(ledger, "free", record(1, "deleted"), "other")
    write(ledger, "taken", record(-1), "other")
    assert set(Scope(ledger, place()).read(["free"], NOW)) == {"free"}
    with pytest.raises(JsmsInputError, match=r"1 keys .* 'taken' \(scope 'other'\)"):
        Scope(ledger, place()).read(["free", "taken"], NOW)


def test_a_thousand_keys_take_few_statements(ledger: SqlLedger) -> None:
    statements: list[str] = []
    scope = Scope(ledger, place())
    scope.read([], NOW)
    sa.event.listen(
        ledger._tables.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    scope.read([f"key-{number}" for number in range(1000)], NOW)
    assert len(statements) == 3


def test_a_ledger_that_is_away_stops_everything(tmp_path: Path) -> None:
    away = SqlLedger(sa.create_engine(f"sqlite:///{tmp_path}/no/ledger.db"), name="texts")
    with pytest.raises(JsmsLedgerError, match="Nothing was sent"):
        Scope(away, place()).read(["a"], NOW)
