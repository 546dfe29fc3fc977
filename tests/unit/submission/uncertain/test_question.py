"""A person decides about a submission with an unknown outcome; the answer counts once."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsUncertainError
from airflow_provider_jsms.operators import asking
from airflow_provider_jsms.submission.uncertain import question
from airflow_provider_jsms.submission.uncertain.doubt import Doubt
from tests import leaks, people
from tests.unit.submission.campaigns.test_campaign import (
    CALL,
    EVERYBODY,
    CampaignTask,
    assert_each_person_is_texted_once,
    set_chunk_size,
)
from tests.unit.submission.tries import KEYS, Task, posts, puts, texted
from tests.versions import AIRFLOW, TaskAwaitingInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = pytest.mark.skipif(AIRFLOW < (3, 3), reason="a task waits for a person since 3.3")

LOST = ("accepted_then_closed", "closed_before_reading")


class Asked:
    """What Airflow keeps of a question, and how it resumes the task."""

    def __init__(self) -> None:
        self.keeps_first = AIRFLOW < (3, 4)
        self.questions: list[dict[str, Any]] = []

    def enter(self, _: Any, question: dict[str, Any]) -> dict[str, Any]:
        """Return the question that Airflow shows: the first one of the task until 3.4."""
        self.questions.append(question)
        return self.questions[0 if self.keeps_first else -1]

    @property
    def params(self) -> dict[str, Any]:
        return self.questions[-1]["params"]

    def answer(self, task: Any, option: str, **params: str) -> Any:
        event = {
            "chosen_options": [option],
            "params_input": params,
            "responded_at": datetime(2026, 12, 1, 3, tzinfo=UTC),
            "responded_by_user": {"id": "7", "name": "ops"},
        }
        return self.resume(task, event)

    def resume(self, task: Any, event: dict[str, Any]) -> Any:
        # Airflow makes everything anew, and keeps what the signal carries.
        about = self.parked.kwargs["about"]
        operator = task.operator.prepare_for_execution()
        operator._answer = None
        context = {**task.context, "ti": task.ti_of_try(task.tries, next_method="answered")}
        operator.render_template_fields(context)
        return operator.answered(context, event, about=about)

    @contextmanager
    def parks(self) -> Iterator[None]:
        before = len(self.questions)
        with pytest.raises(TaskAwaitingInput) as caught:
            yield
        self.parked = caught.value
        assert self.parked.method_name == "answered"
        assert len(self.questions) == before + 1


def doubt(key: str) -> question.Doubt:
    rest = dict.fromkeys(("why", "who", "temp_id", "send_time"), "?")
    return Doubt(key, "version", since=None, number=None, schedule_id=None, **rest)


def test_a_field_belongs_to_its_text_in_whatever_order_they_are_asked_about() -> None:
    doubts = [doubt(key) for key in ("a_1", "b_1", "预约 1", "预约 2", "key", "key#2")]
    fields = {key: each["field"] for key, each in question.about(doubts).items()}
    assert fields["a_1"] == "schedule_id_a_1"
    assert len(set(fields.values())) == len(doubts)
    assert all(field.isascii() for field in fields.values())
    turned = question.about(doubts[::-1])
    assert {key: each["field"] for key, each in turned.items()} == fields
    assert set(question.question_about(doubts)["params"]) == set(fields.values())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(asking, "_enter", asked.enter)
    return asked


@pytest.fixture(params=["single", "batch"])
def task(request: pytest.FixtureRequest, sandbox: SandboxControl, tomorrow: datetime) -> Task:
    return Task(request.param, tomorrow)


def lose(task: Task, sandbox: SandboxControl, kind: str) -> None:
    sandbox.fault(f"submit_{'batch_' if task.kind == 'batch' else ''}schedule", kind)


def the_schedule(sandbox: SandboxControl) -> str:
    (schedule,) = sandbox.state()["schedules"]
    return str(schedule["schedule_id"])


class TestARecordThatIsGone:
    """A person may delete a record in the Storage tab, also while the task waits for an answer."""

    @pytest.mark.parametrize(
        "option", [question.ONE_THERE, question.ONE_SUBMIT, question.LEAVE], ids=str
    )
    def test_is_no_reason_to_submit_again(
        self, option: str, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        lose(task, sandbox, LOST[0])
        with asked.parks():
            task.run(on_uncertain="ask")
        assert task.store
        task.store.delete(KEYS[task.kind])
        with pytest.raises(JsmsUncertainError, match="The answer is to an older question"):
            asked.answer(task, option, schedule_id=the_schedule(sandbox))
        with asked.parks():
            task.clear()
        assert asked.answer(task, question.ONE_THERE, schedule_id=the_schedule(sandbox))
        assert posts(sandbox) == 1


class TestAQuestion:
    def test_is_asked_at_once_if_the_dag_says_so(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        lose(task, sandbox, LOST[0])
        with asked.parks():
            task.run(on_uncertain="{{ 'ask' }}", ask_timeout=timedelta(hours=2))
        body = asked.questions[0]["body"]
        for shown in ("138****8001", task.record["since"], "Asia/Shanghai", "by try 1"):
            assert shown in body
        assert leaks.found_in(str(asked.questions)) == []
        assert asked.parked.timeout == timedelta(hours=2)
        assert posts(sandbox) == 1

    def test_is_asked_by_default_of_a_cleared_task_only(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        lose(task, sandbox, LOST[0])
        for _ in range(2):
            with pytest.raises(JsmsUncertainError, match="Clear the task"):
                task.run()
        with asked.parks():
            task.clear()
        assert posts(sandbox) == 1

    def test_is_not_asked_about_what_the_cleared_task_has_just_sent(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        lose(task, sandbox, LOST[0])
        task.tries = 1
        assert task.store
        task.store.set(KEYS[task.kind], {"state": "begun"})
        with pytest.raises(JsmsUncertainError, match="It was not sent again"):
            task.clear()
        assert asked.questions == []

    def test_may_be_for_some_users(self, task: Task, sandbox: SandboxControl, asked: Asked) -> None:
        lose(task, sandbox, LOST[0])
        with asked.parks():
            task.run(on_uncertain="ask", ask_users=["7", {"id": "8", "name": "Li"}])
        users = asked.questions[0]["assigned_users"]
        assert users == [{"id": "7", "name": "7"}, {"id": "8", "name": "Li"}]

    @pytest.mark.parametrize(
        "wrong", [{"ask_users": "ops"}, {"ask_users": [7]}, {"ask_timeout": "1 h"}], ids=str
    )
    def test_is_a_mistake_before_any_request_if_it_cannot_be_asked(
        self, task: Task, sandbox: SandboxControl, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(JsmsInputError, match=next(iter(wrong))):
            task.run(**wrong)
        assert sandbox.requests() == []

    def test_that_airflow_does_not_take_leaves_the_error(
        self, task: Task, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise ConnectionError

        monkeypatch.setattr(asking, "_enter", fail)
        lose(task, sandbox, LOST[0])
        with pytest.raises(JsmsUncertainError, match="JSMS may have accepted this"):
            task.run(on_uncertain="ask")


class TestAnAnswer:
    @pytest.fixture(params=LOST, autouse=True)
    def _lost(
        self, request: pytest.FixtureRequest, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        self.is_there = request.param == LOST[0]
        lose(task, sandbox, request.param)
        with asked.parks():
            task.run(on_uncertain="ask")

    def test_adopts_what_is_there_and_submits_what_is_not(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        if self.is_there:
            found = {"schedule_id": the_schedule(sandbox)}
            result = asked.answer(task, question.ONE_THERE, **found)
        else:
            result = asked.answer(task, question.ONE_SUBMIT)
        if task.kind == "batch":
            assert (result["success_count"], result["failure_count"]) == (1, 0)
            result = result["schedule_ids"][0]
        assert result == the_schedule(sandbox)
        assert task.state == "finished"
        assert task.record["note"].startswith("ops answered at 2026-12-01T03:00:00Z: It is ")
        assert posts(sandbox) == (1 if self.is_there else 2)
        assert task.clear() == the_schedule(sandbox)
        assert texted(sandbox) == [people.ANNA]

    def test_adopts_what_is_there_also_if_the_send_window_has_changed(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        task.operator.send_window, task.operator.on_outside_window = "00:00-00:01", "next"
        found = {"schedule_id": the_schedule(sandbox)} if self.is_there else {}
        option = question.ONE_THERE if self.is_there else question.LEAVE
        asked.answer(task, option, **found)
        assert (posts(sandbox), puts(sandbox)) == (1, 0)

    def test_may_leave_it(self, task: Task, sandbox: SandboxControl, asked: Asked) -> None:
        result = asked.answer(task, question.LEAVE)
        assert result is None or result["uncertain_count"] == 1
        assert task.record["note"] == "ops answered at 2026-12-01T03:00:00Z: Leave it"
        assert posts(sandbox) == 1
        with asked.parks():
            task.clear()

    @pytest.mark.parametrize("entered", ["", "nowhere", "+86 138 0013 8001"])
    def test_that_names_no_schedule_is_asked_again_after_a_clear(
        self, task: Task, sandbox: SandboxControl, asked: Asked, entered: str
    ) -> None:
        with pytest.raises(JsmsUncertainError, match="To be asked again, clear the task") as caught:
            asked.answer(task, question.ONE_THERE, schedule_id=entered)
        assert leaks.found_in(str(caught.value)) == []
        assert posts(sandbox) == 1
        with asked.parks():
            task.clear()

    def test_that_names_another_text_is_refused(
        self, task: Task, sandbox: SandboxControl, asked: Asked, tomorrow: datetime
    ) -> None:
        other = Task(task.kind, tomorrow)
        schedule_id = other.run(temp_id=4, **other.to(people.BEN))
        with pytest.raises(JsmsUncertainError, match="its temp_id is 4, it goes to 1 other"):
            asked.answer(task, question.ONE_THERE, schedule_id=schedule_id)
        assert posts(sandbox) == 2

    def test_to_an_older_question_is_refused(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        assert task.store
        task.store.set(KEYS[task.kind], {**task.record, "since": "2027-01-01T00:00:00Z"})
        with pytest.raises(JsmsUncertainError, match="older question"):
            asked.answer(task, question.ONE_SUBMIT)
        assert posts(sandbox) == 1

    def test_that_does_not_come_in_time_fails_the_task(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        with pytest.raises(JsmsUncertainError, match="Nobody has answered in time"):
            asked.resume(
                task, {"error": "The response timeout has passed", "error_type": "timeout"}
            )
        assert posts(sandbox) == 1

    def test_is_not_followed_by_a_second_question_in_the_same_try(
        self, task: Task, sandbox: SandboxControl, asked: Asked
    ) -> None:
        lose(task, sandbox, LOST[0])
        with pytest.raises(JsmsUncertainError, match="Clear the task"):
            asked.answer(task, question.ONE_SUBMIT)
        assert len(asked.questions) == 1
        with asked.parks():
            task.clear()


def test_a_task_without_records_of_its_earlier_tries_asks_once_it_is_cleared(
    task: Task, sandbox: SandboxControl, asked: Asked
) -> None:
    schedule_id = task.run()
    assert task.store
    task.store.clear()
    with asked.parks():
        task.clear()
    result = asked.answer(task, question.ONE_THERE, schedule_id=schedule_id)
    assert result == schedule_id or result["schedule_ids"] == [schedule_id]
    assert posts(sandbox) == 1


class TestACampaign:
    @pytest.fixture
    def task(
        self, sandbox: SandboxControl, tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> CampaignTask:
        set_chunk_size(monkeypatch)
        task = CampaignTask(tomorrow)
        task.arguments["on_uncertain"] = "ask"
        return task

    def test_asks_once_about_all_its_uncertain_chunks_after_the_others_are_done(
        self, task: CampaignTask, sandbox: SandboxControl, asked: Asked
    ) -> None:
        sandbox.fault(CALL, LOST[0])
        sandbox.fault(CALL, LOST[1])
        with asked.parks():
            task.run()
        assert posts(sandbox) == 3
        assert set(asked.params) == {"schedule_id_1", "schedule_id_2"}
        first = next(
            each["schedule_id"]
            for each in sandbox.state()["schedules"]
            if len(each["recipients"]) == 10
        )
        result = asked.answer(task, question.SEVERAL_SUBMIT, schedule_id_1=first)
        assert (result["success_count"], len(result["schedule_ids"])) == (25, 3)
        assert posts(sandbox) == 4
        assert_each_person_is_texted_once(sandbox)

    @pytest.mark.parametrize("keeps_first", [True, False], ids=["3.3", "3.4"])
    @pytest.mark.parametrize("option", [question.SEVERAL_SUBMIT, question.LEAVE], ids=str)
    def test_submits_nothing_again_if_its_records_are_deleted_before_the_answer(
        self,
        option: str,
        keeps_first: bool,
        task: CampaignTask,
        sandbox: SandboxControl,
        asked: Asked,
    ) -> None:
        asked.keeps_first = keeps_first
        sandbox.fault(CALL, "slow", seconds=0)
        sandbox.fault(CALL, LOST[0])
        with asked.parks():
            task.run()
        assert asked.questions[0]["subject"] == "Has JSMS accepted this batch?"
        assert list(asked.params) == ["schedule_id_2"]
        assert task.store
        task.store.clear()
        with pytest.raises(JsmsUncertainError):
            asked.answer(task, option)
        if keeps_first:
            with pytest.raises(JsmsUncertainError, match="does not ask") as caught:
                task.clear()
            assert "clear the task with on_uncertain='assume_sent'" in str(caught.value)
            assert task.clear(on_uncertain="assume_sent")["uncertain_count"] == 25
        else:
            with asked.parks():
                task.clear()
            assert len(asked.params) == 3
        assert posts(sandbox) == 3
        assert_each_person_is_texted_once(sandbox)

    @pytest.mark.parametrize("keeps_first", [True, False], ids=["3.3", "3.4"])
    def test_asks_again_about_one_of_its_chunks(
        self, keeps_first: bool, task: CampaignTask, sandbox: SandboxControl, asked: Asked
    ) -> None:
        asked.keeps_first = keeps_first
        sandbox.fault(CALL, LOST[1], times=2)
        with asked.parks():
            task.run()
        sandbox.fault(CALL, "slow", seconds=0)
        sandbox.fault(CALL, LOST[0])
        with pytest.raises(JsmsUncertainError):
            asked.answer(task, question.SEVERAL_SUBMIT)
        found = [each["schedule_id"] for each in sandbox.state()["schedules"]]
        with asked.parks():
            task.clear()
        assert list(asked.params) == ["schedule_id_2"]
        # The form that is shown on 3.3 has a field for the first chunk too.
        entered = {"schedule_id_1": found[1], "schedule_id_2": found[2]}
        result = asked.answer(task, question.SEVERAL_THERE, **entered)
        assert sorted(result["schedule_ids"]) == sorted(found)
        assert posts(sandbox) == 5
        assert_each_person_is_texted_once(sandbox)

    def test_names_another_way_where_airflow_shows_a_question_about_other_chunks(
        self, task: CampaignTask, sandbox: SandboxControl, asked: Asked
    ) -> None:
        asked.keeps_first = True
        sandbox.fault(CALL, LOST[1])
        with asked.parks():
            task.run()
        assert task.store
        key = "jsms_submission_3"
        task.store.set(key, {**task.store.get(key), "state": "sending"})
        with pytest.raises(JsmsUncertainError, match="Clear the task: it asks"):
            asked.answer(task, question.SEVERAL_SUBMIT)
        with pytest.raises(JsmsUncertainError, match="does not ask") as caught:
            task.clear()
        assert f'write {{"state": "begun"}} into the record {key}' in str(caught.value)
        sandbox.delete(task.store.get(key)["schedule_id"])
        task.store.set(key, {"state": "begun"})
        assert task.clear()["success_count"] == 25
        assert_each_person_is_texted_once(sandbox)

    def test_stops_to_ask_where_no_answer_comes_any_more(
        self, task: CampaignTask, sandbox: SandboxControl, asked: Asked
    ) -> None:
        more = [
            *EVERYBODY,
            *({**EVERYBODY[0], "mobile": people.number(n)} for n in range(25, 40)),
        ]
        sandbox.fault(CALL, LOST[1], times=None)
        with asked.parks():
            task.run(recipients=more)
        assert posts(sandbox) == 3
        sandbox.clear_faults()
        result = asked.answer(task, question.SEVERAL_SUBMIT)
        assert result["success_count"] == 40
        assert posts(sandbox) == 7


@pytest.mark.parametrize(
    "keys",
    [("jsms_submission_1", "jsms_submission_2"), ("order_17", "order_17#2"), ("7", "7#2")],
)
def test_the_fields_of_a_campaign_are_numbered_by_its_chunks(keys: tuple[str, str]) -> None:
    text = {"why": "", "since": None, "number": 1, "who": "", "temp_id": "2", "send_time": ""}
    doubts = [
        Doubt(key=key, version="1", schedule_id=None, is_part=True, **text)  # type: ignore[arg-type]
        for key in keys
    ]
    assert list(question.question_about(doubts)["params"]) == ["schedule_id_1", "schedule_id_2"]
    assert {it["field"] for it in question.about(doubts).values()} == {
        *("schedule_id_1", "schedule_id_2"),
    }
