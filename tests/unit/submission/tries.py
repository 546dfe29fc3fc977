"""A submitting task over its tries, as Airflow runs it, and what has come of it at the sandbox."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people
from tests.store import DictStore

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl

NAME = {"name": f"{people.CANARY}-Anna"}
KEYS = {"single": "jsms_submission", "batch": "jsms_submission_1"}


class TaskInstance:
    """As much of one as the operators use."""

    dag_id, task_id = "dag", "submit"

    def __init__(
        self,
        try_number: int,
        *,
        max_tries: int = 0,
        map_index: int = -1,
        run_id: str = "run",
        next_method: str | None = None,
    ) -> None:
        self._ti_context_from_server = SimpleNamespace(next_method=next_method)
        self.run_id = run_id
        self.id = uuid4()  # another in each try
        self.try_number = try_number
        self.max_tries = max_tries
        self.map_index = map_index
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


class Task:
    """A task instance over its tries: each is a new operator, all share one store."""

    def __init__(self, kind: str, tomorrow: datetime) -> None:
        self.kind = kind
        self.store: DictStore | None = DictStore()
        self.tries = 0
        self.cleared = 0
        self.map_index = -1
        self.run_id = "run"
        self.arguments: dict[str, Any] = {"send_time": tomorrow, "temp_id": 2}
        if kind == "single":
            self.arguments |= {"mobile": people.ANNA, "temp_para": NAME}
        else:
            self.arguments["recipients"] = [{"mobile": people.ANNA, "temp_para": NAME}]

    @property
    def record(self) -> dict[str, Any]:
        assert self.store
        return self.store.get(KEYS[self.kind])

    @property
    def state(self) -> str:
        """The state that its record has."""
        return str(self.record["state"])

    def run(self, **changed: Any) -> Any:
        """Run another try and return the schedule_id that it returns."""
        self.tries += 1
        operators = {
            "single": JsmsSubmitScheduleOperator,
            "batch": JsmsSubmitBatchScheduleOperator,
        }
        operator = operators[self.kind](task_id="submit", **{**self.arguments, **changed})
        result = self.execute(operator)
        return (
            result["schedule_ids"][0] if self.kind == "batch" and result["schedule_ids"] else result
        )

    def execute(self, operator: Any) -> Any:
        """Execute an operator as this try."""
        self.operator = operator
        self.ti = self.ti_of_try(self.tries)
        self.context: dict[str, Any] = {"ti": self.ti}
        if self.store is not None:
            self.context["task_state_store"] = self.store
        operator.render_template_fields(self.context)
        return operator.execute(self.context)

    def ti_of_try(self, number: int, next_method: str | None = None) -> TaskInstance:
        return TaskInstance(
            number,
            max_tries=self.cleared,
            map_index=self.map_index,
            run_id=self.run_id,
            next_method=next_method,
        )

    def clear(self, **changed: Any) -> Any:
        self.cleared += 1
        return self.run(**changed)

    def to(self, mobile: str) -> dict[str, Any]:
        """Return the argument that names other people."""
        if self.kind == "single":
            return {"mobile": mobile}
        return {"recipients": [{"mobile": mobile, "temp_para": NAME}]}


def changes(sandbox: SandboxControl) -> list[Any]:
    """Return the requests that submit, modify or delete."""
    return [request for request in sandbox.requests() if request["method"] != "GET"]


def posts(sandbox: SandboxControl) -> int:
    return sum(request["method"] == "POST" for request in sandbox.requests())


def puts(sandbox: SandboxControl) -> int:
    return sum(request["method"] == "PUT" for request in sandbox.requests())


def texted(sandbox: SandboxControl) -> list[str]:
    sandbox.advance(10 * 86400)
    return [message["mobile"] for message in sandbox.messages()]
