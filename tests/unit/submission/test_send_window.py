"""A send_window on the way of a text: refused or moved, and never moved again once accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsSendWindowError,
    JsmsSettingsError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import (
    JsmsModifyBatchScheduleOperator,
    JsmsModifyScheduleOperator,
)
from tests import people
from tests.unit.notifications.notifying import context, notifier
from tests.unit.submission.tries import NAME, Task, TaskInstance, posts, puts, texted

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl

EVENING = "2030-07-01 23:00:00"
MORNING = "2030-07-02 08:00:00"
NEXT = {"send_window": "08:00-21:00", "on_outside_window": "next"}


@pytest.fixture(params=["single", "batch"])
def task(request: pytest.FixtureRequest, sandbox: SandboxControl, tomorrow: datetime) -> Task:
    task = Task(request.param, tomorrow)
    task.arguments["send_time"] = EVENING
    return task


def times(sandbox: SandboxControl) -> list[str]:
    return [schedule["send_time"] for schedule in sandbox.state()["schedules"]]


@pytest.mark.parametrize("window", ["{{ '08:00-21:00' }}", ("08:00", "21:00")])
def test_a_text_outside_fails_without_retry_before_any_request(
    window: Any, task: Task, sandbox: SandboxControl
) -> None:
    with pytest.raises(JsmsSendWindowError, match="outside the send_window 08:00-21:00") as caught:
        task.run(send_window=window)
    assert isinstance(caught.value, AirflowFailException)
    assert "2030-07-01T15:00:00Z" in str(caught.value)
    assert (sandbox.requests(), task.state) == ([], "begun")
    task.clear(send_window=window, on_outside_window="{{ 'next' }}")
    assert times(sandbox) == [MORNING]


def test_a_text_inside_goes_out_as_given(task: Task, sandbox: SandboxControl) -> None:
    task.run(send_window="21:00-08:00")
    assert times(sandbox) == [EVENING]


def test_a_moved_text_is_logged_with_both_times(
    task: Task, sandbox: SandboxControl, capsys: pytest.CaptureFixture[str]
) -> None:
    task.run(**NEXT)
    assert times(sandbox) == [MORNING]
    assert (
        "Outside the send_window 08:00-21:00: send_time is now 2030-07-02 08:00:00 Asia/Shanghai "
        "(2030-07-02T00:00:00Z; moved from 2030-07-01 23:00:00)" in capsys.readouterr().out
    )


def test_a_retry_after_midnight_finds_the_record_of_a_time_from_the_clock(
    task: Task, sandbox: SandboxControl
) -> None:
    """A task that texts "now" asks for another time in each try: the opening is the same."""
    assert task.store
    task.store.fail_on = {"finished"}
    with time_machine.travel(datetime(2030, 7, 1, 15, 50, tzinfo=UTC), tick=True) as traveller:
        schedule_id = task.run(send_time=datetime.now(UTC) + timedelta(minutes=5), **NEXT)
        task.store.fail_on = set()
        traveller.shift(20 * 60)
        again = task.run(send_time=datetime.now(UTC) + timedelta(minutes=5), **NEXT)
    assert again == schedule_id
    assert (posts(sandbox), puts(sandbox), times(sandbox)) == (1, 0, [MORNING])


def test_a_time_that_has_passed_is_moved_first(task: Task, sandbox: SandboxControl) -> None:
    with time_machine.travel(datetime(2030, 7, 1, 23, tzinfo=UTC), tick=True):  # 07:00
        task.run(**NEXT)
        assert times(sandbox) == [MORNING]
    task.run_id, task.store = "another", None
    with time_machine.travel(datetime(2030, 7, 2, 1, tzinfo=UTC), tick=True):
        with pytest.raises(JsmsPastSendTimeError, match="moved from 2030-07-01 23:00:00"):
            Task(task.kind, datetime.now(UTC)).run(send_time=EVENING, **NEXT)
        late = {"send_time": EVENING, "send_window": "08:00-21:00", "on_past_send_time": "skip"}
        with pytest.raises(AirflowSkipException, match="has passed"):
            Task(task.kind, datetime.now(UTC)).run(**late)


OTHERS = [
    {"send_window": "08:00-21:00"},
    {"send_window": "09:00-21:00", "on_outside_window": "next"},
    {"send_window": "always"},
]


@pytest.mark.parametrize("first", [NEXT, {}])
@pytest.mark.parametrize("changed", OTHERS)
class TestAWindowThatHasChanged:
    def test_does_not_move_what_a_retry_finds(
        self, task: Task, sandbox: SandboxControl, first: Any, changed: Any
    ) -> None:
        assert task.store
        task.store.fail_on = {"finished"}
        schedule_id = task.run(**first)
        task.store.fail_on = set()
        before = len(sandbox.requests())
        assert task.run(**changed) == schedule_id
        assert len(sandbox.requests()) == before

    def test_does_not_move_what_a_cleared_task_finds(
        self, task: Task, sandbox: SandboxControl, first: Any, changed: Any
    ) -> None:
        schedule_id = task.run(**first)
        assert task.clear(**changed) == schedule_id
        assert puts(sandbox) == 0
        assert texted(sandbox) in ([], [people.ANNA])

    def test_does_not_fail_a_task_whose_text_was_sent(
        self, task: Task, sandbox: SandboxControl, first: Any, changed: Any
    ) -> None:
        schedule_id = task.run(**first)
        sandbox.travel_to(MORNING)
        assert len(sandbox.messages()) == 1
        assert task.clear(**changed) == schedule_id


def test_another_text_is_modified_within_the_window_only(
    task: Task, sandbox: SandboxControl
) -> None:
    schedule_id = task.run(**NEXT)
    with pytest.raises(JsmsSendWindowError, match=f"Schedule {schedule_id}, which .* stands as"):
        task.clear(temp_id=4, send_window="08:00-21:00")
    assert (puts(sandbox), times(sandbox)) == (0, [MORNING])
    task.clear(temp_id=4, send_window="09:00-21:00", on_outside_window="next")
    assert (puts(sandbox), times(sandbox)) == (1, ["2030-07-02 09:00:00"])
    with pytest.raises(JsmsLateChangeError):
        task.clear(send_time="2020-01-01 09:00:00")


def test_an_uncertain_text_stays_uncertain_outside_the_window(
    task: Task, sandbox: SandboxControl
) -> None:
    call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
    sandbox.fault(call, "accepted_then_closed")
    with pytest.raises(JsmsUncertainError):
        task.run()
    with pytest.raises(JsmsUncertainError):
        task.run(on_uncertain="resubmit", send_window="08:00-21:00")
    assert posts(sandbox) == 1


class TestTheWindowOfTheConnection:
    @pytest.fixture(autouse=True)
    def _set(self, sandbox: SandboxControl, set_connection: Callable[..., None]) -> None:
        set_connection(sandbox.url, send_window="08:00-21:00")

    def test_holds_for_every_task_that_gives_none(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        for none in (None, ""):
            with pytest.raises(JsmsSendWindowError):
                task.run(send_window=none)
        task.run(send_window="always")
        assert times(sandbox) == [EVENING]

    @pytest.mark.parametrize("kind", ["single", "batch"])
    def test_holds_for_modifications(self, kind: str, sandbox: SandboxControl) -> None:
        task = Task(kind, datetime(2030, 7, 1, 1, tzinfo=UTC))
        schedule_id = task.run()
        operators: dict[str, Any] = {
            "single": JsmsModifyScheduleOperator,
            "batch": JsmsModifyBatchScheduleOperator,
        }
        arguments = {**task.arguments, "schedule_id": schedule_id, "send_time": EVENING}

        def modify(**changed: Any) -> Any:
            operator = operators[kind](task_id="modify", **arguments, **changed)
            return operator.execute({"ti": TaskInstance(2)})

        with pytest.raises(JsmsSendWindowError):
            modify()
        assert puts(sandbox) == 0
        modify(on_outside_window="next")
        assert times(sandbox) == [MORNING]
        modify(send_window="always")
        assert times(sandbox) == [EVENING]

    def test_holds_for_the_hook(self, sandbox: SandboxControl) -> None:
        text: dict[str, Any] = {"send_time": EVENING, "temp_id": 2}
        one = {**text, "mobile": people.ANNA, "temp_para": NAME}
        several = {**text, "recipients": [{"mobile": people.BEN, "temp_para": NAME}]}
        with JsmsHook() as hook:
            for submit, its in (
                (hook.submit_schedule, one),
                (hook.submit_batch_schedule, several),
            ):
                with pytest.raises(JsmsSendWindowError):
                    submit(**its)  # type: ignore[operator]
                submit(**its, on_outside_window="next")  # type: ignore[operator]
        assert times(sandbox) == [MORNING, MORNING]

    def test_does_not_hold_for_alerts(self, sandbox: SandboxControl) -> None:
        with time_machine.travel(datetime(2030, 7, 1, 15, tzinfo=UTC), tick=True):
            notifier().notify(context())
            notifier(send_window=None).notify(context())
            notifier(send_window="22:00-{{ '23:00' }}").notify(context())
        first, *others = times(sandbox)
        assert first.startswith(EVENING[:15])
        assert others == [MORNING, "2030-07-02 22:00:00"]


@pytest.mark.parametrize("extra", ["8 to 21", "08:00", 480, ["08:00"]])
def test_an_invalid_window_of_the_connection_fails_before_any_request(
    extra: object, sandbox: SandboxControl, set_connection: Callable[..., None]
) -> None:
    set_connection(sandbox.url, send_window=extra)
    with pytest.raises(JsmsSettingsError, match="extra 'send_window' of the Airflow connection is"):
        Task("single", datetime(2030, 7, 1, 1, tzinfo=UTC)).run()
    assert sandbox.requests() == []


@pytest.mark.parametrize("wrong", [{"send_window": "8-21"}, {"on_outside_window": "skip"}])
def test_an_invalid_window_of_a_task_fails_before_any_request(
    wrong: Any, task: Task, sandbox: SandboxControl
) -> None:
    with pytest.raises(JsmsInputError, match=next(iter(wrong))):
        task.run(**wrong)
    assert sandbox.requests() == []
