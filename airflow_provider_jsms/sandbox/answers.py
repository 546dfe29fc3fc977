"""What the service answers: a JSON document, nothing at all, or a refusal with its code."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from airflow_provider_jsms.api.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}

# No document tells the HTTP status of some codes (50301 is one); nearly every refusal is a 403.
_LIKELY_STATUS = 403


class Answer(NamedTuple):
    """An HTTP answer that is still to be sent.

    ``code`` is the return code in the body, None where the body carries none.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = JSON_HEADERS
    code: int | None = None


class Refusal(Exception):  # noqa: N818 - the service refuses, nothing has broken
    """The service refuses a request.

    :param code: why, a return code of JSMS.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code, message_of(code))
        self.code = code


def message_of(code: int) -> str:
    """Return the English message of a code as it stands on the wire.

    The wire message of some codes is not known: their meaning stands in for it.
    """
    known = CODES.get(code)
    return known.message or known.meaning if known else "undocumented code"


def to_json(value: object) -> bytes:
    """Encode a value as raw UTF-8 JSON, with ``?`` for half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def from_json(body: bytes) -> object:
    """Decode JSON strictly: nothing that an answer could not carry, such as NaN or 1e999.

    :raises ValueError: it is no JSON.
    :raises RecursionError: it is nested too deeply.
    """
    return json.loads(body, parse_constant=_no_number, parse_float=_finite)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_number(text)
    return number


def document(value: object) -> Answer:
    """Answer 200 with a JSON document."""
    return Answer(body=to_json(value))


def refused(code: int, *, status: int | None = None, headers: Mapping[str, str] = {}) -> Answer:
    """Answer with the error envelope of a code.

    :param status: the HTTP status, by default the documented one of the code.
    :param headers: sent besides the Content-Type.
    """
    known = CODES.get(code)
    envelope = {"error": {"code": code, "message": message_of(code)}}
    return Answer(
        status or (known and known.http_status) or _LIKELY_STATUS,
        to_json(envelope),
        {**JSON_HEADERS, **headers},
        code,
    )
