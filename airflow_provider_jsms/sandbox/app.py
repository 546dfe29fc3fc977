"""The sandbox over HTTP: the API as JSMS serves it, and the control of it under /sandbox/."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from airflow_provider_jsms.sandbox import api, controls, views
from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.answers import JSON_HEADERS, to_json
from airflow_provider_jsms.sandbox.holds import Hold
from airflow_provider_jsms.sandbox.records import RecordedRequest, legible, without_secrets
from airflow_provider_jsms.sandbox.transports import close_connection, send_all, send_end

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_jsms.sandbox.answers import Answer
    from airflow_provider_jsms.sandbox.state import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]


def application(sandbox: Sandbox) -> Starlette:
    """Return the ASGI application of a sandbox."""
    return Starlette(
        routes=[
            Mount("/sandbox", routes=_control_routes(sandbox)),
            Route("/{path:path}", endpoint=ApiEndpoint(sandbox)),
        ],
        exception_handlers={HTTPException: _no_control, NotAcceptedError: _not_accepted},
    )


class ApiEndpoint:
    """The API: every request is recorded, meets its fault if one waits for it, and is answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an ASGI application."""
        exchange = HttpExchange(self._sandbox, Request(scope, receive), send)
        try:
            answer = await exchange.run()
        except ClientDisconnect:
            return
        if answer is not None:
            response = Response(answer.body, answer.status, answer.headers)
            await response(scope, receive, send)


class HttpExchange:
    """One request to the API on its way to its answer, as faults see it."""

    def __init__(self, sandbox: Sandbox, request: Request, send: Send) -> None:
        self._sandbox = sandbox
        self._request = request
        self._send = send
        self._call = api.call_name(request.method, request.scope["path"])
        self._recorded = self._record()

    async def run(self) -> Answer | None:
        """Return the answer, None if there is none left to send."""
        with self._sandbox.lock:
            fault = self._sandbox.faults.take(self._call)
        answer = await (fault.act(self) if fault else self.handle())
        if answer is not None:
            self._record_answer(answer)
        return answer

    async def read(self) -> None:
        """Read the body, if that was not done yet."""
        self._recorded.body = legible(await self._request.body())

    async def handle(self) -> Answer:
        """Read and handle the request; return the answer that a sound service would give."""
        await self.read()
        request = self._request
        return api.answer(
            self._sandbox,
            api.ApiRequest(
                method=request.method,
                path=request.scope["path"],
                address=request.client.host if request.client else "",
                authorization=request.headers.get("authorization"),
                content_type=request.headers.get("content-type"),
                body=await request.body(),
            ),
        )

    async def close(self) -> None:
        """Close the connection to the client without an answer."""
        await close_connection(self._request.scope, self._request.receive)

    async def hold(self, moment: str) -> bool:
        """Wait until the call is released; False if the sandbox was reset instead."""
        with self._sandbox.lock:
            hold = Hold(self._recorded, moment, self._sandbox.clock.now())
            self._sandbox.holds.add(hold)
        return await asyncio.wrap_future(hold.ended)

    async def answer_and_hold(self, answer: Answer, moment: str) -> None:
        """Send the whole answer, then keep the connection open until the call is released."""
        self._record_answer(answer)
        headers = {**answer.headers, "Connection": "close"}
        response = Response(answer.body, answer.status, headers)
        await send_all(response, self._request.scope, self._send)
        await self.hold(moment)
        await send_end(self._send)

    def _record_answer(self, answer: Answer) -> None:
        self._recorded.status, self._recorded.code = answer.status, answer.code

    def _record(self) -> RecordedRequest:
        with self._sandbox.lock:
            recorded = RecordedRequest(
                number=len(self._sandbox.recorded) + 1,
                at=self._sandbox.clock.now(),
                call=self._call,
                method=self._request.method,
                path=self._request.scope["path"],
                headers=without_secrets(self._request.headers),
            )
            self._sandbox.recorded.append(recorded)
        return recorded


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
