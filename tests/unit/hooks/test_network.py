"""What real networks do: proxies, redirects, certificates, slow, broken and large replies."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import traceback
import zlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.exceptions import (
    JsmsConnectionLostError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks import async_client, client, transport
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import leaks, people
from tests.leaks import BASIC_TOKEN
from tests.unit import wire
from tests.unit.hooks.test_async_client import ask, ask_in_the_old_way, failure
from tests.unit.hooks.test_client import GOOD, SCHEDULE_ID
from tests.unit.wire import Authority, say, trickle, tunnel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.wire import Connection

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()


def submit() -> str:
    with JsmsHook() as hook:
        return hook.submit_schedule(
            send_time=datetime.now(UTC) + timedelta(days=1), mobile=people.ANNA, temp_id=1
        )


def delete() -> None:
    with JsmsHook() as hook:
        hook.delete_schedule(SCHEDULE_ID)


QUERIES: dict[str, Callable[[], Any]] = {"requests": ask_in_the_old_way, "aiohttp": ask}
CALLS: dict[str, Callable[[], Any]] = {**QUERIES, "submit": submit}
BY_QUERY = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
BY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        return int(closed_soon.getsockname()[1])


class TestTheCredentials:
    @pytest.mark.parametrize("status", [302, 307])
    @BY_CALL
    def test_do_not_follow_a_redirect(
        self, status: int, call: Callable[[], Any], set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([wire.answer()]) as other:
            redirect = wire.answer(status, b"", Location=f"{other.url}/v1/schedule/x")
            with wire.WireServer([redirect]) as server:
                set_connection(server.url, max_attempts=1)
                failure(call)
        assert (len(server.requests), len(other.requests)) == (1, 0)

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.sms.jpush.cn:443/v1/schedule",
            "https://api.sms.jpush.cn:8443/v1/schedule",
            "https://api.sms.jpush.cn.example.com/",
            "https://api.sms.jpush.cn@example.com/",
        ],
    )
    def test_of_the_hooks_session_go_to_the_base_url_only(
        self, url: str, set_connection: Callable[..., None]
    ) -> None:
        set_connection()
        session = JsmsHook().get_conn()
        assert session.get_adapter("https://api.sms.jpush.cn/v1/schedule")
        with pytest.raises(requests.exceptions.InvalidSchema):
            session.get(url)

    @BY_QUERY
    def test_are_not_replaced_by_a_netrc(
        self,
        query: Callable[[], Any],
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        (tmp_path / "netrc").write_text("default login other password word\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            query()
        assert server.requests[0].headers["authorization"] == f"Basic {BASIC_TOKEN}"


@BY_CALL
class TestAProxy:
    @pytest.mark.parametrize(
        ("name", "prefix"),
        [("HTTPS_PROXY", "http://user:word@"), ("https_proxy", "http://"), ("ALL_PROXY", "")],
    )
    def test_opens_a_tunnel_and_sees_no_request(
        self,
        call: Callable[[], Any],
        name: str,
        prefix: str,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        heard: list[bytes] = []
        with (
            wire.WireServer([say_schedule], certificate=authority.certificate()) as server,
            wire.WireServer([partial(tunnel, heard=heard)]) as proxy,
        ):
            monkeypatch.setenv(name, f"{prefix}{proxy.address}")
            set_connection(server.url, ca_bundle=str(authority.bundle))
            call()
        assert proxy.requests[0].line.startswith(f"CONNECT {server.address} ")
        assert "authorization" not in proxy.requests[0].headers
        assert ("proxy-authorization" in proxy.requests[0].headers) is ("user" in prefix)
        assert "proxy-authorization" not in server.requests[0].headers
        assert heard
        assert BASIC_TOKEN.encode() not in b"".join(heard)

    def test_is_not_used_for_a_host_of_no_proxy(
        self,
        call: Callable[[], Any],
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
        with wire.WireServer([say_schedule], certificate=authority.certificate()) as server:
            set_connection(server.url, ca_bundle=str(authority.bundle))
            call()

    def test_never_sees_a_plain_request(
        self,
        call: Callable[[], Any],
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with wire.WireServer([say_schedule]) as server:
            set_connection(server.url)
            call()
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [302, 403, 407, 503])
    def test_that_refuses_the_tunnel_got_no_request(
        self,
        call: Callable[[], Any],
        status: int,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([wire.answer(status, b"", Connection="close")]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            set_connection("jsms.invalid", max_attempts=1)
            assert type(failure(call)) is JsmsNotSentError
        assert proxy.requests[0].line.startswith("CONNECT jsms.invalid:443 ")
        assert BASIC_TOKEN not in repr(proxy.requests)

    @pytest.mark.parametrize(
        "proxy", ["http://127.0.0.1:{port}", "http://", "socks5://127.0.0.1:{port}"]
    )
    def test_that_cannot_be_used_got_no_request(
        self,
        call: Callable[[], Any],
        proxy: str,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy.format(port=closed_port()))
        set_connection("jsms.invalid", max_attempts=1)
        assert type(failure(call)) is JsmsNotSentError


def say_schedule(connection: Connection) -> None:
    wire.answer(body=BODY)(connection)


class TestACertificate:
    @BY_CALL
    def test_is_verified_for_its_host(
        self,
        call: Callable[[], Any],
        authority: Authority,
        set_connection: Callable[..., None],
    ) -> None:
        certificate = authority.certificate("sms.example.com")
        with wire.WireServer([say_schedule], certificate=certificate) as server:
            set_connection(server.url, ca_bundle=str(authority.bundle), max_attempts=1)
            assert type(failure(call)) is JsmsNotSentError
        assert server.requests == []

    @pytest.mark.parametrize(
        "names",
        [
            *(["REQUESTS_CA_BUNDLE"], ["CURL_CA_BUNDLE"], ["SSL_CERT_FILE"], ["SSL_CERT_DIR"]),
            *(["ca_bundle as a folder"], ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]),
            ["SSL_CERT_FILE", "SSL_CERT_DIR"],
            ["ca_bundle", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"],
        ],
        ids=", ".join,
    )
    def test_is_trusted_by_the_first_setting_alone(
        self,
        names: list[str],
        authority: Authority,
        tmp_path: Path,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "other").mkdir()
        other = Authority(tmp_path / "other")

        def lead(first: Authority, later: Authority) -> None:
            extra: dict[str, Any] = {}
            for name in names:
                place = first if name == names[0] else later
                path = str(place.folder() if name.endswith(("DIR", "folder")) else place.bundle)
                if name.startswith("ca_bundle"):
                    extra["ca_bundle"] = path
                else:
                    monkeypatch.setenv(name, path)
            set_connection(server.url, max_attempts=1, **extra)

        with wire.WireServer([say_schedule], certificate=authority.certificate()) as server:
            lead(authority, other)
            assert ask() == ask_in_the_old_way()
            lead(other, authority)
            for query in QUERIES.values():
                text = str(failure(query))
                assert f"the certificate of {server.url} does not verify (unable to " in text
                for way in ("nothing was sent", "ca_bundle", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
                    assert way in text
        assert len(server.requests) == 2

    @pytest.mark.parametrize("content", ["", "garbage", None])
    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "ca_bundle"])
    @BY_CALL
    def test_bundle_that_cannot_be_loaded_is_named(
        self,
        call: Callable[[], Any],
        name: str,
        content: str | None,
        tmp_path: Path,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        monkeypatch.setenv(name, str(path))
        extra = {"ca_bundle": str(path)} if name == "ca_bundle" else {}
        set_connection("https://127.0.0.1:9", max_attempts=1, **extra)
        error = failure(call)
        assert type(error) is JsmsNotSentError
        assert f"{name}, {path}, cannot be loaded (" in str(error)
        assert f"so nothing was sent. Correct {'the extra ' * bool(extra)}{name}" in str(error)


def packed(body: bytes, encoding: str) -> Callable[[Connection], None]:
    return wire.answer(200, body, Content_Encoding=encoding)


@BY_QUERY
class TestABody:
    @pytest.mark.parametrize(
        ("body", "encoding"),
        [(gzip.compress(BODY), "gzip"), (zlib.compress(BODY), "deflate"), (BODY, "identity")],
        ids=["gzip", "deflate", "identity"],
    )
    def test_that_a_proxy_has_packed_is_decoded(
        self,
        query: Callable[[], Any],
        body: bytes,
        encoding: str,
        set_connection: Callable[..., None],
    ) -> None:
        with wire.WireServer([packed(body, encoding)]) as server:
            set_connection(server.url, max_attempts=1)
            assert query()["schedule_id"] == SCHEDULE_ID
        assert server.requests[0].headers["accept-encoding"] == "identity"

    def test_that_cannot_be_decoded_is_no_answer(
        self, query: Callable[[], Any], set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([packed(b"no gzip", "gzip")]) as server:
            set_connection(server.url, max_attempts=1)
            assert isinstance(failure(query), JsmsNoAnswerError)

    @pytest.mark.parametrize("is_packed", [False, True])
    def test_is_read_up_to_a_size(
        self,
        query: Callable[[], Any],
        is_packed: bool,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        body = BODY + b" " * 100_000
        answer = packed(gzip.compress(body), "gzip") if is_packed else wire.answer(body=body)
        with wire.WireServer([answer]) as server:
            set_connection(server.url, max_attempts=1)
            for most, is_read in ((len(body), True), (len(body) - 1, False)):
                for module in (client, async_client):
                    monkeypatch.setattr(module, "MAX_REPLY", most)
                if is_read:
                    assert query()["schedule_id"] == SCHEDULE_ID
                else:
                    error = failure(query)
                    assert type(error) is JsmsUnreadableReplyError
                    assert "the reply is larger than" in str(error)


TRICKLES = {
    "headers": (OK, b"X-X: x\r\n"),
    "a header": (OK + b"X: ", b"x"),
    "a body": (OK + b"Content-Length: 99999\r\n\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", TRICKLES)
class TestAReplyThatTrickles:
    """Each piece arrives within read_timeout, and the whole never ends."""

    @pytest.mark.parametrize("is_tls", [False, True])
    @BY_QUERY
    def test_to_a_query_ends_at_its_deadline(
        self,
        query: Callable[[], Any],
        is_tls: bool,
        name: str,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in (client, async_client):
            monkeypatch.setattr(module, "LONGEST_IN_ALL", 0.3)
            monkeypatch.setattr(module, "SHORTEST_TRY", 0.1)
        certificate = authority.certificate() if is_tls else None
        with wire.WireServer([trickle(*TRICKLES[name])], certificate=certificate) as server:
            set_connection(server.url, ca_bundle=str(authority.bundle), max_attempts=1)
            assert type(failure(query)) is JsmsReadTimeoutError

    def test_to_a_submission_is_uncertain(
        self, name: str, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([trickle(*TRICKLES[name])]) as server:
            set_connection(server.url, connect_timeout=0.2, read_timeout=0.2)
            with pytest.raises(JsmsUncertainError) as caught:
                submit()
        assert type(caught.value.__cause__) is JsmsReadTimeoutError
        assert len(server.requests) == 1


class TestTheDeadline:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        clock = [1000.0]
        for module in (client, transport):
            monkeypatch.setattr(module, "monotonic", lambda: clock[0])
        return clock

    def test_of_a_reply_starts_when_connected_and_ends_with_it(self, clock: list[float]) -> None:
        request = transport.request
        with request.within(10):
            clock[0] += 9
            request.connected()
            clock[0] += 9
            assert request.timeout(30) == request.timeout(None) == 1
            clock[0] += 1
            with pytest.raises(TimeoutError):
                request.timeout(30)
        assert request.timeout(30) == 30
        assert request.timeout(None) is None

    @pytest.mark.usefixtures("no_waits")
    @pytest.mark.parametrize(
        ("call", "seconds"), [(ask_in_the_old_way, [60, 35, 10]), (submit, [35, 35, 35])]
    )
    def test_is_one_minute_for_all_attempts_but_whole_for_a_submission(
        self,
        call: Callable[[], Any],
        seconds: list[float],
        clock: list[float],
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        given: list[float] = []

        def not_sent(_: object, call: object, seconds: float) -> None:
            given.append(seconds)
            clock[0] += 25
            raise JsmsNotSentError("no connection.", call=str(call))

        monkeypatch.setattr(client.JsmsClient, "exchange", not_sent)
        set_connection()
        failure(call)
        assert given == seconds


def test_a_request_that_is_not_read_is_given_up(set_connection: Callable[..., None]) -> None:
    body = {"mobile": people.ANNA, "temp_id": 1, "send_time": "-", "x": "x" * 30_000_000}
    call = protocol.Call("submit", "POST", "/v1/schedule", str, body)
    with wire.WireServer([lambda connection: connection.stall()]) as server:
        set_connection(server.url, connect_timeout=0.3, read_timeout=0.3)
        with JsmsHook() as hook, pytest.raises(JsmsUncertainError) as caught:
            hook._client.send(call)
    assert type(caught.value.__cause__) is JsmsReadTimeoutError


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: a"])
@pytest.mark.parametrize("call", [*CALLS.values(), delete])
def test_a_connection_lost_amid_the_headers_is_no_empty_success(
    call: Callable[[], Any], head: bytes, set_connection: Callable[..., None]
) -> None:
    with wire.WireServer([say(head)]) as server:
        set_connection(server.url, max_attempts=1)
        error = failure(call)
    lost = error.__cause__ if isinstance(error, JsmsUncertainError) else error
    assert type(lost) is JsmsConnectionLostError


SPOKEN = f"{people.ANNA} {people.CANARY}-"
ECHOES = {
    "no HTTP": f"{SPOKEN}\r\n\r\n",
    "the reason": f"HTTP/1.1 403 {SPOKEN}\r\nContent-Length: 0\r\n\r\n",
    "a length": f"HTTP/1.1 200 OK\r\nContent-Length: {SPOKEN}\r\n\r\n",
    "half a body": f"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{SPOKEN}",
    "a page": f"HTTP/1.1 200 OK\r\n\r\n<html>{SPOKEN}",
}


@pytest.mark.parametrize("name", ECHOES)
@BY_CALL
def test_no_error_or_log_quotes_a_reply(
    call: Callable[[], Any],
    name: str,
    set_connection: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "")
    with wire.WireServer([say(ECHOES[name].encode())]) as server:
        set_connection(server.url, max_attempts=1)
        error = failure(call)
    for text in (*traceback.format_exception(error), *leaks._texts_of(error), caplog.text):
        assert not leaks.found_in(text)
