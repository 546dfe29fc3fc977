"""The calls: what arguments become on the wire, and what is refused before anything is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms import __version__, exceptions
from airflow_provider_jsms.api import calls
from airflow_provider_jsms.api.arguments import required_id, schedule_id_of, tag_of
from airflow_provider_jsms.api.recipients import mobile_of, parameters_of, recipients_of
from airflow_provider_jsms.api.replies import Reply
from airflow_provider_jsms.api.send_time import SendTime, service_zone
from airflow_provider_jsms.exceptions import (
    JsmsCallError,
    JsmsError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsServerError,
    JsmsThrottledError,
    JsmsUncertainError,
)
from tests import people
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

NINE = SendTime(datetime(2030, 7, 1, 1, tzinfo=UTC), service_zone("Asia/Shanghai"))
VALUE = f"{people.CANARY}-王芳"
UUID = "91b81a48-49f6-4eb9-a95f-020f88adcfba"
SINGLE: dict[str, Any] = {
    "send_time": NINE,
    "mobile": people.ANNA,
    "temp_id": "1250",
    "sign_id": "9",
    "temp_para": {"number": VALUE},
}
BATCH: dict[str, Any] = {
    "send_time": NINE,
    "recipients": [{"mobile": people.ANNA, "temp_para": {"number": VALUE}}, people.BEN],
    "temp_id": 1250,
    "sign_id": 9,
    "tag": "标签",
}
SINGLE_BYTES = (
    f'{{"send_time":"2030-07-01 09:00:00","mobile":"{people.ANNA}","sign_id":9,"temp_id":1250,'
    f'"temp_para":{{"number":"{VALUE}"}}}}'
).encode()
BATCH_BYTES = (
    '{"send_time":"2030-07-01 09:00:00","sign_id":9,"temp_id":1250,"tag":"标签","recipients":['
    f'{{"mobile":"{people.ANNA}","temp_para":{{"number":"{VALUE}"}}}},{{"mobile":"{people.BEN}"}}]}}'
).encode()


def single(**changed: Any) -> calls.Call[str]:
    return calls.submit_schedule(**SINGLE | changed)


def batch(**changed: Any) -> calls.Call[Any]:
    return calls.submit_batch_schedule(**BATCH | changed)


CALLS: dict[str, tuple[Callable[[], calls.Call[Any]], str, str, bytes | None]] = {
    "submit_schedule": (single, "POST", "/v1/schedule", SINGLE_BYTES),
    "submit_batch_schedule": (batch, "POST", "/v1/schedule/batch", BATCH_BYTES),
    "modify_schedule": (
        lambda: calls.modification(single(), UUID),
        *("PUT", f"/v1/schedule/{UUID}", SINGLE_BYTES),
    ),
    "modify_batch_schedule": (
        lambda: calls.modification(batch(), UUID),
        *("PUT", f"/v1/schedule/batch/{UUID}", BATCH_BYTES),
    ),
    "query_schedule": (
        partial(calls.query_schedule, UUID),
        *("GET", f"/v1/schedule/{UUID}", None),
    ),
    "delete_schedule": (
        partial(calls.delete_schedule, UUID),
        *("DELETE", f"/v1/schedule/{UUID}", None),
    ),
    "get_template": (partial(calls.get_template, "12"), "GET", "/v1/templates/12", None),
    "get_sign": (partial(calls.get_sign, 9), "GET", "/v1/sign/9", None),
    "get_balance": (calls.get_balance, "GET", "/v1/accounts/app", None),
}
SUBMITS_AND_MODIFIES = [name for name in CALLS if "submit" in name or "modify" in name]


def call_named(name: str) -> calls.Call[Any]:
    return CALLS[name][0]()


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_the_method_path_and_bytes_of_the_documents(name: str) -> None:
    build, method, path, content = CALLS[name]
    call = build()
    assert (call.name, call.method, call.path) == (name, method, path)
    assert call.content == content
    assert str(call) == f"{name} ({method} {path})"


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_fields_are_left_out(empty: object) -> None:
    assert single(sign_id=empty, temp_para=empty).body == {
        "send_time": "2030-07-01 09:00:00",
        "mobile": people.ANNA,
        "temp_id": 1250,
    }
    recipients = [{"mobile": people.ANNA, "temp_para": {}}]
    assert batch(recipients=recipients, sign_id=empty, tag=empty).body == {
        "send_time": "2030-07-01 09:00:00",
        "temp_id": 1250,
        "recipients": [{"mobile": people.ANNA}],
    }


def test_values_are_strings_in_raw_utf_8_escaped_only_where_json_asks() -> None:
    para = {"n": 5, "名": 'a"\\\n\u2028😀/<é>'}
    content = single(temp_para=para).content
    assert content is not None
    assert content.endswith('"temp_para":{"n":"5","名":"a\\"\\\\\\n\u2028😀/<é>"}}'.encode())
    assert json.loads(content)["temp_para"] == {"n": "5", "名": para["名"]}


@pytest.mark.parametrize("name", CALLS)
def test_a_log_shows_nothing_personal_of_a_call(name: str) -> None:
    call = call_named(name)
    shown = str(call) + repr(call) + (call.subject if name in SUBMITS_AND_MODIFIES else "")
    for private in (people.ANNA, people.BEN, people.CANARY):
        assert private not in shown
    content = f"{people.ANNA} {VALUE}".encode()
    assert people.ANNA not in repr(Reply(200, {"X-Echo": people.ANNA}, content))


def test_the_subject_names_recipients_template_and_time_masked() -> None:
    what = "with temp_id 1250 at 2030-07-01 09:00:00 (the wall clock of JSMS)"
    assert call_named("submit_schedule").subject == f"138****8001 {what}"
    assert call_named("modify_batch_schedule").subject == (
        f"2 recipients (the first is 138****8001) {what}"
    )
    one = batch(recipients=[people.ANNA])
    assert one.subject.startswith("138****8001 with")


def test_the_headers_ask_for_json_and_name_the_version() -> None:
    assert calls.HEADERS["Accept"] == calls.HEADERS["Content-Type"] == "application/json"
    assert calls.HEADERS["User-Agent"] == f"airflow-provider-jsms/{__version__}"


@pytest.mark.parametrize("count", [1, 1000])
def test_a_batch_carries_up_to_a_thousand(count: int) -> None:
    numbers = [people.number(index) for index in range(count)]
    assert [person["mobile"] for person in batch(recipients=numbers).recipients] == numbers


@pytest.mark.parametrize(
    ("count", "why"),
    [(0, "recipients is empty"), (1001, "has 1001 entries"), (5000, "at most 1000")],
)
def test_a_batch_of_none_or_of_more_is_refused(count: int, why: str) -> None:
    numbers = [people.number(index) for index in range(count)]
    assert why in refusal_of(batch, recipients=numbers)


@pytest.mark.parametrize("field", ["mobile", "temp_id", "sign_id", "temp_para"])
def test_a_single_submit_validates_every_field(field: str) -> None:
    assert field in refusal_of(single, **{field: 1.5})


@pytest.mark.parametrize("field", ["recipients", "temp_id", "sign_id", "tag"])
def test_a_batch_submit_validates_every_field(field: str) -> None:
    assert field in refusal_of(batch, **{field: 1.5})


BY_ID: list[Callable[[Any], calls.Call[Any]]] = [
    calls.query_schedule,
    calls.delete_schedule,
    lambda schedule_id: calls.modification(single(), schedule_id),
    lambda schedule_id: calls.modification(batch(), schedule_id),
]
GOOD_SCHEDULE_IDS = [UUID, "a", "A.b_c~d-1", "x" * 128, "batch1", "a..b"]
BAD_SCHEDULE_IDS: list[Any] = [
    *(people.ANNA, f"86{people.ANNA}"),  # would be logged with the path
    *("", " ", "..", "batch", "a/b", "../batch", "a?b", "a#b", "%2e%2e", "a b", "a\r\nX: y"),
    *("a:b", "编号", "ａ", "x" * 129),
    *(None, 5, 1.5, True, [], {}, [UUID], {"schedule_id": UUID}, b"a"),
]


@pytest.mark.parametrize("build", BY_ID, ids=["query", "delete", "modify", "modify batch"])
@pytest.mark.parametrize("schedule_id", BAD_SCHEDULE_IDS, ids=lambda value: repr(value)[:20])
def test_a_schedule_id_that_would_change_the_path_is_refused(
    build: Callable[[Any], calls.Call[Any]], schedule_id: object
) -> None:
    text = refusal_of(build, schedule_id)
    assert text.startswith("schedule_id ")
    assert text.isprintable()
    assert len(text) < 450


@pytest.mark.parametrize("schedule_id", GOOD_SCHEDULE_IDS)
def test_a_schedule_id_is_the_last_part_of_the_path(schedule_id: str) -> None:
    for build in BY_ID:
        assert build(schedule_id).path.rpartition("/")[2] == schedule_id
    assert schedule_id_of(f" {schedule_id}\r\n") == schedule_id


@pytest.mark.parametrize("value", [None, "", "None"])
def test_an_upstream_task_that_returned_nothing_is_named_as_the_cause(value: object) -> None:
    # A template renders None as the word: {{ ti.xcom_pull(...) }} of a task that returned nothing.
    assert "The task that it comes from returned nothing." in refusal_of(schedule_id_of, value)


@pytest.mark.parametrize(
    "check",
    [
        mobile_of,
        lambda value: required_id("temp_id", value),
        tag_of,
        schedule_id_of,
        lambda value: parameters_of([value]),
        lambda value: recipients_of([value]),
    ],
    ids=["mobile", "temp_id", "tag", "schedule_id", "temp_para", "recipients"],
)
@pytest.mark.parametrize("as_text", [False, True], ids=["result", "text"])
def test_personal_data_in_the_wrong_argument_is_not_shown(
    check: Callable[[object], object], as_text: bool
) -> None:
    # The result of a batch submit holds the refused people; a template turns it into text.
    failure = {"mobile": people.ANNA, "temp_para": {"n": VALUE}, "error_code": 50006}
    result = {"schedule_id": UUID, "failure_recipients": [failure]}
    text = refusal_of(check, str(result) if as_text else result)
    assert VALUE not in text
    assert people.ANNA not in text


def _subclasses(error_class: type[JsmsError]) -> set[type[JsmsError]]:
    return {error_class}.union(*map(_subclasses, error_class.__subclasses__()))


SAFE = {JsmsNotSentError, JsmsThrottledError}
UNKNOWN = _subclasses(JsmsNoAnswerError)
EVERY_ERROR = sorted(
    (each for each in _subclasses(JsmsError) if each.__module__ == exceptions.__name__),
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("error_class", EVERY_ERROR, ids=lambda each: each.__name__)
def test_what_may_be_sent_again_as_one_table(error_class: type[JsmsError]) -> None:
    is_call = issubclass(error_class, JsmsCallError)
    error = error_class("broke", call="call") if is_call else error_class("broke")
    for name, (_, method, _, _) in CALLS.items():
        again = error_class in SAFE or (error_class in UNKNOWN and method != "POST")
        assert call_named(name).may_be_sent_again_after(error) is again


def test_the_table_has_every_error_after_which_a_submission_must_not_be_repeated() -> None:
    assert {each.__name__ for each in UNKNOWN} == {
        "JsmsNoAnswerError",
        "JsmsReadTimeoutError",
        "JsmsConnectionLostError",
        "JsmsUnreadableReplyError",
        "JsmsServerError",
    }


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), TimeoutError()])
def test_no_other_error_is_followed_by_another_request(error: BaseException) -> None:
    assert not any(call_named(name).may_be_sent_again_after(error) for name in CALLS)


@pytest.mark.parametrize(
    "since",
    [
        datetime(2026, 12, 1, 1, 2, 3, tzinfo=UTC),
        datetime(2026, 12, 1, 9, 2, 3, 999, tzinfo=timezone(timedelta(hours=8))),
    ],
    ids=["UTC", "+08:00"],
)
def test_an_uncertain_submission_says_what_when_and_what_to_do_first(since: datetime) -> None:
    call = call_named("submit_schedule")
    lost = JsmsServerError("it failed.", call=str(call), code=50019, message="m", http_status=500)
    error = calls.uncertain(call, lost, since)
    text = str(error)
    assert type(error) is JsmsUncertainError
    assert (error.call, error.code, error.message) == (str(call), 50019, "m")
    assert "may have accepted this at 2026-12-01T01:02:03Z: it failed." in text
    assert f"It concerns {call.subject}." in text
    assert text.index("delete it there before you send again") > text.index("JSMS console")
