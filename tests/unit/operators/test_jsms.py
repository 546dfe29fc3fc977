"""The operators against the sandbox: arguments, results, refusals and skips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsPastSendTimeError,
    JsmsRequestError,
)
from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsModifyBatchScheduleOperator,
    JsmsModifyScheduleOperator,
    JsmsQueryScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from airflow_provider_jsms.operators.private_fields import STORE
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests import people
from tests.unit.operators.running import NAME, UNKNOWN, TaskInstance, batch, delete, run, submit

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_jsms.sandbox.control import SandboxControl


def test_a_text_is_scheduled_moved_asked_for_and_sent_once(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    schedule_id = run(submit(tomorrow))
    moved = JsmsModifyScheduleOperator(
        task_id="modify",
        schedule_id=schedule_id,
        send_time=tomorrow + timedelta(hours=1),
        mobile=people.ANNA,
        temp_id=2,
        temp_para=NAME,
    )
    assert run(moved) == schedule_id
    sandbox.travel_to(tomorrow + timedelta(minutes=59))
    assert sandbox.messages() == []
    sandbox.travel_to(tomorrow + timedelta(hours=1))
    (message,) = sandbox.messages()
    assert (message["mobile"], message["temp_para"]) == (people.ANNA, NAME)
    asked = run(JsmsQueryScheduleOperator(task_id="query", schedule_id=schedule_id))
    assert asked["recipients"] == [
        {"msg_id": message["msg_id"], "mobile": people.ANNA, "temp_para": NAME}
    ]


def test_recipients_that_can_be_iterated_only_once_are_kept_for_every_run(
    tomorrow: datetime,
) -> None:
    for once in (iter([people.ANNA]), (each for each in [people.ANNA]), zip([people.ANNA])):
        operator = JsmsModifyBatchScheduleOperator(
            task_id="mb", schedule_id=UNKNOWN, send_time=tomorrow, recipients=once, temp_id=1
        )
        for _ in range(2):
            assert [each["mobile"] for each in operator._people(UNKNOWN)] == [people.ANNA]


def test_every_argument_is_templated(sandbox: SandboxControl, tomorrow: datetime) -> None:
    operators: list[BaseOperator] = [
        submit(tomorrow),
        batch(tomorrow, []),
        delete(UNKNOWN),
        JsmsModifyScheduleOperator(
            task_id="m", schedule_id=UNKNOWN, send_time=tomorrow, mobile=people.ANNA, temp_id=1
        ),
        JsmsModifyBatchScheduleOperator(
            task_id="mb", schedule_id=UNKNOWN, send_time=tomorrow, recipients=[], temp_id=1
        ),
        JsmsQueryScheduleOperator(task_id="q", schedule_id=UNKNOWN),
    ]
    own = {
        "send_time", "mobile", "temp_id", "sign_id", "temp_para", "recipients", "columns", "tag",
        "schedule_id", "max_failures", "missing_ok", "on_past_send_time", "jsms_conn_id",
        "durable", "on_uncertain", "once_key", "exclude", "send_window", "on_outside_window",
        "is_dry_run", "max_texts", "preflight",
    }  # fmt: skip
    for operator in operators:
        given = {*vars(operator), *vars(operator)[STORE].values}
        assert set(operator.template_fields) == own & given


def test_templates_are_rendered_before_they_are_checked(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    operator = submit(
        "{{ when }}",
        mobile="{{ mobile }}",
        temp_id="{{ template }}",
        sign_id="{{ '' }}",
        temp_para={"name": f"{people.CANARY}-{{{{ mobile[-4:] }}}}"},
        on_past_send_time="{{ 'fail' }}",
        jsms_conn_id="jsms_{{ 'default' }}",
    )
    run(operator, when=tomorrow, mobile=people.BEN, template=2)
    sandbox.travel_to(tomorrow)
    (message,) = sandbox.messages()
    assert message["mobile"] == people.BEN
    assert message["temp_para"] == {"name": f"{people.CANARY}-5678"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"on_past_send_time": "never"},
        {"mobile": "12"},
        {"temp_para": "{{ {'name': 'x'} }}"},
        {"temp_id": "{{ none }}"},
    ],
)
def test_a_bad_argument_fails_at_once_and_sends_nothing(
    arguments: dict[str, Any], sandbox: SandboxControl, tomorrow: datetime
) -> None:
    with pytest.raises(JsmsInputError) as caught:
        run(submit(tomorrow, **arguments))
    assert isinstance(caught.value, AirflowFailException)
    assert sandbox.requests() == []


class TestAPassedSendTime:
    PAST = "2020-01-01 09:00:00"

    def test_fails(self, sandbox: SandboxControl) -> None:
        with pytest.raises(JsmsPastSendTimeError, match="set on_past_send_time='skip'"):
            run(submit(self.PAST))
        with pytest.raises(JsmsPastSendTimeError, match="by the clock of this machine it is now"):
            run(batch(self.PAST, [people.ANNA]))
        assert sandbox.requests() == []

    def test_is_skipped_on_request(self, sandbox: SandboxControl) -> None:
        late = [submit(self.PAST, on_past_send_time="skip")]
        late.append(batch(self.PAST, [people.ANNA], on_past_send_time="skip"))
        for task in late:
            with pytest.raises(AirflowSkipException, match="has passed") as caught:
                run(task)
            assert str(caught.value).endswith("Skipped, because on_past_send_time is 'skip'.")
            assert "set on_past_send_time" not in str(caught.value)
        assert sandbox.requests() == []

    def test_is_also_what_jsms_says(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        sandbox.travel_to(tomorrow + timedelta(seconds=1))
        with pytest.raises(JsmsRequestError, match="50027"):
            run(submit(tomorrow))
        with pytest.raises(AirflowSkipException, match="50027"):
            run(submit(tomorrow, on_past_send_time="skip"))

    def test_is_told_from_other_refusals(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        with pytest.raises(JsmsRequestError, match="50013"):
            run(submit(tomorrow, temp_id=999999, on_past_send_time="skip"))


class TestATaskThatContinuedWithoutAScheduleId:
    """Uncertain with on_uncertain="assume_sent", or marked as success: its result names none."""

    NOTHING = (None, "None", "", [], [None, None], {"schedule_id": None})
    UNCERTAIN: ClassVar = {"schedule_ids": [], "success_count": 0, "uncertain_count": 2}

    @pytest.mark.parametrize("schedule_id", [*NOTHING, UNCERTAIN], ids=str)
    def test_skips_those_behind_it(self, schedule_id: Any, sandbox: SandboxControl) -> None:
        given = {"schedule_id": schedule_id, "send_time": "2031-01-01 09:00:00", "temp_id": 1}
        for task in (
            JsmsQueryScheduleOperator(task_id="query", schedule_id=schedule_id),
            JsmsModifyScheduleOperator(task_id="modify", mobile=people.ANNA, **given),
            JsmsModifyBatchScheduleOperator(task_id="batch", recipients=[people.ANNA], **given),
            delete(schedule_id),
        ):
            with pytest.raises(AirflowSkipException, match="There is no schedule_id") as caught:
                run(task)
            assert "Look for the schedule in the JSMS console" in str(caught.value)
        assert sandbox.requests() == []

    def test_does_not_skip_a_deletion_that_tolerates_it(self, sandbox: SandboxControl) -> None:
        for nothing in self.NOTHING:
            assert run(delete(nothing, missing_ok=True)) == {"deleted": [], "missing": []}
        with pytest.raises(AirflowSkipException, match="For 2 recipients the submit"):
            run(delete(self.UNCERTAIN, missing_ok=True))
        assert sandbox.requests() == []

    def test_is_left_out_among_others(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        schedule_id = run(submit(tomorrow))
        some = [schedule_id, None]
        query = JsmsQueryScheduleOperator(task_id="query", schedule_id=some)
        assert run(query)["schedule_id"] == schedule_id
        with pytest.raises(JsmsInputError, match="names too few schedules"):
            run(delete(some))
        with pytest.raises(JsmsNeverDeletedError, match="Delete it there"):
            run(delete([schedule_id, self.UNCERTAIN]))
        assert run(delete(some, missing_ok=True))["missing"] == [schedule_id]


def test_operators_take_part_in_mapping_and_default_args(tomorrow: datetime) -> None:
    with DAG(
        "mapped",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        default_args={"jsms_conn_id": "other", "temp_id": 1},
    ):
        single = JsmsSubmitScheduleOperator(task_id="one", send_time=tomorrow, mobile=people.ANNA)
        moved = JsmsModifyScheduleOperator(
            task_id="two", schedule_id=single.output, send_time=tomorrow, mobile=people.ANNA
        )
        mapped = JsmsSubmitScheduleOperator.partial(task_id="three", send_time=tomorrow).expand(
            mobile=[people.ANNA]
        )
    assert (single.jsms_conn_id, single.temp_id, moved.jsms_conn_id) == ("other", 1, "other")
    assert moved.upstream_task_ids == {"one"}
    assert mapped.operator_class is JsmsSubmitScheduleOperator
    assert batch(tomorrow, []).multiple_outputs


def test_a_later_try_of_a_modification_does_not_claim_that_nothing_was_sent(
    sandbox: SandboxControl,
) -> None:
    """An earlier try may have moved the text to now, and lost the answer."""
    for policy in ("fail", "skip"):
        moved = JsmsModifyScheduleOperator(
            task_id="modify",
            schedule_id=UNKNOWN,
            send_time="2020-01-01 09:00:00",
            mobile=people.ANNA,
            temp_id=1,
            on_past_send_time=policy,
        )
        with pytest.raises(JsmsPastSendTimeError, match="an earlier one may have modified"):
            run(moved, TaskInstance(try_number=2))


@pytest.mark.parametrize("context", [{}, {"task": None}, None])
def test_without_the_context_of_a_run_a_task_says_how_to_test_it(
    context: Any, sandbox: SandboxControl, tomorrow: datetime
) -> None:
    person: dict[str, Any] = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 1}
    list_of_one: dict[str, Any] = {"send_time": tomorrow, "recipients": [people.ANNA], "temp_id": 1}
    for task in (
        JsmsSubmitScheduleOperator(task_id="one", **person),
        JsmsSubmitBatchScheduleOperator(task_id="two", **list_of_one),
        JsmsModifyScheduleOperator(task_id="three", schedule_id=UNKNOWN, **person),
        JsmsModifyBatchScheduleOperator(task_id="four", schedule_id=UNKNOWN, **list_of_one),
        JsmsDeleteScheduleOperator(task_id="five", schedule_id=UNKNOWN),
        JsmsScheduleSensor(task_id="six", schedule_id=UNKNOWN),
        JsmsScheduleSensor(task_id="seven", schedule_id=UNKNOWN, deferrable=True),
    ):
        with pytest.raises(JsmsInputError, match=r"dag\.test\(\) and the pytest fixture") as caught:
            task.execute(context)
        assert "Nothing was sent" in str(caught.value)
    assert sandbox.requests() == []
