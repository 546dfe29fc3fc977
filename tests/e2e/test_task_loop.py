"""A task loop, in which every iteration is a task with records of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.dags.jsms_task_loop import PEOPLE
from tests.stack.settings import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.rest import AirflowRest

pytestmark = pytest.mark.skipif(AIRFLOW < (3, 4), reason="before Airflow 3.4 there are no loops")


def test_every_iteration_texts_its_person_once(rest: AirflowRest, sandbox: SandboxControl) -> None:
    sandbox.switch(msg_id_when="accepted")
    run = rest.run_dag("task_loop", timeout=120)
    schedules = sandbox.state()["schedules"]
    assert sorted(it["mobile"] for each in schedules for it in each["recipients"]) == PEOPLE
    assert run["state"] == "success", rest.log("task_loop", run["dag_run_id"], "wait", 1)
    waited = rest.xcoms("task_loop", run["dag_run_id"], "wait")["return_value"]
    assert sorted(waited) == sorted(each["schedule_id"] for each in schedules)
