"""Private fields: who reads them masked, and which operator they belong to."""

from __future__ import annotations

import json
from copy import copy, deepcopy
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.operators.jsms import (
    JsmsQueryScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import leaks, people

if TYPE_CHECKING:
    from collections.abc import Callable


def submit() -> JsmsSubmitScheduleOperator:
    return JsmsSubmitScheduleOperator(
        task_id="submit", send_time="2031-01-01 09:00:00", mobile="{{ number }}", temp_id=1
    )


def read_by(module: str, task: object) -> object:
    scope = {"__name__": module, "task": task}
    exec("mobile = task.mobile", scope)  # noqa: S102  the name of the module is the point
    return scope["mobile"]


@pytest.mark.parametrize(
    ("module", "mobile"),
    [
        ("airflow.sdk.execution_time.task_runner", "138****8001"),
        ("airflow.providers.acme.operators.text", people.ANNA),
        ("airflow_provider_acme", people.ANNA),
        ("__main__", people.ANNA),
    ],
)
def test_only_airflow_itself_reads_the_number_masked(module: str, mobile: str) -> None:
    task = submit()
    assert read_by(module, task) == "{{ number }}"
    task.render_template_fields({"number": people.ANNA})
    assert read_by(module, task) == mobile


def test_rendering_a_copy_leaves_the_operator_of_the_dag_alone() -> None:
    operator = submit()
    operator.prepare_for_execution().render_template_fields({"number": people.ANNA})
    assert read_by("airflow.models", operator) == "{{ number }}"


def test_an_operator_without_the_argument_has_no_such_field() -> None:
    assert not hasattr(JsmsQueryScheduleOperator(task_id="query", schedule_id="x"), "mobile")


@pytest.mark.parametrize("copied", [copy, deepcopy, lambda operator: operator])
def test_no_attribute_of_an_operator_holds_a_private_argument(
    copied: Callable[[JsmsSubmitScheduleOperator], JsmsSubmitScheduleOperator],
) -> None:
    """A lineage backend may serialize all of them, those that Airflow itself sets as well."""
    operator = JsmsSubmitScheduleOperator(
        task_id="submit",
        send_time="2031-01-01 09:00:00",
        mobile=people.ANNA,
        temp_id=1,
        temp_para={"name": f"{people.CANARY}-Anna"},
        exclude=[people.BEN],
    )
    task = copied(operator)
    task.mobile = people.CARA
    shown = json.dumps(vars(task), default=repr)
    assert '"task_id": "submit"' in shown
    assert leaks.found_in(shown) == []
    assert task.mobile == people.CARA
