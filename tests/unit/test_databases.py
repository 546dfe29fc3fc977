"""The databases that tests may use work, are there for nobody else, and leave nothing behind."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from sqlalchemy import create_engine, text

from tests.databases import needs_mariadb, needs_postgres
from tests.stack.mariadb import MariaDB
from tests.stack.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = [pytest.param(Postgres, marks=needs_postgres), pytest.param(MariaDB, marks=needs_mariadb)]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Postgres | MariaDB]:
    with request.param() as server:
        yield server


def test_each_database_is_empty(server: Postgres | MariaDB) -> None:
    for name in ("one", "other"):
        engine = create_engine(server.create_database(name))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE mine (id int)"))
        engine.dispose()


def test_it_listens_on_no_port(server: Postgres | MariaDB) -> None:
    for process in server.family.members():
        with suppress(psutil.NoSuchProcess):  # its workers come and go
            assert process.net_connections("inet") == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_of_it_although_somebody_is_connected(
    kind: type[Postgres | MariaDB],
) -> None:
    with kind() as server:
        engine = create_engine(server.create_database("one"))
        connection = engine.connect()
        connection.execute(text("SELECT 1"))
        processes = server.family.members()
        folder = server._folder
        assert folder.is_dir()
    connection.invalidate()
    assert processes
    assert not [process for process in processes if psutil.pid_exists(process.pid)]
    assert not folder.exists()


@pytest.mark.parametrize("server", [KINDS[0]], indirect=True)
def test_it_can_be_started_beside_the_one_of_somebody_else(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    with Postgres() as other:
        other.create_database("one")
