"""A damaged record: another try says so, and never submits because of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import JsmsError
from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests.store import DictStore
from tests.unit.fuzz import documents, odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.test_hook import BATCH, SINGLE
from tests.unit.fuzz.watching import CONNECTION, check_told
from tests.unit.submission.tries import TaskInstance

if TYPE_CHECKING:
    from tests.unit.fuzz.watching import Service

MANY = {
    **BATCH,
    "temp_id": 1,
    "recipients": [f"137{index:08d}" for index in range(1003)],
}
TASKS: dict[str, tuple[type, dict[str, Any]]] = {
    "single": (JsmsSubmitScheduleOperator, SINGLE),
    "batch": (JsmsSubmitBatchScheduleOperator, BATCH),
    "campaign": (JsmsSubmitBatchScheduleOperator, MANY),
}
RECORDS = [
    ("single", "jsms_submission"),
    ("batch", "jsms_submission_1"),
    ("batch", "jsms_campaign"),
    ("campaign", "jsms_submission_2"),
    ("campaign", "jsms_campaign"),
]
stored = (
    odd.json_values
    | st.sampled_from(["sending", "accepted", "finished", "begun", "other", {}, [], 0, -1, 10**12])
    | st.dictionaries(st.sampled_from(["request", "people", "app", "key"]), odd.json_values)
    | st.lists(st.lists(st.integers(-2, 5) | st.none(), max_size=3), max_size=3)
)


def run(kind: str, store: DictStore, try_number: int) -> Any:
    operator_class, arguments = TASKS[kind]
    operator = operator_class(task_id="text", jsms_conn_id=CONNECTION, **arguments)
    operator.render_template_fields({})
    context: Any = {"ti": TaskInstance(try_number), "task_state_store": store}
    return operator.execute(context)


@pytest.fixture(scope="module")
def submitted(service: Service) -> dict[str, dict[str, str]]:
    """What is in the store of a task of each kind that has succeeded."""
    stores = {kind: DictStore() for kind in TASKS}
    for kind, store in stores.items():
        run(kind, store, 1)
    return {kind: store._values for kind, store in stores.items()}


def damaged(record: dict[str, Any], data: st.DataObject) -> Any:
    """Return a record that somebody has edited."""
    how = data.draw(st.sampled_from(["field", "two fields", "less", "inside", "other"]))
    if how == "other":
        return data.draw(stored.filter(lambda value: value is not None))
    edited = dict(record)
    names = st.sampled_from([*sorted(record), "modifying", "schedule_id", "resubmitted", "refused"])
    for _ in range(2 if how == "two fields" else 1):
        name = data.draw(names)
        if how == "less":
            edited.pop(name, None)
        elif how == "inside" and isinstance(edited.get(name), dict):
            inner = data.draw(st.sampled_from(sorted(edited[name])))
            edited[name] = {**edited[name], inner: data.draw(stored)}
        else:
            edited[name] = data.draw(stored)
    return edited


@pytest.mark.parametrize("is_finished", [True, False])
@pytest.mark.parametrize(("kind", "key"), RECORDS)
@examples(35)
@given(data=st.data())
def test_a_damaged_record(
    service: Service,
    submitted: dict[str, dict[str, str]],
    kind: str,
    key: str,
    is_finished: bool,
    data: st.DataObject,
) -> None:
    store = DictStore()
    store._values |= submitted[kind]
    record = store.get(key)
    if not is_finished:
        record["state"] = "begun" if key == "jsms_campaign" else "accepted"
    store._values[key] = json.dumps(damaged(record, data))
    outcome = service.try_out(lambda: run(kind, store, 2))
    check_told(outcome, "recipients", MANY["recipients"][:3])
    assert outcome.error is None or isinstance(outcome.error, JsmsError), repr(outcome.error)
    for request in outcome.requests:
        assert request.method in ("GET", "PUT")
        documents.check(str(request.call), request.method, request.path, request.body)
    if outcome.error is None and kind == "single":
        assert isinstance(outcome.result, str)
    elif outcome.error is None:
        assert outcome.result["success_count"] == len(TASKS[kind][1]["recipients"])
        assert all(isinstance(known, str) for known in outcome.result["schedule_ids"])
