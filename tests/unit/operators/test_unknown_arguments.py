"""Arguments that an operator does not have: named where a DAG file is parsed, without values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people
from tests.unit.operators.running import UNKNOWN, batch, delete, submit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

WRONG: dict[str, Any] = {"tempara": f"{people.CANARY}-Anna", f"1{people.ANNA[1:]}": people.BEN}


@pytest.mark.parametrize(
    "made",
    [
        lambda when: submit(when, **WRONG),
        lambda when: batch(when, [], **WRONG),
        lambda _: delete(UNKNOWN, **WRONG),
        lambda _: JsmsScheduleSensor(task_id="wait", schedule_id=UNKNOWN, **WRONG),
    ],
    ids=["submit", "batch", "delete", "sensor"],
)
def test_are_named_without_values_and_without_the_error_of_airflow(
    made: Callable[[datetime], object], tomorrow: datetime
) -> None:
    with pytest.raises(
        JsmsInputError, match=r"has no argument 'tempara', '138\*\*\*\*8001'\. "
    ) as e:
        made(tomorrow)
    assert e.value.__suppress_context__


def test_get_a_hint_to_temp_para_where_there_is_one(tomorrow: datetime) -> None:
    hint = "Parameters of the template belong in temp_para"
    with pytest.raises(JsmsInputError, match=hint):
        submit(tomorrow, name="Anna")
    with pytest.raises(JsmsInputError) as caught:
        delete(UNKNOWN, name="Anna")
    assert hint not in str(caught.value)


@pytest.mark.parametrize("name", ["self", "args", "kwargs", "context"])
def test_may_have_any_name(name: str, tomorrow: datetime) -> None:
    with pytest.raises((JsmsInputError, TypeError)) as caught:
        submit(tomorrow, **{name: people.BEN})
    assert people.BEN not in str(caught.value)


def test_are_not_those_of_a_subclass(tomorrow: datetime) -> None:
    class Own(JsmsSubmitScheduleOperator):
        def __init__(self, *, clinic: str, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.clinic = clinic

    given: dict[str, Any] = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 1}
    assert Own(task_id="own", clinic="a", retries=2, **given).clinic == "a"
    with pytest.raises(JsmsInputError, match="Own has no argument 'doctor'"):
        Own(task_id="own", clinic="a", doctor="b", **given)


def test_leave_other_errors_of_airflow_as_they_are(tomorrow: datetime) -> None:
    with pytest.raises((TypeError, AirflowException), match="mobile"):
        JsmsSubmitScheduleOperator(task_id="submit", send_time=tomorrow, temp_id=1)  # type: ignore[call-arg]
    with pytest.raises((TypeError, AirflowException), match="task_id"):
        delete(UNKNOWN).__class__(schedule_id=UNKNOWN)
