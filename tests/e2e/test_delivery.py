"""Delivery reports on a real Airflow: three pages, five seconds apart, none of them twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import people
from tests.e2e.test_examples import states

if TYPE_CHECKING:
    import pytest

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest
    from tests.stack.sandbox import RunningSandbox

SIZE = 1207
TEXT = {"send_time": "2099-01-01 09:00:00", "temp_id": 1}


def test_three_pages_are_read_and_a_cleared_task_reads_what_has_come_since(
    rest: AirflowRest,
    airflow: AirflowStack,
    sandbox: SandboxControl,
    running_sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = airflow.home / "jsms_reports.jsonl"
    output.unlink(missing_ok=True)
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(running_sandbox.connection))
    numbers = [people.number(index) for index in range(SIZE)]
    with JsmsHook() as hook:
        for chunk in (numbers[:1000], numbers[1000:]):
            hook.submit_batch_schedule(recipients=chunk, **TEXT)
    sandbox.delivery(numbers[0], 4004)
    sandbox.travel_to(TEXT["send_time"])
    run = rest.run_dag("jsms_reports", timeout=120)
    run_id = run["dag_run_id"]
    done = dict.fromkeys(["reports", "replies"], "success")
    assert states(rest, run) == done, rest.log("jsms_reports", run_id, "reports")
    result = rest.xcom("jsms_reports", run_id, "reports")
    assert (result["rows"], result["pages"], result["lost_pages"]) == (SIZE, 3, 0)
    assert result["by_status"] == {"4001": SIZE - 1, "4004": 1}
    assert rest.xcom("jsms_reports", run_id, "reports", "rows") == SIZE
    assert "4001 delivered" in rest.log("jsms_reports", run_id, "reports")
    assert rest.rendered_fields("jsms_reports", run_id, "reports")["output_path"] == str(output)
    calls = [request["call"] for request in sandbox.requests()]
    assert calls.count("fetch_reports") == 3

    rest.clear("jsms_reports", run_id, "reports")
    rest.wait_for_run("jsms_reports", run_id, timeout=90)
    assert rest.xcom("jsms_reports", run_id, "reports")["rows"] == 0
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert len({row["msgId"] for row in rows}) == len(rows) == SIZE
    assert {row["phone"] for row in rows} == {*numbers}
