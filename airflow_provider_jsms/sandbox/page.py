"""The page of a sandbox: the phones of the people who are texted, and a clock to move."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_jsms.sandbox import page_views
from airflow_provider_jsms.sandbox.answers import JSON_HEADERS, to_json
from airflow_provider_jsms.sandbox.phones import Phones

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


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the page at ``/``, its files, and what it asks for every second."""
    files = [path for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES]
    return [
        _file("/", FOLDER / "page.html"),
        *(_file(f"/sandbox/page/{path.name}", path) for path in files),
        _view("/sandbox/page/view", sandbox),
    ]


def _file(address: str, path: Path) -> Route:
    content, media_type = path.read_bytes(), MEDIA_TYPES[path.suffix]

    async def endpoint(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(address, endpoint)


def _view(address: str, sandbox: Sandbox) -> Route:
    phones = Phones()

    async def endpoint(request: Request) -> Response:
        asked = request.query_params
        with sandbox.lock:
            sandbox.send_due()
            view = page_views.view(
                sandbox,
                phones.people(sandbox.book),
                search=asked.get("search", "").strip(),
                mobile=asked.get("mobile", ""),
            )
            clock = page_views.clock(sandbox)
        version = hashlib.sha256(to_json(view)).hexdigest()[:16]
        is_known = asked.get("version") == version
        shown = {"clock": clock, "version": version, "view": None if is_known else view}
        return Response(to_json(shown), headers=JSON_HEADERS)

    return Route(address, endpoint)
