"""Whatever a server answers: a result that is sane, or an error of the provider, and no other."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.api.calls import LARGEST_REPLY, Reply, read_reply, requested_wait
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.exceptions import (
    JsmsCallError,
    JsmsNoAnswerError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)
from tests import people
from tests.unit import wire
from tests.unit.api.test_bodies import BAD_SCHEDULE_IDS
from tests.unit.api.test_protocol import CALLS, call_named, error_of
from tests.unit.fuzz.profile import examples
from tests.unit.hooks.test_client import SCHEDULE_ID
from tests.unit.hostile.ways import QUERIES, memory_below, say, submit

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = examples(150)
FEW = examples(40)

NAMES = [
    *("schedule_id", "success_count", "failure_count", "failure_recipients", "recipients", "error"),
    *("msg_id", "mobile", "temp_para", "temp_id", "send_time", "code", "message", "error_code"),
    *("error_message", "app_balance", "app_\n", "\0", ""),
]
ODD = [
    *(0, 1, -1, 2, 1001, 1.0, 1e400, -1e400, float("nan"), 50000, 50019, 50028, 10**400, 10**4000),
    *("", " ", "0", "1", "-1", "50028", "1e400", SCHEDULE_ID, "a/b", "..", "\0", "\ud800", "\n"),
    *("\u202e", "\u2028", people.ANNA, f"+86 {people.ANNA}", "x" * 10_000, "9" * 5000, "１２"),
    *(None, True, False, [], {}, [[]], [None], {"": None}),
]
scalars = st.one_of(
    st.sampled_from(ODD), st.integers(), st.floats(), st.text(max_size=20), st.booleans()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), inner, max_size=5),
    ),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
codes = st.one_of(st.sampled_from([*CODES, 50999]), scalars)
envelopes = st.fixed_dictionaries(
    {"error": st.fixed_dictionaries({"code": codes}, optional={"message": scalars})}
)
contents = st.one_of(
    st.binary(max_size=200),
    st.one_of(objects, envelopes, values).map(lambda value: json.dumps(value).encode()),
    st.one_of(objects, values).flatmap(
        lambda value: st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "latin-1"]).map(
            lambda name: json.dumps(value, ensure_ascii=False).encode(name, "replace")
        )
    ),
)
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "X-Rate-Limit-Reset", "Content-Encoding", "Content-Type"]),
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["gzip", "deflate", "1e308", "9" * 400, "nan", "-1", "Sun, 99 Foo"]),
    ),
)


def check_sane(result: Any) -> None:
    """Check that a result can be kept in any database, and what names a schedule be used."""
    text = json.dumps(result, ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text
    if isinstance(result, str):
        assert schedule_id_of(result) == result
    if isinstance(result, dict) and "success_count" in result:
        assert result["success_count"] >= 0
        assert result["failure_count"] >= 0
        assert result["success_count"] + result["failure_count"] == 2
        if result["schedule_id"] is not None or result["success_count"]:
            assert schedule_id_of(result["schedule_id"]) == result["schedule_id"]
    for each in result.get("recipients", []) if isinstance(result, dict) else []:
        assert each["msg_id"] is None or (
            each["msg_id"].isprintable() and len(each["msg_id"]) <= 128
        )


@pytest.mark.parametrize("name", CALLS)
@MANY
@given(st.one_of(st.integers(100, 999), st.sampled_from([200, 429])), headers, contents)
def test_any_answer_is_a_result_or_an_error_of_the_call(
    name: str, status: int, headers: dict[str, str], content: bytes
) -> None:
    try:
        result = read_reply(call_named(name), Reply(status, headers, content))
    except JsmsCallError:
        error_of(name, status, content, **headers)
    else:
        check_sane(result)


@pytest.mark.parametrize("beginning", [b"", b'{"schedule_id": "a", "recipients": '])
@pytest.mark.parametrize("small", [b"{}", b"[]", b"0", b'{"a":0}', b'""'])
def test_a_body_of_very_many_values_does_not_fill_the_memory(
    beginning: bytes, small: bytes
) -> None:
    many = b",".join([small] * (LARGEST_REPLY // (len(small) + 1) - 20))
    content = beginning + b"[" + many + b"]" + b"}" * bool(beginning)
    assert len(content) <= LARGEST_REPLY
    with memory_below(4 * LARGEST_REPLY):
        assert type(error_of("query_schedule", 200, content)) is JsmsUnreadableReplyError


def test_a_schedule_of_a_thousand_people_is_read() -> None:
    person = {
        "msg_id": "288193860302",
        "mobile": people.ANNA,
        "temp_para": {f"name{index}": "a, b, [c], {d}, " * 2 for index in range(10)},
    }
    content = json.dumps({"recipients": [person] * 1000}).encode()
    read = read_reply(call_named("query_schedule"), Reply(200, {}, content))
    assert read["recipients"] == [person] * 1000


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "content",
    [
        *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b"1" * 5000),
        *(b'{"schedule_id": NaN}', b'{"schedule_id": -Infinity}', b'{"schedule_id": 1e400}'),
        *(b'{"schedule_id": "a", "schedule_id": null}', b'{"schedule_id": "\\ud800"}'),
        *(b"\xef\xbb\xbf[]", '{"schedule_id": ""}'.encode("utf-16"), b"\0", b'"\xed\xa0\x80"'),
        *(b'{"schedule_id": ' + b"9" * 5000 + b"}", b'{"schedule_id": "' + b"x" * 10**7 + b'"}'),
        *(b'{"error": []}', b'{"error": {"code": 1e400}}', b'{"error": {"code": {}}}', b"<html>"),
    ],
    ids=lambda content: repr(content)[:40],
)
def test_a_trap_is_a_result_or_an_error_of_the_call(name: str, content: bytes) -> None:
    try:
        check_sane(read_reply(call_named(name), Reply(200, {}, content)))
    except JsmsUnreadableReplyError:
        error_of(name, 200, content)


@pytest.mark.parametrize("name", ["submit_batch_schedule", "query_schedule"])
@pytest.mark.parametrize("where", ["mobile", "temp_para"])
def test_what_is_nested_too_deeply_to_be_told_is_no_crash(name: str, where: str) -> None:
    """The decoder of JSON bears more depth than the making of a text does."""
    for depth in range(200, sys.getrecursionlimit() + 50, 5):
        nested = "[" * depth + "]" * depth
        if where == "temp_para":
            nested = f'{{"a": {nested}}}'
        entry = f'{{"{where}": {nested}}}'
        content = f'{{"schedule_id":"a","failure_recipients":[{entry}],"recipients":[{entry}]}}'
        with suppress(JsmsUnreadableReplyError):
            read_reply(call_named(name), Reply(200, {}, content.encode()))


# A number, and white space around a text, are brought to the form of a schedule_id.
UNUSABLE = [
    each
    for each in BAD_SCHEDULE_IDS
    if each not in (0, 5, " a", "a ", "a\n") and type(each) not in (bytes, object)
]


@pytest.mark.parametrize("name", ["submit_schedule", "modify_schedule", "submit_batch_schedule"])
@pytest.mark.parametrize("schedule_id", UNUSABLE, ids=lambda value: repr(value)[:20])
def test_a_schedule_id_that_no_later_call_could_name_is_none(name: str, schedule_id: Any) -> None:
    content = json.dumps({"schedule_id": schedule_id, "success_count": 2}).encode()
    error = error_of(name, 200, content)
    assert type(error) is JsmsUnreadableReplyError
    assert people.ANNA not in str(error)


def test_what_no_database_can_hold_is_replaced_wherever_it_is() -> None:
    entry = '{"mobile": "\\u0000", "msg_id": "a", "temp_para": {"\\ud800": "x\\u0000\\udfffy\\n"}}'
    content = f'{{"recipients": [{entry}], "send_time": "\\u0000"}}'.encode()
    read = read_reply(call_named("query_schedule"), Reply(200, {}, content))
    assert read["send_time"] == "\ufffd"
    assert read["recipients"] == [
        {"msg_id": "a", "mobile": "\ufffd", "temp_para": {"\ufffd": "x\ufffd\ufffdy\n"}}
    ]


@MANY
@given(st.text(max_size=60))
@example("Wed, 21 Oct 2015 07:28:00 -9999")
@example("Wed, 21 Oct 99999 07:28:00 GMT")
@example("1 1 1 1 1 1")
@example("9" * 5000)
@example("1e308")
@example("infinity")
def test_any_wait_that_is_asked_for_is_one_that_can_be_reckoned_with(text: str) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    for name in ("Retry-After", "X-Rate-Limit-Reset"):
        assert 0 <= requested_wait({name: text}, now) <= 30 * 86400


lines = st.one_of(
    st.sampled_from(
        [
            *(
                b"HTTP/1.1 200 OK",
                b"HTTP/1.0 200",
                b"HTTP/0.9 200 OK",
                b"HTTP/2 200 OK",
                b"ICY 200",
            ),
            *(
                b"HTTP/1.1 204 No",
                b"HTTP/1.1 101 Up",
                b"HTTP/1.1 999 ?",
                b"HTTP/1.1 -1 ?",
                b"HTTP/",
            ),
            *(b"HTTP/1.1 2_0 ?", b"HTTP/1.1 429 ?", b"HTTP/1.1 503 ?", b"HTTP/1.1 \xff\xff \x00"),
            *(b"HTTP/1.1 200", b"HTTP/1.1  200  OK", b"http/1.1 200 OK", b"HTTP/1.1 20\xc2\xb2 OK"),
        ]
    ),
    st.binary(max_size=30),
)
fields = st.one_of(
    st.sampled_from(
        [
            *(b"Content-Length: 5", b"Content-Length: x", b"Transfer-Encoding: chunked"),
            *(b"Content-Type: multipart/x; boundary=b", b"Content-Type: text/html; charset=\xff"),
            *(
                b"Content-Encoding: gzip",
                b"Retry-After: 1",
                b"Connection: close",
                b" x",
                b"x",
                b":",
            ),
            *(b"Set-Cookie: a=b", b"Set-Cookie: \x00=\xff; expires=Foo", b"Location: http://[bad"),
            *(b"Upgrade: websocket", b"Connection: upgrade", b"Content-Range: x", b"Trailer: x"),
        ]
    ),
    st.binary(max_size=20),
)
bodies = st.one_of(contents, st.sampled_from([b"0\r\n\r\n", b"5\r\n12345\r\n0\r\n\r\n", b"z\r\n"]))


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Return what may come in place of a reply: nearly one, or no more than bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    head = [draw(lines), *draw(st.lists(fields, max_size=5))]
    return b"\r\n".join([*head, b"", draw(bodies)])


@pytest.fixture(scope="module")
def answering() -> Any:
    """A server that says what it is told to next."""
    said: list[bytes] = [b""]

    def answer(connection: wire.Connection) -> None:
        say(said[0])(connection)

    with wire.WireServer([answer]) as server:
        yield said, server


@pytest.fixture
def _connection(answering: Any, set_connection: Callable[..., None]) -> None:
    set_connection(answering[1].url, max_attempts=1, read_timeout=5)


@pytest.mark.usefixtures("_connection")
@pytest.mark.parametrize("way", QUERIES)
@FEW
@given(replies())
def test_any_bytes_to_a_query_end_in_a_result_or_an_error(
    way: str, answering: Any, reply: bytes
) -> None:
    answering[0][0] = reply
    try:
        check_sane(QUERIES[way]())
    except JsmsCallError as error:
        check_told(error)


@pytest.mark.usefixtures("_connection")
@FEW
@given(replies())
def test_any_bytes_to_a_submission_end_in_a_result_or_an_error(
    answering: Any, reply: bytes
) -> None:
    said, server = answering
    said[0] = reply
    before = len(server.requests)
    try:
        check_sane(submit())
    except JsmsCallError as error:
        check_told(error)
    assert len(server.requests) == before + 1


def check_told(error: JsmsCallError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 800
    if isinstance(error, JsmsUncertainError):
        assert isinstance(error.__cause__, JsmsNoAnswerError)
