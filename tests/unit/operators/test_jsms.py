"""The operators against the sandbox: arguments, results, refusals, skips and deletions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import time_machine
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsNotDeletedError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsRenderError,
    JsmsRequestError,
    JsmsStateError,
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
from tests.stored import as_airflow_reads
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_jsms.sandbox.control import SandboxControl

NAME = {"name": f"{people.CANARY}-Anna"}
UNKNOWN = "d2afae04-6211-4c51-b51a-bbfbf5576f03"


class TaskInstance:
    """As much of one as the operators use."""

    dag_id, run_id, task_id = "dag", "run", "submit"

    def __init__(self, try_number: int = 1) -> None:
        self.try_number = try_number
        self.max_tries = 0
        self.map_index = -1
        self.task: BaseOperator | None = None
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def run(operator: BaseOperator, ti: TaskInstance | None = None, **context: Any) -> Any:
    """Render and execute an operator as Airflow does, on the copy that it makes for a try."""
    task = operator.prepare_for_execution()
    task.render_template_fields({"params": {}, **context})
    return task.execute({"ti": ti or TaskInstance(), **context})


def submit(when: Any, **arguments: Any) -> JsmsSubmitScheduleOperator:
    given = {"mobile": people.ANNA, "temp_id": 2, "temp_para": NAME, **arguments}
    return JsmsSubmitScheduleOperator(task_id="submit", send_time=when, **given)


def batch(when: Any, recipients: Any, **arguments: Any) -> JsmsSubmitBatchScheduleOperator:
    given = {"temp_id": 1, **arguments}
    return JsmsSubmitBatchScheduleOperator(
        task_id="batch", send_time=when, recipients=recipients, **given
    )


def delete(schedule_id: Any, **arguments: Any) -> JsmsDeleteScheduleOperator:
    return JsmsDeleteScheduleOperator(task_id="delete", schedule_id=schedule_id, **arguments)


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


class TestABatch:
    def test_texts_each_person_with_their_own_parameters(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        ben = {"name": f"{people.CANARY}-Ben"}
        recipients = [
            {"mobile": people.ANNA, "temp_para": NAME},
            {"mobile": people.BEN, "temp_para": ben},
            {"mobile": f"86{people.ANNA}", "temp_para": NAME},
        ]
        ti = TaskInstance()
        result = run(batch(tomorrow, recipients, temp_id=2, tag="tag"), ti)
        assert (result["success_count"], result["failure_count"]) == (2, 0)
        assert ti.xcoms == {"failure_recipients": []}
        sandbox.travel_to(tomorrow)
        sent = {each["mobile"]: each["temp_para"] for each in sandbox.messages()}
        assert sent == {people.ANNA: NAME, people.BEN: ben}
        assert len(sandbox.messages()) == 2
        assert [each["schedule_id"] for each in sandbox.messages()] == result["schedule_ids"] * 2

    def test_without_recipients_is_skipped(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        with pytest.raises(AirflowSkipException, match="nobody"):
            run(batch(tomorrow, []))
        assert sandbox.requests() == []

    def test_is_modified_with_at_most_a_thousand(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        everybody = [people.number(index) for index in range(1001)]
        (schedule_id,) = run(batch(tomorrow, [people.ANNA]))["schedule_ids"]

        def modified(recipients: list[str]) -> Any:
            return run(
                JsmsModifyBatchScheduleOperator(
                    task_id="modify",
                    schedule_id=schedule_id,
                    send_time=tomorrow,
                    recipients=recipients,
                    temp_id=1,
                )
            )

        before = len(sandbox.requests())
        with pytest.raises(JsmsInputError, match="1001 entries"):
            modified(everybody)
        assert len(sandbox.requests()) == before
        assert modified([*everybody[1:], everybody[1]])["success_count"] == 1000

    @pytest.mark.parametrize(
        ("tolerated", "fails"), [(0, True), (1, False), ("{{ '25%' }}", False)]
    )
    def test_tolerates_as_many_refusals_as_it_is_told(
        self, tolerated: Any, fails: bool, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        sandbox.number(people.BEN, "invalid")
        everybody = [people.ANNA, people.BEN, people.CARA, people.DAN]
        ti = TaskInstance()
        if fails:
            with pytest.raises(JsmsRefusedRecipientsError, match="1 of 4"):
                run(batch(tomorrow, everybody, max_failures=tolerated), ti)
        else:
            result = run(batch(tomorrow, everybody, max_failures=tolerated), ti)
            assert (result["success_count"], result["failure_count"]) == (3, 1)
        (refused,) = ti.xcoms["failure_recipients"]
        assert (refused["mobile"], refused["error_code"]) == (people.BEN, 50006)
        sandbox.travel_to(tomorrow)
        assert {each["mobile"] for each in sandbox.messages()} == set(everybody) - {people.BEN}

    @pytest.mark.parametrize("answer", ["schedule_id", "no_schedule_id", "error"])
    def test_fails_when_everybody_is_refused(
        self, answer: str, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        sandbox.switch(all_failed_batch=answer)
        sandbox.number(people.ANNA, "invalid")
        with pytest.raises(AirflowFailException):
            run(batch(tomorrow, [people.ANNA], max_failures="100%"))

    def test_is_replaced_as_a_whole(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        (schedule_id,) = run(batch(tomorrow, [people.ANNA, people.BEN]))["schedule_ids"]
        replaced = JsmsModifyBatchScheduleOperator(
            task_id="modify",
            schedule_id=schedule_id,
            send_time=tomorrow,
            recipients=[people.CARA],
            temp_id=1,
        )
        assert run(replaced) == {
            "schedule_id": schedule_id,
            "success_count": 1,
            "failure_count": 0,
            "failure_recipients": [],
        }
        sandbox.travel_to(tomorrow)
        assert [each["mobile"] for each in sandbox.messages()] == [people.CARA]


class TestADeletion:
    def test_cancels_one_a_list_or_a_whole_result(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        one, two = run(submit(tomorrow)), run(submit(tomorrow))
        three = run(batch(tomorrow, [people.ANNA]))
        assert run(delete(one)) == {"deleted": [one], "missing": []}
        assert run(delete([two])) == {"deleted": [two], "missing": []}
        assert run(delete(three)) == {"deleted": three["schedule_ids"], "missing": []}
        sandbox.travel_to(tomorrow + timedelta(days=1))
        assert sandbox.messages() == []

    def test_of_an_unknown_id_fails_unless_that_is_fine(self, sandbox: SandboxControl) -> None:
        with pytest.raises(JsmsStateError, match="50028"):
            run(delete(UNKNOWN))
        assert run(delete(UNKNOWN, missing_ok="{{ 'true' }}")) == {
            "deleted": [],
            "missing": [UNKNOWN],
        }

    def test_of_a_sent_schedule_is_an_error_whatever_is_tolerated(
        self, sandbox: SandboxControl
    ) -> None:
        with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
            schedule_id = run(submit(datetime.now(UTC) + timedelta(minutes=1)))
            traveller.shift(120)
            assert len(sandbox.messages()) == 1
            for ti in (TaskInstance(), TaskInstance(try_number=2)):
                with pytest.raises(JsmsAlreadySentError, match="it was sent before") as caught:
                    run(delete(schedule_id, missing_ok=True), ti)
                assert str(caught.value).count("it was sent before") == 1

    def test_of_a_schedule_that_jsms_has_forgotten_cannot_tell(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        """Sent and forgotten looks like deleted: only what JSMS still shows can be told."""
        sandbox.switch(query_sent="50028")
        schedule_id = run(submit(tomorrow))
        sandbox.travel_to(tomorrow)
        with pytest.raises(JsmsStateError, match="50029"):
            run(delete(schedule_id))

    @pytest.mark.parametrize("query_deleted", ["50028", "50029", "record"])
    @pytest.mark.parametrize("delete_deleted", ["50028", "50029", "ok"])
    def test_is_done_once_however_often_it_is_tried(
        self, query_deleted: str, delete_deleted: str, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        sandbox.switch(query_deleted=query_deleted, delete_deleted=delete_deleted)
        schedule_id = run(submit(tomorrow))
        expected = {"deleted": [schedule_id], "missing": []}
        assert run(delete(schedule_id)) == expected
        assert run(delete(schedule_id), TaskInstance(try_number=2)) == expected

    def test_tries_every_id_before_it_fails(
        self, sandbox: SandboxControl, tomorrow: datetime, no_waits: None
    ) -> None:
        first, last = run(submit(tomorrow)), run(submit(tomorrow))
        with pytest.raises(JsmsNeverDeletedError, match=f"1 of 3.*{first}, {last}") as caught:
            run(delete([first, UNKNOWN, last]))
        assert UNKNOWN in str(caught.value)
        sandbox.fault("delete_schedule", "status", times=None, status=503)
        with pytest.raises(JsmsNotDeletedError, match="2 of 2"):
            run(delete([first, last]))

    def test_leaves_what_time_may_mend_to_another_try(
        self, sandbox: SandboxControl, tomorrow: datetime, no_waits: None
    ) -> None:
        schedule_id = run(submit(tomorrow))
        sandbox.fault("delete_schedule", "accepted_then_closed", times=None)
        with pytest.raises(AirflowException) as caught:
            run(delete(schedule_id))
        assert not isinstance(caught.value, AirflowFailException)
        sandbox.clear_faults()
        assert run(delete(schedule_id), TaskInstance(2))["deleted"] == [schedule_id]


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


class TestPrivateFields:
    @pytest.fixture
    def rendered(self, tomorrow: datetime) -> Callable[..., BaseOperator]:
        def render(operator: BaseOperator, **context: Any) -> BaseOperator:
            task = operator.prepare_for_execution()
            task.render_template_fields({"params": {}, **context})
            return task

        return render

    def test_are_masked_where_airflow_reads_them(
        self, rendered: Callable[..., BaseOperator], tomorrow: datetime
    ) -> None:
        task = rendered(submit(tomorrow, mobile="{{ mobile }}"), mobile=people.ANNA)
        shown = as_airflow_reads(task)
        assert (shown["mobile"], shown["temp_para"]) == ("138****8001", {"name": "***"})
        many = [{"mobile": people.number(index), "temp_para": NAME} for index in range(12)]
        shown = as_airflow_reads(rendered(batch(tomorrow, many)))["recipients"]
        assert shown[0] == {"mobile": "138****0000", "temp_para": {"name": "***"}}
        assert (len(shown), shown[-1]) == (11, "and 2 more")

    def test_stay_whole_for_the_task(
        self, rendered: Callable[..., BaseOperator], sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        rendered(submit(tomorrow)).execute({"ti": TaskInstance()})
        (schedule,) = sandbox.state()["schedules"]
        assert schedule["recipients"][0]["mobile"] == people.ANNA

    def test_count_as_they_were_set_after_rendering(
        self, rendered: Callable[..., BaseOperator], sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        """As a pre_execute does that sends everything to a test phone."""
        task = rendered(submit(tomorrow))
        task.mobile = people.DAN
        task.execute({"ti": TaskInstance()})
        (schedule,) = sandbox.state()["schedules"]
        assert schedule["recipients"][0]["mobile"] == people.DAN

    def test_can_be_changed_through_the_context_of_every_airflow(self, tomorrow: datetime) -> None:
        """That of 3.0 has the task of the DAG file, not the copy of it that runs."""
        operator = submit(tomorrow)
        task, ti = operator.prepare_for_execution(), TaskInstance()
        ti.task = task
        context: dict[str, Any] = {"task": operator, "ti": ti, "params": {}}
        task.render_template_fields(context)
        context["task"].mobile = people.DAN
        assert (task.mobile, operator.mobile) == (people.DAN, people.ANNA)

    def test_leave_the_context_of_a_task_whose_code_renders_them(self, tomorrow: datetime) -> None:
        own, ti = delete(UNKNOWN), TaskInstance()
        ti.task = own
        context: dict[str, Any] = {"task": own, "ti": ti, "params": {}}
        submit(tomorrow).render_template_fields(context)
        assert context["task"] is own

    def test_may_be_rendered_twice_and_leave_the_operator_of_the_dag_alone(
        self, rendered: Callable[..., BaseOperator], sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        operator = submit(tomorrow)
        task = rendered(rendered(operator))
        assert as_airflow_reads(task)["mobile"] == "138****8001"
        assert (task.mobile, operator.mobile) == (people.ANNA, people.ANNA)

    @pytest.mark.parametrize("code", ["0402", "00", "1_000", "1e5", "None"])
    def test_keep_their_text_where_a_dag_renders_native_objects(
        self, code: str, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            operator = submit(tomorrow, temp_para={"name": "{{ code }}"}, mobile="{{ who }}")
        task = operator.prepare_for_execution()
        env = operator.dag.get_template_env()
        task.render_template_fields({"code": code, "who": people.BEN, "params": {}}, env)
        assert (task.temp_para, task.mobile) == ({"name": code}, int(people.BEN))

    @pytest.mark.skipif(AIRFLOW < (3, 2), reason="before Airflow 3.2 only a DAG can say so")
    def test_keep_their_text_where_an_operator_renders_native_objects(
        self, tomorrow: datetime
    ) -> None:
        with DAG("text", schedule=None):
            operator = submit(
                tomorrow,
                temp_id="{{ '2' }}",
                temp_para={"name": "{{ code }}"},
                render_template_as_native_obj=True,
            )
        task = operator.prepare_for_execution()
        task.render_template_fields({"code": "1e5", "params": {}})
        assert (task.temp_para, task.temp_id) == ({"name": "1e5"}, 2)

    def test_may_be_a_path_of_a_file_that_is_not_there_yet(
        self, rendered: Callable[..., BaseOperator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for path in (tmp_path / "people.csv", Path("people.csv")):
            task = rendered(batch("2099-01-01 09:00:00", path))
            assert as_airflow_reads(task)["recipients"] == str(path)
            assert task.recipients == path

    def test_may_be_the_attribute_of_a_subclass(self, tomorrow: datetime) -> None:
        class ForAnna(JsmsSubmitScheduleOperator):
            temp_para: ClassVar = {"name": "{{ params.name }}"}

            def __init__(self, **arguments: Any) -> None:
                super().__init__(mobile=people.ANNA, temp_para=self.temp_para, **arguments)

        task = ForAnna(task_id="submit", send_time=tomorrow, temp_id=2)
        task.render_template_fields({"params": NAME})
        assert task.temp_para == NAME
        assert as_airflow_reads(task)["temp_para"] == {"name": "***"}

    def test_that_come_from_another_task_are_no_templates(self, tomorrow: datetime) -> None:
        """A mapped task gets them as they are, beside literals of the DAG."""
        with DAG("mapped", schedule=None):
            upstream = submit(tomorrow, mobile="{{ who }}")
            mapped = JsmsSubmitScheduleOperator.partial(
                task_id="mapped", send_time=tomorrow, temp_id=2, mobile="{{ who }}"
            ).expand(temp_para=upstream.output)
        given = {"name": "{{ who.name }}", "codes": ["{{ 7 }}"]}
        task = mapped.unmap({"temp_para": given})
        task.dag = mapped.dag
        task.render_template_fields({"who": people.BEN, "params": {}})
        assert task.temp_para == given
        assert task.mobile == people.BEN

    def test_that_are_no_templates_are_left_as_they_are(self, tomorrow: datetime) -> None:
        """Native rendering would make integers of numbers, and compiling each string takes long."""
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            operator = batch(tomorrow, [{"mobile": people.ANNA}, [people.BEN, 1, None]])
        rendered = operator.prepare_for_execution()
        rendered.render_template_fields({})
        assert rendered.recipients == operator.recipients
        with DAG("templated", schedule=None, render_template_as_native_obj=True):
            rendered = batch(tomorrow, ["{{ '1' }}"]).prepare_for_execution()
        rendered.render_template_fields({})
        assert rendered.recipients == ["1"]

    def test_may_come_from_a_callable(
        self, rendered: Callable[..., BaseOperator], tomorrow: datetime
    ) -> None:
        task = rendered(
            submit(tomorrow, mobile=lambda context, jinja_env: context["who"]), who=people.BEN
        )
        assert task.mobile == people.BEN

    @pytest.mark.parametrize(
        "template",
        [
            f"{people.ANNA} {{{{ missing.name }}}}",
            f"{people.CANARY}-text {{{{ unclosed",
            f"{{{{ '{people.ANNA}' + 1 }}}}",
            f"{{{{ {{}}['{people.ANNA}'].x }}}}",
        ],
    )
    def test_are_not_quoted_by_a_template_error(
        self, template: str, rendered: Callable[..., BaseOperator], tomorrow: datetime
    ) -> None:
        with pytest.raises(JsmsRenderError, match="field mobile") as caught:
            rendered(submit(tomorrow, mobile=template))
        assert not isinstance(caught.value, AirflowFailException)

    def test_let_an_airflow_error_through(
        self, rendered: Callable[..., BaseOperator], tomorrow: datetime
    ) -> None:
        def skip(**_: Any) -> str:
            raise AirflowSkipException("nobody today")

        with pytest.raises(AirflowSkipException, match="nobody today"):
            rendered(submit(tomorrow, mobile=skip))

    def test_are_left_alone_in_other_objects(
        self, rendered: Callable[..., BaseOperator], tomorrow: datetime
    ) -> None:
        """An object with template_fields of its own, inside a field, is rendered as usual."""

        class Holder:
            template_fields = ("mobile",)

            def __init__(self) -> None:
                self.mobile = "{{ 'rendered' }}"

        holder = Holder()
        rendered(delete(holder))
        assert holder.mobile == "rendered"


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


@pytest.mark.usefixtures("no_waits")
def test_a_deletion_that_lost_its_answer_and_came_too_late_says_so_once(
    sandbox: SandboxControl,
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        schedule_id = run(submit(datetime.now(UTC) + timedelta(minutes=1)))
        sandbox.switch(delete_sent="50028")
        traveller.shift(120)
        sandbox.fault("delete_schedule", "accepted_then_closed")
        with pytest.raises(JsmsAlreadySentError) as caught:
            run(delete(schedule_id, missing_ok=True))
    assert str(caught.value).count("it was sent before") == 1
    methods = [request["method"] for request in sandbox.requests()]
    assert methods == ["POST", "DELETE", "DELETE", "GET"]


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
