"""Every argument of the operators: given as it is, or as a template, or set after rendering."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowNotFoundException,
    AirflowSkipException,
)
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsError,
    JsmsNoRetryError,
    JsmsRefusedRecipientsError,
)
from airflow_provider_jsms.operators import jsms
from airflow_provider_jsms.operators.private_fields import PRIVATE_FIELDS
from tests.store import DictStore
from tests.stored import as_airflow_reads
from tests.unit.fuzz import odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.test_hook import BATCH, ID, SINGLE, VALUES, as_person
from tests.unit.fuzz.watching import CONNECTION, check_one_request, check_told
from tests.unit.submission.tries import TaskInstance

if TYPE_CHECKING:
    from tests.unit.fuzz.watching import Outcome, Service

SUBMITS = {"durable": True, "on_uncertain": "fail"}
OPERATORS: dict[str, tuple[type, dict[str, Any]]] = {
    "submit_schedule": (
        jsms.JsmsSubmitScheduleOperator,
        {**SINGLE, **SUBMITS, "on_past_send_time": "fail"},
    ),
    "submit_batch_schedule": (
        jsms.JsmsSubmitBatchScheduleOperator,
        {**BATCH, **SUBMITS, "on_past_send_time": "fail", "max_failures": 0, "columns": None},
    ),
    "modify_schedule": (
        jsms.JsmsModifyScheduleOperator,
        {**SINGLE, "schedule_id": ID, "on_past_send_time": "fail"},
    ),
    "modify_batch_schedule": (
        jsms.JsmsModifyBatchScheduleOperator,
        {
            **BATCH,
            "schedule_id": ID,
            "on_past_send_time": "fail",
            "max_failures": 0,
            "columns": None,
        },
    ),
    "query_schedule": (jsms.JsmsQueryScheduleOperator, {"schedule_id": ID}),
    "delete_schedule": (
        jsms.JsmsDeleteScheduleOperator,
        {"schedule_id": ID, "missing_ok": False},
    ),
}
switches = st.sampled_from(["fail", "skip", "resubmit", "assume_sent", "true", "FALSE", "5%"])
files = st.sampled_from(
    [
        *("nowhere.csv", f"a\r\n{odd.INJECTED}.csv", "\x00.jsonl", "../../etc/passwd.csv", ".csv"),
        *("\ud800.csv", "file:///nowhere/x.jsonl", "file://a@b/x.csv", "~nobody-here/x.csv"),
        *("nothing://x/y.csv", "s3://x@y/z.csv", "://.csv", "{{ 1 }}.csv", "x" * 5000 + ".csv"),
        *("13712345678.csv", f"{'../' * 50}x.jsonl"),
    ]
)
OWN = {
    "recipients": odd.recipients | files,
    "columns": st.dictionaries(odd.texts, odd.texts, max_size=2) | odd.anything,
    "schedule_id": odd.schedule_ids | st.lists(odd.schedule_ids, max_size=3),
    "on_past_send_time": switches | odd.anything,
    "on_uncertain": switches | odd.anything,
    "durable": switches | odd.anything,
    "missing_ok": switches | odd.anything,
    "max_failures": switches | odd.whole_numbers,
    "jsms_conn_id": st.just(CONNECTION) | odd.anything,
}
ALL = {**VALUES, **OWN}
ARGUMENTS = [
    (call, name) for call, (_, given) in OPERATORS.items() for name in (*given, "jsms_conn_id")
]
OTHERS = (AirflowSkipException, AirflowNotFoundException)


def run(call: str, name: str, value: object, mode: str, *, has_store: bool, seen: list[str]) -> Any:
    """Run the task as a worker does; note what the Rendered Templates page would show."""
    kind, arguments = OPERATORS[call]
    arguments = {**arguments, "jsms_conn_id": CONNECTION}
    if mode != "set":
        arguments[name] = (lambda **_: value) if mode == "function" else "{{ value }}"
    with DAG("fuzz", schedule=None, render_template_as_native_obj=mode == "native"):
        operator = kind(task_id="text", **arguments)
    context: dict[str, Any] = {"ti": TaskInstance(1), "value": value}
    if has_store:
        context["task_state_store"] = DictStore()
    operator.render_template_fields(context)
    if mode == "set":
        vars(operator)[name] = value  # Airflow looks for an XComArg in what is set otherwise
    else:
        names = set(PRIVATE_FIELDS) & set(arguments)
        seen += map(repr, as_airflow_reads(operator, *names).values())
    return operator.execute(context)


def check(outcome: Outcome, call: str, name: str) -> None:
    """Check that there was a request as documented, or an error that names the argument."""
    error = outcome.error
    if isinstance(error, JsmsNoRetryError):
        error = error.__cause__
    assert error is None or isinstance(error, (JsmsError, *OTHERS)), repr(error)
    if not outcome.requests:
        assert error is not None or outcome.result == {"deleted": [], "missing": []}
        assert error is None or name in outcome.text or isinstance(error, OTHERS), outcome.text
    elif call == "delete_schedule":
        assert {each.call for each in outcome.requests} <= {"delete_schedule", "query_schedule"}
    else:
        check_one_request(outcome, call)
        assert error is None or isinstance(error, (JsmsApiError, JsmsRefusedRecipientsError))


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
@examples(30)
@given(data=st.data(), mode=st.sampled_from(["function", "set"]), has_store=st.booleans())
def test_one_argument(
    service: Service, call: str, name: str, data: st.DataObject, mode: str, has_store: bool
) -> None:
    value = odd.made(data.draw(ALL[name], label=name))
    if name not in PRIVATE_FIELDS:
        mode = "set"  # Airflow calls no function for these
    check_it(service, call, name, value, mode, has_store=has_store)


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
@examples(20)
@given(value=odd.texts | odd.json_values, mode=st.sampled_from(["template", "native"]))
def test_a_template(service: Service, call: str, name: str, value: object, mode: str) -> None:
    check_it(service, call, name, value, mode, has_store=True)


def check_it(
    service: Service, call: str, name: str, value: object, mode: str, *, has_store: bool
) -> None:
    seen: list[str] = []
    outcome = service.try_out(lambda: run(call, name, value, mode, has_store=has_store, seen=seen))
    outcome.told += seen
    check_told(outcome, name, value)
    check(outcome, call, name)


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_every_odd_object(service: Service, call: str, name: str) -> None:
    for make in odd.OBJECTS:
        mode = "function" if name in PRIVATE_FIELDS else "set"
        check_it(service, call, name, make(), mode, has_store=True)


@pytest.mark.parametrize("native", [True, False])
@examples(60)
@given(text=odd.good_secrets)
def test_a_parameter_arrives_as_it_was_rendered(service: Service, native: bool, text: str) -> None:
    """Native rendering makes numbers of texts; those of temp_para stay texts."""
    with DAG("fuzz", schedule=None, render_template_as_native_obj=native):
        operator = jsms.JsmsSubmitScheduleOperator(
            task_id="text",
            **{**SINGLE, "jsms_conn_id": CONNECTION},
        )
    operator.temp_para = {"name": "{{ value }}", "number": "{{ number }}"}
    context: Any = {"ti": TaskInstance(1), "value": text, "number": "00"}
    context["task_state_store"] = DictStore()
    operator.render_template_fields(context)
    outcome = service.try_out(lambda: operator.execute(context))
    check_told(outcome, "temp_para", None)
    body: Any = check_one_request(outcome, "submit_schedule").body
    assert body["temp_para"] == {"name": text, "number": "00"}


@examples(60)
@given(people=st.lists(odd.good_person, min_size=1, max_size=5))
def test_recipients_arrive_as_they_were_rendered(service: Service, people: list[Any]) -> None:
    with DAG("fuzz", schedule=None, render_template_as_native_obj=True):
        operator = jsms.JsmsSubmitBatchScheduleOperator(
            task_id="text", **{**BATCH, "recipients": "{{ value }}", "jsms_conn_id": CONNECTION}
        )
    context: Any = {"ti": TaskInstance(1), "value": people, "task_state_store": DictStore()}
    operator.render_template_fields(context)
    outcome = service.try_out(lambda: operator.execute(context))
    check_told(outcome, "recipients", people)
    body: Any = check_one_request(outcome, "submit_batch_schedule").body
    once = {json.dumps(as_person(each), sort_keys=True): as_person(each) for each in people}
    assert body["recipients"] == list(once.values())
