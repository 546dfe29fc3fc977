"""The replies of JSMS: the error that each of them means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from requests.structures import CaseInsensitiveDict

from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import HIDDEN
from airflow_provider_jsms.api.replies import Reply, read_reply, requested_wait
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsApiError,
    JsmsAuthError,
    JsmsCallError,
    JsmsFrequencyError,
    JsmsRecipientError,
    JsmsRequestError,
    JsmsReviewError,
    JsmsServerError,
    JsmsStateError,
    JsmsTemplateError,
    JsmsThrottledError,
    JsmsUnknownCodeError,
    JsmsUnreadableReplyError,
)
from tests import people
from tests.unit.api.test_calls import CALLS, UUID, VALUE, call_named

NOW = datetime(2030, 10, 21, 7, 0, 0, tzinfo=UTC)
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
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def envelope(code: object, message: object = "said") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def error_of(name: str, status: int, content: bytes, **headers: str) -> JsmsCallError:
    """Return the error that a reply means, after what holds for every one of them."""
    call = call_named(name)
    with pytest.raises(JsmsCallError) as caught:
        read_reply(call, Reply(status, headers, content))
    error = caught.value
    assert (error.call, error.http_status) == (str(call), status)
    assert str(error).startswith(f"{call}: ")
    assert str(error).isprintable()
    assert len(str(error)) < 800
    return error


class TestASuccess:
    @pytest.mark.parametrize(
        ("name", "status", "content", "result"),
        [
            ("submit_schedule", 200, {"schedule_id": UUID}, UUID),
            ("submit_schedule", 201, {"schedule_id": f" {UUID}\n"}, UUID),
            ("modify_schedule", 200, {"schedule_id": UUID, "error": None}, UUID),
            (
                "modify_schedule",
                *(200, {"schedule_id": UUID, "error": {"code": 50000, "message": "success"}}, UUID),
            ),
            (
                "get_balance",
                *(
                    200,
                    dict.fromkeys(("app_balance", "app_voice", "app_industry", "app_market")),
                    None,
                ),
            ),
        ],
    )
    def test_is_read(self, name: str, status: int, content: object, result: object) -> None:
        read = read_reply(call_named(name), Reply(status, {}, json.dumps(content).encode()))
        assert read == (result or content)

    @pytest.mark.parametrize("content", [b"", b" \n", b"{}", b'{"status":"deleted"}'])
    def test_of_a_deletion_has_no_result(self, content: bytes) -> None:
        assert read_reply(call_named("delete_schedule"), Reply(200, {}, content)) is None

    @pytest.mark.parametrize(
        "content", [HTML, b"OK", b'{"error":', b"[1]", b'{"error":{"code":50999,"message":"x"}}']
    )
    def test_that_some_page_answered_is_none(self, content: bytes) -> None:
        # A proxy's login page with a 200 did not cancel anything: the text would still be sent.
        for name in ("delete_schedule", "query_schedule", "submit_schedule"):
            assert type(error_of(name, 200, content)) is JsmsUnreadableReplyError


class TestARefusal:
    @pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 500])
    @pytest.mark.parametrize("code", [50002, 50006, 50014, 50020, 50027, 50028, 50029])
    def test_is_decided_by_a_known_code_whatever_the_status_is(
        self, code: int, status: int
    ) -> None:
        for name, sent in (("submit_schedule", code), ("query_schedule", str(code))):
            error = error_of(name, status, envelope(sent, CODES[code].message))
            assert (error.code, error.message) == (code, CODES[code].message)
            assert isinstance(error, JsmsApiError)

    @pytest.mark.parametrize("code", REFUSALS)
    def test_has_the_class_and_the_advice_of_its_code(self, code: int) -> None:
        expected = next(
            (each for each, numbers in ERROR_CLASSES.items() if code in numbers), JsmsRequestError
        )
        error = error_of("submit_schedule", 403, envelope(code, CODES[code].message))
        assert type(error) is expected
        may_be_retried = expected in (JsmsReviewError, JsmsFrequencyError)
        assert isinstance(error, AirflowFailException) is not may_be_retried
        assert CODES[code].advice in str(error)

    @pytest.mark.parametrize("code", [50009, 50014, "50201"])
    def test_is_a_wish_to_wait_with_429(self, code: object) -> None:
        error = error_of("submit_schedule", 429, envelope(code))
        assert type(error) is JsmsThrottledError
        assert error.code == int(str(code))

    @pytest.mark.parametrize("status", [200, 302, 403, 429, 500])
    @pytest.mark.parametrize("code", [50019, "50019"])
    def test_is_none_with_50019_which_leaves_the_outcome_unknown(
        self, status: int, code: object
    ) -> None:
        for name in ("submit_schedule", "delete_schedule"):
            error = error_of(name, status, envelope(code, "server error"))
            assert type(error) is JsmsServerError
            assert (error.code, error.message) == (50019, "server error")

    @pytest.mark.parametrize("code", [50032, 50999, 1, "50999"])
    def test_with_an_unknown_code_keeps_its_number(self, code: object) -> None:
        error = error_of("submit_schedule", 403, envelope(code, "a new rule"))
        assert type(error) is JsmsUnknownCodeError
        assert (error.code, error.message) == (int(str(code)), "a new rule")
        assert str(code) in str(error)
        assert "a new rule" in str(error)
        assert not isinstance(error, AirflowFailException)

    @pytest.mark.parametrize(
        ("status", "error_class"),
        [
            *((200, JsmsUnreadableReplyError), (302, JsmsUnreadableReplyError)),
            *((500, JsmsServerError), (503, JsmsServerError), (429, JsmsThrottledError)),
        ],
    )
    def test_with_an_unknown_code_is_judged_by_an_odd_status(
        self, status: int, error_class: type[JsmsCallError]
    ) -> None:
        error = error_of("submit_schedule", status, envelope(50999, "a new rule"))
        assert type(error) is error_class
        assert error.code == 50999

    @pytest.mark.parametrize("message", [None, [], ""])
    def test_without_a_message_is_still_one(self, message: object) -> None:
        assert error_of("query_schedule", 403, envelope(50999, message)).message == ""

    @pytest.mark.parametrize(
        "message",
        [
            f"invalid mobile {people.ANNA}",
            f"+86 {people.BEN[:3]}-{people.BEN[3:7]}-{people.BEN[7:]} is invalid",
            f"black word in {VALUE}!",
            VALUE,
        ],
    )
    def test_never_repeats_a_number_or_a_value(self, message: str) -> None:
        for name in ("submit_schedule", "submit_batch_schedule"):
            error = error_of(name, 403, envelope(50999, message))
            for shown in (str(error), error.message, repr(error)):
                assert people.ANNA not in shown
                assert people.BEN not in shown
                assert people.CANARY not in shown

    def test_that_repeats_a_value_is_hidden_whole(self) -> None:
        assert error_of("submit_schedule", 403, envelope(50999, f"no {VALUE}")).message == HIDDEN


NO_ENVELOPES = [
    *(b"", b"null", b"{}", b"[]", b'"error"', b"50028", b"{", HTML, b"\xff\xfe\x00"),
    *(b'{"error":null}', b'{"error":"50028"}', b'{"error":{}}', b'{"code":50028}', b"[" * 200_000),
]


@pytest.mark.parametrize("content", NO_ENVELOPES, ids=lambda content: repr(content)[:24])
@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        *((status, JsmsUnreadableReplyError) for status in (302, 400, 403, 404)),
        *((status, JsmsServerError) for status in (500, 502, 503)),
        (429, JsmsThrottledError),
    ],
)
def test_a_reply_without_a_code_is_judged_by_its_status(
    status: int, content: bytes, error_class: type[JsmsCallError]
) -> None:
    for name in ("submit_schedule", "query_schedule"):
        error = error_of(name, status, content)
        assert type(error) is error_class
        assert (error.code, error.message) == (None, "")
        assert str(status) in str(error)
        assert "log in" not in str(error)


@pytest.mark.parametrize("content", NO_ENVELOPES, ids=lambda content: repr(content)[:24])
def test_a_2xx_without_a_schedule_id_leaves_the_outcome_unknown(content: bytes) -> None:
    for name in ("submit_schedule", "modify_schedule", "submit_batch_schedule"):
        assert type(error_of(name, 200, content)) is JsmsUnreadableReplyError


def test_a_redirect_is_not_followed_and_not_quoted() -> None:
    text = str(error_of("submit_schedule", 308, b"", Location="https://elsewhere.example/"))
    assert "HTTP 308" in text
    assert "Check the host of the connection" in text
    assert "elsewhere" not in text


def _headers(**fields: str) -> CaseInsensitiveDict[str]:
    return CaseInsensitiveDict({name.replace("_", "-"): text for name, text in fields.items()})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry_After": "5"}, 5),
        ({"retry_after": " 5 "}, 5),
        ({"Retry_After": "0.3"}, 0.3),
        *(({"Retry_After": text}, 0) for text in ("-5", "", "soon", "nan")),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30 GMT"}, 30),
        ({"Retry_After": "Mon, 21 Oct 2030 15:00:30 +0800"}, 30),
        ({"Retry_After": "Mon, 21 Oct 2030 06:59:59 GMT"}, 0),
        ({"Retry_After": "Mon, 21 Oct 2030 07:00:30"}, 0),
        ({"Retry_After": "Mon, 21 Oct 99999 07:00:30 GMT"}, 0),
        ({"X_Rate_Limit_Reset": "7"}, 7),
        ({"X_Rate_Limit_Remaining": "0"}, 0),
        ({"Retry_After": "5", "X_Rate_Limit_Reset": "7"}, 7),
        ({"Retry_After": str(10**9)}, 30 * 24 * 3600),
    ],
    ids=str,
)
def test_the_requested_wait(headers: dict[str, str], seconds: float) -> None:
    assert requested_wait(_headers(**headers), NOW) == seconds


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "5"}, 5.0), ({}, 0.0)])
def test_429_carries_the_requested_wait(name: str, headers: dict[str, str], wait: float) -> None:
    error = error_of(name, 429, b"", **headers)
    assert isinstance(error, JsmsThrottledError)
    assert error.wait == wait
    assert ("asks to wait 5 s" in str(error)) is bool(wait)
    assert not isinstance(error, AirflowFailException)
