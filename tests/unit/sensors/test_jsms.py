"""The sensor against the sandbox, in every mode, over hours that pass at once."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)

from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsInputError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsServerError,
    JsmsUnknownEventError,
    JsmsUnreachableError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger
from airflow_provider_jsms.triggers.waiting import Wait
from tests import leaks, people
from tests.unit.waits import (
    HOUR,
    MINUTE,
    MODES,
    SECOND,
    context,
    defer,
    deferred,
    delete,
    fired,
    gets,
    move,
    resume,
    sensor,
    submit,
    submit_batch,
)
from tests.versions import NO_TRIGGER_IN_TIME, AirflowRescheduleException, TaskDeferralError

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.waits import Hours

in_every_mode = pytest.mark.parametrize("mode", MODES)
# In reschedule mode a sensor remembers nothing between two polls.
in_modes_with_memory = pytest.mark.parametrize("mode", ["poke", "deferrable"])
LATE = 3 * SECOND
# Not right after a poll, or Airflow's own clock would be the first to end the wait.
TIMEOUT = 2.6 * HOUR + 30 * SECOND


def is_about(moment: datetime) -> bool:
    return moment <= datetime.now(UTC) <= moment + LATE


@in_every_mode
class TestAWait:
    def test_sleeps_until_send_time_and_returns_the_msg_ids(
        self, mode: str, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        found = hours.wait(scheduled, mode)
        assert found == {scheduled: [sandbox.messages()[0]["msg_id"]]}
        assert hours.slept[:2] == [3600, 3600]
        assert is_about(nine)
        assert gets(sandbox) <= 2 + 3  # 2 + N for N hours, begun hours count
        assert {request["method"] for request in sandbox.requests()[1:]} == {"GET"}

    def test_ends_at_once_if_the_msg_ids_are_there(
        self, mode: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.switch(msg_id_when="accepted")
        early = submit(nine)
        assert list(hours.wait(early, mode, timeout=60)) == [early]
        assert (hours.slept, gets(sandbox)) == ([], 1)
        hours.wait(early, mode, wait_for_send_time="True")
        assert is_about(nine)

    def test_of_a_batch_expects_as_many_msg_ids_as_were_accepted(
        self, mode: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        """JSMS may list refused recipients, which never get a msg_id."""
        sandbox.switch(failed_recipients_in_query="yes")
        sandbox.number(people.BEN, "invalid")
        result = submit_batch(nine, people.ANNA, people.BEN, people.CARA)
        schedule_id = result["schedule_id"]
        assert len(hours.wait(result, mode)[schedule_id]) == 2
        with pytest.raises(JsmsOverdueError, match="2 of 3"):
            hours.wait(schedule_id, mode)

    def test_of_many_schedules_does_not_poll_the_done_ones_again(
        self, mode: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        soon, late = submit(nine - 2 * HOUR), submit(nine + 2 * HOUR, people.BEN)
        found = hours.wait([soon, late], mode)
        assert list(found) == [soon, late]
        assert all(found.values())
        if mode != "reschedule":
            assert gets(sandbox, soon) == 2
        assert gets(sandbox, late) > 3

    def test_follows_a_schedule_that_is_moved(
        self, mode: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        later, earlier = submit(nine), submit(nine + 100 * HOUR)
        hours.on_sleep.append(lambda: move(later, nine + 3 * HOUR))
        hours.wait(later, mode)
        assert is_about(nine + 3 * HOUR)
        hours.on_sleep.append(lambda: move(earlier, nine + 6 * HOUR))
        hours.wait(earlier, mode)
        assert is_about(nine + 6 * HOUR)

    def test_fails_if_a_schedule_is_deleted(self, mode: str, scheduled: str, hours: Hours) -> None:
        hours.on_sleep.append(lambda: delete(scheduled))
        with pytest.raises(JsmsScheduleGoneError, match=r"is gone \(code 50029") as it:
            hours.wait(scheduled, mode)
        assert ("0 of 1 recipient has a msg_id" in str(it.value)) is (mode != "reschedule")
        assert isinstance(it.value, AirflowFailException)
        assert hours.slept == [3600]

    def test_fails_as_overdue_after_grace(
        self, mode: str, never_sent: str, hours: Hours, nine: datetime
    ) -> None:
        with pytest.raises(JsmsOverdueError, match=r"Overdue by more than grace \(0:10:00\)") as it:
            hours.wait(never_sent, mode, grace=600, poke_interval=120)
        assert "0 of 1 recipient has a msg_id" in str(it.value)
        assert is_about(nine + 10 * MINUTE)

    def test_fails_after_timeout(self, mode: str, never_sent: str, hours: Hours) -> None:
        began = datetime.now(UTC)
        with pytest.raises(AirflowSensorTimeout, match="The timeout of the sensor is over"):
            hours.wait(never_sent, mode, timeout=TIMEOUT)
        assert is_about(began + TIMEOUT)

    @pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
    @pytest.mark.parametrize("what", ["gone", "overdue", "timed out"])
    def test_that_fails_may_be_skipped(
        self, what: str, how: str, mode: str, never_sent: str, sandbox: Any, hours: Hours
    ) -> None:
        if what == "gone":
            hours.on_sleep.append(lambda: sandbox.switch(query_deleted="50028"))
        limit = {"timeout": TIMEOUT} if what == "timed out" else {"grace": 10 * MINUTE}
        reason = {"gone": "is gone", "overdue": "Overdue", "timed out": "is over"}[what]
        with pytest.raises(AirflowSkipException, match=reason):
            hours.wait(never_sent, mode, **{how: True}, **limit)
        assert hours.slept

    def test_hides_no_wrong_credentials(
        self, mode: str, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", None, code=50002))
        with pytest.raises(JsmsAuthError):
            hours.wait(scheduled, mode, soft_fail=True)
        with pytest.raises(AirflowSkipException):
            hours.wait(scheduled, mode, never_fail=True)


@in_modes_with_memory
@pytest.mark.parametrize("is_batch", [False, True])
def test_a_schedule_that_jsms_forgets_after_sending_is_done(
    is_batch: bool, mode: str, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    sandbox.switch(msg_id_when="accepted", query_sent="50028", failed_recipients_in_query="yes")
    sandbox.number(people.BEN, "invalid")
    given = submit_batch(nine, people.ANNA, people.BEN, people.CARA) if is_batch else submit(nine)
    [found] = hours.wait(given, mode, wait_for_send_time=True).values()
    assert len(found) == (2 if is_batch else 1)
    assert is_about(nine)


@pytest.mark.parametrize("count", [3, 4])
def test_mapped_batches_are_complete_by_the_sum_of_their_counts(
    count: int, sandbox: SandboxControl, hours: Hours, nine: datetime
) -> None:
    sandbox.switch(failed_recipients_in_query="yes")
    sandbox.number(people.BEN, "invalid")
    results = [
        submit_batch(nine, people.ANNA, people.BEN),
        submit_batch(nine, people.CARA, people.DAN),
    ]
    results[1]["success_count"] = count - 1  # 3 are right, a fourth would never get its msg_id
    if count == 3:
        found = hours.wait([*results, None], "poke")
        assert [len(found[each["schedule_id"]]) for each in results] == [1, 2]
    else:
        with pytest.raises(JsmsOverdueError, match="1 of 2 recipients"):
            hours.wait(results, "poke")


def test_a_copy_that_runs_again_remembers_no_other_run(
    scheduled: str, hours: Hours, nine: datetime
) -> None:
    """Airflow runs a shallow copy of the operator, as dag.test() does again and again."""
    waiting = sensor(scheduled, "poke")
    assert list(copy.copy(waiting).execute(context())) == [scheduled]
    waiting.schedule_id = other = submit(nine + HOUR, people.BEN)
    assert list(copy.copy(waiting).execute(context())) == [other]


@pytest.mark.usefixtures("no_waits")
class TestAnOutage:
    @in_every_mode
    def test_of_ten_minutes_fails_the_wait_with_its_cause(
        self, mode: str, sandbox: SandboxControl, never_sent: str, hours: Hours, nine: datetime
    ) -> None:
        hours.sleep(3 * 3600)
        began = datetime.now(UTC)
        sandbox.fault("query_schedule", "status", times=None, status=503)
        with pytest.raises(JsmsUnreachableError, match=f"since {began:%Y-%m-%dT%H:%M}") as caught:
            hours.wait(never_sent, mode, soft_fail=True)
        assert not isinstance(caught.value, AirflowFailException)  # Airflow's retries apply
        assert isinstance(caught.value.__cause__, JsmsServerError)
        assert is_about(began + 10 * MINUTE)
        with pytest.raises(AirflowSkipException):
            hours.wait(never_sent, mode, never_fail=True)

    @in_every_mode
    def test_of_minutes_does_not(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", times=9, status=503)
        assert list(hours.wait(scheduled, mode)) == [scheduled]
        assert hours.slept[2:4] == [60, 3600] if mode != "deferrable" else hours.slept[0] == 60

    @in_modes_with_memory
    def test_before_send_time_is_borne_until_ten_minutes_after_it(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours, nine: datetime
    ) -> None:
        hours.on_sleep.append(
            lambda: sandbox.fault("query_schedule", "status", times=None, status=503)
        )
        with pytest.raises(JsmsUnreachableError):
            hours.wait(scheduled, mode)
        assert is_about(nine + 10 * MINUTE)

    @in_every_mode
    def test_lasts_as_long_as_jsms_asks(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours
    ) -> None:
        headers = {"Retry-After": "240"}
        sandbox.fault("query_schedule", "status", times=3, status=429, headers=headers)
        hours.wait(scheduled, mode)
        assert hours.slept[0] == 240

    def test_in_the_middle_of_which_another_error_comes_is_still_the_same(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        """The sensor resumes, polls, and defers again with the same failing_since."""

        def fail(code: int | None) -> None:
            sandbox.clear_faults()
            if code:
                sandbox.fault("query_schedule", "code", 1, code=code)
            sandbox.fault("query_schedule", "status", None, status=503)

        since = defer(scheduled)
        hours.on_sleep += [lambda: fail(None), *[lambda: None] * 4, lambda: fail(50002)]
        event = fired(since.trigger)  # type: ignore[arg-type]
        assert event["status"] == "poll"
        failing_since = event["wait"]["failing_since"]
        assert failing_since
        again = deferred(lambda: resume(scheduled, event)).trigger
        assert isinstance(again, JsmsScheduleTrigger)
        assert again.wait["failing_since"] == failing_since


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_silent_fail_polls_again_after_poke_interval(
    mode: str, scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    sandbox.fault("query_schedule", "code", times=3, code=59999)
    hours.wait(scheduled, mode, silent_fail=True, poke_interval=30)
    assert hours.slept[:3] == [30, 30, 30]


def test_silent_fail_of_a_deferrable_sensor_does_not_prolong_its_timeout(
    scheduled: str, sandbox: SandboxControl, hours: Hours
) -> None:
    began = datetime.now(UTC)
    arguments: dict[str, Any] = {"silent_fail": True, "soft_fail": True, "timeout": 3 * HOUR}
    sandbox.fault("query_schedule", "code", 1, code=59999)
    with pytest.raises(AirflowRescheduleException):
        resume(scheduled, None, **arguments)
    hours.sleep(60)
    deferral = deferred(lambda: sensor(scheduled, **arguments).execute(context(began)))
    assert wait_of(deferral.trigger).ends_at == began + 3 * HOUR


class TestTimeout:
    @in_every_mode
    def test_before_send_time_is_refused_while_msg_ids_are_missing(
        self, mode: str, sandbox: SandboxControl, scheduled: str, hours: Hours, nine: datetime
    ) -> None:
        with pytest.raises(JsmsInputError, match="timeout ends at"):
            hours.wait(scheduled, mode, timeout=3600, soft_fail=True)
        assert hours.slept == []
        sandbox.switch(msg_id_when="accepted")
        early = submit(nine, people.BEN)
        with pytest.raises(JsmsInputError, match="timeout ends at"):
            hours.wait(early, mode, timeout=60, wait_for_send_time=True)

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({}, AirflowSensorTimeout),
            ({"soft_fail": True}, AirflowSkipException),
        ],
    )
    def test_may_end_by_the_clock_of_airflow(
        self, given: dict[str, bool], error: type[Exception], scheduled: str, hours: Hours
    ) -> None:
        """As where a poll lasts until after the end."""

        def be_ahead() -> None:
            hours.passed += 4 * 3600

        hours.on_sleep.append(be_ahead)
        with pytest.raises(error, match="run duration"):
            hours.wait(scheduled, "poke", timeout=3 * HOUR, **given)

    @pytest.mark.parametrize("timeout", [None, timedelta.max])
    def test_is_none_by_default(self, timeout: Any, sandbox: SandboxControl, hours: Hours) -> None:
        schedule_id = submit(datetime.now(UTC) + timedelta(days=20))
        day = timedelta(days=1)
        assert hours.wait(schedule_id, "poke", timeout=timeout, recheck_interval=day)[schedule_id]
        forever = {"grace": timedelta.max, "recheck_interval": timedelta.max, "timeout": timeout}
        assert list(hours.wait(schedule_id, "deferrable", **forever)) == [schedule_id]

    @pytest.mark.parametrize(
        ("timeout", "execution_timeout", "error"),
        [(2.6, 2.7, AirflowSensorTimeout), (2.7, 2.6, AirflowTaskTimeout)],
    )
    def test_and_execution_timeout_hold_while_deferred(
        self,
        timeout: float,
        execution_timeout: float,
        error: type[BaseException],
        never_sent: str,
        hours: Hours,
    ) -> None:
        began = datetime.now(UTC)
        limits = {"timeout": timeout * HOUR, "execution_timeout": execution_timeout * HOUR}
        with pytest.raises(error, match="of the sensor is over"):
            hours.wait(never_sent, "deferrable", **limits)
        assert is_about(began + 2.6 * HOUR)


class TestRescheduleMode:
    def test_wakes_when_something_may_have_changed(
        self, scheduled: str, hours: Hours, nine: datetime
    ) -> None:
        arguments = {"recheck_interval": 2 * HOUR}
        with pytest.raises(AirflowRescheduleException) as caught:
            sensor(scheduled, "reschedule", **arguments).execute(context())
        assert caught.value.reschedule_date == datetime.now(UTC) + 2 * HOUR
        hours.sleep(7200)
        with pytest.raises(AirflowRescheduleException) as caught:
            sensor(scheduled, "reschedule").execute(context(datetime.now(UTC) - 2 * HOUR))
        assert caught.value.reschedule_date == nine


def wait_of(trigger: Any) -> Wait:
    assert isinstance(trigger, JsmsScheduleTrigger)
    return Wait.decode(trigger.wait)


class TestDeferring:
    def test_hands_the_wait_to_the_trigger(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        now = datetime.now(UTC)
        deferral = defer(scheduled, poke_interval=30, recheck_interval=2 * HOUR, grace=HOUR / 2)
        assert (gets(sandbox), hours.slept) == (1, [])
        assert (deferral.method_name, deferral.timeout) == ("execute_complete", None)
        wait = wait_of(deferral.trigger)
        assert (wait.started_at, wait.ends_at, wait.failing_since) == (now, None, None)
        assert (wait.poke_interval, wait.grace) == (MINUTE / 2, HOUR / 2)
        [progress] = wait.schedules.values()
        assert (progress.schedule_id, progress.send_time) == (scheduled, nine)
        assert deferral.trigger.next_poll == (now + 2 * HOUR).isoformat()  # type: ignore[union-attr]

    def test_stores_nobody_and_no_secret(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        sandbox.number(people.BEN, "invalid")
        result = submit_batch(nine, people.ANNA, people.BEN)
        deferral = defer(result)
        assert wait_of(deferral.trigger).expected == 1
        assert isinstance(deferral.trigger, JsmsScheduleTrigger)
        text = f"{deferral!r} {deferral.serialize()!r} {deferral.trigger!r}"
        text += json.dumps(deferral.trigger.serialize())
        assert str(result["schedule_id"]) in text
        assert not leaks.found_in(text)
        assert not any(each in text for each in (people.ANNA, people.BEN, leaks.APP_KEY))

    @pytest.mark.parametrize(
        ("limits", "hours_"),
        [
            ({"timeout": 4 * HOUR}, 4),
            ({"execution_timeout": 3 * HOUR}, 3),
            ({"timeout": 4 * HOUR, "execution_timeout": 3 * HOUR}, 3),
        ],
    )
    def test_lets_airflow_end_the_deferral_a_little_after_the_wait(
        self, limits: dict[str, Any], hours_: int, scheduled: str, hours: Hours
    ) -> None:
        deferral = defer(scheduled, **limits)
        assert deferral.timeout == hours_ * HOUR + MINUTE
        assert wait_of(deferral.trigger).ends_at == datetime.now(UTC) + hours_ * HOUR

    @pytest.mark.usefixtures("no_waits")
    def test_happens_during_an_outage_too(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        sandbox.fault("query_schedule", "status", 3, status=503)
        trigger = defer(scheduled).trigger
        assert wait_of(trigger).failing_since == datetime.now(UTC)
        assert hours.slept == []
        assert fired(trigger)["status"] == "done"  # type: ignore[arg-type]


class TestResuming:
    def test_returns_the_msg_ids_of_the_trigger_without_a_poll(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        assert resume(scheduled, {"status": "done", "msg_ids": {"a": ["1"]}}) == {"a": ["1"]}
        assert gets(sandbox) == 0

    def test_defers_again_with_the_same_deadline(
        self, scheduled: str, sandbox: SandboxControl, hours: Hours
    ) -> None:
        began = datetime.now(UTC)
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=50002))
        event = fired(defer(scheduled, timeout=3 * HOUR).trigger)  # type: ignore[arg-type]
        deferral = deferred(lambda: resume(scheduled, event, timeout=3 * HOUR))
        assert deferral.timeout == 2 * HOUR + MINUTE
        assert wait_of(deferral.trigger).ends_at == began + 3 * HOUR

    @pytest.mark.parametrize(
        "event",
        [
            *({}, "x", ["done"], 1, {"status": "other"}, {"status": ["done"]}),
            *({"status": "done"}, {"status": "done", "msg_ids": None}),
            *({"status": "poll"}, {"status": "poll", "wait": {"schedules": {}}}),
            {"status": people.ANNA, "wait": people.ANNA},
        ],
    )
    @pytest.mark.parametrize("soft_fail", [False, True])
    def test_fails_loudly_with_an_unknown_event(
        self, event: object, soft_fail: bool, scheduled: str, hours: Hours
    ) -> None:
        with pytest.raises(JsmsUnknownEventError, match="another version") as caught:
            resume(scheduled, event, soft_fail=soft_fail)
        assert isinstance(caught.value, AirflowFailException)
        assert people.ANNA not in str(caught.value)

    @pytest.mark.parametrize("next_kwargs", [{"event": None}, {}, None])
    def test_without_an_event_starts_over(
        self, next_kwargs: dict[str, Any] | None, scheduled: str, hours: Hours
    ) -> None:
        """Airflow does so if a task is cleared while its worker is about to defer it."""
        new = sensor(scheduled, timeout=4 * HOUR)
        deferral = deferred(
            lambda: new.resume_execution("execute_complete", next_kwargs, context())
        )
        assert wait_of(deferral.trigger).ends_at == datetime.now(UTC) + 4 * HOUR
        assert fired(deferral.trigger)["status"] == "done"  # type: ignore[arg-type]

    def test_without_an_event_fails_as_the_first_poll_does(
        self, scheduled: str, hours: Hours
    ) -> None:
        delete(scheduled)
        with pytest.raises(JsmsScheduleGoneError):
            resume(scheduled, None)
        with pytest.raises(AirflowSkipException, match="is gone"):
            resume(scheduled, None, soft_fail=True)


class TestADeferralThatAirflowEnds:
    def fail(self, error: str, **arguments: Any) -> Any:
        new = sensor("1a2b", **arguments)
        return new.resume_execution("__fail__", {"error": error}, context())

    @pytest.mark.parametrize(
        ("limits", "error"),
        [
            ({"timeout": 3 * HOUR, "execution_timeout": 4 * HOUR}, AirflowSensorTimeout),
            ({"timeout": 4 * HOUR, "execution_timeout": 3 * HOUR}, AirflowTaskTimeout),
            ({"execution_timeout": 3 * HOUR}, AirflowTaskTimeout),
        ],
    )
    def test_has_timed_out_because_no_triggerer_ran(
        self, limits: dict[str, Any], error: type[BaseException]
    ) -> None:
        with pytest.raises(error, match="check whether a triggerer runs"):
            self.fail(NO_TRIGGER_IN_TIME, **limits)
        for how in ("soft_fail", "never_fail"):
            with pytest.raises(AirflowSkipException):
                self.fail(NO_TRIGGER_IN_TIME, **limits, **{how: True})

    def test_fails_with_the_error_of_the_trigger(self) -> None:
        with pytest.raises(TaskDeferralError, match="Trigger failure"):
            self.fail("Trigger failure")
        with pytest.raises(TaskDeferralError, match="Trigger failure"):
            self.fail("Trigger failure", soft_fail=True)
        with pytest.raises(AirflowSkipException, match="Trigger failure"):
            self.fail("Trigger failure", never_fail=True)


class TestManyMsgIds:
    @pytest.fixture(autouse=True)
    def _three_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_jsms.triggers.waiting.MOST_MSG_IDS", 3)

    def batches(self, when: datetime, *sizes: int) -> dict[str, int]:
        mobiles = map(people.number, range(sum(sizes)))
        return {
            submit_batch(when, *(next(mobiles) for _ in range(size)))["schedule_id"]: size
            for size in sizes
        }

    @in_every_mode
    def test_are_counted(self, mode: str, sandbox: Any, hours: Hours, nine: datetime) -> None:
        many = self.batches(nine, 1, 2, 1)
        assert hours.wait(list(many), mode) == many
        assert hours.wait([many], mode) == many, "the result of a sensor names schedules too"
        few = hours.wait(list(many)[:2], mode)
        assert [len(ids) for ids in few.values()] == [1, 2]

    @pytest.mark.parametrize("size", [2, 4])
    def test_are_remembered_over_every_deferral(
        self, size: int, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        """JSMS may forget a schedule after sending: only the wait still knows its msg_ids."""
        [early, late] = self.batches(nine - 2 * HOUR, size), self.batches(nine, 1)
        hours.sleep(3600)
        schedule_ids = [*early, *late]
        hours.on_sleep.append(lambda: sandbox.fault("query_schedule", "code", code=50002))
        deferral = defer(schedule_ids)
        sandbox.switch(query_sent="50028")
        event = fired(deferral.trigger)  # type: ignore[arg-type]
        assert event["status"] == "poll", "the sensor decides about the credentials"
        deferral = deferred(lambda: resume(schedule_ids, event))
        sandbox.switch(query_sent="record")
        found = resume(schedule_ids, fired(deferral.trigger))[schedule_ids[0]]  # type: ignore[arg-type]
        assert found == size if size > 3 else len(found) == size
        assert gets(sandbox, schedule_ids[0]) == 1

    def test_an_error_names_ten_schedules_and_counts_the_others(
        self, sandbox: SandboxControl, hours: Hours, nine: datetime
    ) -> None:
        schedules = [submit(nine, people.number(index)) for index in range(13)]
        for each in schedules:
            delete(each)
        with pytest.raises(JsmsScheduleGoneError, match="and 3 more") as caught:
            hours.wait(schedules, "poke")
        assert [each in str(caught.value) for each in schedules] == [True] * 10 + [False] * 3


def test_arguments_are_templated_and_checked(sandbox: SandboxControl, hours: Hours) -> None:
    assert set(JsmsScheduleSensor.template_fields) == {
        "schedule_id",
        "wait_for_send_time",
        "jsms_conn_id",
    }
    for schedule_id, arguments, message in (
        ("x", {"wait_for_send_time": "perhaps"}, "wait_for_send_time"),
        ("a/b", {}, "schedule_id"),
    ):
        with pytest.raises(JsmsInputError, match=message):
            hours.wait(schedule_id, "poke", **arguments)  # type: ignore[arg-type]
    assert sandbox.requests() == []


@in_every_mode
@pytest.mark.parametrize(
    "schedule_id",
    [
        *(None, "None", "", [], [None, None], {"schedule_id": None}),
        {"schedule_ids": [], "success_count": 0, "failure_count": 0, "uncertain_count": 2},
    ],
    ids=str,
)
def test_a_sensor_behind_a_task_that_continued_without_a_schedule_id_is_skipped(
    schedule_id: object, mode: str, sandbox: SandboxControl, hours: Hours
) -> None:
    for flags in ({}, {"soft_fail": True}, {"never_fail": True}, {"silent_fail": True}):
        with pytest.raises(AirflowSkipException, match=r"There is no schedule_id.*JSMS console"):
            hours.wait(schedule_id, mode, **flags)
    assert (sandbox.requests(), hours.slept) == ([], [])


def test_a_sensor_waits_for_the_schedules_that_are_known(
    scheduled: str, hours: Hours, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = {"schedule_ids": [scheduled], "success_count": 1, "uncertain_count": 1000}
    for given in ([scheduled, None], batch):
        assert list(hours.wait(given, "poke")) == [scheduled]
    text = capsys.readouterr().out
    assert text.count("The sensor does not wait for every schedule") == 2
    assert "For 1,000 recipients the submit does not know the schedule_id" in text


def test_a_poll_in_a_unit_test_needs_no_run(scheduled: str, hours: Hours) -> None:
    assert sensor(scheduled, "poke").poke({}) is False  # type: ignore[typeddict-item]
    with JsmsHook() as hook:
        assert hook.query_schedule(scheduled)
