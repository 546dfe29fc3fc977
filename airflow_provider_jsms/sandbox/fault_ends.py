"""Faults that keep a client waiting, or that end its connection before the answer is whole."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.sandbox.answers import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_jsms.sandbox.exchange import Exchange

_LARGE: Final = 64 * 1024
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_ENDLESS: Final = {
    "chunks": _OK + b"Transfer-Encoding: chunked\r\n\r\n",
    "length": _OK + b"Content-Length: 1099511627776\r\n\r\n",
    "headers": _OK + b"X-Endless: ",
}
FORMS = tuple(_ENDLESS)
PARTS = ("body", "headers")


async def slow(exchange: Exchange, *, seconds: float) -> Answer | None:
    """Wait before the request is handled, whether or not the client is still there then.

    A reset drops the request: the new state must not get the request of an old test.
    """
    await exchange.read()
    if await exchange.pause(seconds):
        return await exchange.handle()
    await exchange.close()
    return None


async def stalled(exchange: Exchange, *, handled: bool = True) -> None:
    """Read the request, handle it or not, and never answer."""
    await (exchange.handle() if handled else exchange.read())
    await exchange.linger()


async def closed_before_reading(exchange: Exchange) -> None:
    """Close the connection without a look at the body of the request."""
    await exchange.close()


async def accepted_then_closed(exchange: Exchange) -> None:
    """Handle the request, then close the connection without an answer."""
    await exchange.handle()
    await exchange.close()


async def half_body(exchange: Exchange, *, part: str = "body") -> None:
    """Handle the request, and close the connection in the middle of a part of the answer.

    An answer without a body has no half of it, and is whole.
    """
    answer = await exchange.handle()
    exchange.record(answer)
    head = _head(answer)
    half = head + answer.body[: len(answer.body) // 2]
    exchange.write(half if part == "body" else head[: len(head) // 2])
    await exchange.close()


async def endless_body(
    exchange: Exchange, *, form: str = "chunks", seconds: float = 0, handled: bool = True
) -> None:
    """Answer 200 without ever coming to an end.

    * ``chunks``: the body comes in chunks, of which none is the last;
    * ``length``: the body comes at once, as it were, but is a terabyte;
    * ``headers``: a header comes that does not end.

    A piece every ``seconds`` is one byte; without a pause pieces are large.
    """
    await (exchange.handle() if handled else exchange.read())
    exchange.record(Answer())
    await exchange.linger(_without_end(form, seconds))


async def hold(exchange: Exchange, *, moment: str) -> Answer | None:
    """Hold the call at a moment until it is released, whether or not the client is still there.

    * ``request_read``: the request was read, nothing was decided or changed. Once released it is
      handled, as a service does that does not look whether its client still waits. A reset drops
      it instead, without an answer: the new state must not get the request of an old test.
    * ``accepted``: the request was handled, the answer is known to the sandbox only.
    * ``answered``: every byte of the answer has left the sandbox. The client has what it needs to
      go on, and goes on; whether it has looked at it yet, nobody can tell from here. The
      connection stays open, for nothing else: the answer says ``Connection: close``, so that the
      next call of the client comes by a new one and is served.
    """
    await exchange.read()
    if moment == "request_read" and not await exchange.hold(moment):
        await exchange.close()
        return None
    answer = await exchange.handle()
    if moment == "accepted":
        await exchange.hold(moment)
    if moment == "answered":
        await exchange.answer_and_hold(answer, moment)
        return None
    return answer


def _head(answer: Answer) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    headers = {**answer.headers, "Content-Length": len(answer.body)}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {answer.status} {phrase}\r\n{''.join(lines)}\r\n".encode()


async def _without_end(form: str, seconds: float) -> AsyncIterator[bytes]:
    yield _ENDLESS[form]
    size = 1 if seconds else _LARGE
    piece = (b"e" if form == "headers" else b" ") * size
    if form == "chunks":
        piece = b"%x\r\n%b\r\n" % (size, piece)
    while True:
        await asyncio.sleep(seconds)
        yield piece
