"""The example DAGs on a real scheduler; the sandbox's own record tells who was texted and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.databases import needs_sqlite_hook

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest


def states(rest: AirflowRest, run: dict[str, Any]) -> dict[str, str]:
    tasks = rest.tasks(run["dag_id"], run["dag_run_id"])
    return {task["task_id"]: task["state"] for task in tasks}


def test_the_reminder_is_moved_sent_once_and_followed(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("jsms_reminder", conf={"send_in": 12, "move_by": 2}, timeout=90)
    assert states(rest, run) == dict.fromkeys(["submit", "move", "wait", "query"], "success")
    (message,) = sandbox.messages()
    (schedule,) = sandbox.state()["schedules"]
    assert message["mobile"] == "13900139001"
    assert "安娜，您好，提醒您12月1日 09:00在二楼 201有预约" in message["text"]
    submitted, modified, sent = schedule["history"]
    assert (submitted["event"], modified["event"], sent["event"]) == (
        "submitted",
        "modified",
        "sent",
    )
    assert submitted["send_time"] < modified["send_time"] == sent["send_time"]
    followed = rest.xcom("jsms_reminder", run["dag_run_id"], "wait")
    asked = rest.xcom("jsms_reminder", run["dag_run_id"], "query")
    assert followed == {schedule["schedule_id"]: [message["msg_id"]]}
    assert asked["recipients"][0]["msg_id"] == message["msg_id"]


def test_the_campaign_texts_whom_jsms_took_and_hands_on_the_rest(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("jsms_campaign", conf={"send_in": 12}, timeout=90)
    assert states(rest, run) == dict.fromkeys(["campaign", "count_refused", "wait"], "success")
    sent = {each["mobile"]: each["temp_para"]["name"] for each in sandbox.messages()}
    assert sent == {"13900139002": "小明", "13900139003": "小红"}
    assert len(sandbox.messages()) == 2
    run_id = run["dag_run_id"]
    result = rest.xcom("jsms_campaign", run_id, "campaign")
    assert (result["success_count"], result["failure_count"]) == (2, 1)
    assert rest.xcom("jsms_campaign", run_id, "campaign", "schedule_ids") == result["schedule_ids"]
    assert rest.xcom("jsms_campaign", run_id, "count_refused") == {"50006": 1}
    shown = rest.rendered_fields("jsms_campaign", run_id, "campaign")["recipients"]
    assert shown.endswith("/example_dags/customers.csv")
    assert len(rest.xcom("jsms_campaign", run_id, "wait")[result["schedule_ids"][0]]) == 2


def test_the_campaign_can_be_run_dry_before_it_texts(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("jsms_campaign", conf={"dry_run": True, "send_in": 3600}, timeout=90)
    run_id = run["dag_run_id"]
    log = rest.log("jsms_campaign", run_id, "campaign")
    done = {"campaign": "success", "count_refused": "success", "wait": "skipped"}
    assert states(rest, run) == done, log
    assert {each["method"] for each in sandbox.requests()} == {"GET"}
    result = rest.xcom("jsms_campaign", run_id, "campaign")
    assert (result["dry_run"], result["schedule_ids"], result["parts"]) == (True, [], 3)
    assert rest.xcom("jsms_campaign", run_id, "count_refused") == {}
    assert "139****9002: 36 characters, 1 part; parameters: name 2" in log
    assert "was a dry run" in rest.log("jsms_campaign", run_id, "wait")
    run = rest.run_dag("jsms_campaign", conf={"send_in": 12}, timeout=90)
    assert states(rest, run) == dict.fromkeys(["campaign", "count_refused", "wait"], "success")
    assert len(sandbox.messages()) == 2


@needs_sqlite_hook
def test_the_appointments_follow_their_list(rest: AirflowRest, sandbox: SandboxControl) -> None:
    run = rest.run_dag("jsms_appointments", timeout=90)
    days = ["list_of_monday", "monday", "list_of_tuesday", "tuesday"]
    assert states(rest, run) == dict.fromkeys(days, "success")
    monday, tuesday = (
        rest.xcom("jsms_appointments", run["dag_run_id"], day, "counts")
        for day in ("monday", "tuesday")
    )
    assert monday["submitted"] == 3
    expected = {"submitted": 1, "modified": 1, "deleted": 1, "unchanged": 1}
    assert {kind: count for kind, count in tuesday.items() if count} == expected
    sandbox.advance(5 * 86400)
    texts = {each["mobile"]: each["text"] for each in sandbox.messages()}
    assert sorted(texts) == ["13900139011", "13900139012", "13900139014"]
    assert "16:00" in texts["13900139012"]


def test_the_delivery_lists_whom_the_text_has_not_reached(
    rest: AirflowRest, airflow: AirflowStack, sandbox: SandboxControl
) -> None:
    # Each sandbox begins with the same msg_ids.
    (airflow.home / "jsms_reports.jsonl").unlink(missing_ok=True)
    sandbox.delivery("13900139003", 4003)
    sandbox.reply("13900139002", "谢谢")
    run_id = rest.trigger("jsms_delivery", conf={"send_in": 8})["dag_run_id"]
    rest.wait_for_task("jsms_delivery", run_id, "wait", timeout=90)
    reading = rest.run_dag("jsms_reports", timeout=90)
    assert states(rest, reading) == dict.fromkeys(["reports", "replies"], "success")
    read = rest.xcom("jsms_reports", reading["dag_run_id"], "reports")
    assert (read["rows"], read["by_status"]) == (2, {"4001": 1, "4003": 1})
    assert rest.xcom("jsms_reports", reading["dag_run_id"], "replies", "rows") == 1
    run = rest.wait_for_run("jsms_delivery", run_id, timeout=90)
    tasks = ["campaign", "wait", "reported", "list_to_call"]
    assert states(rest, run) == dict.fromkeys(tasks, "success")
    counts = rest.xcom("jsms_delivery", run_id, "list_to_call")
    assert counts == {"4001": 1, "4003": 1, "no report": 0}
    rows = (airflow.home / "jsms_to_call.csv").read_text("utf-8").splitlines()
    assert rows == ["mobile,reason", "13900139003,the phone is off or out of service"]
    assert "谢谢" in (airflow.home / "jsms_replies.jsonl").read_text("utf-8")


def test_the_cancellation_takes_the_text_back(rest: AirflowRest, sandbox: SandboxControl) -> None:
    run = rest.run_dag("jsms_cancellation", timeout=90)
    assert states(rest, run) == {"submit": "success", "check": "failed", "cancel": "success"}
    sandbox.advance(3600)
    assert sandbox.messages() == []


def test_the_cancellation_leaves_a_good_text_alone(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("jsms_cancellation", conf={"is_open": True}, timeout=90)
    assert states(rest, run) == {"submit": "success", "check": "success", "cancel": "skipped"}
    sandbox.advance(3600)
    assert len(sandbox.messages()) == 1
