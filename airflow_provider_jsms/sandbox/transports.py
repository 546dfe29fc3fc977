"""An HTTP protocol that lets a fault reach the connection of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope


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
