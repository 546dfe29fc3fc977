"""Whatever a server says or does not say, and how slowly: a call ends in its time."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.exceptions import (
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks import async_client as shared
from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.unit import wire
from tests.unit.hooks.test_async_client import Authority, secure, tunnel
from tests.unit.hooks.test_client import GOOD, SCHEDULE_ID
from tests.unit.hostile.ways import QUERIES, pour, submit, within

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.wire import Connection

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PAUSE = 0.05
# Each piece comes soon after the one before, and the whole never ends.
TRICKLES = {
    "the status line": (b"HTTP/1.1 200 ", b"O"),
    "a header": (OK + b"X: ", b"x"),
    "headers": (OK, b"X-X: x\r\n"),
    "a body of known length": (OK + b"Content-Length: 99999\r\n\r\n", b" "),
    "a body until the end": (OK + b"\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "a large chunk": (CHUNKED + b"ffff\r\n", b" "),
    "the length of a chunk": (CHUNKED, b"0"),
    "the extension of a chunk": (CHUNKED + b"1;", b"x"),
    "trailers": (CHUNKED + b"0\r\n", b"X-X: x\r\n"),
    "a trailer": (CHUNKED + b"0\r\nX: ", b"x"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
}
# The longest that a call of these tests may take, and then some for a machine that is busy.
LONGEST = 0.5
AND_SOME = LONGEST + 2.0


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make less than a second of the minute that a call has."""
    monkeypatch.setattr(client, "LONGEST_IN_ALL", LONGEST)
    monkeypatch.setattr(client, "SHORTEST_TRY", 0.1)
    monkeypatch.setattr(shared, "LONGEST_IN_ALL", LONGEST)
    monkeypatch.setattr(shared, "SHORTEST_TRY", 0.1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def serve(
    authority: Authority, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., wire.WireServer]]:
    """Return a function that sets the connection to a server with a behaviour."""
    with ExitStack() as servers:

        def start(
            behaviour: Callable[[Connection], None],
            over: str = "plain",
            proxy: Callable[[Connection], None] = tunnel,
        ) -> wire.WireServer:
            is_plain = over == "plain"
            certificate = None if is_plain else authority.certificate()
            server = servers.enter_context(wire.WireServer([behaviour], certificate=certificate))
            if over == "TLS through a proxy":
                through = servers.enter_context(wire.WireServer([proxy]))
                monkeypatch.setenv("HTTPS_PROXY", through.url)
            set_connection(
                server.url if is_plain else secure(server),
                ca_bundle=None if is_plain else str(authority.bundle),
                max_attempts=1,
                connect_timeout=LONGEST,
                read_timeout=LONGEST / 2,
            )
            return server

        yield start


class TestAReplyThatTrickles:
    @pytest.mark.parametrize("name", TRICKLES)
    @pytest.mark.parametrize("way", QUERIES)
    def test_to_a_query_ends_in_time(self, name: str, way: str, serve: Callable[..., None]) -> None:
        serve(pour(*TRICKLES[name], PAUSE))
        with within(AND_SOME), pytest.raises(JsmsReadTimeoutError):
            QUERIES[way]()

    @pytest.mark.parametrize("name", ["a header", "a body of known length"])
    @pytest.mark.parametrize("over", ["TLS", "TLS through a proxy"])
    @pytest.mark.parametrize("way", QUERIES)
    def test_over_tls_ends_in_time(
        self, name: str, over: str, way: str, serve: Callable[..., None]
    ) -> None:
        serve(pour(*TRICKLES[name], PAUSE), over)
        with within(AND_SOME), pytest.raises(JsmsReadTimeoutError):
            QUERIES[way]()

    @pytest.mark.parametrize("name", ["a header", "a body of known length", "103 Early Hints"])
    def test_to_a_submission_leaves_it_uncertain_in_time(
        self, name: str, serve: Callable[..., None]
    ) -> None:
        serve(pour(*TRICKLES[name], PAUSE))
        with within(AND_SOME), pytest.raises(JsmsUncertainError) as caught:
            submit()
        assert isinstance(caught.value.__cause__, JsmsReadTimeoutError)


@pytest.mark.parametrize("over", ["plain", "TLS"])
def test_a_request_that_is_read_slowly_is_given_up_in_time(
    over: str, serve: Callable[..., wire.WireServer]
) -> None:
    server = serve(read_slowly, over)
    with JsmsHook() as hook, within(AND_SOME), pytest.raises(JsmsUncertainError) as caught:
        hook._client.send(HUGE)
    assert isinstance(caught.value.__cause__, JsmsReadTimeoutError)
    assert len(server.requests) == 1


# More than the buffers of both ends hold.
HUGE = protocol.Call("submit", "POST", "/v1/schedule", str, {"x": "x" * 30_000_000})


def read_slowly(connection: Connection) -> None:
    while not connection.released.wait(PAUSE / 10):
        connection.peer.recv(32 * 1024)


def hello_without_end(peer: socket.socket, released: threading.Event) -> None:
    """Begin a TLS handshake, as a server, and never come to its end."""
    peer.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    while not released.wait(PAUSE):
        peer.sendall(b"\x00")


@pytest.mark.parametrize("way", [*QUERIES, "submit"])
def test_a_handshake_that_trickles_ends_in_time_and_nothing_was_sent(
    way: str, set_connection: Callable[..., None]
) -> None:
    with wire.WireServer([], raw=hello_without_end) as server:
        set_connection(secure(server), max_attempts=1, connect_timeout=LONGEST / 2)
        with within(AND_SOME), pytest.raises(JsmsNotSentError):
            CALLS[way]()


CALLS = {**QUERIES, "submit": submit}


@pytest.mark.parametrize("way", CALLS)
@pytest.mark.parametrize(
    "name", ["the status line", "a header", "headers", "100 Continue", "103 Early Hints"]
)
def test_a_proxy_that_trickles_ends_in_time_and_nothing_was_sent(
    way: str, name: str, serve: Callable[..., wire.WireServer]
) -> None:
    server = serve(GOOD["GET"], "TLS through a proxy", pour(*TRICKLES[name], PAUSE))
    # aiohttp does not tell a proxy that says nothing from a service that says nothing: a query
    # bears both.
    kind = JsmsReadTimeoutError if way == "aiohttp" else JsmsNotSentError
    with within(AND_SOME), pytest.raises(kind):
        CALLS[way]()
    assert server.requests == []


def test_a_submission_has_its_whole_time_however_long_the_way_took(
    serve: Callable[..., wire.WireServer],
) -> None:
    """Given up early, it would be one whose outcome nobody knows."""
    slow = LONGEST / 2 - 0.05

    def open_late(connection: Connection) -> None:
        connection.released.wait(slow)
        tunnel(connection)

    def answer_late(connection: Connection) -> None:
        connection.read_body()
        for piece in (OK, b"X-X: x\r\n", b"X-X: x\r\n"):
            connection.released.wait(slow)
            connection.send(piece)
        connection.send(b'Content-Length: 19\r\n\r\n{"schedule_id":"a"}')

    serve(answer_late, "TLS through a proxy", open_late)
    assert submit() == "a"


def test_the_time_of_a_request_is_its_own_on_a_connection_that_is_kept(
    serve: Callable[..., wire.WireServer],
) -> None:
    peers = set()

    def answer_late(connection: Connection) -> None:
        peers.add(connection.peer.getpeername())
        connection.released.wait(LONGEST / 3)
        GOOD["GET"](connection)

    server = serve(answer_late)
    with JsmsHook() as hook:
        for _ in range(4):
            assert hook.query_schedule(SCHEDULE_ID)["schedule_id"] == SCHEDULE_ID
    assert len(server.requests) == 4
    assert len(peers) == 1


def test_the_session_of_a_hook_is_not_bound_by_a_call_that_is_over(
    serve: Callable[..., wire.WireServer],
) -> None:
    def answer_late(connection: Connection) -> None:
        if len(server.requests) > 1:
            connection.released.wait(LONGEST + 0.1)
        GOOD["GET"](connection)

    server = serve(answer_late)
    with JsmsHook() as hook:
        hook.query_schedule(SCHEDULE_ID)
        assert hook.get_conn().get(server.url, timeout=10).ok
        assert hook.get_conn().get(server.url).ok


def test_a_submission_that_is_over_binds_nothing(
    serve: Callable[..., wire.WireServer],
) -> None:
    def answer_late(connection: Connection) -> None:
        if len(server.requests) > 1:
            connection.released.wait(2 * LONGEST)
        GOOD["POST"](connection)

    server = serve(answer_late)
    submit()
    with JsmsHook() as hook:
        assert hook.get_conn().get(server.url, timeout=10).ok


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("way", QUERIES)
def test_all_tries_together_have_one_time(
    way: str, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (client, shared):
        monkeypatch.setattr(module, "LONGEST_IN_ALL", 1.2)

    def break_off(connection: Connection) -> None:
        connection.released.wait(1.0)
        connection.send(OK + b"Content-Length: 9\r\n\r\n")
        connection.close()

    with wire.WireServer([break_off, pour(*TRICKLES["a header"], PAUSE)]) as server:
        set_connection(server.url, read_timeout=10, max_attempts=2)
        with within(6.0), pytest.raises(JsmsReadTimeoutError):
            QUERIES[way]()
    assert len(server.requests) == 2
