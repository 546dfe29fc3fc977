"""Databases for the ledger: a SQLite file; PostgreSQL and MariaDB where they are there."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.stack.mariadb import MariaDB
from tests.stack.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_postgres = pytest.mark.skipif(
    not Postgres.is_there(), reason="no PostgreSQL: pip install --group postgresql"
)
needs_mariadb = pytest.mark.skipif(
    not MariaDB.is_there(), reason="no MariaDB, or no PyMySQL: make venv"
)
needs_sqlite_hook = pytest.mark.skipif(
    find_spec("airflow.providers.sqlite") is None, reason="needs apache-airflow-providers-sqlite"
)
needs_postgres_hook = pytest.mark.skipif(
    find_spec("airflow.providers.postgres") is None,
    reason="needs apache-airflow-providers-postgres",
)
needs_mysql_hook = pytest.mark.skipif(
    find_spec("airflow.providers.mysql") is None, reason="needs apache-airflow-providers-mysql"
)
DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=needs_postgres),
    pytest.param("mysql", marks=needs_mariadb),
]
OPENED_BY_A_HOOK = [
    pytest.param("sqlite", marks=needs_sqlite_hook),
    pytest.param("postgresql", marks=[needs_postgres, needs_postgres_hook]),
    pytest.param("mysql", marks=[needs_mariadb, needs_mysql_hook]),
]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Return the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/ledger.db"
        return
    with Postgres() if kind == "postgresql" else MariaDB() as server:
        yield server.create_database("ledger")


def connection_to(url: str) -> dict[str, Any]:
    """Return the connection of Airflow to a database."""
    parts = make_url(url)
    login = {"login": parts.username, "schema": parts.database}
    match parts.get_backend_name():
        case "sqlite":
            return {"conn_type": "sqlite", "host": parts.database}
        case "postgresql":
            return {"conn_type": "postgres", "host": parts.query["host"], **login}
        case _:
            return {"conn_type": "mysql", "extra": {"client": "pymysql", **parts.query}, **login}
