"""Asking a hostile server both ways, and submitting to it: what every test of this folder needs."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.submission import custom_code
from tests import people
from tests.unit.hooks.test_client import SCHEDULE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.wire import Connection

_LONGEST = 6.0
VALUE = f"{people.CANARY}-王芳"


def by_requests() -> Any:
    with JsmsHook() as hook:
        return hook.query_schedule(SCHEDULE_ID)


def by_aiohttp() -> Any:
    return asyncio.run(JsmsHook().aquery_schedule(SCHEDULE_ID))


def submit() -> str:
    """Submit a text with a number and a parameter that a server may repeat."""
    custom_code.uncertain.clear()
    with JsmsHook() as hook:
        return hook.submit_schedule(
            send_time=datetime.now(UTC) + timedelta(days=1),
            mobile=people.ANNA,
            temp_id=1,
            temp_para={"name": VALUE},
        )


QUERIES = {"requests": by_requests, "aiohttp": by_aiohttp}


def say(*pieces: bytes) -> Callable[[Connection], None]:
    """Return a behaviour that reads a request, says these bytes and closes the connection."""

    def behave(connection: Connection) -> None:
        connection.read_body()
        for piece in pieces:
            connection.send(piece)
        connection.close()

    return behave


def pour(beginning: bytes, more: bytes, pause: float = 0.0) -> Callable[[Connection], None]:
    """Return a behaviour that says ``beginning``, and then ``more`` without end.

    For a client that bears it, it ends nevertheless, so that a test fails instead of hanging.
    """

    def behave(connection: Connection) -> None:
        connection.read_body()
        end = monotonic() + _LONGEST
        try:
            connection.send(beginning)
            while monotonic() < end and not connection.released.wait(pause):
                connection.send(more)
        except OSError:
            pass
        connection.close()

    return behave


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Check that something takes no longer than that."""
    since = monotonic()
    yield
    assert monotonic() - since < seconds


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Check that something takes no more bytes than that."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
