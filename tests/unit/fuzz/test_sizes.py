"""What is large arrives whole or is refused, and whatever is told is short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsStateError,
)
from airflow_provider_jsms.operators import jsms
from tests.store import DictStore
from tests.unit.fuzz import odd
from tests.unit.fuzz.test_hook import BATCH, ID, SINGLE
from tests.unit.fuzz.watching import CONNECTION, check_one_request, check_told
from tests.unit.submission.tries import TaskInstance

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from tests.unit.fuzz.watching import Service

LARGE: dict[str, dict[str, str]] = {
    "100 kB": {"name": f'{odd.PRIVATE}😀e\u0301"\\' * 8000},
    "50,000 names": {f"name{index}": odd.PRIVATE for index in range(50_000)},
    "odd names": {"{{": "a", "__class__": "b", "code": "c", " ": "d", "\x00\n": "e", "😀": "f"},
    "control characters": {"name": f"{odd.PRIVATE}\x00\r\n\t\x1f\x7f\u2028\u202e"},
    "a long name": {"x" * 100_000: odd.PRIVATE},
}


def execute(kind: Any, **arguments: Any) -> Any:
    operator = kind(task_id="text", jsms_conn_id=CONNECTION, **arguments)
    operator.render_template_fields({})
    context: Any = {"ti": TaskInstance(1), "task_state_store": DictStore()}
    return operator.execute(context)


@pytest.mark.parametrize("what", LARGE)
def test_parameters_arrive_as_they_are(service: Service, hook: JsmsHook, what: str) -> None:
    outcome = service.try_out(lambda: hook.submit_schedule(**{**SINGLE, "temp_para": LARGE[what]}))
    check_told(outcome, "temp_para", None)
    assert check_one_request(outcome, "submit_schedule").body["temp_para"] == LARGE[what]  # type: ignore[index]


@pytest.mark.parametrize("what", LARGE)
def test_parameters_of_recipients_arrive_as_they_are(
    service: Service, hook: JsmsHook, what: str
) -> None:
    people = [{"mobile": "13712345678", "temp_para": LARGE[what]}]
    outcome = service.try_out(lambda: hook.submit_batch_schedule(**{**BATCH, "recipients": people}))
    check_told(outcome, "recipients", people)
    assert check_one_request(outcome, "submit_batch_schedule").body["recipients"] == people  # type: ignore[index]


@pytest.mark.parametrize("name", ["50,000 names", "odd names", "a long name"])
def test_one_bad_parameter_among_many(service: Service, hook: JsmsHook, name: str) -> None:
    bad = {**LARGE[name], "bad\r\nname": None}
    outcome = service.try_out(lambda: hook.submit_schedule(**{**SINGLE, "temp_para": bad}))
    check_told(outcome, "temp_para", None)
    assert isinstance(outcome.error, JsmsInputError)
    assert "temp_para['bad  name'] is of type NoneType" in outcome.text
    assert outcome.requests == []


@pytest.mark.parametrize(("count", "is_taken"), [(1000, True), (1001, False), (5000, False)])
def test_many_recipients(service: Service, hook: JsmsHook, count: int, is_taken: bool) -> None:
    people = [f"137{index:08d}" for index in range(count)]
    outcome = service.try_out(
        lambda: hook.modify_batch_schedule(ID, **{**BATCH, "recipients": people})
    )
    check_told(outcome, "recipients", people[:50])
    if is_taken:
        assert len(check_one_request(outcome, "modify_batch_schedule").body["recipients"]) == count  # type: ignore[index]
    else:
        assert isinstance(outcome.error, JsmsInputError)
        assert f"recipients has {count} entries" in outcome.text
        assert outcome.requests == []


def test_many_bad_recipients_are_told_shortly(service: Service, hook: JsmsHook) -> None:
    people = [f"{odd.PRIVATE}\n{odd.INJECTED}" * 100] * 1000
    outcome = service.try_out(lambda: hook.submit_batch_schedule(**{**BATCH, "recipients": people}))
    check_told(outcome, "recipients", None)
    assert isinstance(outcome.error, JsmsInputError)
    assert "1000 of 1000 recipients cannot be used" in outcome.text
    assert len(outcome.text) < 4000


def test_many_schedule_ids(service: Service) -> None:
    ids = [f"1a2b-{index}" for index in range(300)]
    outcome = service.try_out(
        lambda: execute(jsms.JsmsDeleteScheduleOperator, schedule_id=[*ids, *ids])
    )
    assert isinstance(outcome.error, JsmsNeverDeletedError)
    deletions = [each.path for each in outcome.requests if each.method == "DELETE"]
    assert deletions == [f"/v1/schedule/{known}" for known in ids]


def test_one_bad_schedule_id_among_many(service: Service) -> None:
    ids = [f"1a2b-{index}" for index in range(5000)]
    outcome = service.try_out(
        lambda: execute(jsms.JsmsDeleteScheduleOperator, schedule_id=[*ids, "../x"])
    )
    check_told(outcome, "schedule_id", None)
    assert isinstance(outcome.error, JsmsInputError)
    assert "schedule_id '../x'" in outcome.text
    assert outcome.requests == []


def test_what_a_text_calls_itself_never_gets_into_a_path(service: Service, hook: JsmsHook) -> None:
    for given, known in ((odd.LyingText("1a2b"), "1a2b"), (odd.Word.ID, odd.Word.ID.value)):
        outcome = service.try_out(lambda given=given: hook.query_schedule(given))
        assert isinstance(outcome.error, JsmsStateError)
        assert [each.path for each in outcome.requests] == [f"/v1/schedule/{known}"]
        check_told(outcome, "schedule_id", None)


def test_a_query_from_an_event_loop(service: Service, hook: JsmsHook) -> None:
    for given in ("1a2b", odd.Word.ID, "../x", "a\r\nb", None, odd.NoComparison(), "13712345678"):
        outcome = service.try_out(lambda given=given: asyncio.run(hook.aquery_schedule(given)))
        check_told(outcome, "schedule_id", None)
        if outcome.requests:
            check_one_request(outcome, "query_schedule")
            assert isinstance(outcome.error, JsmsApiError)
        else:
            assert isinstance(outcome.error, JsmsInputError)
            assert "schedule_id" in outcome.text
