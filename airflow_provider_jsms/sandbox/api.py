"""The API without HTTP: which call a request is, who may make it, and its answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from airflow_provider_jsms.sandbox import calls, reasons
from airflow_provider_jsms.sandbox.answers import Answer, Refusal, refused
from airflow_provider_jsms.sandbox.orders import check_media_type
from airflow_provider_jsms.sandbox.state import Sandbox

Handler = Callable[[Sandbox, str, bytes], Answer]

_PATHS: tuple[tuple[str, dict[str, Handler]], ...] = (
    ("/v1/schedule", {"POST": calls.submit_schedule}),
    ("/v1/schedule/batch", {"POST": calls.submit_batch_schedule}),
    ("/v1/schedule/batch/([^/]+)", {"PUT": calls.modify_batch_schedule}),
    (
        "/v1/schedule/([^/]+)",
        {
            "PUT": calls.modify_schedule,
            "GET": calls.query_schedule,
            "DELETE": calls.delete_schedule,
        },
    ),
    ("/v1/accounts/app", {"GET": calls.balance}),
)


class ApiRequest(NamedTuple):
    """A request to the API; ``address`` is the IP address of the caller."""

    method: str
    path: str
    address: str
    authorization: str | None
    content_type: str | None
    body: bytes


class Route(NamedTuple):
    """The call that a path and a method stand for, with the schedule_id in the path or ''."""

    handler: Handler
    schedule_id: str


def find_route(method: str, path: str) -> Route:
    """Return the call that a request is.

    :raises Refusal: 50016 for an unknown path, 50018 for a method that the path does not take.
    """
    for pattern, methods in _PATHS:
        if found := re.fullmatch(pattern, path):
            if method not in methods:
                raise Refusal(reasons.METHOD_NOT_SUPPORTED)
            return Route(methods[method], "".join(found.groups()))
    raise Refusal(reasons.API_NOT_FOUND)


def call_name(method: str, path: str) -> str | None:
    """Return the name of the call that a request is, None if it is none."""
    try:
        return find_route(method, path).handler.__name__
    except Refusal:
        return None


def answer(sandbox: Sandbox, request: ApiRequest) -> Answer:
    """Handle a request. First of all, whatever is due by now is sent."""
    with sandbox.lock:
        sandbox.send_due()
        try:
            return _handle(sandbox, request)
        except Refusal as refusal:
            return refused(refusal.code)


def _handle(sandbox: Sandbox, request: ApiRequest) -> Answer:
    # No document fixes the order of the checks: who calls comes before what they want.
    handler, schedule_id = find_route(request.method, request.path)
    sandbox.credentials.check(request.authorization)
    sandbox.account.check_caller(request.address)
    if handler is not calls.balance:
        sandbox.account.check_service()
    if request.method in {"POST", "PUT"}:
        check_media_type(request.content_type)
    return handler(sandbox, schedule_id, request.body)
