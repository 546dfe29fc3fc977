"""Operators, rendered and executed as Airflow does, without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

NAME = {"name": f"{people.CANARY}-Anna"}
UNKNOWN = "d2afae04-6211-4c51-b51a-bbfbf5576f03"


class TaskInstance:
    """As much of one as the operators use."""

    dag_id, run_id, task_id = "dag", "run", "submit"

    def __init__(self, try_number: int = 1) -> None:
        self.try_number = try_number
        self.max_tries = 0
        self.map_index = -1
        self.task: BaseOperator | None = None
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def run(operator: BaseOperator, ti: TaskInstance | None = None, **context: Any) -> Any:
    """Render and execute an operator as Airflow does, on the copy that it makes for a try."""
    task = operator.prepare_for_execution()
    task.render_template_fields({"params": {}, **context})
    return task.execute({"ti": ti or TaskInstance(), **context})


def submit(when: Any, **arguments: Any) -> JsmsSubmitScheduleOperator:
    given = {"mobile": people.ANNA, "temp_id": 2, "temp_para": NAME, **arguments}
    return JsmsSubmitScheduleOperator(task_id="submit", send_time=when, **given)


def batch(when: Any, recipients: Any, **arguments: Any) -> JsmsSubmitBatchScheduleOperator:
    given = {"temp_id": 1, **arguments}
    return JsmsSubmitBatchScheduleOperator(
        task_id="batch", send_time=when, recipients=recipients, **given
    )


def delete(schedule_id: Any, **arguments: Any) -> JsmsDeleteScheduleOperator:
    return JsmsDeleteScheduleOperator(task_id="delete", schedule_id=schedule_id, **arguments)
