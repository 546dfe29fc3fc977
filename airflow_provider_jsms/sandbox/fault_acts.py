"""The effects of faults: an act takes an exchange and returns the response to send, if any.

To add a kind of fault, declare its settings in :mod:`airflow_provider_jsms.sandbox.faults` and its
act in ``ACTS``. ``connection_refused`` and ``bad_certificate`` act before there is a request, in
:mod:`airflow_provider_jsms.sandbox.outage` and :mod:`airflow_provider_jsms.sandbox.server`.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.sandbox.responses import (
    JSON_HEADERS,
    ApiResponse,
    error_response,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from airflow_provider_jsms.sandbox.exchange import Exchange

_CHUNK_BYTES: Final = 64 * 1024
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_ENDLESS: Final = {
    "chunks": _OK + b"Transfer-Encoding: chunked\r\n\r\n",
    "length": _OK + b"Content-Length: 1099511627776\r\n\r\n",
    "headers": _OK + b"X-Endless: ",
}
_SHAPES: Mapping[str, object] = {"list": [], "null": None, "text": "accepted", "number": 1}


async def _slow(exchange: Exchange, *, seconds: float) -> ApiResponse | None:
    await exchange.read()
    if await exchange.pause(seconds):
        return await exchange.handle()
    # After a reset, a request of an earlier test must not reach the new state.
    await exchange.close()
    return None


async def _stalled(exchange: Exchange, *, handled: bool = True) -> None:
    await (exchange.handle() if handled else exchange.read())
    await exchange.linger()


async def _status(
    exchange: Exchange, *, status: int, code: int | None = None, headers: Mapping[str, str] = {}
) -> ApiResponse:
    await exchange.read()
    if code is not None:
        return error_response(code, status=status, headers=headers)
    known = {each.value: each.phrase for each in HTTPStatus}
    title = f"{status} {known.get(status, 'Error')}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return ApiResponse(status, page.encode(), {"Content-Type": "text/html", **headers})


async def _code(exchange: Exchange, *, code: int) -> ApiResponse:
    await exchange.read()
    return error_response(code)


async def _closed_before_reading(exchange: Exchange) -> None:
    await exchange.close()


async def _accepted_then_closed(exchange: Exchange) -> None:
    await exchange.handle()
    await exchange.close()


async def _half_body(exchange: Exchange, *, part: str = "body") -> None:
    response = await exchange.handle()
    exchange.record(response)
    head = _head(response)
    half = head + response.body[: len(response.body) // 2]
    exchange.write(half if part == "body" else head[: len(head) // 2])
    await exchange.close()


async def _garbage(
    exchange: Exchange, *, handled: bool = True, size: int = 200, seed: int = 0
) -> ApiResponse:
    await (exchange.handle() if handled else exchange.read())
    return ApiResponse(body=Random(seed).randbytes(size))  # noqa: S311 - runs must be repeatable


async def _wrong_types(exchange: Exchange, *, shape: str = "values") -> ApiResponse:
    response = await exchange.handle()
    if shape != "values":
        return ApiResponse(response.status, to_json(_SHAPES[shape]), JSON_HEADERS)
    if not response.body:
        return response
    return response._replace(body=to_json(_wrong(json.loads(response.body))), code=None)


async def _redirect(
    exchange: Exchange, *, status: int = 302, location: str | None = None
) -> ApiResponse:
    await exchange.read()
    return ApiResponse(status, headers={"Location": location or exchange.path})


async def _endless_body(
    exchange: Exchange, *, form: str = "chunks", seconds: float = 0, handled: bool = True
) -> None:
    await (exchange.handle() if handled else exchange.read())
    exchange.record(ApiResponse())
    await exchange.linger(_endless_pieces(form, seconds))


async def _hold(exchange: Exchange, *, moment: str) -> ApiResponse | None:
    await exchange.read()
    if moment == "request_read" and not await exchange.hold(moment):
        # After a reset, a request of an earlier test must not reach the new state.
        await exchange.close()
        return None
    response = await exchange.handle()
    if moment == "answered":
        await exchange.respond_and_hold(response, moment)
        return None
    if moment == "accepted":
        await exchange.hold(moment)
    return response


ACTS: Mapping[str, Callable[..., Awaitable[ApiResponse | None]]] = {
    "slow": _slow,
    "stalled": _stalled,
    "status": _status,
    "code": _code,
    "closed_before_reading": _closed_before_reading,
    "accepted_then_closed": _accepted_then_closed,
    "half_body": _half_body,
    "garbage": _garbage,
    "wrong_types": _wrong_types,
    "redirect": _redirect,
    "endless_body": _endless_body,
    "hold": _hold,
}


def _wrong(document: dict[str, object] | list[dict[str, object]]) -> object:
    """Return an object, or the objects of an array, with values of other types."""
    if isinstance(document, list):
        return [_wrong(row) for row in document]
    return {
        name: f"{value}" if isinstance(value, list | dict) else {"value": value}
        for name, value in document.items()
    }


def _head(response: ApiResponse) -> bytes:
    headers = {**response.headers, "Content-Length": len(response.body)}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    phrase = HTTPStatus(response.status).phrase
    return f"HTTP/1.1 {response.status} {phrase}\r\n{''.join(lines)}\r\n".encode()


async def _endless_pieces(form: str, seconds: float) -> AsyncIterator[bytes]:
    yield _ENDLESS[form]
    size = 1 if seconds else _CHUNK_BYTES
    piece = (b"e" if form == "headers" else b" ") * size
    if form == "chunks":
        piece = b"%x\r\n%b\r\n" % (size, piece)
    loop = asyncio.get_running_loop()
    while True:
        # not asyncio.sleep, which a test may have patched
        await asyncio.wait([loop.create_future()], timeout=seconds)
        yield piece
