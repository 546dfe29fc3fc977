"""What an example has done: what arrived at the service, what was raised, and what was told."""

from __future__ import annotations

import logging
import re
import traceback
import unicodedata
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.submission import custom_code
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit.fuzz import documents, odd
from tests.versions import AIRFLOW

if AIRFLOW >= (3, 0):
    import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.records import ApiRequest
    from airflow_provider_jsms.sandbox.server import SandboxServer

CONNECTION: Final = "jsms_fuzz"
_DIGITS: Final = re.compile(r"[^0-9]")
_NUMBER: Final = re.compile(r"(?<![0-9])(?:86)?[ -]?(1(?:[ -]?[0-9]){10})(?![0-9])")
_LONGEST: Final = 20_000


@dataclass
class Outcome:
    """What came of one example.

    :param told: every error text, with those that it came from, and every line of a log.
    """

    result: Any = None
    error: BaseException | None = None
    requests: list[ApiRequest] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return str(self.error)


class Service:
    """A sandbox, the requests that it got, and the number of examples that were tried on it."""

    examples = 0

    def __init__(self, server: SandboxServer) -> None:
        self.server = server

    def try_out(self, act: Callable[[], Any]) -> Outcome:
        """Do something and return what came of it, after what holds in any case."""
        Service.examples += 1
        custom_code.uncertain.clear()
        sandbox = self.server.sandbox
        with sandbox.lock:
            sandbox.recorded.clear()
        outcome = Outcome()
        with _listening(outcome.told):
            try:
                outcome.result = act()
            except Exception as error:  # noqa: BLE001  which it may be is for the test to say
                outcome.error = error
        outcome.requests = list(sandbox.recorded)
        if outcome.error is not None:
            outcome.told += _texts_of(outcome.error)
        return outcome


def check_told(outcome: Outcome, name: str, given: object) -> None:
    """Check that nothing private is told, and nothing that could pass for a line of its own.

    :param name: of the argument that is tried out; what is given as an id is told as one.
    :param given: the value of it, which may hold numbers.
    """
    is_id = name in ("schedule_id", "jsms_conn_id", "temp_id", "sign_id")
    told = "\n".join(outcome.told)
    assert len(told) < _LONGEST, told[:500]
    for secret in (MASTER_SECRET, BASIC_TOKEN, APP_KEY):
        assert secret not in told, told
    assert is_id or odd.PRIVATE not in told, told
    for number in [] if is_id else _numbers_in(given):
        assert number not in told, told
    for line in told.splitlines():
        assert not line.lstrip().startswith(odd.INJECTED), told
        assert line.isprintable(), ascii(line)


def check_one_request(outcome: Outcome, call: str) -> ApiRequest:
    """Check that one request arrived, as the documents have it."""
    (request,) = outcome.requests
    documents.check(call, request.method, request.path, request.body)
    assert request.headers["content-type"] == "application/json"
    assert set(request.headers) <= _HEADERS
    return request


_HEADERS: Final = {
    *("accept", "accept-encoding", "connection", "content-length", "content-type", "host"),
    "user-agent",
}


def _numbers_in(given: object) -> Iterator[str]:
    """Yield the phone numbers in what was given, as digits without +86."""
    for text in _texts_in(given, 0):
        plain = unicodedata.normalize("NFKC", text[:200])
        for found in _NUMBER.findall(plain):
            yield _DIGITS.sub("", found)


def _texts_in(given: object, depth: int) -> Iterator[str]:
    if type(given) is str:
        yield given
    elif type(given) is int and abs(given) < 10**18:
        yield str(given)
    elif type(given) in (list, tuple) and depth < 4:
        for each in given:  # type: ignore[attr-defined]
            yield from _texts_in(each, depth + 1)
    elif type(given) is dict and depth < 4:
        for name, each in given.items():
            yield from _texts_in(name, depth + 1)
            yield from _texts_in(each, depth + 1)


def _texts_of(error: BaseException | None) -> Iterator[str]:
    """Yield what Airflow would log of an error: its text, its repr, the chain it came from."""
    if error is not None:
        yield str(error)
        yield from traceback.TracebackException.from_exception(error).format_exception_only()
    while error is not None:
        yield from (str(error), repr(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@contextmanager
def _listening(told: list[str]) -> Iterator[None]:
    """Collect whatever is logged, at any level, with its tracebacks."""
    make = logging.getLogRecordFactory()
    formatter = logging.Formatter("%(message)s")

    def heard(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        # At debug level it logs the path of every file that it opens: no affair of the provider.
        if not str(record.name).startswith("fsspec"):
            told.append(formatter.format(record))
        return record

    root, level = logging.getLogger(), logging.getLogger().level
    logging.setLogRecordFactory(heard)
    root.setLevel(logging.DEBUG)
    try:
        with _listening_to_airflow_3(told) if AIRFLOW >= (3, 0) else nullcontext():
            yield
    finally:
        root.setLevel(level)
        logging.setLogRecordFactory(make)


@contextmanager
def _listening_to_airflow_3(told: list[str]) -> Iterator[None]:
    """Collect what operators and hooks log themselves, which goes another way there."""

    def heard(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
        if event.get("exc_info"):
            event["exception"] = traceback.format_exc()
        told.extend(str(value) for value in event.values())
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[heard])
    try:
        yield
    finally:
        structlog.configure(processors=before)
