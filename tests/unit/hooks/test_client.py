"""Retries, row by row, against a real socket that counts the requests."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsConnectionLostError,
    JsmsError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsServerError,
    JsmsThrottledError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import people
from tests.unit import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.unit.wire import Connection

SCHEDULE_ID = "91b81a48-49f6-4eb9-a95f-020f88adcfba"
GOOD = {
    "POST": wire.answer(body=json.dumps({"schedule_id": SCHEDULE_ID}).encode()),
    "PUT": wire.answer(body=json.dumps({"schedule_id": SCHEDULE_ID}).encode()),
    "GET": wire.answer(body=json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()),
    "DELETE": wire.answer(body=b""),
}


def code(number: int, status: int) -> Callable[[Connection], None]:
    return wire.answer(status, json.dumps({"error": {"code": number, "message": "m"}}).encode())


def call(method: str, when: datetime) -> Callable[[JsmsHook], Any]:
    one = {"send_time": when, "mobile": people.ANNA, "temp_id": 1}
    return {
        "POST": lambda hook: hook.submit_schedule(**one),
        "PUT": lambda hook: hook.modify_schedule(SCHEDULE_ID, **one),
        "GET": lambda hook: hook.query_schedule(SCHEDULE_ID),
        "DELETE": lambda hook: hook.delete_schedule(SCHEDULE_ID),
    }[method]


AMBIGUOUS = {
    "reset before the body was read": (wire.reset_before_body, JsmsConnectionLostError),
    "reset after the body was read": (wire.reset_after_body, JsmsConnectionLostError),
    "closed without an answer": (wire.close_after_body, JsmsConnectionLostError),
    "stalled": (wire.stall, JsmsReadTimeoutError),
    "stalled in the body": (wire.stall_in_body, JsmsReadTimeoutError),
    "half a body": (wire.half_a_body, JsmsConnectionLostError),
    "an endless body": (wire.endless_body, JsmsUnreadableReplyError),
    "garbage instead of HTTP": (
        lambda connection: (connection.send(b"garbage\r\n\r\n"), connection.close()),
        JsmsConnectionLostError,
    ),
    "HTML": (wire.answer(200, b"<html>"), JsmsUnreadableReplyError),
    "HTTP 500 without a code": (wire.answer(500, b""), JsmsServerError),
    "HTTP 502 of a proxy": (wire.answer(502, b"<html>Bad Gateway"), JsmsServerError),
    "50019": (code(50019, 500), JsmsServerError),
    "a redirect": (
        wire.answer(302, b"", Location="http://127.0.0.1:9/elsewhere"),
        JsmsUnreadableReplyError,
    ),
    "a redirect to nowhere": (
        wire.answer(302, b"", Location="http://[bad"),
        JsmsUnreadableReplyError,
    ),
}


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("name", AMBIGUOUS)
class TestAnAmbiguousEnd:
    def test_a_submission_is_never_sent_again(
        self, name: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        behaviour, cause = AMBIGUOUS[name]
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url, read_timeout=0.3)
            with JsmsHook() as hook, pytest.raises(JsmsUncertainError) as caught:
                call("POST", tomorrow)(hook)
        assert isinstance(caught.value.__cause__, cause)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_another_call_is_retried_and_succeeds(
        self, name: str, method: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        behaviour, _ = AMBIGUOUS[name]
        with wire.WireServer([behaviour, behaviour, GOOD[method]]) as server:
            set_connection(server.url, read_timeout=0.3)
            with JsmsHook() as hook:
                call(method, tomorrow)(hook)
        assert [request.line.split()[0] for request in server.requests] == [method] * 3

    def test_a_query_ends_after_three_attempts_with_its_cause(
        self, name: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        behaviour, cause = AMBIGUOUS[name]
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url, read_timeout=0.3)
            with JsmsHook() as hook, pytest.raises(cause):
                call("GET", tomorrow)(hook)
        assert len(server.requests) == 3


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
class TestEveryMethod:
    def test_a_throttled_call_is_retried(
        self, method: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        throttled = wire.answer(429, b"", Retry_After="0")
        with wire.WireServer([throttled, throttled, GOOD[method]]) as server:
            set_connection(server.url)
            with JsmsHook() as hook:
                call(method, tomorrow)(hook)
        assert len(server.requests) == 3

    def test_a_wait_longer_than_a_minute_is_left_to_airflow(
        self, method: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        with wire.WireServer([wire.answer(429, b"", Retry_After="61")]) as server:
            set_connection(server.url)
            with JsmsHook() as hook, pytest.raises(JsmsThrottledError, match="61 s"):
                call(method, tomorrow)(hook)
        assert len(server.requests) == 1

    def test_a_refusal_is_not_retried(
        self, method: str, set_connection: Callable[..., None], tomorrow: datetime
    ) -> None:
        with wire.WireServer([code(50014, 403)]) as server:
            set_connection(server.url)
            with JsmsHook() as hook, pytest.raises(JsmsAccountError):
                call(method, tomorrow)(hook)
        assert len(server.requests) == 1

    def test_an_unsent_call_is_retried(
        self,
        method: str,
        set_connection: Callable[..., None],
        tomorrow: datetime,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed_soon:
            port = closed_soon.getsockname()[1]
        set_connection(f"http://127.0.0.1:{port}")
        with JsmsHook() as hook, pytest.raises(JsmsNotSentError):
            call(method, tomorrow)(hook)
        assert caplog.text.count("Retrying in") == 2


@pytest.mark.usefixtures("no_waits")
def test_a_failed_tls_handshake_sent_nothing(
    set_connection: Callable[..., None], tomorrow: datetime
) -> None:
    with wire.WireServer([wire.answer()]) as server:  # speaks no TLS
        set_connection(server.url.replace("http://", "https://"), connect_timeout=0.5)
        with JsmsHook() as hook, pytest.raises(JsmsNotSentError):
            call("POST", tomorrow)(hook)


@pytest.mark.usefixtures("no_waits")
def test_a_name_that_does_not_resolve_sent_nothing(
    set_connection: Callable[..., None], tomorrow: datetime
) -> None:
    set_connection("jsms.invalid")
    with JsmsHook() as hook, pytest.raises(JsmsNotSentError):
        call("POST", tomorrow)(hook)


def test_an_interrupted_submission_is_uncertain(
    set_connection: Callable[..., None], tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow raises into a task, as for execution_timeout, and then runs it again."""

    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(client, "read_reply", interrupt)
    with wire.WireServer([GOOD["POST"]]) as server:
        set_connection(server.url)
        with JsmsHook() as hook:
            with pytest.raises(JsmsUncertainError, match="Interrupted"):
                call("POST", tomorrow)(hook)
            with pytest.raises(Interrupted):
                call("GET", tomorrow)(hook)


@pytest.mark.usefixtures("no_waits")
def test_a_submission_has_its_full_read_timeout_after_the_minute(
    set_connection: Callable[..., None], tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_IN_ALL", 0.1)

    def late(connection: Connection) -> None:
        connection.released.wait(0.5)
        GOOD["POST"](connection)

    with wire.WireServer([late]) as server:
        set_connection(server.url)
        with JsmsHook() as hook:
            assert call("POST", tomorrow)(hook) == SCHEDULE_ID


def test_waits_grow_with_jitter_and_honour_what_is_asked(
    set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    behaviours = [wire.answer(503, b"")] * 5 + [wire.answer(429, b"", Retry_After="20")]
    with wire.WireServer([*behaviours, GOOD["GET"]]) as server:
        set_connection(server.url, max_attempts=7)
        with JsmsHook() as hook:
            hook.query_schedule(SCHEDULE_ID)
    bounds = [(1, 2), (2, 3), (4, 5), (8, 9), (10, 10), (20, 20)]
    assert [low <= each <= high for each, (low, high) in zip(waited, bounds, strict=True)] == [
        True
    ] * 6


class TestADeleteWhoseAnswerWasLost:
    @pytest.fixture(autouse=True)
    def _quick(self, no_waits: None) -> None:
        pass

    def ask(self, server: wire.WireServer, set_connection: Callable[..., None]) -> None:
        set_connection(server.url)
        with JsmsHook() as hook:
            hook.delete_schedule(SCHEDULE_ID)

    def shown(self, send_time: str) -> Callable[[Connection], None]:
        body = {"schedule_id": SCHEDULE_ID, "send_time": send_time, "recipients": []}
        return wire.answer(body=json.dumps(body).encode())

    @pytest.mark.parametrize("number", [50028, 50029])
    @pytest.mark.parametrize("shown", ["gone", "still listed"])
    def test_was_done_by_the_first_try(
        self, number: int, shown: str, set_connection: Callable[..., None]
    ) -> None:
        seen = code(50028, 403) if shown == "gone" else self.shown("2099-01-01 00:00:00")
        with wire.WireServer([wire.close_after_body, code(number, 403), seen]) as server:
            self.ask(server, set_connection)
        assert [each.line.split()[0] for each in server.requests] == ["DELETE", "DELETE", "GET"]

    def test_came_too_late(self, set_connection: Callable[..., None]) -> None:
        seen = self.shown("2020-01-01 00:00:00")
        with (
            wire.WireServer([wire.close_after_body, code(50029, 403), seen]) as server,
            pytest.raises(JsmsError, match="it was sent before it could be deleted"),
        ):
            self.ask(server, set_connection)

    def test_is_an_error_by_code_where_no_answer_was_lost(
        self, set_connection: Callable[..., None]
    ) -> None:
        with (
            wire.WireServer([wire.answer(429, b""), code(50028, 403)]) as server,
            pytest.raises(JsmsError, match="50028"),
        ):
            self.ask(server, set_connection)
        assert len(server.requests) == 2
