"""The notifier in every callback of a real Airflow: who is texted, and what becomes of the task."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, create_engine, text

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests import people
from tests.e2e.test_examples import states
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest


def texts(sandbox: SandboxControl) -> Counter[tuple[str, str]]:
    """Return who was told what, without the mark of the tests, once everything is sent."""
    sandbox.advance(7200)
    return Counter(
        (each["mobile"], each["temp_para"]["name"].removeprefix(f"{people.CANARY}-"))
        for each in sandbox.messages()
    )


def wait_for_schedules(sandbox: SandboxControl, count: int) -> None:
    """Wait for what is called after the end of a task or a run."""
    wait_until(
        lambda: len(sandbox.state()["schedules"]) >= count,
        timeout=120,
        otherwise=lambda: f"schedules: {sandbox.state()['schedules']}",
    )


def calls(sandbox: SandboxControl) -> Counter[str]:
    return Counter(f"{each['method']} {each['path']}" for each in sandbox.requests())


def test_the_example_texts_who_is_on_call_after_the_last_retry(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("jsms_on_call", timeout=90)
    assert states(rest, run) == {"load": "failed"}
    wait_for_schedules(sandbox, 1)
    sandbox.advance(60)
    (message,) = sandbox.messages()
    assert message["mobile"] == "13900139006"
    assert "jsms_on_call的任务load需要处理" in message["text"]

    sandbox.reset()
    rest.set_variable("on_call", "13900139007, 13900139008")
    rest.run_dag("jsms_on_call", timeout=90)
    wait_for_schedules(sandbox, 1)
    rest.delete_variable("on_call")
    sandbox.advance(60)
    assert [each["mobile"] for each in sandbox.messages()] == ["13900139007", "13900139008"]


def test_every_callback_of_a_task_makes_one_request(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    run = rest.run_dag("notify_task", timeout=90)
    assert states(rest, run) == {"fails": "failed", "succeeds": "success"}
    wait_for_schedules(sandbox, 4)
    assert calls(sandbox) == {"POST /v1/schedule": 3, "POST /v1/schedule/batch": 1}
    assert texts(sandbox) == {
        (people.ANNA, "fails-again"): 1,
        (people.ANNA, "fails"): 1,
        (people.BEN, "fails"): 1,
        (people.CARA, "succeeds-begins"): 1,
        (people.CARA, "succeeds-done"): 1,
    }


def test_the_callbacks_of_a_dag_are_told_of_their_own_run(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    airflow.wait_for_dags("notify_dag")
    runs = [
        rest.trigger("notify_dag", conf={"is_broken": index % 2 == 0})["dag_run_id"]
        for index in range(4)
    ]
    wait_for_schedules(sandbox, len(runs))
    # Older ones pass less to the callbacks of a DAG.
    when = f" in {datetime.now(UTC).year}" if AIRFLOW >= (3, 3) else ""
    told = {(mobile, said if when else said.split(" in ")[0]) for mobile, said in texts(sandbox)}
    assert told == {
        (people.ANNA, f"failed {runs[0]}{when}"),
        (people.BEN, f"good {runs[1]}{when}"),
        (people.ANNA, f"failed {runs[2]}{when}"),
        (people.BEN, f"good {runs[3]}{when}"),
    }


def test_a_notification_that_fails_leaves_the_task_alone_and_says_why(
    rest: AirflowRest, sandbox: SandboxControl
) -> None:
    nowhere = {"conn_type": "jsms", "login": "a", "password": "b", "host": "http://127.0.0.1:1"}
    rest.add_connection("jsms_nowhere", nowhere)
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = rest.trigger("notify_in_vain")
    rest.wait_for_run("notify_in_vain", run["dag_run_id"], timeout=120)
    assert set(states(rest, run).values()) == {"success"}
    wait_until(
        lambda: all("The notification failed" in log for log in _logs(rest, run).values()),
        timeout=120,
        otherwise=lambda: "\n".join(f"{name}:\n{log}" for name, log in _logs(rest, run).items()),
    )
    logs = _logs(rest, run)
    assert "is not a mainland China number" in logs["no_number"]
    assert "UndefinedError: 'dict object' has no attribute 'who'" in logs["undefined_name"]
    assert "so nothing was sent" in logs["unreachable"]
    assert "jsms_unknown" in logs["no_connection"]
    assert "the template does not exist" in logs["no_template"]
    assert "JSMS may have accepted this" in logs["uncertain"]
    assert calls(sandbox) == {"POST /v1/schedule": 1, "POST /v1/schedule/batch": 1}
    assert texts(sandbox) == {(people.DAN, "uncertain"): 1}


def _logs(rest: AirflowRest, run: dict[str, Any]) -> dict[str, str]:
    return {
        task["task_id"]: rest.log(run["dag_id"], run["dag_run_id"], task["task_id"])
        for task in rest.tasks(run["dag_id"], run["dag_run_id"])
    }


# Airflow 3.1 runs the callbacks of deadlines in the triggerer alone, and with sqlite the scheduler
# of 3.2 ends where it runs one in a worker.
KINDS = ["async", "sync"] if AIRFLOW >= (3, 3) else ["async"]
has_deadlines = pytest.mark.skipif(AIRFLOW < (3, 1), reason="deadlines came with Airflow 3.1")


@has_deadlines
def test_a_deadline_alert_knows_the_names_of_a_task(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    rest.set_variable("deadline_on_call", f"['{people.ON_CALL}']")
    dag_ids = [f"notify_missed_{kind}" for kind in KINDS]
    _miss(airflow, rest, dag_ids)
    wait_for_schedules(sandbox, len(dag_ids))
    rest.delete_variable("deadline_on_call")
    sandbox.advance(7200)
    messages = {each["temp_para"]["name"]: each for each in sandbox.messages()}
    assert set(messages) == {f"{dag_id}, True, 2026-01-02, 2026-01-02, 1 s" for dag_id in dag_ids}
    for each in messages.values():
        assert each["mobile"] == people.ON_CALL
        assert (each["temp_para"]["place"], each["temp_para"]["date"]) == ("-", "01-02 11:00")


@has_deadlines
def test_a_deadline_alert_that_fails_is_a_failed_callback(
    airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    dag_ids = [f"notify_in_vain_{kind}" for kind in KINDS]
    _miss(airflow, rest, dag_ids)
    if AIRFLOW >= (3, 3):
        wait_until(
            lambda: _callbacks(airflow, dag_ids) == ["failed"] * len(dag_ids),
            timeout=120,
            otherwise=lambda: f"{_callbacks(airflow, dag_ids)}\n{airflow.family.logs()}",
        )
    assert sandbox.requests() == []


def _miss(airflow: AirflowStack, rest: AirflowRest, dag_ids: list[str]) -> None:
    airflow.wait_for_dags(*dag_ids)
    when = datetime(2026, 1, 2, 3, tzinfo=UTC)
    for run in [rest.trigger(dag_id, logical_date=when) for dag_id in dag_ids]:
        rest.wait_for_run(run["dag_id"], run["dag_run_id"], timeout=90)
        assert states(rest, run) == {"takes_its_time": "success"}


def _callbacks(airflow: AirflowStack, dag_ids: list[str]) -> list[str]:
    """Return what Airflow has recorded of the deadline alerts of these DAGs."""
    url = airflow.environment.get(
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{airflow.home}/airflow.db"
    )
    query = text(
        "select callback.state from callback join deadline on deadline.callback_id = callback.id "
        "join dag_run on dag_run.id = deadline.dagrun_id where dag_run.dag_id in :dag_ids"
    )
    query = query.bindparams(bindparam("dag_ids", dag_ids, expanding=True))
    with create_engine(url).connect() as database:
        return list(database.scalars(query))
