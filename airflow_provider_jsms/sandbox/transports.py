"""An HTTP protocol that lets a fault reach the connection of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send


class ReachableProtocol(H11Protocol):
    """The protocol of uvicorn, with the transport of its connection in the scope of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport where every request of this connection gets a copy."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request and wait until the server knows: then none is missed."""
    scope["state"]["transport"].close()
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_all(response: Response, scope: Scope, send: Send) -> None:
    """Send every byte of a response of known length and wait until none is left in this process.

    The connection serves nothing else before :func:`send_end`.
    """
    # The server waits before it sends if more than this many bytes have not left yet.
    scope["state"]["transport"].set_write_buffer_limits(0)
    head = {"status": response.status_code, "headers": response.raw_headers}
    await send({"type": "http.response.start", **head})
    for part in (response.body, b""):
        await send({"type": "http.response.body", "body": part, "more_body": True})


async def send_end(send: Send) -> None:
    """Tell the server that a response is complete."""
    await send({"type": "http.response.body"})
