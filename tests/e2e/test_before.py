"""What a real Airflow shows of a send_window, and of people who have opted out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.e2e.test_airflow import posts, try_number
from tests.e2e.test_examples import states

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

WINDOWS = {
    "of the task": {"connection": "jsms_with_ledger", "send_window": "10:00-11:00"},
    "of the connection": {"connection": "jsms_in_window"},
}
windows = pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)


def before_opening() -> tuple[str, str]:
    """Return a time outside the windows and their next opening, on the wall clock of China."""
    day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    return f"{day} 09:00:00", f"{day} 10:00:00"


def test_a_text_outside_the_window_fails_once_or_is_sent_at_the_next_opening(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("e2e_window", timeout=90)
    run_id = run["dag_run_id"]
    log = rest.log("e2e_window", run_id, "outside")
    assert states(rest, run) == {"outside": "failed", "moved": "success"}, log
    assert (try_number(rest, run, "outside"), posts(sandbox)) == (1, 1)
    assert "is outside the send_window" in log
    begun = datetime.fromisoformat(run["start_date"])
    opening = (begun + timedelta(hours=10)).strftime("%Y-%m-%d %H:%M:00")
    given = (begun + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S")
    (schedule,) = sandbox.state()["schedules"]
    assert schedule["send_time"] == opening
    log = rest.log("e2e_window", run_id, "moved")
    assert f"send_time is now {opening} Asia/Shanghai" in log
    assert f"moved from {given}" in log


def test_who_has_opted_out_is_left_out_counted_and_shown_masked(
    rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    file = tmp_path / "out.txt"
    file.write_text(f"{people.BEN}\n")
    run = rest.run_dag("e2e_exclude", conf={"file": str(file)}, timeout=90)
    run_id = run["dag_run_id"]
    log = rest.log("e2e_exclude", run_id, "batch")
    done = {"opted_out": "success", "single": "skipped", "batch": "success"}
    assert states(rest, run) == done, log
    assert "1 entries of recipients are left out by exclude" in log
    assert "is in exclude, so nothing was sent" in rest.log("e2e_exclude", run_id, "single")
    assert rest.xcom("e2e_exclude", run_id, "batch", "excluded_count") == 1
    shown = rest.rendered_fields("e2e_exclude", run_id, "single")
    assert "138****8001" in str(shown["exclude"])
    assert leaks.found_in(str(shown)) == []
    assert rest.rendered_fields("e2e_exclude", run_id, "batch")["exclude"] == str(file)
    sandbox.advance(7200)
    assert {each["mobile"] for each in sandbox.messages()} == {people.ANNA, people.CARA}


def test_an_opt_out_list_that_cannot_be_read_stops_the_campaign(
    rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    file = tmp_path / "out.txt"
    file.write_text(f"{people.BEN}\n\n{people.CARA[:-2]}\n")
    run = rest.run_dag("e2e_exclude", conf={"file": str(file)}, timeout=90)
    log = rest.log("e2e_exclude", run["dag_run_id"], "batch")
    assert states(rest, run)["batch"] == "failed", log
    assert "line 3: mobile is not a mainland China number" in log
    assert posts(sandbox) == 0


@needs_sqlite_hook
@windows
def test_outside_the_window_nothing_is_modified_or_it_is_at_the_next_opening(
    window: dict[str, str], rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    file, (given, opening) = tmp_path / "out.txt", before_opening()
    file.write_text(f"{people.CARA}\n")
    conf = {**window, "send_time": given, "file": str(file)}
    run = rest.run_dag("e2e_window_modify", conf=conf, timeout=180)
    calls = ("submit", "modify", "modify_batch")
    assert states(rest, run) == {
        **dict.fromkeys(("single", "batch"), "success"),
        **{f"{call}_fail": "failed" for call in calls},
        **{f"{call}_next": "success" for call in calls},
    }
    for call in calls:
        assert try_number(rest, run, f"{call}_fail") == 1
        log = rest.log("e2e_window_modify", run["dag_run_id"], f"{call}_fail")
        assert f"send_time {given} Asia/Shanghai" in log
        assert "is outside the send_window 10:00-11:00" in log
    log = rest.log("e2e_window_modify", run["dag_run_id"], "modify_batch_next")
    assert "1 entries of recipients are left out by exclude" in log
    assert moves(sandbox) == [[given, opening], [given, opening], [opening]]
    sandbox.advance(2 * 86400)
    texted = sorted(each["mobile"] for each in sandbox.messages())
    assert texted == sorted([people.ANNA, people.BEN, people.DAN, people.ON_CALL])


def moves(sandbox: SandboxControl) -> list[list[str]]:
    """Return the times of each schedule, from its submission on."""
    schedules = sandbox.state()["schedules"]
    return sorted([event["send_time"] for event in it["history"]] for it in schedules)


@needs_sqlite_hook
@windows
def test_a_list_outside_the_window_is_refused_as_a_whole_or_reconciled_with_its_next_opening(
    window: dict[str, str], rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    file, (given, opening) = tmp_path / "out.txt", before_opening()
    # The ledger outlives the test.
    common = {**window, "send_time": given, "scope": uuid4().hex, "file": str(file)}

    def reconcile(state: str, choice: str, excluded: str) -> tuple[str, str]:
        file.write_text(f"{excluded}\n")
        conf = {**common, "on_outside_window": choice}
        run = rest.run_dag("e2e_window_reconcile", conf=conf, timeout=90)
        log = rest.log("e2e_window_reconcile", run["dag_run_id"], "reconcile")
        assert (run["state"], try_number(rest, run, "reconcile")) == (state, 1), log
        return run["dag_run_id"], log

    def counts(run_id: str) -> dict[str, int]:
        found = rest.xcom("e2e_window_reconcile", run_id, "reconcile", "counts")
        return {kind: count for kind, count in found.items() if count}

    _, log = reconcile("failed", "fail", people.DAN)
    assert "2 of 2 texts are outside the send_window 10:00-11:00" in log
    assert sandbox.requests() == []
    run_id, log = reconcile("success", "next", people.DAN)
    assert "2 of them moved to the next opening of the send_window" in log
    assert counts(run_id) == {"submitted": 2}
    assert moves(sandbox) == [[opening], [opening]]
    run_id, log = reconcile("success", "next", people.BEN)
    assert "1 more texts in the list are to excluded numbers" in log
    assert counts(run_id) == {"deleted": 1, "unchanged": 1, "excluded": 1}
    sandbox.advance(2 * 86400)
    assert [each["mobile"] for each in sandbox.messages()] == [people.ANNA]
