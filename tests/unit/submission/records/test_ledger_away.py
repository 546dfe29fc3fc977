"""The database of the ledger is stopped while a task submits: nothing is sent, or it is named."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_jsms.exceptions import JsmsLedgerError, JsmsUncertainError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission import custom_code, keyed
from airflow_provider_jsms.submission.records import stored_record
from tests import people
from tests.databases import needs_postgres, needs_postgres_hook
from tests.stack import postgres
from tests.stack.postgres import Postgres
from tests.unit.submission.tries import NAME, posts, texted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = [needs_postgres, needs_postgres_hook]


@pytest.fixture
def server(
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Postgres]:
    # What is committed must survive the end of the server, as in a database that people use.
    monkeypatch.setitem(postgres.SETTINGS, "synchronous_commit", "on")
    with Postgres() as server:
        server.create_database("ledger")
        database = {"conn_type": "postgres", "login": "airflow", "schema": "ledger"}
        database["host"] = str(server._data)
        monkeypatch.setenv("AIRFLOW_CONN_LEDGER_DB", json.dumps(database))
        set_connection(sandbox.url, ledger_conn_id="ledger_db", read_timeout=60)
        yield server


@pytest.fixture
def submit(tomorrow: datetime) -> Callable[[], str]:
    def submit_once() -> str:
        with JsmsHook() as hook:
            return hook.submit_schedule(
                send_time=tomorrow,
                mobile=people.ANNA,
                temp_id=2,
                temp_para=NAME,
                once_key="a key",
            )

    return submit_once


def test_before_the_request_nothing_is_sent_and_a_retry_is_safe(
    server: Postgres, submit: Callable[[], str], sandbox: SandboxControl
) -> None:
    server.family.stop(0)
    with pytest.raises(JsmsLedgerError, match="Nothing was sent") as caught:
        submit()
    assert not isinstance(caught.value, AirflowFailException)
    assert sandbox.requests() == []
    server._start_server()
    assert submit()
    assert texted(sandbox) == [people.ANNA]


@pytest.mark.parametrize("comes_back", [True, False])
def test_during_the_request_the_outcome_is_written_later_or_named(
    server: Postgres,
    submit: Callable[[], str],
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    comes_back: bool,
) -> None:
    monkeypatch.setattr(stored_record, "_PATIENCE", 60.0 if comes_back else 1.0)
    sandbox.fault("submit_schedule", "hold", moment="accepted")
    with ThreadPoolExecutor(1) as thread:
        submitting = thread.submit(submit)
        sandbox.wait_for_hold()
        server.family.stop(0)
        sandbox.release()
        if comes_back:
            server._start_server()
        schedule_id = submitting.result()
    if not comes_back:
        assert f"could not be written: accepted {schedule_id}" in caplog.text
        server._start_server()
        custom_code.uncertain.clear()
        monkeypatch.setattr(keyed, "_ATTEMPTS_WITHIN", -1000)
        with pytest.raises(JsmsUncertainError, match="may have accepted this"):
            submit()
    else:
        assert submit() == schedule_id
    assert posts(sandbox) == 1
    assert texted(sandbox) == [people.ANNA]
