"""What a browser may do with a sandbox: its own page everything, the pages of others nothing.

A sandbox listens on loopback, but a page from anywhere that is open in a browser on the same
machine reaches that too: by a request of its own, or by a name of its own that leads to loopback.
The API itself needs no guard, because nothing is done there without credentials.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response

from airflow_provider_jsms.sandbox.answers import JSON_HEADERS, to_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "img")),
            *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(:[0-9]*)?")


class Guard:
    """Refuses what comes for another name or from another page, and gives answers their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an ASGI application."""
        if not _is_guarded(scope):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = _refusal(Headers(scope=scope), scope["scheme"])
        app = Response(to_json({"error": refusal}), 403, JSON_HEADERS) if refusal else self._app
        await app(scope, receive, send_with_headers)


MIDDLEWARE = [Middleware(Guard)]


def _is_guarded(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith("/sandbox/") or (path == "/" and scope["method"] in {"GET", "HEAD"})


def _refusal(headers: Headers, scheme: str) -> str | None:
    host = headers.get("host", "")
    if not _is_loopback(host):
        return "the Host must be a name of this machine: localhost, 127.0.0.1 or [::1]"
    if any(origin != f"{scheme}://{host}" for origin in headers.getlist("origin")):
        return "a page of another address may not do this"
    return None


def _is_loopback(host: str) -> bool:
    parts = _HOST.fullmatch(host)
    name = parts[1].strip("[]") if parts else ""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
