"""Rows of another task that are mapped, with more columns than an operator has arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import leaks, people
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran


def test_columns_that_are_no_arguments_are_named_without_their_values(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
ROW = {{"context": "{people.CANARY}-Anna", "kwargs": {people.BEN!r}, {people.CARA!r}: 1}}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(show_return_value_in_logs=False)
    def rows(more):
        return [{{**ROW, **more}}]
    JsmsSubmitScheduleOperator.partial(task_id="submit", send_time=AT, temp_id=1).expand_kwargs(
        rows({{"mobile": {people.ANNA!r}}}))
    JsmsScheduleSensor.partial(task_id="wait").expand_kwargs(rows({{"schedule_id": "x"}}))
""")
    assert (ran.tasks["submit[0]"], ran.tasks["wait[0]"]) == ("failed", "failed")
    assert jsms_sandbox.requests == []
    names = "'context', 'kwargs', '166****5679'"
    assert f"JsmsSubmitScheduleOperator has no argument {names}. Nothing was sent." in ran.said
    assert "Parameters of the template belong in temp_para." in ran.said
    assert f"JsmsScheduleSensor has no argument {names}. Nothing was sent." in ran.said
    if AIRFLOW[:2] != (3, 0):  # its dag.test() prints what processes send to each other
        assert leaks.found_in(ran.said) == []


def test_a_label_of_the_last_digits_holds_no_number(run_dag: Callable[..., Ran]) -> None:
    """As docs/en/security.md suggests."""
    ran = run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    def label(context, *_):
        print("label", context["ti"].rendered_map_index, "of the task")
    JsmsSubmitScheduleOperator.partial(
        task_id="submit", send_time=AT, temp_id=1, on_success_callback=label,
        map_index_template="{{{{ task.mobile[-4:] }}}}").expand(mobile=[{people.ANNA!r}])
""")
    assert ran.state == "success"
    assert f"label {people.ANNA[-4:]} of the task" in ran.said
