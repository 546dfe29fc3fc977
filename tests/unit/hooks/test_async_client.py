"""Queries from an event loop: the hook's results and errors, over one shared connection."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsCallError,
    JsmsNotSentError,
    JsmsSettingsError,
    JsmsStateError,
    JsmsThrottledError,
)
from airflow_provider_jsms.hooks import async_client
from airflow_provider_jsms.hooks.async_client import SharedConnection, shared
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import leaks, people
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit import wire
from tests.unit.hooks.test_client import AMBIGUOUS, GOOD, SCHEDULE_ID, code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_jsms.api.results import Schedule
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.wire import Connection

AUTHORIZATION = f"Basic {BASIC_TOKEN}"
QUERY = protocol.query_schedule(SCHEDULE_ID)
REFUSED = {
    "50028": (code(50028, 403), JsmsStateError),
    "50002": (code(50002, 401), JsmsAuthError),
    "429": (wire.answer(429, b"", Retry_After="61"), JsmsThrottledError),
}


def ask(schedule_id: str = SCHEDULE_ID) -> Schedule:
    return asyncio.run(JsmsHook().aquery_schedule(schedule_id))


def ask_in_the_old_way(schedule_id: str = SCHEDULE_ID) -> Schedule:
    with JsmsHook() as hook:
        return hook.query_schedule(schedule_id)


def failure(run: Callable[[], object]) -> JsmsCallError:
    """Return the error of a call, after a check that no log would show anything private of it."""
    with pytest.raises(JsmsCallError) as caught:
        run()
    for text in leaks._texts_of(caught.value):
        assert not leaks.found_in(text)
    return caught.value


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  it is a server in a thread that is watched
            await asyncio.sleep(0.005)


def users() -> list[str]:
    """Return the connections in use, in all event loops."""
    return [conn_id for of_loop in async_client._connections.values() for conn_id in of_loop]


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SharedConnection]]:
    """Every shared connection that is opened; in the end, none is left."""
    opened, opening = [], SharedConnection.__init__

    def open_noted(connection: SharedConnection, conn_id: str) -> None:
        opening(connection, conn_id)
        opened.append(connection)

    monkeypatch.setattr(SharedConnection, "__init__", open_noted)
    yield opened
    assert users() == []
    assert all(connection.session.closed for connection in opened)


class Reads:
    """Counts the reads of the Airflow connection, which are slow, and fail if asked to."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self._read = async_client.get_async_connection

    async def __call__(self, conn_id: str) -> Any:
        self.count += 1
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return await self._read(conn_id)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(async_client, "get_async_connection", reads)
    return reads


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(async_client, "monotonic", clock)
    return clock


class TestTheResult:
    def test_is_that_of_the_hook(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        sandbox.switch(msg_id_when="accepted", msg_id_type="number")
        with JsmsHook() as hook:
            schedule_id = hook.submit_batch_schedule(
                send_time=tomorrow, recipients=[people.ANNA, people.BEN], temp_id=1
            )["schedule_id"]
        assert schedule_id
        answer = ask(schedule_id)
        assert answer == ask_in_the_old_way(schedule_id)
        assert all(each["msg_id"] for each in answer["recipients"])

    def test_is_queried_by_the_same_request(self, set_connection: Callable[..., None]) -> None:
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(f"{server.url}/base/path")
            assert ask() == ask_in_the_old_way()
        one, other = server.requests
        assert one.line == other.line == f"GET /base/path/v1/schedule/{SCHEDULE_ID} HTTP/1.1"
        for name in ("authorization", "accept", "content-type", "user-agent", "host"):
            assert one.headers[name] == other.headers[name]
        assert one.headers["authorization"] == AUTHORIZATION


CUT_OFF = (
    "reset before the body was read",
    "reset after the body was read",
    "closed without an answer",
)


@pytest.mark.parametrize("name", [*AMBIGUOUS, *REFUSED])
def test_an_error_is_that_of_the_hook(name: str, set_connection: Callable[..., None]) -> None:
    behaviour, kind = {**AMBIGUOUS, **REFUSED}[name]
    patience = 0.3 if "stalled" in name else 10.0
    with wire.WireServer([behaviour]) as server:
        set_connection(server.url, read_timeout=patience, max_attempts=1)
        known, error = failure(ask_in_the_old_way), failure(ask)
    assert type(error) is type(known) is kind
    for field in ("code", "http_status", "message", "call"):
        assert getattr(error, field) == getattr(known, field)
    assert str(error).rsplit(" (", 1)[0] == str(known).rsplit(" (", 1)[0]
    assert getattr(error, "wait", 0) == getattr(known, "wait", 0)
    # After a cut connection, aiohttp itself retries once, which is safe for a query.
    assert len(server.requests) <= (3 if name in CUT_OFF else 2)


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("name", ["half a body", "50019", "429", "HTML"])
def test_a_passing_error_is_retried(name: str, set_connection: Callable[..., None]) -> None:
    behaviour = {**AMBIGUOUS, "429": (wire.answer(429, b"", Retry_After="0"), None)}[name][0]
    with wire.WireServer([behaviour, behaviour, GOOD["GET"]]) as server:
        set_connection(server.url)
        assert ask()["schedule_id"] == SCHEDULE_ID
    assert len(server.requests) == 3
    with wire.WireServer([behaviour]) as server:
        set_connection(server.url)
        failure(ask)
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", ["50002", "50028", "429"])
def test_a_lasting_error_is_not_retried(name: str, set_connection: Callable[..., None]) -> None:
    with wire.WireServer([REFUSED[name][0]]) as server:
        set_connection(server.url)
        failure(ask)
    assert len(server.requests) == 1


def test_a_host_that_cannot_be_reached_got_no_request(set_connection: Callable[..., None]) -> None:
    set_connection("jsms.invalid", max_attempts=1)
    known, error = failure(ask_in_the_old_way), failure(ask)
    assert type(error) is type(known) is JsmsNotSentError
    assert "no connection to https://jsms.invalid (" in str(error)


class TestManyUsers:
    def test_share_one_read_and_one_session(
        self,
        set_connection: Callable[..., None],
        reads: Reads,
        connections: list[SharedConnection],
    ) -> None:
        peers = set()

        def note_peer(connection: Connection) -> None:
            peers.add(connection.peer.getpeername())
            GOOD["GET"](connection)

        async def all_at_once() -> None:
            answers = await asyncio.gather(
                *(JsmsHook().aquery_schedule(SCHEDULE_ID) for _ in range(200))
            )
            assert [answer["schedule_id"] for answer in answers] == [SCHEDULE_ID] * 200

        with wire.WireServer([note_peer]) as server:
            set_connection(server.url)
            asyncio.run(all_at_once())
        assert len(server.requests) == 200
        assert reads.count == 1
        assert len(connections) == 1
        assert 1 <= len(peers) <= 100

    def test_share_it_by_connection(
        self,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
        reads: Reads,
    ) -> None:
        other = {"conn_type": "jsms", "login": "otherkey", "password": "otherword"}

        async def both() -> None:
            async with (
                shared("jsms_default") as one,
                shared("other") as another,
                shared("other") as the_same,
            ):
                assert one is not another is the_same
                assert sorted(users()) == ["jsms_default", "other"]
                await one.send(QUERY)
                await another.send(QUERY)

        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            fields = json.dumps({**other, "host": server.url})
            monkeypatch.setenv("AIRFLOW_CONN_OTHER", fields)
            asyncio.run(both())
        one, another = (request.headers["authorization"] for request in server.requests)
        assert one == AUTHORIZATION != another
        assert reads.count == 2

    @pytest.mark.parametrize("how", ["ends", "fails", "is cancelled", "is cancelled while reading"])
    def test_close_the_session_with_the_last_of_them(
        self,
        how: str,
        set_connection: Callable[..., None],
        connections: list[SharedConnection],
        reads: Reads,
    ) -> None:
        async def last_one() -> None:
            first = asyncio.create_task(JsmsHook().aquery_schedule(SCHEDULE_ID))
            if how == "is cancelled":
                await until(lambda: server.requests)
                second = asyncio.create_task(JsmsHook().aquery_schedule(SCHEDULE_ID))
                await until(lambda: len(server.requests) == 2)
                assert users() == ["jsms_default"]
                second.cancel()
                await asyncio.wait([second])
                assert second.cancelled()
                assert users() == ["jsms_default"], "the other one still asks"
                assert not connections[0].session.closed
                first.cancel()
            elif how == "is cancelled while reading":
                await until(lambda: reads.count)
                first.cancel()
            await asyncio.wait([first])
            assert first.cancelled() is how.startswith("is cancelled")
            assert users() == []

        behaviour = {"ends": GOOD["GET"], "fails": code(50028, 403)}.get(how, wire.stall)
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url)
            asyncio.run(last_one())
        assert len(connections) == 1

    def test_read_for_themselves_after_a_cancelled_read(
        self, sandbox: SandboxControl, reads: Reads
    ) -> None:
        async def two() -> None:
            async with shared("jsms_default") as connection:
                first = asyncio.create_task(connection.settings())
                await until(lambda: reads.count)
                second = asyncio.create_task(connection.settings())
                await asyncio.sleep(0)
                first.cancel()
                assert (await second).app_key == APP_KEY
                assert first.cancelled()

        asyncio.run(two())
        assert reads.count == 2

    def test_in_two_event_loops_at_once_share_nothing(
        self, set_connection: Callable[..., None], connections: list[SharedConnection]
    ) -> None:
        together = threading.Barrier(2, timeout=10)

        def meet(connection: Connection) -> None:
            together.wait()
            GOOD["GET"](connection)

        with wire.WireServer([meet]) as server:
            set_connection(server.url)
            threads = [threading.Thread(target=ask) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
        assert len(server.requests) == 2
        assert len(connections) == 2


class TestTheConnection:
    def test_is_read_again_after_a_minute(
        self, sandbox: SandboxControl, seconds: Seconds, reads: Reads
    ) -> None:
        async def for_minutes() -> list[int]:
            counts = []
            async with shared("jsms_default") as connection:
                for passed in (0, 59, 1, 1, 59, 2, 3600):
                    seconds.passed += passed
                    await connection.settings()
                    counts.append(reads.count)
            return counts

        assert asyncio.run(for_minutes()) == [1, 1, 1, 2, 2, 3, 4]

    def test_that_has_changed_is_used_from_then_on_and_calls_under_way_end_well(
        self,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
        seconds: Seconds,
    ) -> None:
        go_on = threading.Event()

        def slow_at_first(connection: Connection) -> None:
            if len(server.requests) == 1:
                go_on.wait(10)
            GOOD["GET"](connection)

        async def over_the_change() -> None:
            async with shared("jsms_default") as connection:
                under_way = asyncio.create_task(connection.send(QUERY))
                await until(lambda: server.requests)
                fields = {"conn_type": "jsms", "login": APP_KEY, "password": "otherword"}
                monkeypatch.setenv(
                    "AIRFLOW_CONN_JSMS_DEFAULT", json.dumps({**fields, "host": server.url})
                )
                seconds.passed += 61
                await connection.send(QUERY)
                go_on.set()
                assert (await under_way)["schedule_id"] == SCHEDULE_ID

        with wire.WireServer([slow_at_first]) as server:
            set_connection(server.url)
            asyncio.run(over_the_change())
        first, second = (request.headers["authorization"] for request in server.requests)
        assert first == AUTHORIZATION != second

    def test_that_cannot_be_read_again_is_used_as_it_was(
        self, sandbox: SandboxControl, seconds: Seconds, reads: Reads
    ) -> None:
        async def recover() -> None:
            async with shared("jsms_default") as connection:
                await connection.settings()
                reads.error = LookupError()
                seconds.passed += 61
                with pytest.raises(LookupError):
                    await connection.settings()
                assert (await connection.settings()).app_key == APP_KEY
                assert reads.count == 2

        asyncio.run(recover())

    def test_that_is_invalid_is_explained(self, set_connection: Callable[..., None]) -> None:
        set_connection(timezone="Nowhere")
        with pytest.raises(JsmsSettingsError, match="Asia/Shanghai"):
            ask()

    def test_keeps_its_secrets_out_of_reprs(self, sandbox: SandboxControl) -> None:
        async def shown() -> str:
            async with shared("jsms_default") as connection:
                settings = await connection.settings()
                return f"{connection!r} {settings!r} {async_client._connections!r}"

        text = asyncio.run(shown())
        assert APP_KEY in text
        assert not leaks.found_in(text)

    def test_has_its_secrets_masked_without_blocking_the_event_loop(
        self, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        masked: dict[str, threading.Thread] = {}

        def mask(secret: str) -> None:
            masked[secret] = threading.current_thread()

        monkeypatch.setattr("airflow_provider_jsms.hooks.connection.mask_secret", mask)
        with suppress(JsmsStateError):
            ask()
        assert masked.keys() == {MASTER_SECRET, BASIC_TOKEN}
        assert threading.main_thread() not in masked.values()
