"""The sandbox over HTTP: the API at its documented paths, the control API under /sandbox/.

Any web page open in a browser on the same machine can reach a loopback server, directly or through
a host name that resolves to loopback. So ``/`` and ``/sandbox/`` check Host and Origin. The API
itself needs no such guard, because it requires credentials, ``/health``
and ``/openapi.json`` show no state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from airflow_provider_jsms.sandbox import control_api
from airflow_provider_jsms.sandbox.exchange import Exchange
from airflow_provider_jsms.sandbox.fault_acts import ACTS
from airflow_provider_jsms.sandbox.page import clock_of, content_of
from airflow_provider_jsms.sandbox.phones import Phones
from airflow_provider_jsms.sandbox.responses import JSON_HEADERS, to_json
from airflow_provider_jsms.sandbox.validation import InvalidInputError, is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from airflow_provider_jsms.sandbox.responses import ApiResponse
    from airflow_provider_jsms.sandbox.state import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]

FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_QUERY = ("search", "mobile", "grouping")
_GUARD_HEADERS = {
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


def application(sandbox: Sandbox, names: tuple[str, ...] = ()) -> Starlette:
    """Return the ASGI application of a sandbox.

    :param names: the hosts that its page and its control accept besides this machine's.
    """
    return Starlette(
        routes=[
            Route("/health", _healthy),
            Route("/openapi.json", _description),
            *_page_routes(sandbox),
            Mount("/sandbox", routes=_control_routes(sandbox)),
            Route("/{path:path}", endpoint=_ApiEndpoint(sandbox)),
        ],
        middleware=[Middleware(_Guard, names=names)],
        exception_handlers={HTTPException: _unknown_control, InvalidInputError: _invalid_input},
    )


class _ApiEndpoint:
    """The API: records every request, applies the next fault, and responds."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._sandbox, Request(scope, receive), send)
        try:
            answer = await self._answer(exchange)
        except ClientDisconnect:
            return
        if answer is not None:
            exchange.record(answer)
            await Response(answer.body, answer.status, answer.headers)(scope, receive, send)

    async def _answer(self, exchange: Exchange) -> ApiResponse | None:
        with self._sandbox.lock:
            fault = self._sandbox.faults.take(exchange.call)
        if fault is None:
            return await exchange.handle()
        return await ACTS[fault.kind](exchange, **fault.arguments())


async def _healthy(_request: Request) -> Response:
    return Response(to_json({"status": "ok"}), headers=JSON_HEADERS)


async def _description(_request: Request) -> Response:
    from airflow_provider_jsms.sandbox.openapi import document  # noqa: PLC0415 - pydantic

    return Response(to_json(document()), headers=JSON_HEADERS)


def _page_routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the page, its files and its data."""
    files = [path for path in FOLDER.iterdir() if path.suffix in _MEDIA_TYPES]
    return [
        _file("/", FOLDER / "page.html"),
        *(_file(f"/sandbox/page/{path.name}", path) for path in files),
        _view("/sandbox/page/view", sandbox),
    ]


def _file(url: str, path: Path) -> Route:
    content, media_type = path.read_bytes(), _MEDIA_TYPES[path.suffix]

    async def endpoint(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(url, endpoint)


def _view(url: str, sandbox: Sandbox) -> Route:
    phones = Phones()

    async def endpoint(request: Request) -> Response:
        query = request.query_params
        asked = {name: query[name].strip() for name in _QUERY if name in query}
        with sandbox.lock:
            sandbox.send_due()
            view = content_of(sandbox, phones.of(sandbox.book), **asked)
            clock = clock_of(sandbox)
        version = hashlib.sha256(to_json(view)).hexdigest()[:16]
        is_known = query.get("version") == version
        shown = {"clock": clock, "version": version, "view": None if is_known else view}
        return Response(to_json(shown), headers=JSON_HEADERS)

    return Route(url, endpoint)


def _control_routes(sandbox: Sandbox) -> list[Route]:
    return [
        Route(f"/{path}{parameter}", _control(sandbox, control), methods=[method])
        for control, (method, path, parameter) in control_api.ROUTES.items()
    ]


def _control(sandbox: Sandbox, control: Callable[..., Any]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        given = _parsed(await request.body())
        with sandbox.lock:
            sandbox.send_due()
            shown = to_json(control(sandbox, given, **request.path_params))
        if request.method != "GET":
            sandbox.changed.set()
        return Response(shown, headers=JSON_HEADERS)

    return endpoint


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise InvalidInputError("the body must be JSON") from None


async def _invalid_input(_request: Request, error: Exception) -> Response:
    return Response(to_json({"error": str(error)}), 400, JSON_HEADERS)


async def _unknown_control(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Response(to_json({"error": "unknown control"}), status, JSON_HEADERS)


class _Guard:
    """Refuses requests from other sites, and adds security headers to responses."""

    def __init__(self, app: ASGIApp, names: tuple[str, ...]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_guarded(scope):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_GUARD_HEADERS)
            await send(message)

        problem = self._problem(Headers(scope=scope), scope["scheme"])
        app = Response(to_json({"error": problem}), 403, JSON_HEADERS) if problem else self._app
        await app(scope, receive, send_with_headers)

    def _problem(self, headers: Headers, scheme: str) -> str | None:
        host = headers.get("host", "")
        name = _host_name(host)
        if not is_loopback(name) and name not in self._names:
            names = ", ".join(["localhost", "127.0.0.1", "[::1]", *sorted(self._names)])
            return f"the Host must be one of {names}; start the sandbox with --name for another"
        if any(origin != f"{scheme}://{host}" for origin in headers.getlist("origin")):
            return "pages of other sites may not control the sandbox"
        return None


def _is_guarded(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith("/sandbox/") or (path == "/" and scope["method"] in {"GET", "HEAD"})


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
