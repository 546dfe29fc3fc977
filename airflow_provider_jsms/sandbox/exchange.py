"""One HTTP request to the API and its connection, which faults can delay, cut or fill."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_jsms.sandbox.endpoints import call_name, handle
from airflow_provider_jsms.sandbox.records import ApiRequest
from airflow_provider_jsms.sandbox.responses import from_json
from airflow_provider_jsms.sandbox.state import Hold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import Send

    from airflow_provider_jsms.sandbox.responses import ApiResponse
    from airflow_provider_jsms.sandbox.state import Sandbox

_SECRET_HEADERS = {"authorization", "proxy-authorization"}


class ExposedProtocol(H11Protocol):
    """The HTTP protocol of uvicorn, which exposes the transport to the request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the transport to the state that every request of this connection gets."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport, "flow": self.flow}

    def shutdown(self) -> None:
        """Close an idle connection at once, over TLS without a closing alert."""
        transport = self.transport
        is_quiet = not transport.is_closing() and not transport.get_write_buffer_size()
        super().shutdown()
        if is_quiet and transport.is_closing():
            # The event loop would close it later, after the client may have sent a request.
            with suppress(OSError):
                transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            transport.abort()


class Exchange:
    """A request, which is recorded on arrival, and the ways to answer it."""

    def __init__(self, sandbox: Sandbox, request: Request, send: Send) -> None:
        self.path: str = request.scope["path"]
        self.call = call_name(request.method, self.path)
        self._sandbox = sandbox
        self._request = request
        self._send = send
        self._transport: asyncio.Transport = request.scope["state"]["transport"]
        self._recorded = self._record_request()

    async def read(self) -> None:
        """Read the body, unless that is done."""
        self._recorded.body = _parsed(await self._request.body())

    async def handle(self) -> ApiResponse:
        """Read and handle the request, and return the response of a healthy service."""
        await self.read()
        request = self._request
        address = request.client.host if request.client else ""
        body = await request.body()
        return handle(self._sandbox, address, request.method, self.path, request.headers, body)

    def record(self, response: ApiResponse) -> None:
        """Record the response, whether or not the client receives all of it."""
        recorded = self._recorded
        recorded.status, recorded.code = response.status, response.code
        recorded.message = response.message
        self._sandbox.changed.set()

    def write(self, data: bytes) -> None:
        """Write raw bytes; call only :meth:`close` afterwards."""
        self._transport.write(data)

    async def close(self) -> None:
        """Close the connection once everything is written."""
        self._transport.close()
        await self._wait_for_disconnect()

    async def pause(self, seconds: float) -> bool:
        """Sleep, even if the client leaves; return False if the sandbox was reset or stopped."""
        lasting = self._last()
        await asyncio.wait({lasting}, timeout=seconds)
        was_cancelled = lasting.done()
        lasting.cancel()
        return not was_cancelled

    async def linger(self, pieces: AsyncIterator[bytes] | None = None) -> None:
        """Keep the connection until the client leaves or the sandbox is reset or stopped.

        :param pieces: raw bytes to write meanwhile.
        """
        tasks = [self._last(), asyncio.ensure_future(self._wait_for_disconnect())]
        if pieces:
            tasks.append(asyncio.ensure_future(self._pour(pieces)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        # Unread data must not keep the connection open.
        self._transport.abort()
        await self._wait_for_disconnect()

    async def hold(self, moment: str) -> bool:
        """Wait until the call is released; return False if the sandbox was reset instead."""
        with self._sandbox.lock:
            hold = Hold(self._recorded, moment, self._sandbox.clock.now())
            self._sandbox.waits.hold(hold)
        return await asyncio.wrap_future(hold.released)

    async def respond_and_hold(self, response: ApiResponse, moment: str) -> None:
        """Send the whole response, then keep the connection open until the call is released."""
        self.record(response)
        headers = {**response.headers, "Connection": "close"}
        whole = Response(response.body, response.status, headers)
        # With this limit the server waits until every byte has left this process.
        self._transport.set_write_buffer_limits(0)
        head = {"status": whole.status_code, "headers": whole.raw_headers}
        await self._send({"type": "http.response.start", **head})
        for part in (whole.body, b""):
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self.hold(moment)
        await self._send({"type": "http.response.body"})

    def _last(self) -> asyncio.Future[None]:
        with self._sandbox.lock:
            return asyncio.wrap_future(self._sandbox.waits.last())

    async def _wait_for_disconnect(self) -> None:
        # Only then does the server stop expecting a response.
        while (await self._request.receive())["type"] != "http.disconnect":
            pass

    async def _pour(self, pieces: AsyncIterator[bytes]) -> None:
        """Write pieces as fast as the client reads them."""
        flow = self._request.scope["state"]["flow"]
        async for piece in pieces:
            await flow.drain()
            if self._transport.is_closing():
                return
            self._transport.write(piece)

    def _record_request(self) -> ApiRequest:
        headers = self._request.headers.items()
        with self._sandbox.lock:
            recorded = ApiRequest(
                call=self.call,
                method=self._request.method,
                path=self.path,
                number=len(self._sandbox.recorded) + 1,
                at=self._sandbox.clock.now(),
                headers={name: value for name, value in headers if name not in _SECRET_HEADERS},
            )
            self._sandbox.recorded.append(recorded)
        return recorded


def _parsed(body: bytes) -> object:
    """Return a body as JSON if it is JSON, else as text; None if it is empty."""
    if not body:
        return None
    try:
        return from_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")
