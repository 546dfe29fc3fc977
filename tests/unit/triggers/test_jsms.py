"""The trigger against the sandbox, over hours that pass at once."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.hooks import async_client
from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger
from airflow_provider_jsms.triggers.progress import Progress
from airflow_provider_jsms.triggers.waiting import Wait
from tests import people
from tests.unit import wire
from tests.unit.waits import HOUR, MINUTE, SECOND, defer, delete, fired, gets, stored, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.waits import Hours
    from tests.unit.wire import Connection


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every session that is opened for a trigger is closed, and no connection stays in use."""
    opened, opening = [], async_client.SharedConnection.__init__

    def open_noted(connection: async_client.SharedConnection, conn_id: str) -> None:
        opening(connection, conn_id)
        opened.append(connection)

    monkeypatch.setattr(async_client.SharedConnection, "__init__", open_noted)
    yield
    assert all(connection.session.closed for connection in opened)
    assert not any(async_client._connections.values())


def trigger_for(*schedule_ids: str, **rules: Any) -> JsmsScheduleTrigger:
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "started_at": now,
        "poke_interval": MINUTE,
        "recheck_interval": HOUR,
        "grace": HOUR,
        "schedules": {each: Progress(each) for each in schedule_ids},
        **rules,
    }
    return JsmsScheduleTrigger(
        wait=Wait(**given).encode(), next_poll=now.isoformat(), jsms_conn_id="jsms_default"
    )


def deferred_trigger(schedule_id: str, **arguments: Any) -> JsmsScheduleTrigger:
    trigger = defer(schedule_id, **arguments).trigger
    assert isinstance(trigger, JsmsScheduleTrigger)
    return trigger


def test_it_comes_back_from_the_database_as_it_was() -> None:
    trigger = trigger_for("a", "b")
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_jsms.triggers.jsms.JsmsScheduleTrigger"
    assert set(arguments) == {"wait", "next_poll", "jsms_conn_id"}
    assert stored(trigger).serialize() == (path, arguments)


@pytest.mark.parametrize(
    "change",
    [{"wait": None}, {"wait": {}}, {"next_poll": None}, {"next_poll": "soon"}],
)
def test_arguments_of_another_version_are_refused(change: dict[str, Any]) -> None:
    _, arguments = trigger_for("a").serialize()
    with pytest.raises(JsmsInputError, match="another version"):
        fired(JsmsScheduleTrigger(**{**arguments, **change}))


@pytest.mark.parametrize("ahead", [0.1, 1, 2.5, 24])
def test_it_fires_with_the_msg_ids_after_two_polls_and_one_for_each_begun_hour(
    ahead: float, sandbox: SandboxControl, hours: Hours
) -> None:
    at = (datetime.now(UTC) + ahead * HOUR).replace(microsecond=0) + SECOND
    schedule_id = submit(at)
    event = fired(deferred_trigger(schedule_id))
    msg_id = sandbox.messages()[0]["msg_id"]
    assert event == {"status": "done", "msg_ids": {schedule_id: [msg_id]}}
    assert at <= datetime.now(UTC) <= at + 3 * SECOND
    assert gets(sandbox) <= 2 + -(-ahead // 1)
    assert {request["method"] for request in sandbox.requests()[1:]} == {"GET"}


def test_it_logs_what_has_changed(
    never_sent: str,
    sandbox: SandboxControl,
    hours: Hours,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(JsmsScheduleTrigger, "log", logging.getLogger("trigger"))
    caplog.set_level(logging.INFO, logger="trigger")
    assert fired(deferred_trigger(never_sent))["status"] == "poll"
    [line] = [each.getMessage() for each in caplog.records if each.name == "trigger"]
    assert line.startswith(f"schedule {never_sent}: 0 of 1 recipient has a msg_id; due, and")
    assert gets(sandbox) > 60


class TestTheSensorDecides:
    def test_about_a_schedule_that_is_gone(self, scheduled: str, hours: Hours) -> None:
        hours.on_sleep.append(lambda: delete(scheduled))
        trigger = deferred_trigger(scheduled)
        event = fired(trigger)
        assert event["status"] == "poll"
        wait = Wait.decode(event["wait"])
        assert wait.schedules[scheduled].gone == 50029
        assert wait.started_at == Wait.decode(trigger.wait).started_at
        assert hours.slept == [3600]

    @pytest.mark.parametrize(
        ("arguments", "minutes"), [({"grace": 600}, 10), ({"timeout": 2.6 * HOUR}, 6)]
    )
    def test_about_a_wait_that_is_overdue_or_timed_out(
        self,
        arguments: dict[str, Any],
        minutes: int,
        never_sent: str,
        hours: Hours,
        nine: datetime,
    ) -> None:
        assert fired(deferred_trigger(never_sent, **arguments))["status"] == "poll"
        end = nine + minutes * MINUTE
        assert end <= datetime.now(UTC) <= end + 3 * SECOND

    @pytest.mark.parametrize("code", [50002, 59999])
    def test_about_a_permanent_error(
        self, code: int, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=code))
        event = fired(deferred_trigger(scheduled))
        assert (event["status"], event["wait"]["failing_since"]) == ("poll", None)
        assert hours.slept == [3600]

    def test_about_a_permanent_error_rather_than_a_transient_one(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", 1, status=503)
        sandbox.fault("query_schedule", "code", 1, code=50002)
        sandbox.fault("query_schedule", "status", 1, status=503)
        assert fired(trigger_for("x", "y", "z"))["status"] == "poll"
        assert hours.slept == [0]

    def test_about_a_missing_connection(
        self, hours: Hours, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIRFLOW_CONN_JSMS_DEFAULT", raising=False)
        assert fired(trigger_for("x"))["status"] == "poll"


class TestAnOutage:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 429},
            {"kind": "code", "code": 50009},
            {"kind": "accepted_then_closed"},
        ],
    )
    def test_is_polled_again_after_poke_interval(
        self, fault: dict[str, Any], scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", times=8, **fault))
        assert fired(deferred_trigger(scheduled))["status"] == "done"
        assert hours.slept[:5] == [3600, *[60] * 4]

    @pytest.mark.parametrize(("asked", "pause"), [("240", 240), ("1" + "0" * 20, 600)])
    def test_is_not_polled_earlier_than_jsms_asks(
        self, asked: str, pause: int, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.switch(msg_id_when="accepted")
        schedule_id = submit(datetime.now(UTC) + HOUR)
        headers = {"Retry-After": asked}
        sandbox.fault("query_schedule", "status", 1, status=429, headers=headers)
        assert fired(trigger_for(schedule_id))["status"] == "done"
        assert hours.slept == [0, pause]

    def test_ends_ten_minutes_after_send_time(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "status", None, status=503))
        began = datetime.now(UTC)
        event = fired(deferred_trigger(scheduled))
        assert event["status"] == "poll"
        assert Wait.decode(event["wait"]).failing_since == began + HOUR
        assert nine + 10 * MINUTE <= datetime.now(UTC) <= nine + 10 * MINUTE + 3 * SECOND

    def test_counts_from_the_first_failure_of_the_sensor(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", None, status=503)
        since = datetime.now(UTC) - 9 * MINUTE
        event = fired(trigger_for("x", failing_since=since))
        assert Wait.decode(event["wait"]).failing_since == since
        assert hours.slept == [0, 60]

    def test_of_one_schedule_does_not_stop_the_others(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        schedules = [submit(nine, people.number(index)) for index in range(3)]
        sandbox.travel_to(nine + SECOND)
        sandbox.fault("query_schedule", "status", 2, status=503)
        assert list(fired(trigger_for(*schedules))["msg_ids"]) == schedules
        assert hours.slept == [0, 60]
        assert gets(sandbox) == 3 + 2, "the one that was done is not polled again"


def test_it_sends_ten_requests_at_once(set_connection: Callable[..., None], hours: Hours) -> None:
    open_now, most = set(), []

    def note(connection: Connection) -> None:
        open_now.add(id(connection))
        most.append(len(open_now))
        time.sleep(0.01)
        open_now.discard(id(connection))
        schedule_id = connection.request.line.split()[1].rpartition("/")[2]
        recipients = [{"msg_id": "1", "mobile": people.ANNA}]
        body = {"schedule_id": schedule_id, "recipients": recipients}
        wire.answer(body=json.dumps(body).encode())(connection)

    with wire.WireServer([note]) as server:
        set_connection(server.url)
        event = fired(trigger_for(*(f"schedule-{index}" for index in range(60))))
    assert len(event["msg_ids"]) == 60
    assert 2 <= max(most) <= 10


def test_it_shares_its_connection_with_all_others(
    sandbox: SandboxControl, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, count = async_client.get_async_connection, 0

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        return await read(*args, **kwargs)

    async def all_at_once() -> list[Any]:
        async def run(trigger: JsmsScheduleTrigger) -> Any:
            return [event async for event in trigger.run()]

        return await asyncio.gather(*(run(trigger_for(schedule_id)) for _ in range(20)))

    monkeypatch.setattr(async_client, "get_async_connection", counted)
    sandbox.switch(msg_id_when="accepted")
    schedule_id = submit(datetime.now(UTC) + HOUR)
    assert all(len(each) == 1 for each in asyncio.run(all_at_once()))
    assert count == 1


@pytest.mark.parametrize("when", ["asleep", "polling"])
def test_it_closes_its_session_when_it_is_cancelled(
    when: str, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_jsms.triggers.jsms._MOST_JITTER", timedelta(0))

    async def cancel() -> None:
        running = asyncio.ensure_future(anext(trigger_for("x").run()))
        async with asyncio.timeout(10):
            while not server.requests:  # noqa: ASYNC110  a server in a thread is watched
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert any(async_client._connections.values())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not any(async_client._connections.values())

    with wire.WireServer([wire.stall if when == "polling" else wire.answer()]) as server:
        set_connection(server.url)
        asyncio.run(cancel())


@pytest.mark.parametrize(("poke_interval", "most"), [(0, 0), (1, 0.1), (20, 2), (3600, 2)])
def test_it_spreads_the_polls_of_many_waits_over_two_seconds_at_most(
    poke_interval: int, most: float, never_sent: str, hours: Hours
) -> None:
    now = datetime.now(UTC)
    fired(trigger_for(never_sent, poke_interval=poke_interval * SECOND, ends_at=now))
    assert hours.jitters == [(0, most)]
