"""The calls as bytes, the answers as results or errors, and what may be sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from airflow_provider_jsms import __version__, exceptions
from airflow_provider_jsms.api import protocol
from airflow_provider_jsms.api.bodies import batch_body, single_body
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import HIDDEN
from airflow_provider_jsms.api.protocol import Reply, may_be_sent_again, read_reply, wait_asked_for
from airflow_provider_jsms.api.send_time import SendTime, service_zone
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsApiError,
    JsmsAuthError,
    JsmsCallError,
    JsmsError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsRecipientError,
    JsmsRequestError,
    JsmsReviewError,
    JsmsServerError,
    JsmsStateError,
    JsmsTemplateError,
    JsmsThrottledError,
    JsmsUncertainError,
    JsmsUnknownCodeError,
    JsmsUnreadableReplyError,
)
from tests import people
from tests.unit.api.test_bodies import BAD_SCHEDULE_IDS, GOOD_SCHEDULE_IDS, UUID

if TYPE_CHECKING:
    from collections.abc import Callable

NINE = SendTime(datetime(2030, 7, 1, 1, tzinfo=UTC), service_zone("Asia/Shanghai"))
NOW = datetime(2030, 10, 21, 7, 0, 0, tzinfo=UTC)
VALUE = f"{people.CANARY}-王芳"
SINGLE = single_body(
    send_time=NINE, mobile=people.ANNA, temp_id="1250", sign_id="9", temp_para={"number": VALUE}
)
BATCH = batch_body(
    send_time=NINE,
    recipients=[{"mobile": people.ANNA, "temp_para": {"number": VALUE}}, people.BEN],
    temp_id=1250,
    sign_id=9,
    tag="标签",
)
SINGLE_BYTES = (
    f'{{"send_time":"2030-07-01 09:00:00","mobile":"{people.ANNA}","sign_id":9,"temp_id":1250,'
    f'"temp_para":{{"number":"{VALUE}"}}}}'
).encode()
BATCH_BYTES = (
    '{"send_time":"2030-07-01 09:00:00","sign_id":9,"temp_id":1250,"tag":"标签","recipients":['
    f'{{"mobile":"{people.ANNA}","temp_para":{{"number":"{VALUE}"}}}},{{"mobile":"{people.BEN}"}}]}}'
).encode()

CALLS: dict[str, tuple[Callable[[], protocol.Call[Any]], str, str, bytes | None]] = {
    "submit_schedule": (
        partial(protocol.submit_schedule, SINGLE),
        *("POST", "/v1/schedule", SINGLE_BYTES),
    ),
    "submit_batch_schedule": (
        partial(protocol.submit_batch_schedule, BATCH),
        *("POST", "/v1/schedule/batch", BATCH_BYTES),
    ),
    "modify_schedule": (
        partial(protocol.modify_schedule, UUID, SINGLE),
        *("PUT", f"/v1/schedule/{UUID}", SINGLE_BYTES),
    ),
    "modify_batch_schedule": (
        partial(protocol.modify_batch_schedule, UUID, BATCH),
        *("PUT", f"/v1/schedule/batch/{UUID}", BATCH_BYTES),
    ),
    "query_schedule": (
        partial(protocol.query_schedule, UUID),
        *("GET", f"/v1/schedule/{UUID}", None),
    ),
    "delete_schedule": (
        partial(protocol.delete_schedule, UUID),
        *("DELETE", f"/v1/schedule/{UUID}", None),
    ),
    "query_balance": (protocol.query_balance, "GET", "/v1/accounts/app", None),
}
ERROR_CLASSES: dict[type[JsmsApiError], set[int]] = {
    JsmsAuthError: {50001, 50002},
    JsmsAccountError: {50008, 50014, 50033, 50035, 50036, 50202, 50301},
    JsmsReviewError: {50020},
    JsmsTemplateError: {
        *(50021, 50042, 50043, 50044, 50045, 50046, 50047, 50052, 50053),
        *(50101, 50102, 50103, 50104, 50105),
    },
    JsmsRecipientError: {50006, 50024, 50034},
    JsmsStateError: {50028, 50029},
    JsmsFrequencyError: {50009, 50201},
}
REFUSALS = sorted(set(CODES) - {50000, 50019})
TIME_MAY_MEND = {JsmsReviewError, JsmsFrequencyError}
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def call_named(name: str) -> protocol.Call[Any]:
    return CALLS[name][0]()


def envelope(code: object, message: object = "said") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def error_of(name: str, status: int, content: bytes, **headers: str) -> JsmsCallError:
    """Return the error that an answer means, after what holds for every one of them."""
    call = call_named(name)
    with pytest.raises(JsmsCallError) as caught:
        read_reply(call, Reply(status, headers, content))
    error = caught.value
    assert error.call == str(call)
    assert error.http_status == status
    assert str(error).startswith(f"{call}: ")
    assert str(error).isprintable()
    assert len(str(error)) < 800
    return error


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_the_method_path_and_bytes_of_the_documents(name: str) -> None:
    build, method, path, content = CALLS[name]
    call = build()
    assert (call.name, call.method, call.path) == (name, method, path)
    assert call.content == content
    assert str(call) == f"{name} ({method} {path})"


@pytest.mark.parametrize("name", ["submit_schedule", "submit_batch_schedule"])
def test_a_body_has_nothing_empty_or_null(name: str) -> None:
    if name == "submit_schedule":
        single = single_body(
            send_time=NINE, mobile=people.ANNA, temp_id=1, sign_id=None, temp_para=None
        )
        content = protocol.submit_schedule(single).content
        assert content == (
            f'{{"send_time":"2030-07-01 09:00:00","mobile":"{people.ANNA}","temp_id":1}}'.encode()
        )
    else:
        batch = batch_body(
            send_time=NINE,
            recipients=[{"mobile": people.ANNA, "temp_para": {}}],
            temp_id=1,
            sign_id="",
            tag="",
        )
        assert (
            protocol.submit_batch_schedule(batch).content
            == (
                '{"send_time":"2030-07-01 09:00:00","temp_id":1,'
                f'"recipients":[{{"mobile":"{people.ANNA}"}}]}}'
            ).encode()
        )


def test_values_are_sent_as_strings_in_raw_utf_8_and_escaped_only_where_json_asks() -> None:
    para = {"n": 5, "名": 'a"\\\n\u2028😀/<é>'}
    body = single_body(send_time=NINE, mobile=people.ANNA, temp_id=1, sign_id=None, temp_para=para)
    content = protocol.submit_schedule(body).content
    assert content is not None
    assert content.endswith('"temp_para":{"n":"5","名":"a\\"\\\\\\n\u2028😀/<é>"}}'.encode())
    assert json.loads(content)["temp_para"] == {"n": "5", "名": para["名"]}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_personal_is_in_what_a_log_may_show_of_a_call(name: str) -> None:
    call = call_named(name)
    for shown in (str(call), repr(call), call.subject):
        assert people.ANNA not in shown
        assert people.BEN not in shown
        assert people.CANARY not in shown
    content = f"{people.ANNA} {VALUE}".encode()
    assert people.ANNA not in repr(Reply(200, {"X-Echo": people.ANNA}, content))


def test_the_subject_says_who_what_and_when_masked() -> None:
    what = "with temp_id 1250 at 2030-07-01 09:00:00 (the wall clock of JSMS)"
    assert call_named("submit_schedule").subject == f"138****8001 {what}"
    assert call_named("modify_batch_schedule").subject == (
        f"2 recipients (the first is 138****8001) {what}"
    )


def test_the_headers_ask_for_json_and_name_the_version() -> None:
    assert {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": f"airflow-provider-jsms/{__version__}",
    } == protocol.HEADERS


BY_ID: list[Callable[[Any], protocol.Call[Any]]] = [
    protocol.query_schedule,
    protocol.delete_schedule,
    lambda schedule_id: protocol.modify_schedule(schedule_id, SINGLE),
    lambda schedule_id: protocol.modify_batch_schedule(schedule_id, BATCH),
]


@pytest.mark.parametrize("build", BY_ID, ids=["query", "delete", "modify", "modify batch"])
@pytest.mark.parametrize("schedule_id", BAD_SCHEDULE_IDS, ids=lambda value: repr(value)[:20])
def test_no_call_is_made_of_a_schedule_id_that_would_change_the_path(
    build: Callable[[Any], protocol.Call[Any]], schedule_id: object
) -> None:
    with pytest.raises(JsmsInputError):
        build(schedule_id)


@pytest.mark.parametrize("build", BY_ID, ids=["query", "delete", "modify", "modify batch"])
@pytest.mark.parametrize("schedule_id", GOOD_SCHEDULE_IDS, ids=lambda value: value[:20])
def test_a_schedule_id_is_the_last_part_of_the_path_as_it_is(
    build: Callable[[Any], protocol.Call[Any]], schedule_id: str
) -> None:
    assert build(schedule_id).path.rpartition("/")[2] == schedule_id


@pytest.mark.parametrize(
    ("name", "status", "content", "result"),
    [
        ("submit_schedule", 200, {"schedule_id": UUID}, UUID),
        ("submit_schedule", 201, {"schedule_id": UUID}, UUID),
        ("modify_schedule", 200, {"schedule_id": UUID, "error": None}, UUID),
        (
            "modify_schedule",
            *(200, {"schedule_id": UUID, "error": {"code": 50000, "message": "success"}}, UUID),
        ),
        ("query_balance", 200, {"app_balance": 1, "app_voice": None}, None),
    ],
)
def test_a_success_is_read(name: str, status: int, content: object, result: object) -> None:
    read = read_reply(call_named(name), Reply(status, {}, json.dumps(content).encode()))
    assert read == (result or content)


@pytest.mark.parametrize("name", ["submit_batch_schedule", "modify_batch_schedule"])
def test_a_batch_is_read_against_the_number_of_its_recipients(name: str) -> None:
    content = json.dumps({"schedule_id": UUID, "failure_recipients": [{"error_code": "50006"}]})
    read = read_reply(call_named(name), Reply(200, {}, content.encode()))
    assert (read["success_count"], read["failure_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("msg_id", "read"),
    [
        *((b"null", None), (b'""', None), (b"274887115920", "274887115920")),
        *((b'"274887115920"', "274887115920"), (b"{}", None), (b"false", None)),
    ],
)
def test_a_query_reads_a_msg_id_in_any_form(msg_id: bytes, read: str | None) -> None:
    content = b'{"recipients":[{"msg_id":' + msg_id + b"},{}]}"
    schedule = read_reply(call_named("query_schedule"), Reply(200, {}, content))
    assert [recipient["msg_id"] for recipient in schedule["recipients"]] == [read, None]


def test_a_query_without_a_schedule_id_in_its_answer_is_about_the_one_that_was_asked_for() -> None:
    schedule = read_reply(call_named("query_schedule"), Reply(200, {}, b'{"recipients":[]}'))
    assert schedule["schedule_id"] == UUID


@pytest.mark.parametrize(
    "name", ["query_schedule", "modify_schedule", "modify_batch_schedule", "delete_schedule"]
)
@pytest.mark.parametrize("named", ["another-id", UUID[:-1], 5])
def test_an_answer_that_names_another_schedule_is_no_answer(name: str, named: object) -> None:
    content = {"schedule_id": named, "success_count": 2, "send_time": "2017-07-31 15:00:00"}
    error = error_of(name, 200, json.dumps(content).encode())
    assert type(error) is JsmsUnreadableReplyError
    assert "it names another schedule_id than the request" in str(error)
    assert may_be_sent_again(call_named(name).method, error)


def test_a_number_that_names_the_schedule_is_its_schedule_id() -> None:
    call = protocol.query_schedule("5")
    assert read_reply(call, Reply(200, {}, b'{"schedule_id":5}'))["schedule_id"] == "5"


@pytest.mark.parametrize("status", [200, 204])
def test_a_deletion_answers_nothing(status: int) -> None:
    assert read_reply(call_named("delete_schedule"), Reply(status, {}, b"")) is None
    assert read_reply(call_named("delete_schedule"), Reply(status, {}, b" \n")) is None
    assert read_reply(call_named("delete_schedule"), Reply(status, {}, b"{}")) is None


@pytest.mark.parametrize(
    "content",
    [HTML, b"OK", b'{"error":', b"[1]", b'"deleted"', b'{"error":{"code":50999,"message":"x"}}'],
    ids=["page", "word", "half", "list", "text", "unknown code"],
)
def test_a_deletion_that_some_page_answered_is_not_taken_as_done(content: bytes) -> None:
    # A proxy's login page with a 200 did not cancel anything: the text would still be sent.
    assert type(error_of("delete_schedule", 200, content)) is JsmsUnreadableReplyError


@pytest.mark.parametrize("status", [200, 201, 301, 302, 304, 400, 401, 403, 404, 415, 500, 503])
@pytest.mark.parametrize("code", REFUSALS)
def test_a_known_code_decides_alone_whatever_the_status_is(code: int, status: int) -> None:
    expected = next(
        (each for each, numbers in ERROR_CLASSES.items() if code in numbers), JsmsRequestError
    )
    for name, sent in (("submit_schedule", code), ("query_schedule", str(code))):
        error = error_of(name, status, envelope(sent, CODES[code].message))
        assert type(error) is expected
        assert (error.code, error.message) == (code, CODES[code].message)
        assert isinstance(error, AirflowFailException) is (expected not in TIME_MAY_MEND)
        assert CODES[code].advice in str(error)


@pytest.mark.parametrize("code", [50002, 50014, 50028, 50029])
def test_a_known_code_decides_alone_under_429_too(code: int) -> None:
    assert isinstance(error_of("query_schedule", 429, envelope(code)), JsmsApiError)


@pytest.mark.parametrize("status", [200, 302, 400, 403, 429, 500, 503])
@pytest.mark.parametrize("name", ["submit_schedule", "delete_schedule"])
@pytest.mark.parametrize("code", [50019, "50019"])
def test_50019_leaves_open_whether_it_was_done_whatever_the_status_is(
    name: str, status: int, code: object
) -> None:
    error = error_of(name, status, envelope(code, "server error"))
    assert type(error) is JsmsServerError
    assert (error.code, error.message) == (50019, "server error")
    assert "50019" in str(error)


@pytest.mark.parametrize(
    "code", [50032, 50048, 50051, 50999, 1, 0, 999999, "50999", "0050999", " 50999"]
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 415])
def test_an_unknown_code_is_a_refusal_that_keeps_its_number(code: object, status: int) -> None:
    error = error_of("submit_schedule", status, envelope(code, "a new rule"))
    if code == " 50999":  # no whole number: nothing to keep
        assert (type(error), error.code) == (JsmsUnreadableReplyError, None)
        return
    assert type(error) is JsmsUnknownCodeError
    assert (error.code, error.message) == (int(str(code)), "a new rule")
    assert f"code {int(str(code))} (HTTP {status})" in str(error)
    assert "a new rule" in str(error)
    assert not isinstance(error, AirflowFailException)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        *((200, JsmsUnreadableReplyError), (302, JsmsUnreadableReplyError)),
        *((500, JsmsServerError), (503, JsmsServerError), (429, JsmsThrottledError)),
    ],
)
def test_an_unknown_code_under_another_status_keeps_its_number_too(
    status: int, error_class: type[JsmsCallError]
) -> None:
    error = error_of("submit_schedule", status, envelope(50999, "a new rule"))
    assert type(error) is error_class
    assert (error.code, error.message) == (50999, "a new rule")


@pytest.mark.parametrize(
    "code",
    [
        None,
        True,
        False,
        1.5,
        50028.0,
        "",
        "abc",
        "50028.0",
        "-50028",
        "５００２８",
        [],
        {},
        [50028],
    ],
    ids=repr,
)
def test_a_code_of_an_odd_type_is_none(code: object) -> None:
    error = error_of("query_schedule", 403, envelope(code))
    assert (type(error), error.code) == (JsmsUnreadableReplyError, None)


NO_ENVELOPES = [
    *(b"", b" ", b"null", b"{}", b"[]", b'"error"', b"50028", b"true", b"NaN", b"{", HTML),
    *(b'{"error":null}', b'{"error":"50028"}', b'{"error":[50028]}', b'{"error":{}}'),
    *(b'{"code":50028,"message":"invalid schedule_id"}', b'{"error":{"code":}}', b"\xff\xfe\x00"),
    *(b"\x80\x81", b"\x00" * 100, b"[" * 200_000, b'{"a":' * 200_000, b'{"error":' * 100_000),
    *(b'{"error":{"code":' + b"1" * 5000 + b"}}", b'{"schedule_id":', b"HTTP/1.1 200 OK\r\n\r\n"),
]


@pytest.mark.parametrize("content", NO_ENVELOPES, ids=lambda content: repr(content)[:24])
@pytest.mark.parametrize("name", ["submit_schedule", "submit_batch_schedule", "query_schedule"])
@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        *((status, JsmsUnreadableReplyError) for status in (302, 307, 400, 401, 403, 404, 418)),
        *((status, JsmsServerError) for status in (500, 502, 503, 504, 599)),
        (429, JsmsThrottledError),
    ],
)
def test_an_answer_without_a_code_is_judged_by_its_status(
    name: str, status: int, content: bytes, error_class: type[JsmsCallError]
) -> None:
    error = error_of(name, status, content)
    assert type(error) is error_class
    assert (error.code, error.message) == (None, "")
    assert str(status) in str(error)
    assert b"log in" not in str(error).encode()


@pytest.mark.parametrize("content", NO_ENVELOPES, ids=lambda content: repr(content)[:24])
@pytest.mark.parametrize(
    "name", ["submit_schedule", "modify_schedule", "submit_batch_schedule", "modify_batch_schedule"]
)
def test_a_success_without_a_schedule_id_is_no_answer(name: str, content: bytes) -> None:
    assert type(error_of(name, 200, content)) is JsmsUnreadableReplyError


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"1", HTML, b"[" * 200_000])
@pytest.mark.parametrize("name", ["query_schedule", "query_balance"])
def test_a_query_that_some_page_answered_is_no_answer(name: str, content: bytes) -> None:
    assert type(error_of(name, 200, content)) is JsmsUnreadableReplyError


def test_a_redirect_says_that_it_is_not_followed_and_where_to_look() -> None:
    text = str(error_of("submit_schedule", 308, b"", Location="https://elsewhere.example/"))
    assert "redirect (HTTP 308), which is never followed" in text
    assert "elsewhere" not in text


@pytest.mark.parametrize("message", [None, 5, [], {}, True, ""])
def test_a_message_that_is_no_text_is_left_out(message: object) -> None:
    error = error_of("query_schedule", 403, envelope(50999, message))
    assert error.message == ""
    assert "it said: nothing." in str(error)


HOSTILE = {
    "lines": "x\n[2030-01-01] INFO - sent\r\nok",
    "controls": "a\x00\x1b[2Jb\x08\u2028\u202e\x7f",
    "number": f"invalid mobile {people.ANNA}",
    "number in groups": f"+86 {people.BEN[:3]}-{people.BEN[3:7]}-{people.BEN[7:]} is invalid",
    "echo": f"black word in {VALUE}!",
    "only the echo": VALUE,
    "megabyte": "x" * 2**20,
    "megabyte of numbers": f"{people.ANNA}," * 50_000,
    "surrogate": "\ud800 half",
    "format": "{call} %s %(x)s {0}",
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("status", [200, 302, 403, 429, 500])
@pytest.mark.parametrize("code", [50028, 50019, 50999, None])
@pytest.mark.parametrize("name", ["submit_schedule", "submit_batch_schedule"])
def test_a_hostile_message_gets_nowhere(
    name: str, code: int | None, status: int, message: str
) -> None:
    error = error_of(name, status, envelope(code, message))
    for shown in (str(error), error.message, repr(error)):
        assert people.ANNA not in shown
        assert people.BEN not in shown
        assert people.CANARY not in shown
        assert shown.isprintable()
        assert len(shown) < 1000
        shown.encode()


@pytest.mark.parametrize(
    ("para", "message"),
    [
        ({"n": f"{VALUE} "}, f"black word in {VALUE}"),
        ({"n": f"{VALUE}\n{VALUE}"}, f"black word in {VALUE} {VALUE}"),
        ({"n": f"{VALUE} and more that the server cuts"}, f"too long: {VALUE} and mo..."),
        ({"n": f"{VALUE}<b>"}, f"black word in {VALUE}&lt;b&gt;"),
        ({"n": f'{VALUE}"'}, f'invalid body {{"n":"{VALUE}\\""}}'),
    ],
    ids=["trimmed", "on one line", "cut", "as HTML", "as JSON"],
)
def test_a_value_that_comes_back_in_another_form_is_not_shown(
    para: dict[str, str], message: str
) -> None:
    body = single_body(send_time=NINE, mobile=people.ANNA, temp_id=1, sign_id=None, temp_para=para)
    with pytest.raises(JsmsUnknownCodeError) as caught:
        read_reply(protocol.submit_schedule(body), Reply(403, {}, envelope(50999, message)))
    assert people.CANARY not in str(caught.value) + caught.value.message


def test_the_message_that_repeats_a_value_is_hidden_whole() -> None:
    assert error_of("submit_schedule", 403, envelope(50999, f"no {VALUE}")).message == HIDDEN
    assert error_of("submit_batch_schedule", 403, envelope(50037, VALUE)).message == HIDDEN


@pytest.mark.parametrize(
    "code",
    [int(people.ANNA), people.ANNA, int("9" * 4000), "9" * 128],
    ids=["a phone number", "one as text", "4,000 digits", "128 digits"],
)
def test_a_code_that_can_be_none_is_not_told_as_one(code: object) -> None:
    error = error_of("query_schedule", 403, envelope(code))
    assert people.ANNA not in str(error)


def _subclasses(error_class: type[JsmsError]) -> set[type[JsmsError]]:
    return {error_class}.union(*map(_subclasses, error_class.__subclasses__()))


SAFE = {JsmsNotSentError, JsmsThrottledError}
OPEN = _subclasses(JsmsNoAnswerError)
EVERY_ERROR = sorted(
    (each for each in _subclasses(JsmsError) if each.__module__ == exceptions.__name__),
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("error_class", EVERY_ERROR, ids=lambda each: each.__name__)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_what_may_be_sent_again_as_one_table(method: str, error_class: type[JsmsError]) -> None:
    is_call = issubclass(error_class, JsmsCallError)
    error = error_class("broke", call="call") if is_call else error_class("broke")
    again = error_class in SAFE or (error_class in OPEN and method in ("GET", "PUT", "DELETE"))
    assert may_be_sent_again(method, error) is again


def test_the_table_has_every_class_that_must_not_repeat_a_submission() -> None:
    assert {each.__name__ for each in OPEN} == {
        "JsmsNoAnswerError",
        "JsmsReadTimeoutError",
        "JsmsConnectionLostError",
        "JsmsUnreadableReplyError",
        "JsmsServerError",
    }
    assert len(EVERY_ERROR) >= 28


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyboardInterrupt(), SystemExit(), TimeoutError(), OSError()]
)
def test_no_other_error_is_met_by_sending_again(method: str, error: BaseException) -> None:
    assert may_be_sent_again(method, error) is False


def _headers(**fields: str) -> CaseInsensitiveDict[str]:
    return CaseInsensitiveDict({name.replace("_", "-"): text for name, text in fields.items()})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry_After": "5"}, 5),
        ({"retry_after": "5"}, 5),
        ({"RETRY_AFTER": " 5 "}, 5),
        ({"Retry_After": "0"}, 0),
        ({"Retry_After": "0.3"}, 0.3),
        ({"Retry_After": "-5"}, 0),
        *(
            ({"Retry_After": text}, 0)
            for text in ("", "soon", "nan", "inf", "-inf", "1e999", "0x5")
        ),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30 GMT"}, 30),
        ({"Retry_After": "Mon, 21 Oct 2030 15:00:30 +0800"}, 30),
        ({"Retry_After": "Monday, 21-Oct-30 07:00:30 GMT"}, 30),
        ({"Retry_After": "Mon, 21 Oct 2030 06:59:59 GMT"}, 0),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30"}, 0),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30 -0000"}, 0),
        ({"Retry_After": "Mon, 32 Oct 2030 07:00:30 GMT"}, 0),
        ({"Retry_After": "Mon, 21 Oct 99999 07:00:30 GMT"}, 0),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30 +9999999999"}, 0),
        ({"X_Rate_Limit_Reset": "7"}, 7),
        ({"x_rate_limit_reset": "7"}, 7),
        ({"X_Rate_Limit_Reset": "Mon, 21 Oct 2030 07:00:30 GMT"}, 0),
        ({"X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Limit": "600"}, 0),
        ({"Retry_After": "5", "X_Rate_Limit_Reset": "7"}, 7),
        ({"Retry_After": "9", "X_Rate_Limit_Reset": "7"}, 9),
        ({"Retry_After": "x", "X_Rate_Limit_Reset": "7"}, 7),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30 GMT", "X_Rate_Limit_Reset": "7"}, 30),
        ({"Retry_After": "-5", "X_Rate_Limit_Reset": "nan"}, 0),
        ({"Retry_After": "-5", "X_Rate_Limit_Reset": "-7"}, 0),
    ],
    ids=str,
)
def test_the_wait_is_what_the_headers_ask_for(headers: dict[str, str], seconds: float) -> None:
    assert wait_asked_for(_headers(**headers), NOW) == seconds


@settings(deadline=None, database=None, max_examples=400)
@given(
    text=st.text(max_size=40)
    | st.lists(st.sampled_from(["Mon,", "21", "Oct", "2030", ":", "+", "-", "GMT"])).map(" ".join)
)
@example(text="9" * 5000)
@example(text=", ")
@example(text="Mon, 21 Oct 2030 07:00:30 +0860")
def test_no_header_breaks_the_reading_of_the_wait(text: str) -> None:
    wait = wait_asked_for(_headers(Retry_After=text, X_Rate_Limit_Reset=text), NOW)
    assert 0 <= wait < float("inf")


@pytest.mark.parametrize(
    ("headers", "wait", "said"),
    [
        ({"Retry-After": "5"}, 5.0, "asks to wait 5 s"),
        ({"X-Rate-Limit-Reset": "61.4"}, 61.4, "asks to wait 61 s"),
        ({}, 0.0, "without saying for how long"),
        ({"Retry-After": "soon"}, 0.0, "without saying for how long"),
    ],
)
@pytest.mark.parametrize("name", CALLS)
def test_429_asks_to_wait(name: str, headers: dict[str, str], wait: float, said: str) -> None:
    error = error_of(name, 429, b"", **headers)
    assert type(error) is JsmsThrottledError
    assert error.wait == wait
    assert said in str(error)
    assert not isinstance(error, AirflowFailException)


def test_429_with_a_date_asks_to_wait_until_then() -> None:
    until = datetime.now(UTC) + timedelta(seconds=100)
    error = error_of(
        "query_schedule", 429, b"", **{"Retry-After": f"{until:%a, %d %b %Y %H:%M:%S GMT}"}
    )
    assert isinstance(error, JsmsThrottledError)
    assert 90 < error.wait <= 100


@pytest.mark.parametrize(
    "since",
    [
        datetime(2026, 12, 1, 1, 2, 3, tzinfo=UTC),
        datetime(2026, 12, 1, 9, 2, 3, 999, tzinfo=timezone(timedelta(hours=8))),
    ],
    ids=["UTC", "+08:00"],
)
def test_an_uncertain_submission_says_since_when_in_utc(since: datetime) -> None:
    lost = JsmsServerError("it failed.", call="ignored", code=50019, message="m", http_status=500)
    error = protocol.uncertain(call_named("submit_schedule"), lost, since)
    assert "may have accepted this at 2026-12-01T01:02:03Z" in str(error)


def test_an_uncertain_submission_says_what_it_is_about_and_what_to_do_first() -> None:
    lost = JsmsServerError("it failed.", call="ignored", code=50019, message="m", http_status=500)
    call = call_named("submit_schedule")
    error = protocol.uncertain(call, lost, NOW)
    text = str(error)
    assert type(error) is JsmsUncertainError
    assert (error.call, error.code, error.message, error.http_status) == (
        str(call),
        50019,
        "m",
        500,
    )
    assert "it failed." in text
    assert f"It is about {call.subject}." in text
    assert text.index("delete it there before you send again") > text.index("JSMS console")
    assert not may_be_sent_again("POST", error)
