"""Keys and scopes as DAGs write them: one text each, whatever a template makes of them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from tests import people
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran


@pytest.fixture(autouse=True)
def ledger(jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", f"sqlite:///{tmp_path}/ledger.db")
    jsms_sandbox.connect(ledger_conn_id="ledger")


def test_keys_with_an_underscore_stay_apart_in_a_native_dag(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    """As native Python both would be the number 1234."""
    ran = run_dag(f"""
from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator
with DAG("DAG_ID", schedule=None, start_date=START, render_template_as_native_obj=True) as dag:
    given = dict(send_time=AT, temp_id=1)
    JsmsSubmitScheduleOperator(task_id="a", mobile={people.ANNA!r}, once_key="{{{{ 12 }}}}_34",
                               **given)
    JsmsSubmitScheduleOperator(task_id="b", mobile={people.BEN!r}, once_key="1_234", **given)
    JsmsSubmitBatchScheduleOperator(task_id="c", recipients=[{people.CARA!r}],
                                    once_key="{{{{ '0x4d2' }}}}", **given)
    for key, scope in {{"x": "{{{{ 5 }}}}_6", "y": "56"}}.items():
        JsmsReconcileSchedulesOperator(task_id=key, scope=scope, texts=[
            {{"key": key, "mobile": {people.DAN!r}, **given}}])
""")
    assert ran.state == "success"
    texted = sorted(text.mobile for text in jsms_sandbox.scheduled)
    assert texted == sorted([people.ANNA, people.BEN, people.CARA, people.DAN, people.DAN])


def test_a_notification_with_such_a_key_is_sent_too(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START, render_template_as_native_obj=True) as dag:
    @task(on_success_callback=[
        JsmsNotifier(mobile={people.ANNA!r}, temp_id=2, temp_para={{"name": "x"}}, once_key=key)
        for key in ("12_34", "{{{{ 1 }}}}_234")])
    def work():
        pass
    work()
""")
    assert len(jsms_sandbox.scheduled) == 2


def test_a_number_of_another_task_is_the_key_that_it_is_as_text(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task
    def number():
        return 17
    @task
    def keys():
        return [{{"once_key": 17}}, {{"once_key": "{{{{ 17 }}}}"}}]
    given = dict(send_time=AT, temp_id=1, mobile={people.ANNA!r})
    first = JsmsSubmitScheduleOperator(task_id="first", once_key="17", **given)
    first >> JsmsSubmitScheduleOperator(task_id="same", once_key=number(), **given)
    first >> JsmsSubmitScheduleOperator.partial(task_id="rows", **given).expand_kwargs(keys())
    JsmsSubmitScheduleOperator(task_id="none", once_key=None, **given)
""")
    assert ran.state == "success"
    # One of the rows has a key that is no template, and "none" has no key.
    assert len(jsms_sandbox.scheduled) == 3


NO_KEYS = {
    "a task that returned nothing": """
    @task
    def key():
        return None
    JsmsSubmitScheduleOperator(task_id="submit", once_key=key(), **GIVEN)""",
    "a null Param of a native DAG": """
    JsmsSubmitScheduleOperator(task_id="submit", once_key="{{ params.key }}", **GIVEN)""",
    "NULL of a database": """
    @task
    def rows():
        return [{"once_key": None}]
    JsmsSubmitScheduleOperator.partial(task_id="submit", **GIVEN).expand_kwargs(rows())""",
    "None of expand": """
    JsmsSubmitScheduleOperator.partial(task_id="submit", **GIVEN).expand(once_key=[None])""",
    "NULL of a database for a batch": """
    @task
    def rows():
        return [{"once_key": None, "recipients": ["13900000001"]}]
    del GIVEN["mobile"]
    JsmsSubmitBatchScheduleOperator.partial(task_id="submit", **GIVEN).expand_kwargs(rows())""",
}


@pytest.mark.parametrize("tasks", NO_KEYS.values(), ids=NO_KEYS)
def test_a_key_that_comes_out_as_none_texts_nobody(
    tasks: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    """Without a key the text would go out again in the next run."""
    ran = run_dag(f"""
GIVEN = dict(send_time=AT, temp_id=1, mobile={people.ANNA!r})
with DAG("DAG_ID", schedule=None, start_date=START, params={{"key": None}},
         render_template_as_native_obj=True) as dag:
{tasks}
""")
    states = {name.partition("[")[0]: state for name, state in ran.tasks.items()}
    assert (states["submit"], jsms_sandbox.requests) == ("failed", [])
    assert "which is what a template makes of a Param that is null, or of a task that" in ran.said


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="tests/e2e looks at the pages of Airflow 2")
def test_a_key_with_a_number_is_refused_before_airflow_stores_it(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_runner = importlib.import_module("airflow.sdk.execution_time.task_runner")
    stored: list[Any] = []
    monkeypatch.setattr(task_runner, "_serialize_rendered_fields", stored.append)
    ran = run_dag(f"""
from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator
with DAG("DAG_ID", schedule=None, start_date=START, params={{"who": {people.ANNA!r}}}) as dag:
    JsmsSubmitScheduleOperator(task_id="submit", send_time=AT, temp_id=1, mobile={people.BEN!r},
                               once_key="visit of {{{{ params.who }}}}")
    JsmsReconcileSchedulesOperator(task_id="list", scope="{{{{ params.who }}}}", texts=[])
""")
    assert ran.tasks == {"submit": "failed", "list": "failed"}
    assert (stored, jsms_sandbox.requests) == ([], [])
    for name in ("once_key", "scope"):
        assert f"{name} contains a phone number, but people read keys" in ran.said
