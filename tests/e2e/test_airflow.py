"""What a user of a real Airflow sees: states, XComs, rendered fields, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import leaks, people
from tests.e2e.store import needs_store
from tests.e2e.test_examples import states
from tests.stack.settings import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest


def posts(sandbox: SandboxControl) -> int:
    return sum(request["method"] == "POST" for request in sandbox.requests())


def try_number(rest: AirflowRest, run: dict[str, Any], task_id: str) -> int:
    return int(rest.task(run["dag_id"], run["dag_run_id"], task_id)["try_number"])


def test_a_batch_is_submitted_modified_queried_and_deleted(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("e2e_batch", timeout=90)
    assert set(states(rest, run).values()) == {"success"}
    run_id = run["dag_run_id"]
    (schedule_id,) = rest.xcom("e2e_batch", run_id, "submit", "schedule_ids")
    asked = rest.xcom("e2e_batch", run_id, "query")
    assert [each["mobile"] for each in asked["recipients"]] == [people.BEN]
    assert rest.xcom("e2e_batch", run_id, "delete") == {"deleted": [schedule_id], "missing": []}
    sandbox.advance(10_000)
    assert sandbox.messages() == []
    # Nothing private is among it: the fixture checks it in the end.
    assert "JsmsSubmitBatchScheduleOperator" in (airflow.home / "lineage.json").read_text()


def test_rendered_fields_are_masked_also_from_xcom_and_in_mapped_tasks(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    batch = rest.run_dag("e2e_batch", timeout=90)
    shown = rest.rendered_fields("e2e_batch", batch["dag_run_id"], "submit")
    assert "138****8001" in str(shown["recipients"])
    assert leaks.found_in(str(shown)) == []
    mapped = rest.run_dag("e2e_mapped", timeout=90)
    for index, masked in enumerate(["138****8001", "166****5679"]):
        shown = rest.rendered_fields("e2e_mapped", mapped["dag_run_id"], "submit", index)
        assert shown["mobile"] == masked
        assert leaks.found_in(str(shown)) == []
    sandbox.advance(3600)
    sent = {each["mobile"]: each["temp_para"]["name"] for each in sandbox.messages()}
    assert sent == {
        people.ANNA: f"{people.CANARY}-0",
        people.CARA: f"{people.CANARY}-1",
        # what an upstream task has returned is data, whatever it looks like
        people.BEN: f"{people.CANARY}-{{{{ 1 + 1 }}}}",
    }


def test_poke_and_reschedule_return_the_same(rest: AirflowRest, sandbox: SandboxControl) -> None:
    run = rest.run_dag("e2e_modes", timeout=90)
    for task_id, state in states(rest, run).items():
        assert state == "success", rest.log("e2e_modes", run["dag_run_id"], task_id)
    found = [rest.xcom("e2e_modes", run["dag_run_id"], mode) for mode in ("poke", "reschedule")]
    (message,) = sandbox.messages()
    assert found == [{message["schedule_id"]: [message["msg_id"]]}] * 2


def test_a_submission_whose_answer_was_lost_is_not_repeated_by_the_retries_of_airflow(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = rest.run_dag("e2e_submit", timeout=90)
    assert states(rest, run) == {"submit": "failed"}
    assert try_number(rest, run, "submit") == 1
    assert posts(sandbox) == 1
    log = rest.log("e2e_submit", run["dag_run_id"], "submit")
    assert "JSMS may have accepted this" in log
    assert "Look in the JSMS console" in log
    sandbox.advance(7200)
    assert [each["mobile"] for each in sandbox.messages()] == [people.DAN]


@needs_store
def test_what_time_mends_is_repeated_by_the_retries_of_airflow(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "code", code=50009)
    run = rest.run_dag("e2e_submit", timeout=90)
    log = rest.log("e2e_submit", run["dag_run_id"], "submit")
    assert states(rest, run) == {"submit": "success"}, log
    # On 3.4 the wait of the retry policy takes no retry.
    assert try_number(rest, run, "submit") == (1 if AIRFLOW >= (3, 4) else 2)
    assert "in such quick succession" in log
    sandbox.advance(7200)
    assert [each["mobile"] for each in sandbox.messages()] == [people.DAN]


def test_what_cannot_be_mended_fails_at_once(rest: AirflowRest, sandbox: SandboxControl) -> None:
    sandbox.account(balance=0)
    run = rest.run_dag("e2e_submit", timeout=90)
    assert states(rest, run) == {"submit": "failed"}
    assert (try_number(rest, run, "submit"), posts(sandbox)) == (1, 1)
    log = rest.log("e2e_submit", run["dag_run_id"], "submit")
    assert "50014" in log
    assert "Top up the balance" in log


def test_refused_recipients_are_handed_on_although_the_task_fails(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("e2e_refused", timeout=90)
    assert states(rest, run) == {"submit": "failed"}
    assert (try_number(rest, run, "submit"), posts(sandbox)) == (1, 1)
    (refused,) = rest.xcom("e2e_refused", run["dag_run_id"], "submit", "failure_recipients")
    assert (refused["mobile"], refused["error_code"]) == ("12012345678", 50006)
    log = rest.log("e2e_refused", run["dag_run_id"], "submit")
    assert "JSMS refused 1 of 2 recipients" in log
    assert "12012345678" not in log


def test_mistakes_are_told_before_anything_is_sent(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("e2e_mistakes", timeout=90)
    assert states(rest, run) == {
        "late": "skipped",
        "nobody": "skipped",
        "text_instead_of_a_list": "failed",
        "undefined_name": "failed",
        "unknown": "failed",
    }
    assert posts(sandbox) == 0
    told = {
        "late": "has passed",
        "nobody": "nobody to text",
        "text_instead_of_a_list": "instead of a template",
        "undefined_name": "is undefined",
        "unknown": "is gone",
    }
    for task_id, words in told.items():
        assert words in rest.log("e2e_mistakes", run["dag_run_id"], task_id)
    assert try_number(rest, run, "text_instead_of_a_list") == 1
