"""A reverse proxy between the workers and Airflow's execution API, to stop a task at a moment.

What a task writes into its state store passes by here. So a write of the ledger can be held before
it reaches the API server, or after the API server has carried it out and before the task learns of
it, for as long as a test needs to do something to the task.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST: Final = "127.0.0.1"
LONGEST: Final = 120.0

_START = re.compile(r"/execution/task-instances/([0-9a-f-]+)/run$")
_STATE = re.compile(r"/execution/task-instances/([0-9a-f-]+)/state$")
_OF_A_TRY = re.compile(r"/execution/(?:task-instances|store/ti)/([0-9a-f-]+)(?:/|$)")
_RESULT = re.compile(r"/execution/xcoms/[^/]+/([^/]+)/[^/]+/return_value$")
_WRITE = re.compile(r"/execution/store/ti/([0-9a-f-]+)/(jsms_(?:campaign|submission)\w*)$")
# What concerns one connection only, is said anew, or would make an answer illegible here.
_NOT_PASSED_ON = {
    *("connection", "keep-alive", "transfer-encoding", "content-length", "host"),
    "accept-encoding",
}

DELETED: Final = "deleted"
"""What is held as the state of an XCom that a try deletes at its start."""

When = Literal["before", "after"]


@dataclass
class Hold:
    """The next write of a state by a run, to be held once.

    :param run_id: of the DAG run, which has one task.
    :param state: what the record says: ``begun``, ``sending``, ``accepted`` or ``finished``.
    :param when: ``before`` the API server gets it, or ``after`` it has carried it out.
    :param key: of the record, None for any.
    :param status: what the API server said to it.
    """

    run_id: str
    state: str
    when: When
    key: str | None = None
    is_reached: threading.Event = field(default_factory=threading.Event)
    is_taken: bool = False
    goes_on: bool = True
    status: int | None = None
    _is_over: threading.Event = field(default_factory=threading.Event)

    def is_for(self, write: Write) -> bool:
        """Tell whether it is this write that is to be held."""
        is_of_key = self.key in (None, write.key)
        is_of_run = (self.run_id, self.state) == (write.run_id, write.state)
        return is_of_run and is_of_key and not self.is_taken

    def release(self) -> None:
        """Let the write, or its answer, go on."""
        self._is_over.set()

    def drop(self) -> None:
        """Let the write never arrive, as if the worker had not sent it."""
        self.goes_on = False
        self._is_over.set()

    def wait_in_proxy(self) -> bool:
        """Hold the one who sends; return whether it goes on."""
        self.is_reached.set()
        return self._is_over.wait(LONGEST) and self.goes_on


@dataclass
class Gap:
    """Where a run loses its connection to the API server.

    :param state: the write that is lost, every time it is tried again.
    :param lasts: whether everything after it is lost as well, until that try is over.
    :param times: how often the write is lost before it passes, 0 for always.
    """

    run_id: str
    state: str
    lasts: bool
    times: int = 0
    lost: list[str] = field(default_factory=list)
    try_id: str | None = None
    is_closed: bool = False

    def close(self) -> None:
        """Lose nothing more."""
        self.is_closed = True


@dataclass
class Write:
    """A write of the ledger that passed by.

    :param state: of the record, with ``modifying`` before a PUT.
    :param at: when it was sent.
    :param is_stored: whether the API server has carried it out.
    """

    run_id: str
    try_id: str
    key: str
    state: str
    at: datetime
    is_stored: bool = False


@dataclass(frozen=True)
class Start:
    """A try whose process has begun, or goes on after the answer of a person."""

    run_id: str
    try_id: str
    at: datetime
    pid: int


@dataclass(frozen=True)
class Report:
    """What a worker has told Airflow at the end of a try."""

    run_id: str
    try_id: str
    at: datetime
    state: str


@dataclass(frozen=True)
class Result:
    """The result of a task was pushed, or deleted."""

    run_id: str
    at: datetime
    is_deleted: bool


class HoldingProxy:
    """Passes everything on, unless it was told to hold or to lose it.

    :ivar upstream: where the API server listens.
    :ivar latency: of everything that is passed on, in seconds.
    :ivar on_start: is called with each process that has begun.
    """

    def __init__(self) -> None:
        self.upstream = ""
        self.latency = 0.0
        self.writes: list[Write] = []
        self.starts: list[Start] = []
        self.reports: list[Report] = []
        self.results: list[Result] = []
        self.on_start: Callable[[Start], None] = lambda _: None
        self._runs: dict[str, str] = {}
        self._holds: list[Hold] = []
        self._gaps: list[Gap] = []
        self._lock = threading.Lock()
        self._pool = urllib3.PoolManager(maxsize=32, retries=False)
        self._server = _Server((HOST, 0), self)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/execution/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.drop_all()
        self._server.shutdown()
        self._server.server_close()
        self._pool.clear()

    def hold(self, run_id: str, state: str, when: When, *, key: str | None = None) -> Hold:
        """Hold the next write of ``state`` by a run, into the record ``key`` or any."""
        hold = Hold(run_id, state, when, key)
        with self._lock:
            self._holds.append(hold)
        return hold

    def drop_all(self) -> None:
        """Hold and lose nothing more, and drop what is held."""
        with self._lock:
            dropped, self._holds, self._gaps = self._holds, [], []
        for hold in dropped:
            hold.drop()

    def lose(self, run_id: str, state: str, *, lasts: bool = False, times: int = 0) -> Gap:
        """Lose the write of ``state`` by a run, and if it lasts everything of that try after it."""
        gap = Gap(run_id, state, lasts, times)
        with self._lock:
            self._gaps.append(gap)
        return gap

    def writes_of(self, run_id: str) -> list[Write]:
        """Return what a run has tried to write, in order."""
        return [write for write in self.writes if write.run_id == run_id]

    def states_of(self, run_id: str) -> list[str]:
        """Return the states that a run has tried to write, in order."""
        return [write.state for write in self.writes_of(run_id)]

    # --- for the connections

    def write_in(self, method: str, path: str, body: bytes) -> Write | None:
        if method == "DELETE" and (deleted := _RESULT.match(path)):
            return Write(deleted.group(1), "", "return_value", DELETED, datetime.now(UTC))
        found = _WRITE.match(path)
        if not found or method != "PUT":
            return None
        try_id, key = found.groups()
        record = json.loads(body)["value"]
        state = f"{record.get('state')}{', modifying' if 'modifying' in record else ''}"
        write = Write(self._runs.get(try_id, ""), try_id, key, state, datetime.now(UTC))
        self.writes.append(write)
        return write

    def hold_for(self, write: Write | None) -> Hold | None:
        with self._lock:
            for hold in self._holds:
                if write and hold.is_for(write):
                    hold.is_taken = True
                    return hold
        return None

    def is_lost(self, path: str, write: Write | None) -> bool:
        found = _OF_A_TRY.match(path)
        try_id = found.group(1) if found else None
        for gap in [gap for gap in self._gaps if not gap.is_closed]:
            if write and (gap.run_id, gap.state) == (write.run_id, write.state):
                gap.try_id = gap.try_id or write.try_id
                gap.lost.append(path)
                gap.is_closed = len(gap.lost) == gap.times
                return True
            if gap.lasts and gap.try_id and gap.try_id == try_id:
                gap.lost.append(path)
                return True
        return False

    def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        time.sleep(self.latency)
        reply = self._pool.request(
            method, self.upstream + path, headers=headers, body=body, decode_content=False
        )
        if reply.status < HTTPStatus.BAD_REQUEST:
            self._note(method, path, body, reply)
        return reply

    def _note(self, method: str, path: str, body: bytes, reply: urllib3.BaseHTTPResponse) -> None:
        """Note the begin, the result or the end of a try, if it is one."""
        at = datetime.now(UTC)
        if started := _START.match(path):
            try_id = started.group(1)
            run_id = self._runs[try_id] = json.loads(reply.data)["dag_run"]["run_id"]
            start = Start(run_id, try_id, at, json.loads(body)["pid"])
            self.starts.append(start)
            self.on_start(start)
        elif ended := _STATE.match(path):
            try_id = ended.group(1)
            report = Report(self._runs.get(try_id, ""), try_id, at, json.loads(body)["state"])
            self.reports.append(report)
        elif method in ("POST", "DELETE") and (result := _RESULT.match(path)):
            self.results.append(Result(result.group(1), at, method == "DELETE"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], proxy: HoldingProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Connection)

    def handle_error(self, *client: Any) -> None:
        """Say nothing of a client that was killed, nor of an API server that is away."""
        if not isinstance(sys.exception(), OSError | urllib3.exceptions.HTTPError):
            super().handle_error(*client)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The head and the body of an answer are written one after the other.
    disable_nagle_algorithm = True
    server: _Server

    def relay(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        write = proxy.write_in(self.command, path, body)
        if proxy.is_lost(path, write):
            self.close_connection = True
            return
        hold = proxy.hold_for(write)
        if hold and hold.when == "before" and not hold.wait_in_proxy():
            # Nobody is left to hear this, but the supervisor must not try again.
            self._answer(HTTPStatus.NOT_FOUND, {}, b'{"detail": "dropped by the test"}')
            return
        reply = proxy.forward(self.command, self.path, _passed_on(self.headers), body)
        if write:
            write.is_stored = reply.status < HTTPStatus.BAD_REQUEST
        if hold:
            hold.status = reply.status
        if hold and hold.when == "after":
            hold.wait_in_proxy()
        self._answer(reply.status, _passed_on(reply.headers), reply.data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
