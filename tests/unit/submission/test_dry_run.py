"""A dry run does everything but the sending, and misleads no task behind it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsPreflightError
from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsModifyScheduleOperator,
    JsmsQueryScheduleOperator,
)
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.unit.submission.tries import Task, changes, texted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

LONG = {"name": f"{people.CANARY}-" + "长" * 60}


@pytest.fixture(params=["single", "batch"])
def task(request: pytest.FixtureRequest, sandbox: SandboxControl, tomorrow: datetime) -> Task:
    task = Task(request.param, tomorrow)
    task.arguments["dry_run"] = "{{ 'true' }}"
    return task


def run(task: Task, **changed: Any) -> dict[str, Any]:
    result: dict[str, Any] = task.run(**changed)
    return result


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.INFO)
    return lambda: caplog.text


def test_nothing_is_sent_and_no_schedule_is_named(
    task: Task, sandbox: SandboxControl, log: Callable[[], str]
) -> None:
    result = run(task)
    assert result == {
        "dry_run": True,
        "schedule_ids": [],
        "success_count": 0,
        "failure_count": 0,
        "failure_recipients": [],
        "send_time": result["send_time"],
        "counts": {"recipients": 1, "repeated": 0, "excluded": 0, "refused": 0},
        "parts": 1,
        "refused": [],
    }
    assert [each["call"] for each in sandbox.requests()] == ["get_template", "balance"]
    assert "2, notification, approved: {{name}},您好," in log()
    masked = f"{people.ANNA[:3]}****{people.ANNA[-4:]}"
    assert f"{masked}: 35 characters, 1 part; parameters: name 11" in log()
    assert "app_balance 1,000,000" in log()
    assert leaks.found_in(log()) == []


def test_only_that_nothing_was_sent_is_recorded(task: Task) -> None:
    run(task)
    assert task.store
    assert [each["state"] for each in task.store.writes] == ["begun"]


def test_the_cleared_task_then_submits(task: Task, sandbox: SandboxControl) -> None:
    run(task)
    task.clear(dry_run=False)
    assert texted(sandbox) == [people.ANNA]


@needs_sqlite_hook
def test_with_a_ledger_the_cleared_task_submits_on_every_airflow(
    task: Task,
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", f"sqlite:///{tmp_path}/ledger.db")
    set_connection(sandbox.url, ledger_conn_id="texts")
    task.store = None  # as before Airflow 3.3, or after a clear on 3.4
    run(task)
    task.clear(dry_run=False)
    assert texted(sandbox) == [people.ANNA]


def test_a_record_of_an_earlier_submission_stays(task: Task, sandbox: SandboxControl) -> None:
    first = task.run(dry_run="{{ 'false' }}")
    before = task.record
    assert task.clear()["dry_run"] is True
    assert task.record == before
    assert task.clear(dry_run=False) == first
    assert len(changes(sandbox)) == 1


@pytest.mark.parametrize("dry_run", ["maybe", "", None, 2])
def test_it_is_a_flag(task: Task, sandbox: SandboxControl, dry_run: object) -> None:
    with pytest.raises(JsmsInputError, match="dry_run is "):
        run(task, dry_run=dry_run)
    assert sandbox.requests() == []


def problems(task: Task, **changed: Any) -> list[str]:
    """Return what a dry run finds; it keeps its result although it fails."""
    with pytest.raises(JsmsPreflightError) as caught:
        run(task, **changed)
    assert isinstance(caught.value, AirflowFailException)
    assert task.ti.xcoms["dry_run"] is True
    assert task.ti.xcoms["schedule_ids"] == []
    assert leaks.found_in(f"{caught.value}{task.ti.xcoms}") == []
    first, *lines = str(caught.value).splitlines()
    assert "Nothing was sent." in first
    return lines


@pytest.mark.parametrize(
    ("changed", "account", "problem"),
    [
        ({"temp_id": 6}, {}, "Template 6 is still under review"),
        ({"temp_id": 7}, {}, "Template 7 was rejected in review"),
        ({"temp_id": 99}, {}, "the template does not exist"),
        ({"sign_id": 99}, {}, "the signature does not exist"),
        ({}, {"balance": 0}, r"The balance \(app_balance 0\) does not pay for the 1 SMS parts"),
        ({"temp_id": 3}, {}, r"1 of 1 recipient .* missing: date 1, place 1"),
        ({"max_texts": 1, "temp_id": 2}, {}, r"2 SMS parts \(1 recipient\), more than max_texts"),
        ({"send_time": "2020-01-01 09:00:00"}, {}, "has passed"),
        ({"send_window": "00:00-00:01"}, {}, "outside the send_window 00:00-00:01"),
    ],
)
def test_every_kind_of_problem_fails_it(
    task: Task, sandbox: SandboxControl, changed: Any, account: Any, problem: str
) -> None:
    sandbox.account(**account)
    if "max_texts" in changed:
        task.arguments |= (
            {"temp_para": LONG}
            if task.kind == "single"
            else {"recipients": [{"mobile": people.ANNA, "temp_para": LONG}]}
        )
    (line,) = problems(task, **changed)
    assert line.startswith("- ")
    assert re.search(problem, line)
    assert changes(sandbox) == []


@pytest.fixture
def batch(sandbox: SandboxControl, tomorrow: datetime) -> Task:
    """Return the task of a list."""
    task = Task("batch", tomorrow)
    task.arguments["dry_run"] = True
    return task


def test_all_problems_are_in_one_error(batch: Task, sandbox: SandboxControl) -> None:
    sandbox.account(balance=0)
    good = {"mobile": people.BEN, "temp_para": LONG}
    batch.arguments["exclude"] = [people.CARA]
    bad = [{"mobile": f"{people.ANNA}9"}, {"mobile": people.ANNA, "temp_para": {"name": None}}]
    unusable, *_, missing, balance = problems(
        batch, recipients=[good, *bad, people.DAN, good, people.CARA]
    )
    assert "2 of 6 recipients cannot be used" in unusable
    assert missing.startswith("- 1 of 2 recipients cannot be texted with template 2: missing: name")
    assert "does not pay for the 3 SMS parts" in balance
    assert [each["position"] for each in batch.ti.xcoms["refused"]] == [2, 3]
    assert "mobile is not a mainland China number" in batch.ti.xcoms["refused"][0]["reason"]
    assert batch.ti.xcoms["counts"] == {"recipients": 2, "repeated": 1, "excluded": 1, "refused": 2}


def test_a_file_is_read_line_by_line(batch: Task, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    rows = [f"{people.number(index)},{people.CANARY}-{index}" for index in range(1500)]
    file.write_text("\n".join(["mobile,name", *rows, f"1{rows[0]}"]))
    problems(batch, recipients=str(file))
    assert batch.ti.xcoms["refused"][0]["position"] == 1502
    file.write_text("\n".join(["mobile,name", *rows, rows[0]]))
    result = run(batch, recipients=str(file))
    assert result["counts"] == {"recipients": 1500, "repeated": 1, "excluded": 0, "refused": 0}
    assert result["parts"] == 1500


def test_as_many_as_may_be_refused_are_no_problem(batch: Task, log: Callable[[], str]) -> None:
    everybody = [{"mobile": people.number(it), "temp_para": {"name": "a"}} for it in range(10)]
    some = {"recipients": [*everybody, people.ANNA], "max_failures": "10%"}
    assert run(batch, **some)["counts"]["recipients"] == 11
    assert "parameters  name; missing: name 1" in log()
    problems(batch, **some | {"max_failures": 0})


def test_nobody_is_skipped_as_in_a_submission(batch: Task) -> None:
    with pytest.raises(AirflowSkipException, match="nobody to text"):
        run(batch, recipients=[])


def test_excluded_numbers_are_left_out(task: Task, log: Callable[[], str]) -> None:
    with pytest.raises(AirflowSkipException, match="All 1 recipients are excluded"):
        run(task, exclude=[people.BEN, people.ANNA])
    assert run(task, exclude=[people.BEN])["counts"]["excluded"] == 0


def test_a_late_text_is_skipped_as_in_a_submission(task: Task, sandbox: SandboxControl) -> None:
    with pytest.raises(AirflowSkipException, match="has passed"):
        run(task, send_time="2020-01-01 09:00:00", on_past_send_time="skip")
    assert sandbox.requests() == []


def test_what_cannot_be_fetched_is_unknown_and_no_problem(
    task: Task, sandbox: SandboxControl, no_waits: None, log: Callable[[], str]
) -> None:
    sandbox.fault("get_template", "code", code=50016)
    sandbox.fault("get_sign", "status", status=404, times=None)
    sandbox.fault("balance", "code", code=50036)
    assert run(task, sign_id=1)["parts"] is None
    for name, why in {
        "template  ": r".*\b50016\b",
        "signature ": ".*HTTP 404",
        "balance   ": r".*\b50036\b",
    }.items():
        assert re.search(f"{name} *unknown: {why}", log())
    assert "SMS parts   unknown, at least 1" in log()


@pytest.mark.parametrize(
    "account", [{"allowed_ips": ["192.0.2.1"]}, {"service_open": False}, {"frozen": True}]
)
def test_a_refusal_that_a_submission_would_meet_is_one_problem(
    task: Task, sandbox: SandboxControl, account: Any
) -> None:
    sandbox.account(**account)
    (line,) = problems(task, sign_id=1)
    assert re.search(r"JSMS refused it with (50035|50008|50301)", line)


def test_an_application_without_a_balance_spends_that_of_the_developer(
    task: Task, sandbox: SandboxControl, log: Callable[[], str]
) -> None:
    sandbox.fault("balance", "code", code=50033)
    assert run(task)["parts"] == 1
    assert "balance     not assigned" in log()


def test_while_jsms_is_away_it_is_asked_once(
    task: Task, sandbox: SandboxControl, no_waits: None, log: Callable[[], str]
) -> None:
    sandbox.fault("*", "closed_before_reading", times=None)
    assert run(task)["parts"] is None
    assert log().count("unknown: get_template") == 2  # in the place of the balance too


def test_a_key_needs_a_ledger_as_in_a_submission(task: Task, sandbox: SandboxControl) -> None:
    with pytest.raises(JsmsInputError, match="once_key needs a ledger"):
        run(task, once_key="reminder")
    assert sandbox.requests() == []


def every_way(result: Any) -> list[Any]:
    """Return the ways to pass a result: as it is, by key, of mapped tasks, rendered to text."""
    return [result, result["schedule_ids"], [result, result], [[result]], str(result)]


def test_tasks_behind_it_are_skipped(task: Task, tomorrow: datetime) -> None:
    text = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 1}
    for passed in every_way(run(task)):
        for operator in (
            JsmsScheduleSensor(task_id="wait", schedule_id=passed),
            JsmsQueryScheduleOperator(task_id="query", schedule_id=passed),
            JsmsModifyScheduleOperator(task_id="modify", schedule_id=passed, **text),
            JsmsDeleteScheduleOperator(task_id="delete", schedule_id=passed),
        ):
            with pytest.raises(AirflowSkipException, match="dry run"):
                task.execute(operator)
    patient = JsmsDeleteScheduleOperator(task_id="d", schedule_id=run(task), missing_ok=True)
    with pytest.raises(AirflowSkipException, match="dry run"):
        task.execute(patient)
