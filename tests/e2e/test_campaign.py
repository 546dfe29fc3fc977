"""Campaigns on a real Airflow: from a list and from a file, followed or cancelled by one task."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests import leaks, people
from tests.e2e.store import needs_store
from tests.e2e.test_airflow import posts
from tests.e2e.test_examples import states
from tests.stack.settings import HAS_STORE

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

SIZE = 1200
# One of each chunk, the last one of the first and the last one of all.
REFUSED = (999, SIZE - 1)
HOUR = 3600


def refuse(sandbox: SandboxControl) -> None:
    for index in REFUSED:
        sandbox.number(people.number(index), "invalid")


def assert_all_but_the_refused_are_texted_once(sandbox: SandboxControl) -> None:
    sent = Counter(message["mobile"] for message in sandbox.messages())
    expected = {people.number(index) for index in range(SIZE) if index not in REFUSED}
    missing, foreign = len(expected - set(sent)), len(set(sent) - expected)
    assert (missing, foreign, max(sent.values(), default=0)) == (0, 0, 1)


def assert_result_is_small(rest: AirflowRest, run: dict[str, Any]) -> list[str]:
    """Assert what the XComs of the submit hold, beside the refused; return the schedule_ids."""
    xcoms = rest.xcoms(run["dag_id"], run["dag_run_id"], "submit")
    result, refused = xcoms.pop("return_value"), xcoms.pop("failure_recipients")
    counts = {"success_count": SIZE - len(REFUSED), "failure_count": len(REFUSED)}
    schedule_ids = result["schedule_ids"]
    assert result == {"schedule_ids": schedule_ids, **counts}
    assert xcoms == result
    assert len(schedule_ids) == 2
    positions = [int(each["temp_para"]["name"].split("-")[1]) for each in refused]
    assert positions == list(REFUSED)
    return list(schedule_ids)


def test_one_sensor_follows_a_campaign_from_a_list(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    refuse(sandbox)
    # The sensor has to go by the counts of the result.
    sandbox.switch(failed_recipients_in_query="yes")
    run = rest.trigger("e2e_campaign", conf={"people": SIZE})
    run_id = run["dag_run_id"]
    rest.wait_for_task("e2e_campaign", run_id, "wait", states=["up_for_reschedule"])
    sandbox.advance(HOUR)
    run = rest.wait_for_run("e2e_campaign", run_id, timeout=90)
    done = dict.fromkeys(["everybody", "submit", "wait"], "success")
    assert states(rest, run) == done, rest.log("e2e_campaign", run_id, "wait")
    schedule_ids = assert_result_is_small(rest, run)
    followed = rest.xcom("e2e_campaign", run_id, "wait")
    # More than 1,000 msg_ids are counted, not returned.
    assert followed == dict(zip(schedule_ids, [999, SIZE - 1000 - 1], strict=True))
    assert sum(followed.values()) == len(sandbox.messages())
    assert_all_but_the_refused_are_texted_once(sandbox)
    shown = rest.rendered_fields("e2e_campaign", run_id, "submit")["recipients"]
    assert shown[0] == {"mobile": "138****0000", "temp_para": {"name": "***"}}
    assert shown[-1] == f"and {SIZE - 10} more"
    assert leaks.found_in(str(shown)) == []


def test_one_task_cancels_a_campaign(rest: AirflowRest, sandbox: SandboxControl) -> None:
    refuse(sandbox)
    run = rest.run_dag("e2e_campaign_cancelled", conf={"people": SIZE}, timeout=90)
    assert states(rest, run) == dict.fromkeys(["everybody", "submit", "cancel"], "success")
    schedule_ids = assert_result_is_small(rest, run)
    cancelled = rest.xcom(run["dag_id"], run["dag_run_id"], "cancel")
    assert cancelled == {"deleted": schedule_ids, "missing": []}
    known = {each["schedule_id"]: each["status"] for each in sandbox.state()["schedules"]}
    assert known == dict.fromkeys(schedule_ids, "deleted")
    sandbox.advance(2 * HOUR)
    assert sandbox.messages() == []


@needs_store
def test_a_balance_that_is_too_small_is_topped_up_and_the_task_cleared(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.account(balance=SIZE - 1)
    run = rest.run_dag("e2e_campaign_cancelled", conf={"people": SIZE}, timeout=90)
    dag_id, run_id = run["dag_id"], run["dag_run_id"]
    assert states(rest, run)["submit"] == "failed"
    assert posts(sandbox) == 0
    assert "does not pay for the 1,200 SMS parts" in rest.log(dag_id, run_id, "submit")
    sandbox.account(balance=SIZE)
    rest.clear(dag_id, run_id, "submit", keep=True)
    task = rest.wait_for_task(dag_id, run_id, "submit", timeout=90)
    assert task["state"] == "success", rest.log(dag_id, run_id, "submit", try_number=2)
    assert posts(sandbox) == 2
    assert rest.xcom(dag_id, run_id, "submit")["success_count"] == SIZE


def test_of_a_file_its_path_is_shown_and_its_people_are_texted(
    rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    refuse(sandbox)
    file = tmp_path / "people.jsonl"
    entries = (
        {"mobile": people.number(index), "temp_para": {"name": f"{people.CANARY}-{index}"}}
        for index in range(SIZE)
    )
    file.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    run = rest.run_dag("e2e_campaign_file", conf={"file": str(file)}, timeout=90)
    run_id = run["dag_run_id"]
    assert states(rest, run) == {"submit": "success"}, rest.log(run["dag_id"], run_id, "submit")
    shown = rest.rendered_fields("e2e_campaign_file", run_id, "submit")
    assert shown["recipients"] == str(file)
    assert_result_is_small(rest, run)
    sandbox.advance(2 * HOUR)
    assert_all_but_the_refused_are_texted_once(sandbox)


def test_an_empty_file_is_skipped(
    rest: AirflowRest, sandbox: SandboxControl, tmp_path: Path
) -> None:
    texts = {"nothing.csv": "", "header.csv": "mobile,name\n", "nothing.jsonl": "\n"}
    runs = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        runs.append(rest.trigger("e2e_campaign_file", conf={"file": str(tmp_path / name)}))
    for run in runs:
        run_id = run["dag_run_id"]
        task = rest.wait_for_task("e2e_campaign_file", run_id, "submit", timeout=90)
        log = rest.log("e2e_campaign_file", run_id, "submit")
        assert task["state"] == "skipped", log
        assert "nobody to text" in log
        if HAS_STORE:
            records = rest.state_store("e2e_campaign_file", run_id, "submit")
            assert {key: each["state"] for key, each in records.items()} == {
                "jsms_submission_1": "begun"
            }
    assert posts(sandbox) == 0
