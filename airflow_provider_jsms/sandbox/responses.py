"""API responses: JSON documents, empty bodies, and refusals with a return code."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from airflow_provider_jsms.api.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}

# The HTTP status of some codes, such as 50301, is undocumented; nearly every refusal is a 403.
_DEFAULT_STATUS = 403


class ErrorCode(IntEnum):
    """The return codes with which the sandbox refuses requests."""

    MISSING_AUTH = 50001
    AUTH_FAILED = 50002
    MISSING_BODY = 50003
    MISSING_MOBILE = 50004
    MISSING_TEMP_ID = 50005
    INVALID_MOBILE = 50006
    INVALID_BODY = 50007
    SERVICE_NOT_OPEN = 50008
    OUT_OF_FREQUENCY = 50009
    INVALID_TEMP_ID = 50013
    NO_MONEY = 50014
    API_NOT_FOUND = 50016
    MEDIA_NOT_SUPPORTED = 50017
    METHOD_NOT_SUPPORTED = 50018
    TEMPLATE_AUDITING = 50020
    TEMPLATE_NOT_PASSED = 50021
    PARAMETERS_NOT_ALL_REPLACED = 50022
    PARAMETER_EMPTY = 50023
    UNSUBSCRIBED_MOBILE = 50024
    WRONG_TEMPLATE_TYPE = 50025
    INVALID_SEND_TIME = 50027
    INVALID_SCHEDULE_ID = 50028
    WRONG_SCHEDULE_STATUS = 50029
    RECIPIENTS_EMPTY = 50030
    TOO_MANY_RECIPIENTS = 50031
    QUOTA_NOT_ASSIGNED = 50033
    REPEATED_SEND = 50034
    ILLEGAL_IP = 50035
    APP_BLACKLISTED = 50036
    HAS_BLACK_WORD = 50037
    INVALID_CONTENT_LENGTH = 50038
    SIGNATURE_NOT_SET = 50046
    CONTENT_HAS_SPECIAL_SYMBOL = 50054
    INVALID_SIGN_ID = 50102
    PULL_OUT_OF_FREQUENCY = 50201
    PULL_NOT_ALLOWED = 50202
    ACCOUNT_FROZEN = 50301


class ApiResponse(NamedTuple):
    """A response that is still to be sent.

    :param code: the return code in its body, if any.
    :param message: the message beside the code.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = JSON_HEADERS
    code: int | None = None
    message: str | None = None


class Refusal(Exception):  # noqa: N818 - an answer of the service, not a failure of it
    """The service refuses a request, or one recipient of a batch, with a return code.

    :param message: by default the documented one.
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        super().__init__(code)
        self.code = int(code)
        self.message = message


def message_of(code: int) -> str:
    """Return the English message of a code on the wire, or its meaning if that is unknown."""
    known = CODES.get(code)
    return known.message or known.meaning if known else "undocumented code"


def to_json(value: object) -> bytes:
    """Encode as raw UTF-8 JSON, with ``?`` for half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def from_json(body: bytes) -> object:
    """Decode strict JSON, which has no NaN.

    :raises ValueError: invalid JSON.
    """
    return json.loads(body, parse_constant=_reject_constant)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is invalid in JSON")


def json_response(value: object) -> ApiResponse:
    """Return 200 with a JSON document."""
    return ApiResponse(body=to_json(value))


def error_response(
    code: int,
    *,
    status: int | None = None,
    message: str | None = None,
    headers: Mapping[str, str] = {},
) -> ApiResponse:
    """Return the error envelope of a code.

    :param status: the HTTP status, by default the documented one.
    :param message: by default the documented one.
    :param headers: sent in addition to the Content-Type.
    """
    known = CODES.get(code)
    message = message or message_of(code)
    return ApiResponse(
        status or (known and known.http_status) or _DEFAULT_STATUS,
        to_json({"error": {"code": code, "message": message}}),
        {**JSON_HEADERS, **headers},
        code,
        message,
    )
