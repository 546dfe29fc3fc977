"""The stage: a sandbox, a hook, and what is to be seen of one call that meets a fault."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import pytest
from tenacity import AsyncRetrying, Retrying

from airflow_provider_jsms.exceptions import JsmsApiError, JsmsNoAnswerError, JsmsUncertainError
from airflow_provider_jsms.hooks import async_client as shared
from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from tests import people
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.outcomes import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from airflow_provider_jsms.sandbox.schedules import Schedule
    from tests.outcomes.rows import Row

ASYNC_QUERY: Final = "aquery_schedule"
# Only a bug makes a call last that long.
_LONGEST: Final = 5.0


@dataclass
class Seen:
    """What is to be seen of a call: from the task, and from the sandbox."""

    sandbox: Sandbox
    schedule_id: str
    result: Any = None
    error: BaseException | None = None
    requests: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    schedules: list[Schedule] = field(default_factory=list)
    sent_elsewhere: int = 0

    @property
    def outcome(self) -> str:
        """What became of the call, in the words of the table."""
        if isinstance(self.error, JsmsUncertainError):
            return rows.UNCERTAIN
        if isinstance(self.error, JsmsApiError):
            return rows.REFUSED
        if isinstance(self.error, JsmsNoAnswerError):
            return rows.NO_ANSWER
        if self.error is not None:
            return type(self.error).__name__
        if self.requests[-1:] != self.requests[:1]:
            return rows.ASKED
        # A library that sends a query again by itself does not wait before it does.
        return rows.AGAIN if self.waits or len(self.requests) > 1 else rows.DONE


# Of the thread that plays.
_seen: ContextVar[Seen] = ContextVar("seen")


@contextmanager
def impatient(row: Row) -> Iterator[None]:
    """Bound every call as a row says, and let what is sent again be so at once.

    That is for the whole process: all calls of a row can be played side by side.
    """

    def sleep(seconds: float) -> None:
        _seen.get().waits.append(seconds)
        if row.fault["kind"] == "connection_refused":
            sandbox = _seen.get().sandbox
            with sandbox.lock:
                sandbox.faults.clear()

    async def asleep(seconds: float) -> None:
        sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "Retrying", partial(Retrying, sleep=sleep))
        patch.setattr(shared, "AsyncRetrying", partial(AsyncRetrying, sleep=asleep))
        for module in (client, shared):
            patch.setattr(module, "LONGEST_IN_ALL", row.timeouts.in_all)
        yield


class Stage:
    """Plays one call. If it is sent again, it is so at once, and noted with its wait.

    :param call: the call, whose name is that of the connection too.
    :param folder: for the certificate of the sandbox that serves https.
    """

    def __init__(self, call: str, folder: Path) -> None:
        self.call = call
        self._plain = SandboxServer(_sandbox())
        self._tls = SandboxServer(_sandbox(), ca_bundle=folder / f"{call}.pem")
        self._elsewhere = SandboxServer(_sandbox(), host="127.0.0.2")
        self._send_time = datetime.now(UTC) + timedelta(days=1)
        self._variable = f"AIRFLOW_CONN_{call.upper()}"
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        # It is there before the calls are played and after them: while one thread reads the
        # environment, as the proxies of `requests` are, no other may take a variable out of it.
        self._patch.setenv(self._variable, "{}")
        for server in self._servers:
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.__exit__(None, None, None)
        self._patch.undo()

    @property
    def _servers(self) -> list[SandboxServer]:
        return [self._plain, self._tls, self._elsewhere]

    def play(self, row: Row) -> Seen:
        """Return what is to be seen of the call if its first request meets the fault of a row.

        :param row: one that the process is :func:`impatient` for.
        """
        server = self._tls if row.fault["kind"] == "bad_certificate" else self._plain
        sandbox = server.sandbox
        for each in self._servers:
            each.sandbox.reset()
        seen = Seen(sandbox, self._prepared(server))
        _seen.set(seen)
        timeouts = {"connect_timeout": row.timeouts.connect, "read_timeout": row.timeouts.read}
        self._connect(server, **timeouts)
        with _watch(sandbox):
            self._set(sandbox, row)
            begin = time.monotonic()
            try:
                with JsmsHook(self.call) as hook:
                    seen.result = self._calls(seen.schedule_id)[self.call](hook)
            except Exception as error:  # noqa: BLE001  whatever it is: the test looks at it
                seen.error = error
            seen.seconds = time.monotonic() - begin
        if row.fault["kind"] == "slow":
            _settle(sandbox)
        seen.requests = [str(request.call) for request in sandbox.recorded]
        seen.schedules = list(sandbox.book.schedules.values())
        seen.sent_elsewhere = len(self._elsewhere.sandbox.recorded)
        return seen

    def _calls(self, schedule_id: str) -> Mapping[str, Callable[[JsmsHook], Any]]:
        base = {"send_time": self._send_time, "temp_id": 1}
        one = {**base, "mobile": people.BEN}
        many = {**base, "recipients": [people.BEN, people.CARA]}
        return {
            "submit_schedule": lambda hook: hook.submit_schedule(**one),
            "submit_batch_schedule": lambda hook: hook.submit_batch_schedule(**many),
            "modify_schedule": lambda hook: hook.modify_schedule(schedule_id, **one),
            "modify_batch_schedule": lambda hook: hook.modify_batch_schedule(schedule_id, **many),
            "query_schedule": lambda hook: hook.query_schedule(schedule_id),
            ASYNC_QUERY: lambda hook: asyncio.run(hook.aquery_schedule(schedule_id)),
            "delete_schedule": lambda hook: hook.delete_schedule(schedule_id),
        }

    def _prepared(self, server: SandboxServer) -> str:
        """Return the id of a schedule that the call is about, '' for a submission."""
        if self.call in rows.SUBMITS:
            return ""
        self._connect(server)
        with JsmsHook(self.call) as hook:
            schedule_id = hook.submit_schedule(
                send_time=self._send_time, mobile=people.ANNA, temp_id=1
            )
        server.sandbox.recorded.clear()
        return schedule_id

    def _set(self, sandbox: Sandbox, row: Row) -> None:
        call = "query_schedule" if self.call == ASYNC_QUERY else self.call
        fault = {"call": call, **row.fault}
        if fault["kind"] in {"connection_refused", "bad_certificate"}:
            fault["call"] = "*"
        if fault.get("location") == rows.ANOTHER_HOST:
            fault["location"] = f"{self._elsewhere.url}/v1/schedule"
        with sandbox.lock:
            sandbox.faults.add(fault)

    def _connect(self, server: SandboxServer, **extra: object) -> None:
        if server.ca_bundle:
            extra["ca_bundle"] = str(server.ca_bundle)
        fields = {
            "conn_type": "jsms",
            "login": APP_KEY,
            "password": MASTER_SECRET,
            "host": server.url,
            "extra": extra,
        }
        os.environ[self._variable] = json.dumps(fields)


def _sandbox() -> Sandbox:
    return Sandbox(app_key=APP_KEY, master_secret=MASTER_SECRET)


@contextmanager
def _watch(sandbox: Sandbox) -> Iterator[None]:
    """Let an answer end at last that the provider waits for without end."""

    def end() -> None:
        with sandbox.lock:
            sandbox.waits.cancel()

    timer = threading.Timer(_LONGEST, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _settle(sandbox: Sandbox) -> None:
    """Wait until a slow request is carried out, whose client has left."""
    deadline = time.monotonic() + _LONGEST
    while any(request.status is None for request in sandbox.recorded):
        assert time.monotonic() < deadline, "a slow request was not carried out"
        time.sleep(0.01)
