"""The web page of a sandbox: its files, and the JSON that it polls every second."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_jsms.sandbox.page_view import clock_of, content_of
from airflow_provider_jsms.sandbox.phones import Phones
from airflow_provider_jsms.sandbox.responses import JSON_HEADERS, to_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_provider_jsms.sandbox.state import Sandbox

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_QUERY = ("search", "mobile", "grouping")


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the page, its files and its data."""
    files = [path for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES]
    return [
        _file("/", FOLDER / "page.html"),
        *(_file(f"/sandbox/page/{path.name}", path) for path in files),
        _view("/sandbox/page/view", sandbox),
    ]


def _file(url: str, path: Path) -> Route:
    content, media_type = path.read_bytes(), MEDIA_TYPES[path.suffix]

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
