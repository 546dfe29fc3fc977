"""The command line of the ledger."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.__main__ import main
from airflow_provider_jsms.exceptions import JsmsUncertainError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission.records.fingerprint import account_of
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, TASK, Place, Writer
from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.unit.submission.campaigns.test_campaign import (
    CALL,
    CampaignTask,
    assert_each_person_is_texted_once,
    set_chunk_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = needs_sqlite_hook

DAY = timedelta(days=1)
OLD = f"{datetime.now(UTC) - 40 * DAY:%Y-%m-%dT%H:%M:%SZ}"
NEW = f"{datetime.now(UTC) + DAY:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(autouse=True)
def _connections(
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER_DB", f"sqlite:///{tmp_path}/ledger.db")
    set_connection(sandbox.url, ledger_conn_id="ledger_db")
    # As the command does: Airflow 2 and 3.0 log to the standard output, where the records go.
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def write(monkeypatch: pytest.MonkeyPatch, **rows: tuple[str, str, str]) -> None:
    """Write rows by their keys: the state, the send_time, and when it was written."""
    with JsmsHook() as hook:
        place = Place(account_of(hook.settings).app, ONCE, Writer())
        for key, (state, send_time, written) in rows.items():
            with monkeypatch.context() as patch:
                patch.setattr(
                    "airflow_provider_jsms.submission.records.sql_ledger.now", lambda at=written: at
                )
                content = {"state": state, "send_time_utc": send_time, "schedule_id": "id"}
                hook.require_ledger("test").store(place).set(key, content)


def keys(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    main(["list", *options])
    return sorted(line.split()[-1] for line in capsys.readouterr().out.splitlines())


def test_it_lists_and_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(monkeypatch, a=("accepted", NEW, OLD), b=("sending", NEW, NEW))
    assert keys(capsys) == ["a", "b"]
    assert keys(capsys, "--limit", "1") == ["b"]
    assert keys(capsys, "--state", "accepted") == ["a"]
    main(["show", "a"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["content"]["schedule_id"]) == ("accepted", "id")
    with pytest.raises(SystemExit, match="no record c"):
        main(["show", "c"])


def test_it_purges_what_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    states = ("accepted", "finished", "refused", "deleted", "sending", "unknown", "begun")
    old = {f"old_{state}": (state, OLD, OLD) for state in states}
    new = {f"new_{state}": (state, NEW, NEW) for state in states}
    write(monkeypatch, **old, **new, ahead=("accepted", NEW, OLD))
    main(["purge", "--older-than", "30", "--dry-run"])
    assert "4 records would be deleted" in capsys.readouterr().out
    assert len(keys(capsys)) == 15
    main(["purge", "--older-than", "30"])
    assert "4 records are deleted" in capsys.readouterr().out
    left = [f"old_{state}" for state in ("begun", "sending", "unknown")]
    assert keys(capsys) == sorted([*new, "ahead", *left])


def test_what_is_not_there_is_sent_again(sandbox: SandboxControl, tomorrow: datetime) -> None:
    text = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 2, "temp_para": {"name": "A"}}
    sandbox.fault("submit_schedule", "closed_before_reading")
    with JsmsHook() as hook, pytest.raises(Exception, match="not-there 'a key'") as caught:
        hook.submit_schedule(**text, once_key="a key")
    assert leaks.found_in(str(caught.value)) == []
    main(["not-there", "a key"])
    with JsmsHook() as hook:
        assert hook.submit_schedule(**text, once_key="a key")
    with pytest.raises(SystemExit, match="is accepted, which is not uncertain"):
        main(["not-there", "a key"])
    assert len(sandbox.state()["schedules"]) == 1


def test_a_chunk_that_is_not_there_is_sent_where_the_task_cannot_ask(
    sandbox: SandboxControl, tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before Airflow 3.3."""
    for module in ("operators.submit", "submission.uncertain.advice"):
        monkeypatch.setattr(f"airflow_provider_jsms.{module}.CAN_ASK", False)
    set_chunk_size(monkeypatch)
    task = CampaignTask(tomorrow)
    sandbox.fault(CALL, "slow", seconds=0)
    sandbox.fault(CALL, "closed_before_reading")
    with pytest.raises(JsmsUncertainError, match="not-there dag/run/submit/-1/jsms_submission_2"):
        task.run()
    main(["not-there", "dag/run/submit/-1/jsms_submission_2"])
    sandbox.fault(CALL, "accepted_then_closed")
    with pytest.raises(JsmsUncertainError, match="right, clear the task with on_uncertain='assume"):
        task.clear()
    assert task.clear(on_uncertain="assume_sent")["uncertain_count"] == 10
    assert_each_person_is_texted_once(sandbox)


def test_it_finds_the_record_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    with JsmsHook() as hook:
        place = Place(account_of(hook.settings).app, TASK, Writer("dag", "run", "task", -1))
        hook.require_ledger("test").store(place).set("jsms_submission", {"state": "sending"})
    main(["not-there", "dag/run/task/-1/jsms_submission"])
    main(["show", "dag/run/task/-1/jsms_submission"])
    assert '"begun"' in capsys.readouterr().out


def test_it_says_what_is_missing(
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
) -> None:
    set_connection(sandbox.url)
    with pytest.raises(SystemExit, match="extra ledger_conn_id"):
        main(["list"])
    with pytest.raises(SystemExit, match="jsms_nowhere"):
        main(["--conn-id", "jsms_nowhere", "list"])
