"""The database that a connection names for its ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.exceptions import JsmsConnectionNotFoundError, JsmsSettingsError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, Place, Writer
from tests.databases import OPENED_BY_A_HOOK, connection_to, database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "of-the-database"


def test_no_connection_names_none(set_connection: Callable[..., None]) -> None:
    set_connection()
    assert JsmsHook().ledger is None


@pytest.fixture(params=OPENED_BY_A_HOOK)
def ledger(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    with database(request.param, tmp_path) as url:
        monkeypatch.setenv("AIRFLOW_CONN_LEDGER_DB", json.dumps(connection_to(url)))
        yield


@pytest.mark.usefixtures("ledger")
def test_the_table_has_the_name_of_the_extra(set_connection: Callable[..., None]) -> None:
    place = Place("app", ONCE, Writer())
    for table in ("texts", ""):
        set_connection(ledger_conn_id="ledger_db", ledger_table=table)
        with JsmsHook() as hook:
            store = hook.require_ledger("this test").store(place)
            assert store.get("key") is None
            store.set("key", {"state": "begun"})


def test_a_connection_that_airflow_does_not_find_is_named(
    set_connection: Callable[..., None],
) -> None:
    set_connection(ledger_conn_id="ledger_db")
    with pytest.raises(JsmsConnectionNotFoundError, match=r"connection ledger_db.*ledger_conn_id"):
        _ = JsmsHook().ledger


@pytest.mark.parametrize("conn_type", ["jsms", "nothing-installed"])
def test_a_connection_to_no_sql_database_is_refused(
    conn_type: str, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER_DB", f"{conn_type}://user:{PASSWORD}@host")
    set_connection(ledger_conn_id="ledger_db")
    with pytest.raises(
        JsmsSettingsError, match=r"ledger_db.*install its Airflow provider"
    ) as found:
        _ = JsmsHook().ledger
    assert PASSWORD not in str(found.value)


@pytest.mark.parametrize("name", ["a table", "x" * 41, "1", "t; DROP TABLE x", "öl"])
def test_an_invalid_name_of_the_table_is_refused(
    name: str, set_connection: Callable[..., None]
) -> None:
    set_connection(ledger_table=name)
    with pytest.raises(JsmsSettingsError, match=r"'ledger_table'.*such as jsms_ledger"):
        _ = JsmsHook().settings
