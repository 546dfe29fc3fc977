"""The pages of tasks that have run, and of one that waits: nothing private is on any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests import people

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.browser.visitor import Visitor
    from tests.stack.airflow import AirflowStack
    from tests.stack.sandbox import RunningSandbox

Runs = dict[str, dict[str, Any]]

BATCH_OF_AN_XCOM = ("e2e_batch", "submit")
MAPPED = ("e2e_mapped", "submit/mapped/0")
MASKED = {
    BATCH_OF_AN_XCOM: ["138****8001", "199****5678"],
    MAPPED: ["138****8001"],
}


@pytest.fixture(scope="module")
def runs(airflow: AirflowStack, running_sandbox: RunningSandbox) -> Iterator[Runs]:
    """A run of each DAG, ended; the one with a deferred sensor waits until the tests are over."""
    airflow.wait_for_dags("e2e_batch", "e2e_mapped", "e2e_deferred")
    rest = airflow.rest
    with SandboxControl(running_sandbox.url) as control:
        control.reset()
        ended = ("e2e_batch", "e2e_mapped")
        runs = {dag_id: rest.trigger(dag_id) for dag_id in (*ended, "e2e_deferred")}
        ids = {dag_id: run["dag_run_id"] for dag_id, run in runs.items()}
        for dag_id in ended:
            assert rest.wait_for_run(dag_id, ids[dag_id], timeout=120)["state"] == "success"
        waiting = ("e2e_deferred", ids["e2e_deferred"], "wait")
        rest.wait_for_task(*waiting, states=("deferred", "failed"), timeout=60)
        yield runs
        control.advance(7200)
        assert rest.wait_for_task(*waiting, timeout=90)["state"] == "success"


def look_at_the_log(visitor: Visitor, masked: list[str]) -> None:
    visitor.see("JSMS answered with schedule_id")
    visitor.see(masked[0])
    visitor.see("(the wall clock of JSMS), which is ")


def look_at_rendered_templates(visitor: Visitor, masked: list[str]) -> None:
    visitor.turn_to("Rendered Templates")
    visitor.see("send_time")
    visitor.see('"***"')
    text = visitor.text()
    assert '"name": "***"' in text
    assert [number for number in masked if number not in text] == []


def look_at_the_record(visitor: Visitor, _: list[str]) -> None:
    visitor.turn_to("Storage")
    visitor.see("jsms_submission")
    visitor.see('"state"')
    text = visitor.text()
    assert '"finished"' in text
    for name in ("schedule_id", "send_time_utc", "temp_id", "since"):
        assert f'"{name}": ' in text


def look_at_the_xcom(visitor: Visitor, _: list[str]) -> None:
    visitor.turn_to("XCom")
    visitor.see("return_value")


@pytest.mark.parametrize("task", MASKED, ids=["a batch of an XCom", "a mapped task"])
def test_a_submit_shows_its_schedule_and_nobody(
    task: tuple[str, str], visitor: Visitor, runs: Runs
) -> None:
    visitor.open_task(runs[task[0]], task[1])
    for look_at in (
        look_at_the_log,
        look_at_rendered_templates,
        look_at_the_record,
        look_at_the_xcom,
    ):
        look_at(visitor, MASKED[task])
        assert visitor.private() == [], look_at.__name__


def test_the_xcom_of_a_query_is_complete(visitor: Visitor, runs: Runs) -> None:
    visitor.open_task(runs["e2e_batch"], "query")
    visitor.turn_to("Storage")
    visitor.turn_to("XCom")
    visitor.see("return_value")
    visitor.page.get_by_role("button", name="Expand").click()
    visitor.see(people.BEN)
    assert f'"mobile": "{people.BEN}"' in visitor.text()
    assert f'"name": "{people.CANARY}-Ben"' in visitor.text()
    assert visitor.private() != []


def test_a_deferred_sensor_shows_nobody(visitor: Visitor, runs: Runs) -> None:
    visitor.open_task(runs["e2e_deferred"], "wait")
    visitor.see("0 of 2 recipients have a msg_id; not yet due")
    visitor.turn_to("Rendered Templates")
    visitor.see("schedule_ids")
    visitor.turn_to("Details")
    visitor.see("airflow_provider_jsms.triggers.jsms.JsmsScheduleTrigger")
    visitor.see("deferred")
    assert visitor.private() == []
