"""Requests and responses, compared with the OpenAPI description of the sandbox."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from airflow_provider_jsms.sandbox.openapi import document

if TYPE_CHECKING:
    import requests

DOCUMENT = document()


def deviations(method: str, path: str, sent: bytes, status: int, received: bytes) -> list[str]:
    """Return how a request and its response differ from the description.

    A request is as described if it succeeds; one that is refused may be anything.
    """
    operation = operation_of(method, path)
    if operation is None:
        return [] if status >= 400 else [f"{method} {path} is not described"]
    responses = operation["responses"]
    found = _differences(received, responses.get(str(status), responses.get("default")))
    if status < 300 and "requestBody" in operation:
        found += _differences(sent or b"{}", operation["requestBody"])
    return [f"{method} {path} {status}: {each}" for each in found]


def check_control(response: requests.Response, *_: object, **__: object) -> None:
    """Check a response of the control, and its request."""
    request = response.request
    sent = request.body or b""
    body = sent.encode() if isinstance(sent, str) else sent
    path = urlsplit(str(request.url)).path
    found = deviations(str(request.method), path, body, response.status_code, response.content)
    assert found == []


@cache
def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation of a request; a path without parameters comes first."""
    for template in sorted(DOCUMENT["paths"], key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = DOCUMENT["paths"][template].get(method.lower())
            return found
    return None


def _differences(body: bytes, described: dict[str, Any] | None) -> list[str]:
    if described is None:
        return ["this status is not described"]
    if "content" not in described:
        return [] if body == b"" else ["the body is not empty"]
    schema = {**described["content"]["application/json"]["schema"], **COMPONENTS}
    errors = Draft202012Validator(schema).iter_errors(json.loads(body))
    return [f"{error.json_path}: {error.message}" for error in errors]


COMPONENTS = {"components": DOCUMENT["components"]}
