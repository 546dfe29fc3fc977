"""Waiting without a worker slot: the trigger, and the sensor before and after it."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsInputError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsServerError,
    JsmsUnknownCodeError,
    JsmsUnknownEventError,
    JsmsUnreachableError,
)
from airflow_provider_jsms.hooks import async_client as shared
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from airflow_provider_jsms.triggers.deferral import rules_of, state_of, wait_of
from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger
from airflow_provider_jsms.triggers.waiting import Seen, Wait
from tests import leaks, people
from tests.unit import wire
from tests.versions import (
    BASE_OF_SENSORS,
    NO_TRIGGER_IN_TIME,
    AirflowRescheduleException,
    TaskDeferralError,
    TaskInstance,
    import_string,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.wire import Connection

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
START = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)


class Hours:
    """The time of the sensor, the trigger and the sandbox, which passes while they sleep only."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.passed = 0.0
        self.slept: list[float] = []
        self.on_sleep: list[Callable[[], None]] = []
        self.jitters: list[tuple[float, float]] = []
        self.jitter: Callable[[float, float], float] = lambda low, _: low

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds))
        self.passed += seconds
        self.traveller.shift(seconds)
        if self.on_sleep:
            self.on_sleep.pop(0)()

    async def sleep_in_a_loop(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def uniform(self, low: float, high: float) -> float:
        self.jitters.append((low, high))
        return self.jitter(low, high)

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hours]:
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        hours = Hours(traveller)
        of_a_worker = SimpleNamespace(sleep=hours.sleep, monotonic=hours.monotonic)
        monkeypatch.setattr(f"{BASE_OF_SENSORS}.time", of_a_worker)
        monkeypatch.setattr("airflow_provider_jsms.sensors.jsms.time", of_a_worker)
        of_a_loop = SimpleNamespace(
            sleep=hours.sleep_in_a_loop, gather=asyncio.gather, Semaphore=asyncio.Semaphore
        )
        monkeypatch.setattr("airflow_provider_jsms.triggers.jsms.asyncio", of_a_loop)
        monkeypatch.setattr("airflow_provider_jsms.triggers.jsms.random", hours)
        monkeypatch.setattr(shared, "monotonic", hours.monotonic)
        yield hours


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every session that is opened for a trigger is closed, and no connection stays in use."""
    opened, opening = [], shared.SharedConnection.__init__

    def open_noted(connection: shared.SharedConnection, conn_id: str) -> None:
        opening(connection, conn_id)
        opened.append(connection)

    monkeypatch.setattr(shared.SharedConnection, "__init__", open_noted)
    yield
    assert all(connection._session.closed for connection in opened)
    assert not any(shared._connections.values())


@pytest.fixture
def nine(hours: Hours) -> datetime:
    """A send_time two and a half hours ahead."""
    return (datetime.now(UTC) + 2.5 * HOUR).replace(microsecond=0)


@pytest.fixture
def scheduled(sandbox: SandboxControl, nine: datetime) -> str:
    return submit(nine)


@pytest.fixture
def never_sent(scheduled: str, sandbox: SandboxControl) -> str:
    """A schedule that JSMS goes on showing, without ever sending it."""
    sandbox.switch(query_deleted="record")
    delete(scheduled)
    return scheduled


def submit(when: datetime, mobile: str = people.ANNA) -> str:
    with JsmsHook() as hook:
        return hook.submit_schedule(send_time=when, mobile=mobile, temp_id=1)


def move(schedule_id: str, when: datetime) -> None:
    with JsmsHook() as hook:
        hook.modify_schedule(schedule_id, send_time=when, mobile=people.ANNA, temp_id=1)


def delete(schedule_id: str) -> None:
    with JsmsHook() as hook:
        hook.delete_schedule(schedule_id)


def gets(sandbox: SandboxControl, schedule_id: str = "") -> int:
    return sum(
        request["method"] == "GET" and request["path"].endswith(schedule_id)
        for request in sandbox.requests()
    )


def context(first_reschedule_date: datetime | None = None) -> Any:
    return {"ti": TaskInstance(first_reschedule_date)}


def sensor(schedule_id: Any, **arguments: Any) -> JsmsScheduleSensor:
    """Return a sensor as a worker has it: a new one for each start of the task."""
    given = {"deferrable": True, **arguments}
    return JsmsScheduleSensor(task_id="wait", schedule_id=schedule_id, **given)


def deferred(run: Callable[[], object]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        run()
    return caught.value


def defer(schedule_id: Any, **arguments: Any) -> TaskDeferred:
    return deferred(lambda: sensor(schedule_id, **arguments).execute(context()))


def stored(trigger: JsmsScheduleTrigger) -> JsmsScheduleTrigger:
    """Return the trigger as a triggerer gets it out of the database."""
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    result: JsmsScheduleTrigger = import_string(path)(**arguments)
    return result


def events(trigger: JsmsScheduleTrigger) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        return [event.payload async for event in stored(trigger).run()]

    fired = asyncio.run(run())
    assert not leaks.found_in(json.dumps(fired))
    return json.loads(json.dumps(fired))


def fired(trigger: JsmsScheduleTrigger) -> dict[str, Any]:
    (event,) = events(trigger)
    return event


def resume(schedule_id: Any, event: object, **arguments: Any) -> Any:
    """Go on after a deferral, in a worker that knows nothing but the event."""
    kwargs = {"event": event}
    return sensor(schedule_id, **arguments).resume_execution("execute_complete", kwargs, context())


def wait(schedule_id: Any, **arguments: Any) -> Any:
    """Wait as Airflow does: in a worker, in the triggerer, and in another worker."""
    step = partial(sensor(schedule_id, **arguments).execute, context())
    for _ in range(10):
        try:
            return step()
        except TaskDeferred as deferral:
            event = fired(deferral.trigger)
            step = partial(resume, schedule_id, event, **arguments)
    raise AssertionError("the wait does not end")


def rules(**changes: Any) -> dict[str, Any]:
    given = {"poke_interval": MINUTE, "recheck_interval": HOUR, "grace": HOUR}
    return rules_of(Wait(started_at=datetime.now(UTC), **{**given, **changes}))


def trigger_for(*schedule_ids: str, **changes: Any) -> JsmsScheduleTrigger:
    return JsmsScheduleTrigger(
        schedules=state_of(map(Seen, schedule_ids)),
        jsms_conn_id="jsms_default",
        next_look=datetime.now(UTC).isoformat(),
        rules=rules(**changes),
    )


class TestWhatIsStored:
    full = Wait(
        started_at=START,
        poke_interval=timedelta(seconds=7.5),
        recheck_interval=2 * HOUR,
        grace=timedelta(days=3),
        wait_for_send_time=True,
        expected=7,
        ends_at=START + HOUR,
    )

    @pytest.mark.parametrize(
        "wait_", [full, Wait(START, timedelta(0), SECOND, timedelta(days=400_000))]
    )
    def test_rules_come_back_as_they_were(self, wait_: Wait) -> None:
        assert wait_of(json.loads(json.dumps(rules_of(wait_)))) == wait_

    @pytest.mark.parametrize("name", ["grace", "recheck_interval"])
    def test_the_longest_of_all_durations_comes_back_too(self, name: str) -> None:
        given = {"poke_interval": MINUTE, "recheck_interval": HOUR, "grace": HOUR}
        longest = Wait(started_at=START, **{**given, name: timedelta.max})
        back = wait_of(json.loads(json.dumps(rules_of(longest))))
        assert getattr(back, name) > timedelta(days=365 * 9999)

    @pytest.mark.parametrize("failing_since", [None, START.isoformat()])
    def test_a_trigger_comes_back_as_it_was(self, failing_since: str | None) -> None:
        trigger = JsmsScheduleTrigger(
            schedules=state_of(
                [Seen("a", START, ("1", "2"), 3), Seen("b"), Seen("c", recipients=7, count=5)]
            ),
            jsms_conn_id="other",
            next_look=(START + HOUR).isoformat(),
            rules=rules_of(self.full),
            failing_since=failing_since,
        )
        assert stored(trigger).serialize() == trigger.serialize()
        path, arguments = trigger.serialize()
        assert path == "airflow_provider_jsms.triggers.jsms.JsmsScheduleTrigger"
        assert arguments == {
            "schedules": {
                "a": {
                    "send_time": "2026-12-01T06:30:00+00:00",
                    "recipients": 3,
                    "msg_ids": ["1", "2"],
                },
                "b": {"send_time": None, "recipients": 0, "msg_ids": []},
                "c": {"send_time": None, "recipients": 7, "msg_ids": 5},
            },
            "jsms_conn_id": "other",
            "next_look": "2026-12-01T07:30:00+00:00",
            "failing_since": failing_since,
            "rules": {
                "started_at": "2026-12-01T06:30:00+00:00",
                "poke_interval": 7.5,
                "recheck_interval": 7200.0,
                "grace": 259200.0,
                "wait_for_send_time": True,
                "expected": 7,
                "ends_at": "2026-12-01T07:30:00+00:00",
            },
        }

    def test_holds_nobody_and_no_secret(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.number(people.BEN, "unsubscribed")
        with JsmsHook() as hook:
            result = hook.submit_batch_schedule(
                send_time=nine, recipients=[people.ANNA, people.BEN], temp_id=1
            )
        deferral = defer(result)
        told = f"{deferral!r} {deferral.serialize()!r} {deferral.trigger!r}"
        told += json.dumps(deferral.trigger.serialize())
        assert str(result["schedule_id"]) in told
        assert not leaks.found_in(told)
        assert not any(each in told for each in (people.ANNA, people.BEN, leaks.APP_KEY))
        assert deferral.trigger.rules["expected"] == 1


class TestTheTrigger:
    def test_fires_once_with_the_msg_ids(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        deferral = defer(scheduled)
        (event,) = events(deferral.trigger)
        msg_id = sandbox.messages()[0]["msg_id"]
        assert event == {"status": "done", "msg_ids": {scheduled: [msg_id]}}
        assert sum(hours.slept) == pytest.approx(9000, abs=62)

    @pytest.mark.parametrize("ahead", [0.1, 0.5, 1, 1.5, 2.5, 5, 24])
    def test_asks_at_most_twice_and_once_for_each_begun_hour(
        self, ahead: float, sandbox: SandboxControl, hours: Hours
    ) -> None:
        """With the first look of the worker, and none after it."""
        at = (datetime.now(UTC) + ahead * HOUR).replace(microsecond=0) + SECOND
        schedule_id = submit(at)
        assert wait(schedule_id) == {schedule_id: [sandbox.messages()[0]["msg_id"]]}
        assert gets(sandbox) <= 2 + -(-ahead // 1)
        assert at <= datetime.now(UTC) <= at + 3 * SECOND

    def test_only_ever_asks(self, scheduled: str, sandbox: SandboxControl, hours: Hours) -> None:
        wait(scheduled)
        assert {request["method"] for request in sandbox.requests()[1:]} == {"GET"}

    def test_does_not_ask_again_for_what_is_done(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        soon, late = submit(nine - 2 * HOUR), submit(nine + 2 * HOUR, people.BEN)
        found = wait([soon, late])
        assert list(found) == [soon, late]
        assert all(found.values())
        assert gets(sandbox, soon) == 2
        assert gets(sandbox, late) > 3

    def test_follows_a_schedule_that_is_moved_later(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(lambda: move(scheduled, nine + 3 * HOUR))
        wait(scheduled)
        assert nine + 3 * HOUR <= datetime.now(UTC) <= nine + 3 * HOUR + 3 * SECOND

    def test_follows_a_schedule_that_is_moved_earlier(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        far = submit(nine + 100 * HOUR)
        began = datetime.now(UTC)
        hours.on_sleep.append(lambda: move(far, nine))
        wait(far)
        assert nine <= datetime.now(UTC) <= nine + 3 * SECOND
        assert gets(sandbox) <= 2 + 3
        assert datetime.now(UTC) - began < 3 * HOUR

    def test_waits_for_send_time_where_it_is_told_to(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.switch(msg_id_when="accepted")
        early = submit(nine)
        assert list(wait(early, wait_for_send_time="True")) == [early]
        assert nine <= datetime.now(UTC) <= nine + 3 * SECOND

    @pytest.mark.parametrize(
        "ahead",
        [
            24,
            2.5,
            pytest.param(
                0.5,
            ),
        ],
    )
    def test_takes_a_schedule_that_jsms_forgets_after_sending_for_done(
        self, ahead: float, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.switch(msg_id_when="accepted", query_sent="50028")
        at = (datetime.now(UTC) + ahead * HOUR).replace(microsecond=0)
        early = submit(at)
        assert wait(early, wait_for_send_time=True)[early]
        assert at <= datetime.now(UTC) <= at + 3 * SECOND

    def test_takes_a_forgotten_batch_with_as_many_ids_as_were_accepted_for_done(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        """It is asked for at send_time once more, because JSMS lists who it has refused."""
        sandbox.switch(failed_recipients_in_query="yes", msg_id_when="accepted", query_sent="50028")
        sandbox.number(people.BEN, "unsubscribed")
        with JsmsHook() as hook:
            result = hook.submit_batch_schedule(
                send_time=nine, recipients=[people.ANNA, people.BEN, people.CARA], temp_id=1
            )
        found = wait(result, wait_for_send_time=True)
        assert len(found[result["schedule_id"]]) == 2
        assert nine <= datetime.now(UTC) <= nine + 3 * SECOND

    def test_waits_for_as_many_ids_as_were_accepted(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.switch(failed_recipients_in_query="yes")
        sandbox.number(people.BEN, "unsubscribed")
        with JsmsHook() as hook:
            result = hook.submit_batch_schedule(
                send_time=nine, recipients=[people.ANNA, people.BEN, people.CARA], temp_id=1
            )
        schedule_id = result["schedule_id"]
        given = {"schedule_ids": [schedule_id], "success_count": 2, "failure_count": 1}
        assert len(wait(given)[schedule_id]) == 2
        with pytest.raises(JsmsOverdueError, match="2 of 3"):
            wait(schedule_id)

    @pytest.mark.parametrize("query_deleted", ["50028", "50029"])
    def test_leaves_it_to_a_worker_that_a_schedule_is_gone(
        self, query_deleted: str, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.switch(query_deleted=query_deleted)
        hours.on_sleep.append(lambda: delete(scheduled))
        deferral = defer(scheduled)
        event = fired(deferral.trigger)
        assert event == {
            "status": "look",
            "started_at": deferral.trigger.rules["started_at"],
            "failing_since": None,
            "schedules": deferral.trigger.schedules,
        }
        assert hours.slept == [3600]

    def test_leaves_it_to_a_worker_that_a_schedule_is_overdue(
        self, never_sent: str, hours: Hours, nine: datetime
    ) -> None:
        event = fired(defer(never_sent, grace=10 * MINUTE, poke_interval=120).trigger)
        assert (event["status"], event["failing_since"]) == ("look", None)
        assert nine + 10 * MINUTE <= datetime.now(UTC) <= nine + 10 * MINUTE + 3 * SECOND

    def test_leaves_it_to_a_worker_that_the_time_is_over(
        self, never_sent: str, hours: Hours, nine: datetime
    ) -> None:
        began = datetime.now(UTC)
        event = fired(defer(never_sent, timeout=2.6 * HOUR).trigger)
        assert (event["status"], event["failing_since"]) == ("look", None)
        assert began + 2.6 * HOUR <= datetime.now(UTC) <= began + 2.6 * HOUR + 3 * SECOND

    @pytest.mark.parametrize("code", [50002, 59999])
    def test_leaves_errors_that_last_to_a_worker(
        self, code: int, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=code))
        event = fired(defer(scheduled).trigger)
        assert (event["status"], event["failing_since"]) == ("look", None)
        assert hours.slept == [3600]

    def test_leaves_a_connection_that_is_not_there_to_a_worker(
        self, hours: Hours, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIRFLOW_CONN_JSMS_DEFAULT", raising=False)
        assert fired(trigger_for("x"))["status"] == "look"

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 429},
            {"kind": "code", "code": 50019},
            {"kind": "code", "code": 50009},
            {"kind": "code", "code": 50201},
            {"kind": "accepted_then_closed"},
        ],
    )
    def test_bears_errors_that_pass(
        self, fault: dict[str, Any], scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", times=8, **fault))
        assert fired(defer(scheduled).trigger)["status"] == "done"
        assert hours.slept[:5] == [3600, *[60] * 4]

    def test_waits_as_long_as_jsms_asks(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        fault = {"status": 429, "headers": {"Retry-After": "240"}}
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "status", 2, **fault))
        assert fired(defer(scheduled).trigger)["status"] == "done"
        assert hours.slept[:3] == [3600, 240, 240]

    def test_bears_errors_for_ten_minutes_once_msg_ids_are_due(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "status", None, status=503))
        began = datetime.now(UTC)
        event = fired(defer(scheduled).trigger)
        assert event["status"] == "look"
        since = datetime.fromisoformat(event["failing_since"])
        assert since == pytest.approx(began + HOUR, abs=3 * SECOND)
        assert nine + 10 * MINUTE <= datetime.now(UTC) <= nine + 10 * MINUTE + 3 * SECOND

    def test_counts_from_the_first_failure_of_the_worker(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", None, status=503)
        trigger = trigger_for("x")
        since = datetime.now(UTC) - 9 * MINUTE
        trigger.failing_since = since.isoformat()
        assert fired(trigger)["failing_since"] == since.isoformat()
        assert hours.slept == [0, 60]

    def test_forgets_failures_after_a_look_that_succeeds(
        self, never_sent: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "status", 3, status=503))
        assert fired(defer(never_sent).trigger)["failing_since"] is None

    def test_asks_for_all_though_one_of_them_fails(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        schedules = [submit(nine, people.number(index)) for index in range(3)]
        sandbox.travel_to(nine + SECOND)
        sandbox.fault("query_schedule", "status", 2, status=503)
        event = fired(trigger_for(*schedules))
        assert list(event["msg_ids"]) == schedules
        assert hours.slept == [0, 60]
        assert gets(sandbox) == 3 + 2, "the one that was done is not asked for again"

    def test_lets_an_error_that_lasts_win_over_one_that_passes(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", 1, status=503)
        sandbox.fault("query_schedule", "code", 1, code=50002)
        sandbox.fault("query_schedule", "status", 1, status=503)
        assert fired(trigger_for("x", "y", "z"))["status"] == "look"
        assert hours.slept == [0]

    def test_asks_for_few_at_the_same_time(
        self, set_connection: Callable[..., None], hours: Hours
    ) -> None:
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

    def test_shares_its_connection_with_all_others(
        self, sandbox: SandboxControl, hours: Hours, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, count = shared.get_async_connection, 0

        async def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            return await read(*args, **kwargs)

        async def all_at_once() -> list[Any]:
            async def run(trigger: JsmsScheduleTrigger) -> Any:
                return [event async for event in trigger.run()]

            triggers = [trigger_for(schedule_id) for _ in range(20)]
            return await asyncio.gather(*map(run, triggers))

        monkeypatch.setattr(shared, "get_async_connection", counted)
        sandbox.switch(msg_id_when="accepted")
        schedule_id = submit(datetime.now(UTC) + HOUR)
        assert all(len(each) == 1 for each in asyncio.run(all_at_once()))
        assert count == 1

    @pytest.mark.parametrize("when", ["asleep", "asking"])
    def test_that_is_cancelled_closes_its_session(
        self,
        when: str,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("airflow_provider_jsms.triggers.jsms._MOST_JITTER", 0.0)

        async def cancel() -> None:
            running = asyncio.ensure_future(anext(trigger_for("x").run()))
            async with asyncio.timeout(10):
                while not server.requests:  # noqa: ASYNC110  a server in a thread is watched
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.1)
            assert any(shared._connections.values())
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert not any(shared._connections.values())

        with wire.WireServer([wire.stall if when == "asking" else wire.answer()]) as server:
            set_connection(server.url)
            asyncio.run(cancel())

    @pytest.mark.parametrize(
        ("poke_interval", "most"), [(0, 0), (1, 0.1), (10, 1), (20, 2), (60, 2), (3600, 2)]
    )
    def test_spreads_the_looks_of_many_over_two_seconds_at_most(
        self, poke_interval: float, most: float, never_sent: str, hours: Hours
    ) -> None:
        trigger = trigger_for(never_sent, poke_interval=poke_interval * SECOND)
        trigger.rules["ends_at"] = trigger.next_look
        hours.jitter = lambda _, high: high
        assert fired(trigger)["status"] == "look"
        assert hours.jitters == [(0, most)]
        assert hours.passed == pytest.approx(most, abs=0.01)

    @pytest.mark.parametrize("is_deferred", [False, True])
    def test_bears_a_retry_after_beyond_all_years(
        self, is_deferred: bool, sandbox: SandboxControl, hours: Hours
    ) -> None:
        headers = {"Retry-After": "1" + "0" * 20}
        fault = {"status": 429, "headers": headers}
        sandbox.switch(msg_id_when="accepted")
        schedule_id = submit(datetime.now(UTC) + HOUR)
        sandbox.fault("query_schedule", "status", 1, **fault)
        if is_deferred:
            assert fired(trigger_for(schedule_id))["status"] == "done"
        else:
            assert sensor(schedule_id, deferrable=False).execute(context())


class TestTheSensorBefore:
    def test_looks_once_and_defers(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        now = datetime.now(UTC)
        deferral = defer(scheduled, poke_interval=30, recheck_interval=2 * HOUR, grace=HOUR / 2)
        assert gets(sandbox) == 1
        assert hours.slept == []
        assert (deferral.method_name, deferral.timeout) == ("execute_complete", None)
        trigger = deferral.trigger
        assert isinstance(trigger, JsmsScheduleTrigger)
        assert trigger.schedules == state_of([Seen(scheduled, nine, recipients=1)])
        assert trigger.jsms_conn_id == "jsms_default"
        assert trigger.failing_since is None
        next_look = datetime.fromisoformat(trigger.next_look)
        assert next_look == pytest.approx(now + 2 * HOUR, abs=2 * SECOND)
        rules = wait_of(trigger.rules)
        assert rules.started_at == pytest.approx(now, abs=2 * SECOND)
        assert (rules.poke_interval, rules.recheck_interval) == (MINUTE / 2, 2 * HOUR)
        assert (rules.grace, rules.expected, rules.ends_at) == (HOUR / 2, None, None)
        assert rules.wait_for_send_time is False

    def test_returns_at_once_where_everything_is_there(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.switch(msg_id_when="accepted")
        early = submit(nine)
        found = sensor(early).execute(context())
        assert found == sensor(early, deferrable=False).execute(context())
        assert list(found) == [early]
        assert gets(sandbox) == 2

    @pytest.mark.parametrize(
        ("arguments", "seconds"),
        [
            ({"timeout": 4 * HOUR}, 14400),
            ({"timeout": 14400}, 14400),
            ({"execution_timeout": 3 * HOUR}, 10800),
            ({"timeout": 4 * HOUR, "execution_timeout": 3 * HOUR}, 10800),
            ({"timeout": 4 * HOUR, "execution_timeout": 5 * HOUR}, 14400),
        ],
    )
    def test_has_the_deferral_end_a_little_after_the_wait(
        self, arguments: dict[str, Any], seconds: int, scheduled: str, hours: Hours
    ) -> None:
        deferral = defer(scheduled, **arguments)
        assert deferral.timeout == pytest.approx(
            timedelta(seconds=seconds + 60), abs=timedelta(seconds=2)
        )
        rules = wait_of(deferral.trigger.rules)
        assert rules.ends_at == rules.started_at + timedelta(seconds=seconds)

    def test_refuses_a_timeout_before_send_time_at_once(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        with pytest.raises(JsmsInputError, match="timeout ends at"):
            sensor(scheduled, timeout=3600).execute(context())
        assert gets(sandbox) == 1

    def test_fails_at_once_where_there_is_nothing_to_wait_for(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        with pytest.raises(JsmsScheduleGoneError):
            sensor("x").execute(context())
        with pytest.raises(JsmsInputError, match="names no schedule"):
            sensor([]).execute(context())
        sandbox.fault("query_schedule", "code", code=50002)
        with pytest.raises(JsmsAuthError):
            sensor("x").execute(context())

    @pytest.mark.usefixtures("no_waits")
    def test_defers_where_jsms_cannot_be_asked(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", 3, status=503)
        now = datetime.now(UTC)
        trigger = defer(scheduled).trigger
        assert trigger.schedules == state_of([Seen(scheduled)])
        since = datetime.fromisoformat(trigger.failing_since)
        assert since == pytest.approx(now, abs=2 * SECOND)
        next_look = datetime.fromisoformat(trigger.next_look)
        assert next_look == pytest.approx(now + MINUTE, abs=2 * SECOND)
        assert hours.slept == []
        assert fired(trigger)["status"] == "done"

    def test_starts_anew_with_every_try(self, scheduled: str, hours: Hours) -> None:
        began = datetime.now(UTC)
        first = defer(scheduled, timeout=3 * HOUR).trigger
        hours.sleep(3600)
        second = defer(scheduled, timeout=3 * HOUR).trigger
        for trigger, ago in ((first, timedelta(0)), (second, HOUR)):
            ends_at = wait_of(trigger.rules).ends_at
            assert ends_at == pytest.approx(began + ago + 3 * HOUR, abs=2 * SECOND)

    def test_beyond_all_years_is_no_end(self, scheduled: str, hours: Hours) -> None:
        rules = wait_of(defer(scheduled, grace=timedelta(days=3_000_000)).trigger.rules)
        assert (rules.grace, rules.ends_at) == (timedelta(days=3_000_000), None)

    @pytest.mark.parametrize("name", ["timeout", "execution_timeout"])
    def test_a_timeout_beyond_all_years_is_no_end(
        self, name: str, scheduled: str, hours: Hours
    ) -> None:
        defer(scheduled, **{name: timedelta(days=3_000_000)})


class TestTheSensorAfter:
    def look(self, **changes: Any) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        times = {"started_at": now, "failing_since": None, "schedules": {}}
        return {"status": "look", **times, **changes}

    def test_returns_the_same_as_in_the_other_modes(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        found = wait([scheduled])
        requests = gets(sandbox)
        assert found == sensor([scheduled], deferrable=False).execute(context())
        assert resume(scheduled, {"status": "done", "msg_ids": {"a": ["1"]}}) == {"a": ["1"]}
        assert gets(sandbox) == requests + 1, "what the trigger has found is not asked for again"

    def test_fails_where_the_schedule_is_gone(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: delete(scheduled))
        with pytest.raises(JsmsScheduleGoneError, match="is gone") as caught:
            wait(scheduled)
        assert isinstance(caught.value, AirflowFailException)
        assert gets(sandbox) == 3

    def test_fails_where_it_is_overdue(
        self, never_sent: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        with pytest.raises(JsmsOverdueError, match="0 of 1 recipients"):
            wait(never_sent, grace=10 * MINUTE)
        assert nine + 10 * MINUTE <= datetime.now(UTC) <= nine + 10 * MINUTE + 3 * SECOND

    @pytest.mark.usefixtures("no_waits")
    def test_fails_where_jsms_cannot_be_asked_and_says_since_when(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "status", None, status=503))
        since = datetime.now(UTC) + HOUR
        with pytest.raises(JsmsUnreachableError, match="could not be asked since") as caught:
            wait(scheduled)
        moments = [f"{since + late * SECOND:%Y-%m-%dT%H:%M:%SZ}" for late in range(3)]
        assert any(moment in str(caught.value) for moment in moments)
        assert isinstance(caught.value.__cause__, JsmsServerError)
        assert not isinstance(caught.value, AirflowFailException)  # the retries of Airflow apply
        assert nine + 10 * MINUTE <= datetime.now(UTC) <= nine + 10 * MINUTE + 3 * SECOND

    @pytest.mark.parametrize(
        ("name", "error"),
        [("timeout", AirflowSensorTimeout), ("execution_timeout", AirflowTaskTimeout)],
    )
    def test_fails_where_the_time_is_over(
        self, name: str, error: type[BaseException], never_sent: str, hours: Hours
    ) -> None:
        began = datetime.now(UTC)
        with pytest.raises(error, match=f"The {name} of the sensor is over"):
            wait(never_sent, **{name: 2.6 * HOUR})
        assert began + 2.6 * HOUR <= datetime.now(UTC) <= began + 2.6 * HOUR + 3 * SECOND

    @pytest.mark.parametrize(
        ("timeout", "execution_timeout", "error"),
        [(2.6, 2.7, AirflowSensorTimeout), (2.7, 2.6, AirflowTaskTimeout)],
    )
    def test_names_the_time_that_is_over_first(
        self,
        timeout: float,
        execution_timeout: float,
        error: type[BaseException],
        never_sent: str,
        hours: Hours,
    ) -> None:
        with pytest.raises(error):
            wait(never_sent, timeout=timeout * HOUR, execution_timeout=execution_timeout * HOUR)

    @pytest.mark.parametrize(
        ("limits", "error"),
        [
            ({}, AirflowSensorTimeout),
            ({"timeout": 3, "execution_timeout": 4}, AirflowSensorTimeout),
            ({"timeout": 4, "execution_timeout": 3}, AirflowTaskTimeout),
            ({"execution_timeout": 3}, AirflowTaskTimeout),
        ],
    )
    def test_fails_as_timed_out_where_no_triggerer_ran(
        self, limits: dict[str, int], error: type[BaseException], scheduled: str, hours: Hours
    ) -> None:
        def fail(**arguments: Any) -> Any:
            arguments |= {name: limit * HOUR for name, limit in limits.items()}
            kwargs = {"error": NO_TRIGGER_IN_TIME}
            return sensor(scheduled, **arguments).resume_execution("__fail__", kwargs, context())

        with pytest.raises(error, match="see whether a triggerer runs"):
            fail()
        with pytest.raises(AirflowSkipException):
            fail(soft_fail=True)
        with pytest.raises(AirflowSkipException):
            fail(never_fail=True)

    def test_fails_where_the_trigger_failed(self, scheduled: str, hours: Hours) -> None:
        def fail(**arguments: Any) -> Any:
            kwargs = {"error": "Trigger failure"}
            return sensor(scheduled, **arguments).resume_execution("__fail__", kwargs, context())

        with pytest.raises(TaskDeferralError, match="Trigger failure"):
            fail()
        with pytest.raises(AirflowSkipException):
            fail(soft_fail=True)
        with pytest.raises(AirflowSkipException):
            fail(never_fail=True)

    def test_defers_again_where_there_is_still_time(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        began = datetime.now(UTC)
        event = self.look(started_at=began.isoformat())
        hours.sleep(3600)
        deferral = deferred(lambda: resume(scheduled, event, timeout=3 * HOUR))
        rules = wait_of(deferral.trigger.rules)
        assert (rules.started_at, rules.ends_at) == (began, began + 3 * HOUR)
        assert deferral.timeout == pytest.approx(2 * HOUR + MINUTE, abs=2 * SECOND)
        assert deferral.trigger.failing_since is None
        assert gets(sandbox) == 1

    @pytest.mark.usefixtures("no_waits")
    def test_keeps_count_of_failures_over_deferrals(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        since = datetime.now(UTC) - 5 * MINUTE
        event = self.look(failing_since=since.isoformat())
        sandbox.fault("query_schedule", "status", 3, status=503)
        deferral = deferred(lambda: resume(scheduled, event))
        assert deferral.trigger.failing_since == since.isoformat()
        deferral = deferred(lambda: resume(scheduled, event))
        assert deferral.trigger.failing_since is None, "a look that succeeds ends the count"

    def test_goes_on_where_an_error_did_not_last(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=50002))
        assert list(wait(scheduled)) == [scheduled]

    def test_fails_with_an_error_that_lasts(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", None, code=50002))
        with pytest.raises(JsmsAuthError):
            wait(scheduled)

    @pytest.mark.parametrize(
        "event", [{}, "x", ["done"], 1, {"status": "other"}, {"status": ["a"]}]
    )
    @pytest.mark.parametrize("soft_fail", [False, True])
    def test_fails_loudly_with_an_event_that_it_does_not_know(
        self, event: object, soft_fail: bool, scheduled: str, hours: Hours
    ) -> None:
        with pytest.raises(JsmsUnknownEventError, match="another version"):
            resume(scheduled, event, soft_fail=soft_fail)
        with pytest.raises(JsmsUnknownEventError):
            sensor(scheduled, soft_fail=soft_fail).execute_complete(context(), event)
        assert issubclass(JsmsUnknownEventError, AirflowFailException)

    @pytest.mark.parametrize(
        "event",
        [
            {"status": "done"},
            {"status": "look"},
            {"status": "look", "started_at": None, "failing_since": None},
        ],
    )
    def test_fails_as_loudly_with_a_part_of_an_event(
        self, event: object, scheduled: str, hours: Hours
    ) -> None:
        with pytest.raises(JsmsUnknownEventError):
            resume(scheduled, event)

    def test_does_not_repeat_what_an_unknown_event_holds(
        self, scheduled: str, hours: Hours
    ) -> None:
        event = {"status": people.ANNA, "mobile": people.ANNA}
        with pytest.raises(JsmsUnknownEventError) as caught:
            resume(scheduled, event)
        assert people.ANNA not in str(caught.value)


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("is_deferred", [False, True])
class TestWhatMayFail:
    """As in the mode that holds a worker."""

    def run(self, is_deferred: bool, schedule_id: str, **arguments: Any) -> Any:
        if is_deferred:
            return wait(schedule_id, **arguments)
        return sensor(schedule_id, deferrable=False, **arguments).execute(context())

    @pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
    @pytest.mark.parametrize("what", ["gone", "overdue", "timeout"])
    def test_a_wait_that_comes_to_nothing_is_skipped(
        self, what: str, how: str, is_deferred: bool, never_sent: str, sandbox: Any, hours: Hours
    ) -> None:
        if what == "gone":
            hours.on_sleep.append(lambda: sandbox.switch(query_deleted="50028"))
        arguments = {"timeout": {"timeout": 2.6 * HOUR}}.get(what, {"grace": 10 * MINUTE})
        with pytest.raises(AirflowSkipException):
            self.run(is_deferred, never_sent, **{how: True}, **arguments)
        assert hours.slept

    def test_soft_fail_hides_no_other_error(
        self, is_deferred: bool, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", None, code=50002))
        with pytest.raises(JsmsAuthError):
            self.run(is_deferred, scheduled, soft_fail=True)
        sandbox.clear_faults()
        sandbox.fault("query_schedule", "status", None, status=503)
        with pytest.raises(JsmsUnreachableError) as caught:
            self.run(is_deferred, scheduled, soft_fail=True)
        assert isinstance(caught.value.__cause__, JsmsServerError)

    @pytest.mark.parametrize("fault", [{"kind": "code", "code": 50002}, {"kind": "status"}])
    def test_never_fail_hides_all_of_them(
        self,
        fault: dict[str, Any],
        is_deferred: bool,
        scheduled: str,
        sandbox: SandboxControl,
        hours: Hours,
    ) -> None:
        given = {"status": 503, **fault} if fault["kind"] == "status" else fault
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", times=None, **given))
        with pytest.raises(AirflowSkipException):
            self.run(is_deferred, scheduled, never_fail=True)

    def test_silent_fail_goes_on_after_an_error(
        self, is_deferred: bool, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        """Without a worker slot, so that the task is rescheduled after poke_interval."""
        sandbox.fault("query_schedule", "code", 1, code=59999)
        with pytest.raises(JsmsUnknownCodeError):
            self.run(is_deferred, scheduled)
        sandbox.fault("query_schedule", "code", 1, code=59999)
        if not is_deferred:
            assert list(self.run(is_deferred, scheduled, silent_fail=True)) == [scheduled]
            assert hours.slept[0] == 60
            return
        now = datetime.now(UTC)
        with pytest.raises(AirflowRescheduleException) as caught:
            self.run(is_deferred, scheduled, silent_fail=True)
        assert caught.value.reschedule_date == pytest.approx(now + MINUTE, abs=2 * SECOND)
        hours.sleep(60)
        assert list(self.run(is_deferred, scheduled, silent_fail=True)) == [scheduled]


def test_a_reschedule_after_a_silent_failure_does_not_prolong_the_timeout(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    began = datetime.now(UTC)
    arguments = {"silent_fail": True, "timeout": 3 * HOUR}
    sandbox.fault("query_schedule", "code", 1, code=59999)
    with pytest.raises(AirflowRescheduleException):
        sensor(scheduled, **arguments).execute(context())
    hours.sleep(60)
    deferral = deferred(lambda: sensor(scheduled, **arguments).execute(context(began)))
    ends_at = wait_of(deferral.trigger.rules).ends_at
    assert ends_at == pytest.approx(began + 3 * HOUR, abs=2 * SECOND)


def test_an_outage_before_send_time_is_borne_after_an_error_in_the_middle_of_it(
    scheduled: str, sandbox: SandboxControl, hours: Hours, no_waits: None
) -> None:
    def fail(code: int | None) -> None:
        sandbox.clear_faults()
        if code:
            sandbox.fault("query_schedule", "code", 1, code=code)
        sandbox.fault("query_schedule", "status", 60, status=503)

    hours.on_sleep += [lambda: fail(None), *[lambda: None] * 14, lambda: fail(50002)]
    assert list(wait(scheduled)) == [scheduled]


class TestManyMsgIds:
    """Beyond a thousand only their number is kept, handed on and returned."""

    @pytest.fixture(autouse=True)
    def _three_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_jsms.triggers.waiting.MOST_MSG_IDS", 3)

    def batch(self, when: datetime, first: int, size: int) -> str:
        with JsmsHook() as hook:
            result = hook.submit_batch_schedule(
                send_time=when,
                recipients=[people.number(first + index) for index in range(size)],
                temp_id=1,
            )
        return str(result["schedule_id"])

    def in_every_mode(self, schedule_id: Any, hours: Hours, **arguments: Any) -> list[Any]:
        modes = ({"deferrable": True}, {"mode": "poke"}, {"mode": "reschedule"})
        return [wait(schedule_id, **{"deferrable": False, **arguments, **mode}) for mode in modes]

    def test_three_are_returned_and_four_are_counted_in_every_mode(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        schedules = [self.batch(nine, 0, 1), self.batch(nine, 1, 2), self.batch(nine, 3, 1)]
        few = wait(schedules[:2])
        assert {each: len(ids) for each, ids in few.items()} == dict(
            zip(schedules[:2], [1, 2], strict=True)
        )
        assert self.in_every_mode(schedules[:2], hours) == [few] * 3
        many = dict(zip(schedules, [1, 2, 1], strict=True))
        assert wait(schedules) == many
        assert self.in_every_mode(schedules, hours) == [many] * 3
        assert self.in_every_mode([many], hours) == [many] * 3, "a result of the sensor, again"

    def test_what_is_handed_to_the_trigger_and_back_is_a_number(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        early, late = self.batch(nine - 2 * HOUR, 0, 4), self.batch(nine, 4, 1)
        sandbox.travel_to(nine - HOUR)
        deferral = defer([early, late])
        assert deferral.trigger.schedules[early]["msg_ids"] == 4
        assert deferral.trigger.schedules[late]["msg_ids"] == 0
        (event,) = events(deferral.trigger)
        assert event == {"status": "done", "msg_ids": {early: 4, late: 1}}
        assert resume([early, late], event) == {early: 4, late: 1}
        assert gets(sandbox, early) == 1

    def test_a_look_that_fails_half_way_hands_on_a_number_too(
        self,
        sandbox: SandboxControl,
        hours: Hours,
        nine: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        early, late = self.batch(nine - 2 * HOUR, 0, 4), self.batch(nine, 4, 1)
        sandbox.travel_to(nine - HOUR)
        query = JsmsHook.query_schedule

        def query_early(hook: JsmsHook, schedule_id: str) -> Any:
            if schedule_id == late:
                raise JsmsServerError("HTTP 503", call="query_schedule")
            return query(hook, schedule_id)

        monkeypatch.setattr(JsmsHook, "query_schedule", query_early)
        trigger = defer([early, late]).trigger
        assert trigger.failing_since
        assert [trigger.schedules[each]["msg_ids"] for each in (early, late)] == [4, []]

    @pytest.mark.parametrize("is_many", [False, True])
    def test_that_jsms_has_forgotten_since_are_remembered_over_every_deferral(
        self, is_many: bool, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        early = self.batch(nine - 2 * HOUR, 0, 4 if is_many else 2)
        late = self.batch(nine, 4, 1)
        hours.sleep(3600)
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=50002))
        deferral = defer([early, late])
        sandbox.switch(query_sent="50028")
        event = fired(deferral.trigger)
        assert event["status"] == "look", "a worker has to decide about the credentials"
        assert event["schedules"] == deferral.trigger.schedules
        deferral = deferred(lambda: resume([early, late], event))
        assert deferral.trigger.schedules[early] == event["schedules"][early]
        sandbox.switch(query_sent="record")
        found = resume([early, late], fired(deferral.trigger))
        assert found[early] == (4 if is_many else event["schedules"][early]["msg_ids"])
        assert gets(sandbox, early) == 1

    def test_some_of_a_batch_are_remembered_too(
        self, sandbox: SandboxControl, hours: Hours
    ) -> None:
        """JSMS lists who it has refused, and forgets the schedule once it is sent."""
        sandbox.switch(failed_recipients_in_query="yes", msg_id_when="accepted", query_sent="50028")
        sandbox.number(people.BEN, "unsubscribed")
        soon = (datetime.now(UTC) + HOUR / 2).replace(microsecond=0)
        with JsmsHook() as hook:
            result = hook.submit_batch_schedule(
                send_time=soon, recipients=[people.ANNA, people.BEN, people.CARA], temp_id=1
            )
        found = wait(result, wait_for_send_time=True)
        assert len(found[result["schedule_id"]]) == 2
        assert soon <= datetime.now(UTC) <= soon + 3 * SECOND

    def test_an_error_names_ten_schedules_and_counts_the_others(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        schedules = [submit(nine, people.number(index)) for index in range(13)]
        for each in schedules:
            delete(each)
        with pytest.raises(JsmsScheduleGoneError, match="and 3 more schedules") as caught:
            wait(schedules)
        assert [each in str(caught.value) for each in schedules] == [True] * 10 + [False] * 3


class TestResumedWithoutAnEvent:
    """Airflow does so where a task is cleared while its worker is about to defer it."""

    def test_begins_anew(self, scheduled: str, sandbox: SandboxControl, hours: Hours) -> None:
        began = datetime.now(UTC)
        deferral = deferred(
            lambda: sensor(scheduled, timeout=4 * HOUR).resume_execution(
                "execute_complete", None, context()
            )
        )
        assert wait_of(deferral.trigger.rules).ends_at == began + 4 * HOUR
        assert fired(deferral.trigger)["status"] == "done"

    def test_ends_at_once_where_everything_is_there(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        hours.sleep(3 * 3600)
        assert list(resume(scheduled, None)) == [scheduled]

    def test_fails_as_the_first_look_does(self, scheduled: str, hours: Hours) -> None:
        delete(scheduled)
        with pytest.raises(JsmsScheduleGoneError):
            resume(scheduled, None)
        with pytest.raises(AirflowSkipException):
            resume(scheduled, None, soft_fail=True)


def test_all_modes_follow_the_same_schedule_to_the_same_end(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    deferral = defer(scheduled)
    found = fired(deferral.trigger)["msg_ids"]
    assert found == sensor(scheduled, mode="reschedule", deferrable=False).execute(context())
