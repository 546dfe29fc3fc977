"""Databases for the ledger: a SQLite file, and PostgreSQL where it is there."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.stack.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_postgres = pytest.mark.skipif(
    not Postgres.is_there(), reason="no PostgreSQL: pip install --group postgresql"
)
needs_sqlite_hook = pytest.mark.skipif(
    find_spec("airflow.providers.sqlite") is None, reason="needs apache-airflow-providers-sqlite"
)
needs_postgres_hook = pytest.mark.skipif(
    find_spec("airflow.providers.postgres") is None,
    reason="needs apache-airflow-providers-postgres",
)
DATABASES = ["sqlite", pytest.param("postgresql", marks=needs_postgres)]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Return the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/ledger.db"
        return
    with Postgres() as server:
        yield server.create_database("ledger")
