"""An HTTP protocol that lets a fault reach the connection of a request."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send


class ReachableProtocol(H11Protocol):
    """The protocol of uvicorn, with the transport of its connection in the scope of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport where every request of this connection gets a copy."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport, "flow": self.flow}

    def shutdown(self) -> None:
        """Close the connection if it is idle, at once, and over TLS without a last word of it."""
        transport = self.transport
        is_quiet = not transport.is_closing() and not transport.get_write_buffer_size()
        super().shutdown()
        if is_quiet and transport.is_closing():
            # By itself the event loop would do so later, when the client may have sent more.
            with suppress(OSError):
                transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            transport.abort()


def transport_of(scope: Scope) -> asyncio.Transport:
    """Return the transport of the connection of a request."""
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request once everything is sent, and wait for its end."""
    transport_of(scope).close()
    await wait_for_end(receive)


async def abort_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request at once, and drop what was not sent yet."""
    transport_of(scope).abort()
    await wait_for_end(receive)


async def wait_for_end(receive: Receive) -> None:
    """Wait until a connection is closed and the server knows: then no answer is missed."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def pour(pieces: AsyncIterator[bytes], scope: Scope) -> None:
    """Send bytes as they are, none of them sooner than the client takes those before."""
    transport, flow = transport_of(scope), scope["state"]["flow"]
    async for piece in pieces:
        await flow.drain()
        if transport.is_closing():
            return
        transport.write(piece)


async def send_all(response: Response, scope: Scope, send: Send) -> None:
    """Send every byte of a response of known length and wait until none is left in this process.

    The connection serves nothing else before :func:`send_end`.
    """
    # The server waits before it sends if more than this many bytes have not left yet.
    transport_of(scope).set_write_buffer_limits(0)
    head = {"status": response.status_code, "headers": response.raw_headers}
    await send({"type": "http.response.start", **head})
    for part in (response.body, b""):
        await send({"type": "http.response.body", "body": part, "more_body": True})


async def send_end(send: Send) -> None:
    """Tell the server that a response is complete."""
    await send({"type": "http.response.body"})
