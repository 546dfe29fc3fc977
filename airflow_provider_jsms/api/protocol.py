"""The calls of JSMS without an HTTP library: what is sent, how the answer is read, what may repeat.

Synchronous and asynchronous clients share this room; they add only the waiting.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from airflow_provider_jsms import __version__
from airflow_provider_jsms.api import results
from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.api.codes import CODES, SERVER_ERROR, SUCCESS, Kind, refusal
from airflow_provider_jsms.api.masking import mask_message, mask_mobile, mask_text
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsServerError,
    JsmsThrottledError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_jsms.api.bodies import BatchBody, SingleBody
    from airflow_provider_jsms.api.results import BatchResult, Schedule
    from airflow_provider_jsms.exceptions import JsmsCallError

HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-jsms/{__version__}",
}

LARGEST_REPLY: Final = 8 * 1024 * 1024
"""Bytes of a body, packed or not."""

# Longer than anybody waits, and short enough to be reckoned with.
_LONGEST_WAIT: Final = 30 * 24 * 3600.0
_PACKED: Final = ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
# Those of a thousand recipients are some ten thousand; small ones take a hundred times the memory.
_MOST_VALUES: Final = 200_000
_BEFORE_VALUES: Final = (b",", b"[", b"{")
# No database stores these, so no XCom can hold them.
_UNSTORABLE: Final = re.compile(r"[\0\ud800-\udfff]")

_HTTP_OK: Final = range(200, 300)
_HTTP_REDIRECT: Final = range(300, 400)
_HTTP_TOO_MANY_REQUESTS: Final = 429
_HTTP_SERVER_ERROR: Final = 500

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the way to read its answer.

    :param name: the hook's name for it, such as ``submit_schedule``.
    :param method: the HTTP method.
    :param path: below the base URL.
    :param read: turns the decoded body of a success into the result.
    :param body: what is sent as JSON, None for no body. Not in the repr: it is personal data.
    :param subject: what it is about, in words that a log may show.
    """

    name: str
    method: str
    path: str
    read: Callable[[object], T] = field(repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    subject: str = ""

    def __str__(self) -> str:
        """Return ``submit_schedule (POST /v1/schedule)``."""
        return f"{self.name} ({self.method} {self.path})"

    @property
    def content(self) -> bytes | None:
        """The body as JSON in UTF-8, as the official Java client sends it."""
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Reply:
    """An answer as it came: status, headers (looked up without regard to case), body."""

    http_status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def submit_schedule(body: SingleBody) -> Call[str]:
    """``POST /v1/schedule``: schedule one text; the result is its schedule_id."""
    return Call("submit_schedule", "POST", "/v1/schedule", _read_schedule_id, body, _one(body))


def submit_batch_schedule(body: BatchBody) -> Call[BatchResult]:
    """``POST /v1/schedule/batch``: schedule a text for up to 1,000 people."""
    read = partial(_read_batch_result, recipients=len(body["recipients"]))
    return Call("submit_batch_schedule", "POST", "/v1/schedule/batch", read, body, _many(body))


def modify_schedule(schedule_id: object, body: SingleBody) -> Call[str]:
    """``PUT /v1/schedule/{schedule_id}``: replace a schedule; the result is its schedule_id."""
    asked = schedule_id_of(schedule_id)
    read = partial(_read_schedule_id, asked=asked)
    return Call("modify_schedule", "PUT", f"/v1/schedule/{asked}", read, body, _one(body))


def modify_batch_schedule(schedule_id: object, body: BatchBody) -> Call[BatchResult]:
    """``PUT /v1/schedule/batch/{schedule_id}``: replace a batch schedule."""
    asked = schedule_id_of(schedule_id)
    read = partial(_read_batch_result, recipients=len(body["recipients"]), asked=asked)
    path = f"/v1/schedule/batch/{asked}"
    return Call("modify_batch_schedule", "PUT", path, read, body, _many(body))


def query_schedule(schedule_id: object) -> Call[Schedule]:
    """``GET /v1/schedule/{schedule_id}``: a single or a batch schedule."""
    asked = schedule_id_of(schedule_id)
    read = partial(results.read_schedule, asked=asked)
    return Call("query_schedule", "GET", f"/v1/schedule/{asked}", read)


def delete_schedule(schedule_id: object) -> Call[None]:
    """``DELETE /v1/schedule/{schedule_id}``: a single or a batch schedule; answers nothing."""
    asked = schedule_id_of(schedule_id)
    read = partial(results.read_nothing, asked=asked)
    return Call("delete_schedule", "DELETE", f"/v1/schedule/{asked}", read)


def query_balance() -> Call[dict[str, int | None]]:
    """``GET /v1/accounts/app``: the balance of the application, a call that changes nothing."""
    return Call("query_balance", "GET", "/v1/accounts/app", results.read_balance)


def read_reply(call: Call[T], reply: Reply) -> T:
    """Return the result of a call, or raise what its answer means.

    A code of the table decides alone, whatever the HTTP status is. Without one, only a success
    with a body of the documented form is a success.

    :raises JsmsApiError: JSMS refused it.
    :raises JsmsThrottledError: JSMS asks to wait.
    :raises JsmsNoAnswerError: nobody can tell from this answer whether it was done.
    """
    body = _decoded(_unpacked(reply))
    code, message = _error_in(body)
    details: dict[str, Any] = {
        "call": str(call),
        "code": code,
        "message": mask_message(message, _values(call.body)),
        "http_status": reply.http_status,
    }
    is_throttled = reply.http_status == _HTTP_TOO_MANY_REQUESTS
    if code == SERVER_ERROR:
        raise JsmsServerError(_server_error(reply, code), **details)
    is_frequency = code in CODES and CODES[code].kind is Kind.FREQUENCY
    if code in CODES and code != SUCCESS and not (is_frequency and is_throttled):
        raise refusal(**details)
    if is_throttled:
        raise _throttled(reply, details)
    if reply.http_status in _HTTP_OK and code in (None, SUCCESS):
        try:
            return call.read(body)
        except results.MalformedReplyError as error:
            raise JsmsUnreadableReplyError(
                f"HTTP {reply.http_status} with an answer that cannot be read: {error}.",
                **details,
            ) from None
    raise _without_known_code(reply, code, details)


def may_be_sent_again(method: str, error: BaseException) -> bool:
    """Tell whether a call that met ``error`` may be sent once more."""
    if isinstance(error, JsmsNotSentError):
        return True  # nothing left this machine
    if isinstance(error, JsmsThrottledError):
        return True  # JSMS did not take it
    if isinstance(error, JsmsNoAnswerError):
        # A GET, PUT or DELETE leads to the same state when it is done twice. A second POST would
        # be a second text: JSMS has no idempotency key to tell it from the first.
        return method != "POST"
    return False  # refused with a code, or no error of a call at all


def uncertain(call: Call[T], error: JsmsNoAnswerError, since: datetime) -> JsmsUncertainError:
    """Return the error for a submission whose outcome is not known.

    :param since: when the request left, aware.
    """
    left_at = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return JsmsUncertainError(
        f"JSMS may have accepted this at {left_at}, nobody can tell: {error.text} It is about "
        f"{call.subject}. It was not sent again and will not be by itself. Look in the JSMS "
        "console whether that schedule exists; if it does, delete it there before you send again.",
        call=str(call),
        code=error.code,
        message=error.message,
        http_status=error.http_status,
    )


def wait_asked_for(headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that an answer asks to wait, 0 where it does not.

    ``Retry-After`` is seconds or a date (RFC 9110); ``X-Rate-Limit-Reset`` is seconds, as the
    documents of the sister service JPush say. JSMS itself documents neither.
    """
    asked = [_seconds(headers.get(name, "")) for name in ("Retry-After", "X-Rate-Limit-Reset")]
    try:
        until = parsedate_to_datetime(headers.get("Retry-After", ""))
        asked.append((until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # no date, or one without a zone
        pass
    return min(max(0.0, *asked), _LONGEST_WAIT)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _unpacked(reply: Reply) -> bytes:
    """Return a body, also one that came packed, which nobody has asked for.

    One that is broken or too large stays as it came: packed, it is no JSON.
    """
    if reply.headers.get("Content-Encoding", "").strip().lower() not in _PACKED:
        return reply.content
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = unpacker.decompress(reply.content, LARGEST_REPLY)
    except zlib.error:
        return reply.content
    return content if unpacker.eof and not unpacker.unused_data else reply.content


def _decoded(content: bytes) -> object:
    """Return what a body says, None for an empty one, and the bytes themselves if it is no JSON."""
    if not content.strip():
        return None
    if sum(map(content.count, _BEFORE_VALUES)) > _MOST_VALUES:
        return content
    try:
        return _storable(json.loads(content))
    except (ValueError, RecursionError):
        return content


def _storable(value: object) -> object:
    """Return a decoded body with what no text may hold replaced, in names too."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return value


def _read_schedule_id(body: object, asked: str | None = None) -> str:
    return _usable(results.read_schedule_id(body), asked)


def _read_batch_result(body: object, recipients: int, asked: str | None = None) -> BatchResult:
    result = results.read_batch_result(body, recipients)
    if result["schedule_id"] is not None:
        _usable(result["schedule_id"], asked)
    return result


def _usable(schedule_id: str, asked: str | None) -> str:
    """Return the schedule_id of an answer if it can name the schedule in a later call.

    :param asked: the schedule_id that the call was about, None for a submission.
    """
    if asked is not None:
        results.check_same_schedule(schedule_id, asked)
    try:
        return schedule_id_of(schedule_id)
    except JsmsInputError:
        raise results.MalformedReplyError("its schedule_id cannot be one") from None


def _error_in(body: object) -> tuple[int | None, str]:
    """Return code and message of an error envelope; the code may come as a string."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None, ""
    message = error.get("message")
    return results.code_number(error.get("code")), message if isinstance(message, str) else ""


def _throttled(reply: Reply, details: Mapping[str, Any]) -> JsmsThrottledError:
    wait = wait_asked_for(reply.headers, datetime.now(UTC))
    asked = f"and asks to wait {wait:.0f} s" if wait else "without saying for how long"
    error = JsmsThrottledError(
        f"JSMS did not take the request (HTTP 429), {asked}. Fewer tasks at once (an Airflow "
        "pool) help.",
        **details,
    )
    error.wait = wait
    return error


def _server_error(reply: Reply, code: int | None) -> str:
    said = f"{code} (HTTP {reply.http_status})" if code else f"HTTP {reply.http_status}"
    return f"JSMS, or something on the way to it, failed with {said}."


def _without_known_code(reply: Reply, code: int | None, details: dict[str, Any]) -> JsmsCallError:
    status = reply.http_status
    if status >= _HTTP_SERVER_ERROR:
        return JsmsServerError(_server_error(reply, code), **details)
    if status in _HTTP_REDIRECT:
        return JsmsUnreadableReplyError(
            f"the answer is a redirect (HTTP {status}), which is never followed: credentials go "
            "to the host of the connection only. Compare its host with "
            "https://api.sms.jpush.cn.",
            **details,
        )
    if code not in (None, SUCCESS) and status not in _HTTP_OK:
        return refusal(**details)
    what = "an answer that is not one of JSMS" if code is None else f"the code {code}"
    return JsmsUnreadableReplyError(
        f"HTTP {status} with {what} makes no sense. Look for a proxy on the way.",
        **details,
    )


def _values(body: object) -> Iterator[str]:
    """Yield the values of every temp_para in a body."""
    people = [body, *body.get("recipients", [])] if isinstance(body, dict) else []
    for person in people:
        yield from person.get("temp_para", {}).values()


def _one(body: SingleBody) -> str:
    return f"{mask_mobile(body['mobile'])} {_what(body)}"


def _many(body: BatchBody) -> str:
    people = body["recipients"]
    first = mask_mobile(people[0]["mobile"])
    return f"{len(people)} recipients (the first is {first}) {_what(body)}"


def _what(body: SingleBody | BatchBody) -> str:
    # A phone number may have slipped into its place.
    temp_id = mask_text(body["temp_id"])
    return f"with temp_id {temp_id} at {body['send_time']} (the wall clock of JSMS)"
