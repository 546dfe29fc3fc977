"""The OpenAPI description of the sandbox: the calls of JSMS and the control."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms import __version__
from airflow_provider_jsms.sandbox import control_api, endpoints
from airflow_provider_jsms.sandbox.openapi_schemas import (
    REQUESTS,
    RESULTS,
    SCHEMAS,
    STRING,
    fields,
    ref,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.openapi_schemas import Schema

__all__ = ["document"]


def document() -> dict[str, Any]:
    """Return the description, as ``/openapi.json`` serves it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "JSMS sandbox",
            "version": __version__,
            "description": "The calls of JSMS under /v1, and the control of the sandbox under "
            "/sandbox. The switches change some responses.",
        },
        "paths": {"/health": _health(), **_calls(), **_controls()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _health() -> dict[str, Any]:
    healthy = _operation("health", "Return 200 while the sandbox serves.", fields(status=STRING))
    return {"get": healthy}


def _calls() -> dict[str, Any]:
    paths = {}
    for pattern, methods in endpoints.PATHS:
        calls = {method.lower(): _call(handler) for method, handler in methods.items()}
        names = [_parameter_of(handler) for handler in methods.values()]
        path = pattern.replace("([^/]+)", f"{{{names[0]}}}")
        paths[path] = {**calls, **_parameters(path)}
    return paths


def _parameter_of(handler: endpoints.Handler) -> str:
    named = re.search(r"\{(\w+)\}", handler.__doc__ or "")
    return named[1] if named else ""


def _call(handler: endpoints.Handler) -> dict[str, Any]:
    summary = (handler.__doc__ or "").partition(": ")[2]
    operation = _operation(handler.__name__, summary, RESULTS[handler], REQUESTS.get(handler))
    operation["responses"]["default"] = _response("JSMS refuses the request.", ref("Error"))
    return {**operation, "tags": ["JSMS"], "security": [{"basic": []}]}


def _controls() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for control, (method, route, parameter) in control_api.ROUTES.items():
        path = f"/sandbox/{route}{parameter.replace(':int', '')}"
        known = paths.setdefault(path, _parameters(path))
        known[method.lower()] = _control(control)
    return paths


def _control(control: Callable[..., Any]) -> dict[str, Any]:
    summary = (control.__doc__ or "").partition(":")[0].strip().rstrip(".")
    operation = _operation(
        f"control_{control.__name__}", f"{summary}.", RESULTS[control], REQUESTS.get(control)
    )
    for status, problem in ((400, "The input is invalid."), (403, "A foreign Host or Origin.")):
        operation["responses"][str(status)] = _response(problem, fields(error=STRING))
    return {**operation, "tags": ["control"]}


def _operation(
    name: str, summary: str, result: Schema | None, body: Schema | None = None
) -> dict[str, Any]:
    success = _response(HTTPStatus.OK.phrase, result)
    shown = f"{summary[:1].upper()}{summary[1:]}".replace("``", "`")
    operation = {"operationId": name, "summary": shown, "responses": {"200": success}}
    if body is not None:
        operation["requestBody"] = {"required": True, **_content(body)}
    return operation


def _parameters(path: str) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    shown = [{"name": name, "in": "path", "required": True, "schema": STRING} for name in names]
    return {"parameters": shown} if shown else {}


def _response(description: str, schema: Schema | None) -> dict[str, Any]:
    return {"description": description, **(_content(schema) if schema is not None else {})}


def _content(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
