"""However much a server says, and in whatever part of a reply: little of it is taken in."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.api.calls import LARGEST_REPLY
from airflow_provider_jsms.exceptions import (
    JsmsNoAnswerError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks import async_client as shared
from airflow_provider_jsms.hooks import client, connections
from tests.unit import wire
from tests.unit.hooks.test_client import GOOD, SCHEDULE_ID
from tests.unit.hostile.ways import QUERIES, by_requests, memory_below, pour, say, submit, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.wire import Connection

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MUCH = 64 * 1024
FLOODS = {
    "the status line": (b"HTTP/1.1 200 ", b"O" * MUCH),
    "a header": (OK + b"X: ", b"x" * MUCH),
    "headers": (OK, b"X-X: x\r\n" * (MUCH // 8)),
    "a folded header": (OK + b"X: x\r\n", b" x\r\n" * (MUCH // 4)),
    "a body of known length": (OK + b"Content-Length: 99999999999\r\n\r\n", b" " * MUCH),
    "a body until the end": (OK + b"\r\n", b" " * MUCH),
    "chunks": (CHUNKED, b"ffff\r\n" + b" " * 0xFFFF + b"\r\n"),
    "chunks of one byte": (CHUNKED, b"1\r\n \r\n" * (MUCH // 6)),
    "a chunk": (CHUNKED + b"ffffffffff\r\n", b" " * MUCH),
    "the length of a chunk": (CHUNKED, b"0" * MUCH),
    "the extension of a chunk": (CHUNKED + b"1;", b"x" * MUCH),
    "a trailer": (CHUNKED + b"0\r\nX: ", b"x" * MUCH),
    "trailers": (CHUNKED + b"0\r\n", b"X-X: x\r\n" * (MUCH // 8)),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * (MUCH // 25)),
    "103 Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * (MUCH // 37)),
    "a body of no length": (OK + b"Content-Length: -1\r\n\r\n", b" " * MUCH),
    "no HTTP": (b"", b"x" * MUCH),
}
LONGEST = 0.5


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client, shared):
        monkeypatch.setattr(module, "LONGEST_IN_ALL", LONGEST)


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("way", QUERIES)
def test_a_reply_without_end_is_given_up(
    name: str, way: str, set_connection: Callable[..., None]
) -> None:
    with wire.WireServer([pour(*FLOODS[name])]) as server:
        set_connection(server.url, max_attempts=1)
        with memory_below(8 * LARGEST_REPLY), within(LONGEST + 3), pytest.raises(JsmsNoAnswerError):
            QUERIES[way]()


@pytest.mark.parametrize("name", ["a header", "chunks", "100 Continue", "no HTTP"])
def test_a_submission_with_a_reply_without_end_is_uncertain(
    name: str, set_connection: Callable[..., None]
) -> None:
    with wire.WireServer([pour(*FLOODS[name])]) as server:
        set_connection(server.url, connect_timeout=LONGEST / 2, read_timeout=LONGEST / 2)
        with within(LONGEST + 3), pytest.raises(JsmsUncertainError):
            submit()
    assert len(server.requests) == 1


def test_what_is_too_much_is_told_whatever_part_of_a_reply_it_is(
    set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that reads some part without a bound of its own does not fill the memory."""
    monkeypatch.setattr(connections, "_MOST_RECEIVED", 1_000)
    for name in ("a header", "the length of a chunk", "a trailer", "100 Continue"):
        with wire.WireServer([pour(*FLOODS[name])]) as server:
            set_connection(server.url, max_attempts=1)
            with pytest.raises(JsmsUnreadableReplyError, match="larger than"):
                by_requests()


BODY = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()
GZIP = gzip.compress(BODY)


def packed(body: bytes, encoding: str) -> Callable[[Connection], None]:
    return wire.answer(200, body, Content_Encoding=encoding)


def bomb(megabytes: int) -> bytes:
    """Return what unpacks to a JSON text of that size, and little beside."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    pieces = [packer.compress(b" " * 1024 * 1024) for _ in range(megabytes)]
    return b"".join([*pieces, packer.compress(BODY), packer.flush()])


@pytest.mark.parametrize("way", QUERIES)
class TestAPackedBody:
    """Nobody has asked for one; something on the way may pack it nevertheless."""

    def test_is_not_asked_for(self, way: str, set_connection: Callable[..., None]) -> None:
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            QUERIES[way]()
        assert server.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [
            *((GZIP, "gzip"), (GZIP, "GZIP"), (GZIP, "x-gzip"), (zlib.compress(BODY), "deflate")),
            *((BODY, "identity"), (BODY, ""), (BODY, "gzip"), (bomb(7), "gzip")),
        ],
    )
    def test_is_read(
        self, body: bytes, encoding: str, way: str, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([packed(body, encoding)]) as server:
            set_connection(server.url, max_attempts=1)
            assert QUERIES[way]()["schedule_id"] == SCHEDULE_ID

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [
            *((GZIP[:-1], "gzip"), (GZIP + b"x", "gzip"), (GZIP * 2, "gzip")),
            *((gzip.compress(GZIP), "gzip"), (gzip.compress(GZIP), "gzip, gzip")),
            *((GZIP, ""), (b"x", "br"), (b"x", "zstd"), (b"x", "gzip" * 99), (GZIP[:2], "gzip")),
        ],
    )
    def test_that_is_broken_or_of_another_kind_is_no_answer(
        self, body: bytes, encoding: str, way: str, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([packed(body, encoding)]) as server:
            set_connection(server.url, max_attempts=1)
            with pytest.raises(JsmsUnreadableReplyError):
                QUERIES[way]()

    @pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br"])
    def test_that_is_a_bomb_is_not_unpacked(
        self, encoding: str, way: str, set_connection: Callable[..., None]
    ) -> None:
        body = bomb(200)
        body = gzip.compress(body) if "," in encoding else body
        with wire.WireServer([packed(body, encoding)]) as server:
            set_connection(server.url, max_attempts=1)
            with memory_below(4 * LARGEST_REPLY), pytest.raises(JsmsUnreadableReplyError):
                QUERIES[way]()


LENGTH = len(BODY)


@pytest.mark.parametrize("way", QUERIES)
@pytest.mark.parametrize(
    "headers",
    [
        *("Content-Length: -5", f"Content-Length: {LENGTH}\r\nContent-Length: 1"),
        *(f"Content-Length: {LENGTH}, {LENGTH}", "Content-Length: x", "Content-Length:"),
        *(f"Content-Length: {'9' * 5000}", f"Content-Length: +{LENGTH}", "Content-Length: ٣"),
        *(f"Content-Length: {LENGTH}\r\nTransfer-Encoding: chunked", "Transfer-Encoding: x"),
        *("Transfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked", "no header", ": x"),
        *("X: \0", "\0: x", "X" * 1_000_000 + ": x", "X: x\r\n" * 100_000, " folded: x"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_odd_headers_end_in_the_answer_or_in_an_error(
    headers: str, way: str, set_connection: Callable[..., None]
) -> None:
    reply = say(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode(), BODY)
    with wire.WireServer([reply]) as server:
        set_connection(server.url, max_attempts=1)
        try:
            assert QUERIES[way]()["schedule_id"] == SCHEDULE_ID
        except JsmsNoAnswerError as error:
            assert len(str(error)) < 300  # noqa: PT017  either of both


@pytest.mark.parametrize("way", QUERIES)
@pytest.mark.parametrize(
    "length", ["-1", "-5", "+5", "0x5", "", " ", "x", "5;" + "x" * 70_000, "9" * 5000, "f" * 5000]
)
def test_a_chunk_of_an_odd_length_ends_in_an_error(
    length: str, way: str, set_connection: Callable[..., None]
) -> None:
    reply = say(CHUNKED, length.encode(), b"\r\n", BODY, b"\r\n0\r\n\r\n")
    with wire.WireServer([reply]) as server:
        set_connection(server.url, max_attempts=1)
        with pytest.raises(JsmsNoAnswerError):
            QUERIES[way]()
