"""The PostgreSQL that tests may use works, is there for nobody else, and leaves nothing behind."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from sqlalchemy import create_engine, text

from tests.stack.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not Postgres.is_there(), reason="no PostgreSQL: pip install --group postgresql"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def test_each_database_is_empty(server: Postgres) -> None:
    for name in ("one", "other"):
        engine = create_engine(server.create_database(name))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE mine (id int)"))
        engine.dispose()


def test_it_listens_on_no_port(server: Postgres) -> None:
    for process in server.family.members():
        with suppress(psutil.NoSuchProcess):  # its workers come and go
            assert process.net_connections("inet") == []


def test_nothing_is_left_of_it_although_somebody_is_connected() -> None:
    with Postgres() as server:
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


def test_it_can_be_started_beside_the_one_of_somebody_else(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    with Postgres() as other:
        other.create_database("one")
