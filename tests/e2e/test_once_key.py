"""One text per key in a real Airflow, whatever task, run or DAG submits it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission.records.fingerprint import account_of
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, TASK
from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.e2e.store import wait_for_killed
from tests.e2e.test_airflow import try_number
from tests.e2e.test_clear import Run, _variables, hook, in_hours, posts, texts  # noqa: F401
from tests.stack.settings import AIRFLOW, HAS_STORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest

pytestmark = needs_sqlite_hook


@pytest.fixture
def key() -> str:
    """A key that no other test has used: the ledger outlives them."""
    return f"appointment-{uuid4().hex}"


def command(airflow: AirflowStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line beside Airflow, as its operator does."""
    module = [sys.executable, "-m", "airflow_provider_jsms", "--conn-id", "jsms_with_ledger"]
    return subprocess.run(
        [*module, *arguments],
        # The Airflow of the tests logs at every level, to the standard output too.
        env={**airflow.environment, "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"},
        capture_output=True,
        text=True,
        check=False,
    )


def row(airflow: AirflowStack, key: str) -> dict[str, Any]:
    """Return a record, without a new process that imports all of Airflow."""
    connections = {
        name: value
        for name, value in airflow.environment.items()
        if name.startswith("AIRFLOW_CONN_")
    }
    with patch.dict(os.environ, connections), JsmsHook("jsms_with_ledger") as jsms:
        ledger, app = jsms.require_ledger("row"), account_of(jsms.settings).app
        found = ledger.row(app, ONCE, key) or ledger.row(app, TASK, key)
    assert found is not None
    return found._asdict()


def test_every_run_of_every_dag_finds_the_same_text(
    key: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    first = Run(rest, "once_first", send_time=in_hours(1), once_key=key)
    assert first.state == "success"
    schedule_id = first.schedule_id
    others = [Run(rest, dag_id) for dag_id in ("once_first", "once_other")]
    assert [(run.state, run.schedule_id) for run in others] == [("success", schedule_id)] * 2
    assert (first.clear(), first.schedule_id) == ("success", schedule_id)
    found = row(airflow, key)
    assert (found["state"], found["dag_id"], found["run_id"]) == (
        *("accepted", "once_first", first.run_id),
    )
    assert leaks.found_in(str(found)) == []
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.ANNA, 2)]
    assert Run(rest, "once_other").schedule_id == schedule_id  # long after it was sent
    assert posts(sandbox) == 1


def test_a_deleted_run_finds_it(key: str, rest: AirflowRest, sandbox: SandboxControl) -> None:
    first = Run(rest, "once_first", send_time=in_hours(1), once_key=key)
    schedule_id = first.schedule_id
    rest.delete_run("once_first", first.run_id)
    again = rest.trigger("once_first", run_id=first.run_id)
    assert rest.wait_for_run("once_first", again["dag_run_id"], timeout=90)["state"] == "success"
    assert first.schedule_id == schedule_id
    assert posts(sandbox) == 1


def test_a_backfill_finds_it(
    key: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    first = Run(rest, "once_first", send_time=in_hours(1), once_key=key)
    backfill(airflow, "once_a_day", "2026-02-01", "2026-02-03")
    runs = [it["dag_run_id"] for it in rest.runs("once_a_day")]
    assert len(runs) == 3
    for run_id in runs:
        assert rest.wait_for_run("once_a_day", run_id, timeout=120)["state"] == "success"
        assert rest.xcom("once_a_day", run_id, "submit") == first.schedule_id
    assert posts(sandbox) == 1


def backfill(airflow: AirflowStack, dag_id: str, start: str, end: str) -> None:
    """Backfill the days of a DAG by the command line of this Airflow."""
    command = ["backfill", "create", "--dag-id", dag_id, "--from-date", start, "--to-date", end]
    if AIRFLOW < (3, 0):
        command = ["dags", "backfill", dag_id, "--start-date", start, "--end-date", end]
    # By default sqlite waits 5 s for its lock, too short beside a busy Airflow.
    database = f"sqlite:///{airflow.home}/airflow.db?timeout=60"
    with airflow_paused(airflow):
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database, **airflow.environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr


@contextmanager
def airflow_paused(airflow: AirflowStack) -> Iterator[None]:
    """Let Airflow stand still: no transaction of another process may come between on sqlite.

    A scheduler that sees half a backfill ends where it vanishes, and sqlite refuses to write after
    a read if somebody else has written since.
    """
    processes = airflow.family.started.values()
    with closing(sqlite3.connect(airflow.home / "airflow.db", timeout=60)) as database:
        # so that none of them holds a lock meanwhile
        database.execute("BEGIN EXCLUSIVE")
        for process in processes:
            process.suspend()
        database.rollback()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_what_changes_while_pending_is_modified_and_after_that_refused(
    key: str,
    rest: AirflowRest,
    sandbox: SandboxControl,
    hook: JsmsHook,  # noqa: F811
) -> None:
    sandbox.switch(query_sent="record")
    first = Run(rest, "once_first", send_time=in_hours(1), once_key=key)
    moved = Run(rest, "once_other", send_time=in_hours(2), temp_id=4)
    assert (moved.state, moved.schedule_id) == ("success", first.schedule_id)
    soon = datetime.now(UTC) + timedelta(seconds=3)
    hook.modify_schedule(moved.schedule_id, send_time=soon, mobile=people.BEN, temp_id=1)
    sandbox.advance(5)
    late = Run(rest, "once_first", temp_id=2)
    assert late.state == "failed"
    assert "use another once_key" in late.log
    assert try_number(rest, {"dag_id": "once_first", "dag_run_id": late.run_id}, "submit") == 1
    assert posts(sandbox) == 1
    assert texts(sandbox) == [(people.BEN, 1)]


def test_what_was_deleted_is_submitted_again(
    key: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    for _ in range(2):
        rest.set_variable("once_key", key)
        rest.set_variable("send_time", in_hours(1))
        assert rest.run_dag("once_batch", timeout=120)["state"] == "success"
        assert row(airflow, key)["state"] == "deleted"
    assert posts(sandbox) == 2
    assert texts(sandbox) == []


@pytest.mark.parametrize("dag_id", ["once_first", "once_without_key"])
def test_after_a_kill_in_mid_submission_nothing_is_sent_again(
    dag_id: str, key: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    rest.set_variable("once_key", key)
    rest.set_variable("send_time", in_hours(1))
    sandbox.fault("submit_schedule", "hold", moment="accepted")
    run_id = rest.trigger(dag_id)["dag_run_id"]
    sandbox.wait_for_hold(90)
    os.kill(rest.task(dag_id, run_id, "submit")["pid"], signal.SIGKILL)
    sandbox.release()
    states = ("failed", "success")
    wait_for_killed(rest, dag_id, run_id, "submit", timeout=120)
    task = rest.wait_for_task(dag_id, run_id, "submit", states=states, timeout=90)
    assert task["state"] == "failed"
    assert "JSMS may have accepted this" in rest.log(dag_id, run_id, "submit", task["try_number"])
    name = key if dag_id == "once_first" else f"{dag_id}/{run_id}/submit/-1/jsms_submission"
    assert row(airflow, name)["state"] == "sending"
    assert texts(sandbox) == [(people.ANNA, 2)]
    assert posts(sandbox) == 1


MOMENTS = {
    "before sending": ("success", 1, "accepted"),
    "after sending": ("failed", 0, "sending"),
    "before accepted": ("failed", 1, "sending"),
    "after accepted": ("success", 1, "accepted"),
}


def test_killed_at_any_moment_a_text_is_sent_once_or_named(
    key: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    rest.set_variable("send_time", in_hours(1))
    runs = {}
    for at, moment in enumerate(MOMENTS):
        about = {"dies": moment, "person": at, "once_key": f"{key}-{at}"}
        runs[moment] = about, rest.trigger("once_killed", conf=about)["dag_run_id"]
    outcomes, logs = {}, {}
    for moment, (about, run_id) in runs.items():
        state = wait_for_killed(rest, "once_killed", run_id, "submit", timeout=180)["state"]
        count = posts(sandbox, people.number(about["person"]))
        outcomes[moment] = state, count, row(airflow, about["once_key"])["state"]
        last = rest.task("once_killed", run_id, "submit")["try_number"]
        logs[moment] = rest.log("once_killed", run_id, "submit", last)
    surprising = [logs[moment] for moment in MOMENTS if outcomes[moment] != MOMENTS[moment]]
    assert outcomes == MOMENTS, "\n".join(surprising)
    assert {moment for moment, log in logs.items() if "JSMS may have accepted this" in log} == {
        *("after sending", "before accepted"),
    }
    assert len(texts(sandbox)) == 3


def test_without_a_key_a_retry_finds_it_on_every_airflow(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "code", code=50009, times=1)
    run = Run(rest, "once_without_key", send_time=in_hours(1))
    assert run.state == "success", run.log
    schedule_id = run.schedule_id
    assert (run.clear(), run.schedule_id) == ("success", schedule_id)
    found = row(airflow, f"once_without_key/{run.run_id}/submit/-1/jsms_submission")
    assert found["state"] == "finished"
    if HAS_STORE:
        assert run.record["state"] == "begun"
    assert texts(sandbox) == [(people.ANNA, 2)]


def test_the_command_line_reads_the_connections_of_airflow(
    key: str, airflow: AirflowStack, rest: AirflowRest
) -> None:
    Run(rest, "once_first", send_time=in_hours(1), once_key=key)
    assert key in command(airflow, "list", "--limit", "5").stdout
    done = command(airflow, "purge", "--older-than", "3000", "--dry-run")
    assert "0 records would be deleted" in done.stdout
