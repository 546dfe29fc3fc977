"""The sandbox over HTTP: the API as JSMS serves it, and the control of it under /sandbox/."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from airflow_provider_jsms.sandbox import controls, guard, page, views
from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.answers import JSON_HEADERS, to_json
from airflow_provider_jsms.sandbox.exchange import Exchange

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_jsms.sandbox.state import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]


def application(sandbox: Sandbox) -> Starlette:
    """Return the ASGI application of a sandbox."""
    return Starlette(
        routes=[
            *page.routes(sandbox),
            Mount("/sandbox", routes=_control_routes(sandbox)),
            Route("/{path:path}", endpoint=ApiEndpoint(sandbox)),
        ],
        middleware=guard.MIDDLEWARE,
        exception_handlers={HTTPException: _no_control, NotAcceptedError: _not_accepted},
    )


class ApiEndpoint:
    """The API: every request is recorded, meets its fault if one waits for it, and is answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an ASGI application."""
        exchange = Exchange(self._sandbox, Request(scope, receive), send)
        try:
            answer = await exchange.run()
        except ClientDisconnect:
            return
        if answer is not None:
            response = Response(answer.body, answer.status, answer.headers)
            await response(scope, receive, send)


def _control_routes(sandbox: Sandbox) -> list[Route]:
    def look(path: str, view: Callable[[Sandbox], Any]) -> Route:
        return Route(path, _control(sandbox, lambda sandbox, _given: view(sandbox)))

    def act(method: str, path: str, control: Callable[..., Any]) -> Route:
        return Route(path, _control(sandbox, control), methods=[method])

    return [
        look("/state", views.state),
        look("/requests", views.requests),
        look("/messages", views.messages),
        look("/holds", views.holds),
        act("POST", "/clock", controls.clock),
        act("PATCH", "/switches", controls.switches),
        act("PATCH", "/account", controls.account),
        act("PUT", "/templates/{temp_id:int}", controls.template),
        act("PUT", "/signs/{sign_id:int}", controls.sign),
        act("PUT", "/numbers/{mobile}", controls.number),
        act("POST", "/faults", controls.fault),
        act("DELETE", "/faults", controls.clear_faults),
        act("POST", "/holds/release", controls.release),
        act("POST", "/reset", controls.reset),
    ]


def _control(sandbox: Sandbox, control: Callable[..., Any]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        given = _given(await request.body())
        with sandbox.lock:
            sandbox.send_due()
            shown = to_json(control(sandbox, given, **request.path_params))
        return Response(shown, headers=JSON_HEADERS)

    return endpoint


def _given(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise NotAcceptedError("the body must be JSON") from None


async def _not_accepted(_request: Request, error: Exception) -> Response:
    return Response(to_json({"error": str(error)}), 400, JSON_HEADERS)


async def _no_control(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Response(to_json({"error": "there is no such control"}), status, JSON_HEADERS)
