"""Nothing personal in what Airflow shows of a waiting task, of its trigger and of its records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import leaks
from tests.e2e.test_examples import states
from tests.stack.settings import AIRFLOW, HAS_STORE

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest


def test_neither_a_trigger_nor_a_record_tells_who_is_texted(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.trigger("e2e_deferred")
    run_id = run["dag_run_id"]
    task = rest.wait_for_task("e2e_deferred", run_id, "wait", states=["deferred"], timeout=90)
    assert "JsmsScheduleTrigger" in task["trigger"]["classpath"]
    (schedule_id,) = rest.xcom("e2e_deferred", run_id, "submit", "schedule_ids")
    if AIRFLOW < (3, 3):
        # Later ones do not show them.
        assert schedule_id in task["trigger"]["kwargs"]
    assert leaks.found_in(str(rest.tasks("e2e_deferred", run_id))) == []
    if HAS_STORE:
        records = rest.state_store("e2e_deferred", run_id, "submit")
        assert records["jsms_submission_1"]["schedule_id"] == schedule_id
        assert leaks.found_in(str(records)) == []
    airflow.wait_until_noted("e2e_deferred", run_id, "wait", "deferred")
    sandbox.advance(3600)
    run = rest.wait_for_run("e2e_deferred", run_id, timeout=90)
    assert states(rest, run) == dict.fromkeys(["submit", "wait"], "success")
    found = rest.xcom("e2e_deferred", run_id, "wait")
    assert found == {schedule_id: [each["msg_id"] for each in sandbox.messages()]}
    assert len(found[schedule_id]) == 2
    for task_id in ("submit", "wait"):
        assert leaks.found_in(rest.log("e2e_deferred", run_id, task_id)) == []
