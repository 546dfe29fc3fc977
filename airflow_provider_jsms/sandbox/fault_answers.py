"""Faults that answer: with something else than the call, or with something else than JSMS does."""

from __future__ import annotations

import json
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.answers import JSON_HEADERS, Answer, refused, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.sandbox.exchange import Exchange


async def answer_status(
    exchange: Exchange,
    *,
    status: int,
    code: int | None = None,
    headers: Mapping[str, str] = {},
) -> Answer:
    """Answer with an HTTP status, as a proxy would, or with a return code as JSMS would."""
    await exchange.read()
    if code is not None:
        return refused(code, status=status, headers=headers)
    title = f"{status} {_phrase(status)}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), {"Content-Type": "text/html", **headers})


async def answer_code(exchange: Exchange, *, code: int) -> Answer:
    """Answer with a return code and do nothing else."""
    await exchange.read()
    return refused(code)


async def redirect(exchange: Exchange, *, status: int = 302, location: str | None = None) -> Answer:
    """Answer that the request belongs elsewhere, by default to the same path of this server."""
    await exchange.read()
    return Answer(status, headers={"Location": location or exchange.path})


async def garbage(
    exchange: Exchange, *, handled: bool = True, size: int = 200, seed: int = 0
) -> Answer:
    """Answer 200 with bytes that mean nothing, the same ones for the same seed."""
    await (exchange.handle() if handled else exchange.read())
    made = Random(seed).randbytes(size)  # noqa: S311 - it has to be repeatable, nothing is kept secret
    return Answer(body=made)


async def wrong_types(exchange: Exchange, *, shape: str = "values") -> Answer:
    """Handle the request, and answer with JSON that is of other types than documented.

    * ``values``: the documented fields, each with a value of a wrong type;
    * ``list``, ``null``, ``text``, ``number``: that in the place of the object.

    An answer without a body has no fields, and stays as it is with ``values``.
    """
    answer = await exchange.handle()
    if shape == "values":
        if not answer.body:
            return answer
        return answer._replace(body=to_json(_of_wrong_types(json.loads(answer.body))), code=None)
    return Answer(answer.status, to_json(_INSTEAD[shape]), JSON_HEADERS)


_INSTEAD: Mapping[str, object] = {"list": [], "null": None, "text": "accepted", "number": 1}
INSTEAD = tuple(_INSTEAD)


def _of_wrong_types(fields: Mapping[str, Any]) -> dict[str, object]:
    return {
        name: f"{value}" if isinstance(value, list | dict) else {"value": value}
        for name, value in fields.items()
    }


def _phrase(number: int) -> str:
    try:
        return HTTPStatus(number).phrase
    except ValueError:
        return "Error"
