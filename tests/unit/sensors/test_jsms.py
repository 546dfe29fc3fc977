"""The sensor against the sandbox, over hours that pass at once."""

from __future__ import annotations

import copy
import math
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsInputError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsServerError,
    JsmsUnreachableError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people
from tests.versions import BASE_OF_SENSORS, AirflowRescheduleException, TaskInstance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl

HOUR = timedelta(hours=1)


class Hours:
    """The time of the sensor and of the sandbox, in which sleeping takes no time."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.passed = 0.0
        self.slept: list[float] = []
        self.on_sleep: list[Callable[[], None]] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds))
        self.passed += seconds
        self.traveller.shift(seconds)
        if self.on_sleep:
            self.on_sleep.pop(0)()


class OldTaskInstance:
    """The same on Airflow 2."""

    def __init__(self, start_date: datetime | None) -> None:
        self.start_date = start_date


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hours]:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        hours = Hours(traveller)
        # Only the sensor's: the sandbox in its thread cannot bear a clock that goes back.
        clock = SimpleNamespace(
            sleep=hours.sleep, monotonic=lambda: time.monotonic() + hours.passed
        )
        monkeypatch.setattr(f"{BASE_OF_SENSORS}.time", clock)
        monkeypatch.setattr("airflow_provider_jsms.sensors.jsms.time", clock)
        yield hours


@pytest.fixture
def nine(hours: Hours) -> datetime:
    """A send_time two and a half hours ahead."""
    return (datetime.now(UTC) + 2.5 * HOUR).replace(microsecond=0)


@pytest.fixture
def scheduled(sandbox: SandboxControl, nine: datetime) -> str:
    with JsmsHook() as hook:
        return hook.submit_schedule(send_time=nine, mobile=people.ANNA, temp_id=1)


def sensor(schedule_id: Any, **arguments: Any) -> JsmsScheduleSensor:
    return JsmsScheduleSensor(task_id="wait", schedule_id=schedule_id, **arguments)


def wait(schedule_id: Any, **arguments: Any) -> Any:
    return sensor(schedule_id, **arguments).execute({"ti": TaskInstance()})


def gets(sandbox: SandboxControl) -> int:
    return sum(request["method"] == "GET" for request in sandbox.requests())


def test_it_sleeps_until_send_time_and_returns_the_msg_ids(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    found = wait(scheduled)
    assert found == {scheduled: [sandbox.messages()[0]["msg_id"]]}
    assert hours.slept[:2] == [3600, 3600]
    assert sum(hours.slept) == pytest.approx(9000, abs=61)
    assert gets(sandbox) <= 2 + 3  # 2 + N for N hours, begun hours count


def test_it_only_ever_asks(scheduled: str, sandbox: SandboxControl, hours: Hours) -> None:
    wait(scheduled)
    assert {request["method"] for request in sandbox.requests()[1:]} == {"GET"}


def test_msg_ids_at_submission_end_the_wait_at_once(
    scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    sandbox.switch(msg_id_when="accepted")
    with JsmsHook() as hook:
        early = hook.submit_schedule(send_time=nine, mobile=people.BEN, temp_id=1)
    assert list(wait(early)) == [early]
    assert hours.slept == []
    wait(early, wait_for_send_time="True")
    assert datetime.now(UTC) >= nine


def test_the_result_of_a_batch_says_when_it_is_complete(
    sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    """JSMS may list refused recipients, which never get a msg_id."""
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


def test_a_copy_that_runs_again_remembers_no_other_run(
    scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    """Airflow runs a shallow copy of the operator, as dag.test() does again and again."""
    waiting = sensor(scheduled)
    assert list(copy.copy(waiting).execute({"ti": TaskInstance()})) == [scheduled]
    with JsmsHook() as hook:
        other = hook.submit_schedule(send_time=nine + HOUR, mobile=people.BEN, temp_id=1)
    waiting.schedule_id = other
    assert list(copy.copy(waiting).execute({"ti": TaskInstance()})) == [other]


@pytest.mark.parametrize("count", [3, 4])
def test_mapped_batches_are_complete_by_the_sum_of_their_counts(
    count: int, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    sandbox.switch(failed_recipients_in_query="yes")
    sandbox.number(people.BEN, "unsubscribed")
    with JsmsHook() as hook:
        results = [
            hook.submit_batch_schedule(send_time=nine, recipients=each, temp_id=1)
            for each in ([people.ANNA, people.BEN], [people.CARA, people.DAN])
        ]
    results[1]["success_count"] = count - 1  # 3 are right, a fourth would never get its msg_id
    schedule_ids = [each["schedule_id"] for each in results]
    if count == 3:
        found = wait([*results, None])
        assert {each: len(found[each]) for each in found} == dict(
            zip(schedule_ids, [1, 2], strict=True)
        )
    else:
        with pytest.raises(JsmsOverdueError, match="1 of 2 recipients"):
            wait(results)


def test_many_schedules_are_followed_and_done_ones_not_asked_again(
    sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    with JsmsHook() as hook:
        soon = hook.submit_schedule(send_time=nine - 2 * HOUR, mobile=people.ANNA, temp_id=1)
        late = hook.submit_schedule(send_time=nine + 2 * HOUR, mobile=people.BEN, temp_id=1)
    assert set(wait([soon, late])) == {soon, late}
    paths = [request["path"] for request in sandbox.requests() if request["method"] == "GET"]
    assert sum(path.endswith(soon) for path in paths) <= 3
    assert sum(path.endswith(late) for path in paths) > 3


def test_a_schedule_that_is_moved_is_followed(
    scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    def move() -> None:
        with JsmsHook() as hook:
            hook.modify_schedule(
                scheduled, send_time=nine + 3 * HOUR, mobile=people.ANNA, temp_id=1
            )

    hours.on_sleep.append(move)
    wait(scheduled)
    assert nine + 3 * HOUR <= datetime.now(UTC) <= nine + 3 * HOUR + timedelta(minutes=2)


@pytest.mark.parametrize("query_deleted", ["50028", "50029"])
def test_a_schedule_that_is_deleted_is_gone(
    query_deleted: str, scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    sandbox.switch(query_deleted=query_deleted)

    def delete() -> None:
        with JsmsHook() as hook:
            hook.delete_schedule(scheduled)

    hours.on_sleep.append(delete)
    with pytest.raises(JsmsScheduleGoneError, match="is gone") as caught:
        wait(scheduled)
    assert isinstance(caught.value, AirflowFailException)


def test_a_schedule_without_msg_ids_is_overdue_after_grace(
    scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    sandbox.switch(query_deleted="record")
    with JsmsHook() as hook:
        hook.delete_schedule(scheduled)  # JSMS may go on showing it, and never sends it
    with pytest.raises(JsmsOverdueError, match="0 of 1 recipients") as caught:
        wait(scheduled, grace=timedelta(minutes=10), poke_interval=120)
    assert str(caught.value).startswith("Overdue by more than grace (0:10:00)")
    late = datetime.now(UTC) - nine
    assert timedelta(minutes=10) <= late <= timedelta(minutes=11)


def test_soft_fail_skips(scheduled: str, sandbox: SandboxControl, hours: Hours) -> None:
    with JsmsHook() as hook:
        hook.delete_schedule(scheduled)
    with pytest.raises(AirflowSkipException):
        wait(scheduled, soft_fail=True)


class TestWhereJsmsCannotBeAsked:
    @pytest.fixture(autouse=True)
    def _at_once(self, no_waits: None) -> None:
        """The tries of one look follow each other at once."""

    @pytest.mark.parametrize("mode", ["poke", "reschedule"])
    def test_it_bears_that_for_ten_minutes_and_names_the_cause(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", times=None, status=503)
        began = datetime.now(UTC)
        with pytest.raises(JsmsUnreachableError, match="could not be asked") as caught:
            wait(scheduled, mode=mode)
        assert not isinstance(caught.value, AirflowFailException)  # the retries of Airflow apply
        assert isinstance(caught.value.__cause__, JsmsServerError)
        assert timedelta(minutes=10) <= datetime.now(UTC) - began <= timedelta(minutes=11)

    @pytest.mark.parametrize("mode", ["poke", "reschedule"])
    def test_an_outage_of_minutes_does_not_end_the_try(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", times=9, status=503)
        if mode == "poke":
            assert list(wait(scheduled)) == [scheduled]
        else:
            with pytest.raises(AirflowRescheduleException):
                wait(scheduled, mode=mode)
        assert hours.slept[:3] == [60, 60, 60]

    def test_before_send_time_there_is_no_hurry(
        self, sandbox: SandboxControl, scheduled: str, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(
            lambda: sandbox.fault("query_schedule", "status", times=None, status=503)
        )
        with pytest.raises(JsmsUnreachableError):
            wait(scheduled)
        late = datetime.now(UTC) - nine
        assert timedelta(minutes=10) <= late <= timedelta(minutes=11)

    def test_it_is_no_wait_that_comes_to_nothing(
        self, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", times=None, status=503)
        with pytest.raises(JsmsUnreachableError):
            wait(scheduled, soft_fail=True)
        with pytest.raises(AirflowSkipException):
            wait(scheduled, never_fail=True)

    def test_it_waits_as_long_as_jsms_asks(
        self, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        sandbox.fault(
            "query_schedule", "status", times=3, status=429, headers={"Retry-After": "240"}
        )
        wait(scheduled)
        assert hours.slept[0] == 240


def test_soft_fail_does_not_hide_wrong_credentials(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    sandbox.fault("query_schedule", "code", code=50002)
    with pytest.raises(JsmsAuthError):
        wait(scheduled, soft_fail=True)


def test_silent_fail_asks_no_more_often_than_it_is_told(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    sandbox.fault("query_schedule", "code", times=3, code=50009)
    wait(scheduled, silent_fail=True, poke_interval=30)
    assert hours.slept[:3] == [30, 30, 30]


class TestTimeout:
    def test_that_ends_before_send_time_is_refused_at_once(
        self, scheduled: str, hours: Hours
    ) -> None:
        with pytest.raises(JsmsInputError, match="timeout ends at"):
            wait(scheduled, timeout=3600)
        assert hours.slept == []

    def test_that_ends_later_holds(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.switch(query_deleted="record")
        with JsmsHook() as hook:
            hook.delete_schedule(scheduled)
        began = datetime.now(UTC)
        with pytest.raises(AirflowSensorTimeout):
            wait(scheduled, timeout=2.6 * HOUR, mode="poke")
        assert datetime.now(UTC) - began <= 2.6 * HOUR + timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({}, AirflowSensorTimeout),
            ({"soft_fail": True}, AirflowSkipException),
            ({"never_fail": True}, AirflowSkipException),
        ],
    )
    def test_may_be_noticed_first_by_airflow(
        self, given: dict[str, bool], error: type[Exception], scheduled: str, hours: Hours
    ) -> None:
        """It counts seconds by another clock, which may be ahead."""

        def be_ahead() -> None:
            hours.passed += 4 * 3600

        hours.on_sleep.append(be_ahead)
        with pytest.raises(error, match="run duration"):
            wait(scheduled, timeout=3 * HOUR, **given)

    def test_that_is_early_does_no_harm_where_everything_is_there(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.switch(msg_id_when="accepted")
        with JsmsHook() as hook:
            early = hook.submit_schedule(send_time=nine, mobile=people.BEN, temp_id=1)
        assert list(wait(early, timeout=60)) == [early]
        with pytest.raises(JsmsInputError, match="timeout ends at"):
            wait(early, timeout=60, wait_for_send_time=True)

    @pytest.mark.parametrize("timeout", [None, math.inf])
    def test_without_end_does_not_end_a_wait_of_weeks(
        self, timeout: float | None, sandbox: SandboxControl, hours: Hours
    ) -> None:
        with JsmsHook() as hook:
            schedule_id = hook.submit_schedule(
                send_time=datetime.now(UTC) + timedelta(days=20), mobile=people.ANNA, temp_id=1
            )
        assert wait(schedule_id, timeout=timeout, recheck_interval=86400)[schedule_id]


class TestRescheduleMode:
    def test_wakes_when_there_is_something_to_see(
        self, scheduled: str, hours: Hours, nine: datetime
    ) -> None:
        waiting = sensor(scheduled, mode="reschedule", recheck_interval=2 * HOUR)
        with pytest.raises(AirflowRescheduleException) as caught:
            waiting.execute({"ti": TaskInstance()})
        assert caught.value.reschedule_date == pytest.approx(
            datetime.now(UTC) + 2 * HOUR, abs=timedelta(seconds=2)
        )
        hours.traveller.shift(2 * HOUR)
        with pytest.raises(AirflowRescheduleException) as caught:
            waiting.execute({"ti": TaskInstance(datetime.now(UTC) - 2 * HOUR)})
        assert caught.value.reschedule_date == pytest.approx(nine, abs=timedelta(seconds=2))
        hours.traveller.shift(HOUR)
        found = waiting.execute({"ti": TaskInstance(datetime.now(UTC) - 3 * HOUR)})
        assert list(found) == [scheduled]

    def test_knows_its_start_on_airflow_2_too(self, hours: Hours) -> None:
        """There the task instance keeps its start over all reschedules."""
        waiting = sensor("x", mode="reschedule")
        began = datetime(2026, 1, 1, tzinfo=UTC)
        assert waiting._first_started_at({"ti": OldTaskInstance(began)}) == began
        assert waiting._first_started_at({"ti": OldTaskInstance(None)}) == pytest.approx(
            datetime.now(UTC), abs=timedelta(seconds=2)
        )


@pytest.mark.parametrize("name", ["grace", "recheck_interval"])
@pytest.mark.parametrize(
    "value", [0, -1, timedelta(0), -HOUR, math.nan, None, True, "60", "{{ 60 }}", [60]]
)
def test_durations_are_checked_when_the_dag_is_read(name: str, value: Any) -> None:
    with pytest.raises(JsmsInputError, match=f"{name} is .*: pass a timedelta, or a number of sec"):
        sensor("x", **{name: value})


@pytest.mark.parametrize("name", ["grace", "recheck_interval"])
@pytest.mark.parametrize(
    ("value", "meant"),
    [(HOUR, HOUR), (3600, HOUR), (0.5, timedelta(milliseconds=500)), (math.inf, timedelta.max)],
)
def test_durations_are_timedeltas_or_seconds(name: str, value: Any, meant: timedelta) -> None:
    assert getattr(sensor("x", **{name: value}), name) == meant


@pytest.mark.parametrize("name", ["deferrable", "soft_fail", "never_fail", "silent_fail"])
class TestFlags:
    @pytest.mark.parametrize(
        ("value", "meant"), [(True, True), ("False", False), ("false", False), ("true\n", True)]
    )
    def test_may_be_texts_as_of_a_yaml_file(self, name: str, value: Any, meant: bool) -> None:
        given = {"deferrable": False, name: value}
        waiting = sensor("x", **given)
        assert getattr(waiting, name) is meant
        assert waiting.mode == ("reschedule" if waiting.deferrable else "poke")

    @pytest.mark.parametrize("value", ["yes", "", 0, 1, None, "{{ var.value.x }}"])
    def test_are_refused_when_the_dag_is_read(self, name: str, value: Any) -> None:
        with pytest.raises(JsmsInputError, match=f"{name} is .*accepted is True or False"):
            sensor("x", **{name: value})


def test_flags_as_texts_that_exclude_each_other_do_so_too() -> None:
    with pytest.raises(ValueError, match="mutually exclusive"):
        sensor("x", soft_fail="true", never_fail="true")
    sensor("x", soft_fail="true", never_fail="false")


def test_arguments_are_templated_and_checked(sandbox: SandboxControl, hours: Hours) -> None:
    assert set(JsmsScheduleSensor.template_fields) == {
        "schedule_id",
        "wait_for_send_time",
        "jsms_conn_id",
    }
    with pytest.raises(JsmsInputError, match="wait_for_send_time"):
        wait("x", wait_for_send_time="perhaps")
    with pytest.raises(JsmsInputError, match="schedule_id"):
        wait("a/b")
    with pytest.raises(JsmsInputError, match="names no schedule"):
        wait([])
    with pytest.raises(JsmsInputError, match="returned nothing"):
        wait([None, None])
    assert sandbox.requests() == []
