"""What a real Airflow shows of a send_window, and of people who have opted out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests import leaks, people
from tests.e2e.test_airflow import posts, try_number
from tests.e2e.test_examples import states

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest


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
