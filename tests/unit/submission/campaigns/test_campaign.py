"""The batch submit with any number of recipients: chunks, tries, refusals, changed lists."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.api.calls import MAX_RECIPIENTS
from airflow_provider_jsms.api.send_time import SendTime
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsChangedListError,
    JsmsFrequencyError,
    JsmsLateChangeError,
    JsmsLedgerError,
    JsmsNoRetryError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsSendWindowError,
    JsmsStoppedError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.submission.campaigns import campaign as rooms
from airflow_provider_jsms.submission.lists import chunks
from tests import leaks, people
from tests.unit.submission.tries import Task, TaskInstance, changes, posts, puts, texted

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.server import SandboxServer

CALL = "submit_batch_schedule"


def recipients(count: int) -> list[dict[str, Any]]:
    return [
        {"mobile": people.number(index), "temp_para": {"name": f"{people.CANARY}-{index}"}}
        for index in range(count)
    ]


EVERYBODY = recipients(25)
KEYS = [f"jsms_submission_{number}" for number in (1, 2, 3)]


class CampaignTask(Task):
    """A batch submit of 25 recipients in three chunks of ten."""

    def __init__(self, tomorrow: datetime) -> None:
        super().__init__("batch", tomorrow)
        self.arguments["recipients"] = EVERYBODY
        self.result: dict[str, Any] = {}

    def records(self) -> list[dict[str, Any] | None]:
        assert self.store
        return [self.store.get(key) for key in KEYS]

    def run(self, **changed: Any) -> dict[str, Any]:
        self.tries += 1
        operator = JsmsSubmitBatchScheduleOperator(
            task_id="submit", **{**self.arguments, **changed}
        )
        return self.execute(operator)


def set_chunk_size(monkeypatch: pytest.MonkeyPatch, size: int = 10) -> None:
    for module in (chunks, rooms):
        monkeypatch.setattr(module, "MAX_RECIPIENTS", size)


@pytest.fixture(autouse=True)
def _chunks_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    set_chunk_size(monkeypatch)


@pytest.fixture
def chunks_of_a_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be as large as they are for users."""
    set_chunk_size(monkeypatch, MAX_RECIPIENTS)


@pytest.fixture
def task(sandbox: SandboxControl, tomorrow: datetime) -> CampaignTask:
    return CampaignTask(tomorrow)


@pytest.fixture
def break_in_chunk_2(sandbox: SandboxControl) -> None:
    """Let the second submission meet the fault that a test sets then."""
    sandbox.fault(CALL, "slow", seconds=0)


def assert_each_person_is_texted_once(sandbox: SandboxControl) -> None:
    assert Counter(texted(sandbox)) == Counter(each["mobile"] for each in EVERYBODY)


def test_everybody_is_texted_once_and_counted(task: CampaignTask, sandbox: SandboxControl) -> None:
    result = task.run()
    schedules = [each["schedule_id"] for each in sandbox.state()["schedules"]]
    counts = {"success_count": 25, "failure_count": 0}
    assert result == {"schedule_ids": schedules, **counts}
    methods = [each["method"] for each in sandbox.requests()]
    assert methods == ["GET", "GET", "POST", "POST", "POST"]  # template and balance, once
    assert [len(each["body"]["recipients"]) for each in changes(sandbox)] == [10, 10, 5]
    assert task.ti.xcoms == {"failure_recipients": []}
    assert_each_person_is_texted_once(sandbox)


def test_the_records_tell_people_how_far_it_is_and_hold_nothing_personal(
    task: CampaignTask, sandbox: SandboxControl
) -> None:
    task.run()
    assert task.store
    records = task.records()
    assert [each and (each["state"], each["recipients"], each["chunks"]) for each in records] == [
        ("finished", 10, 3),  # it also stands for the whole campaign
        ("accepted", 10, 3),
        ("accepted", 5, 3),
    ]
    states = [each["state"] for each in task.store.writes]
    assert states == ["begun", *["sending", "accepted"] * 3, "finished"]
    assert leaks.found_in(str(task.store.writes)) == []


def test_repetitions_are_sent_once_however_far_apart_they_are(
    task: CampaignTask, sandbox: SandboxControl, capsys: pytest.CaptureFixture[str]
) -> None:
    first = EVERYBODY[0]
    again = {"mobile": f"+86 {first['mobile']}", "temp_para": first["temp_para"]}
    other = {"mobile": first["mobile"], "temp_para": {"name": f"{people.CANARY}-other"}}
    result = task.run(recipients=[first, *EVERYBODY, again, other])
    assert result["success_count"] == 26
    assert "2 repeated entries" in capsys.readouterr().out
    sent = Counter(texted(sandbox))
    assert sent.pop(str(first["mobile"])) == 2  # two different texts
    assert set(sent.values()) == {1}


class TestARefusalInTheMiddle:
    @pytest.fixture(autouse=True)
    def _out_of_balance(self, break_in_chunk_2: None, sandbox: SandboxControl) -> None:
        sandbox.fault(CALL, "code", code=50014)

    def test_stops_there_and_says_how_far_it_is(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        with pytest.raises(JsmsAccountError) as caught:
            task.run()
        (schedule,) = sandbox.state()["schedules"]
        text = str(caught.value)
        assert "50014" in text
        assert (
            f"10 of 25 recipients are scheduled under {schedule['schedule_id']}, "
            "15 are not scheduled." in text
        )
        assert "To continue from there, clear the task." in text
        assert task.ti.xcoms["schedule_ids"] == [schedule["schedule_id"]]

    def test_goes_on_after_the_send_window_has_changed(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        """What was accepted stays, the others follow the new window."""
        evening = {"send_time": "2030-07-01 23:00:00", "send_window": "08:00-21:00"}
        with pytest.raises(JsmsAccountError):
            task.run(**evening, on_outside_window="next")
        with pytest.raises(JsmsSendWindowError, match="10 of 25 recipients are scheduled"):
            task.run(**evening)
        task.run(**{**evening, "send_window": "09:00-21:00"}, on_outside_window="next")
        times = [schedule["send_time"] for schedule in sandbox.state()["schedules"]]
        assert times == ["2030-07-02 08:00:00", *["2030-07-02 09:00:00"] * 2]
        assert {request["method"] for request in changes(sandbox)} == {"POST"}

    def test_is_refused_after_a_person_has_opted_out(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        with pytest.raises(JsmsAccountError):
            task.run()
        with pytest.raises(JsmsChangedListError, match="now it has 24 recipients"):
            task.run(exclude=[people.number(24)])
        result = task.run(exclude=[people.number(30)])
        assert (result["success_count"], result["excluded_count"]) == (25, 0)

    def test_and_a_cleared_task_goes_on_from_there(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        with pytest.raises(JsmsAccountError):
            task.run()
        result = task.clear()
        assert (len(result["schedule_ids"]), result["success_count"]) == (3, 25)
        assert posts(sandbox) == 4
        assert_each_person_is_texted_once(sandbox)


def test_an_error_that_time_mends_is_retried_from_where_it_was(
    task: CampaignTask, sandbox: SandboxControl, break_in_chunk_2: None
) -> None:
    sandbox.fault(CALL, "code", code=50009)
    with pytest.raises(JsmsFrequencyError) as caught:
        task.run()
    assert not isinstance(caught.value, AirflowFailException)
    task.run()
    assert_each_person_is_texted_once(sandbox)


class TestALostAnswerInTheMiddle:
    @pytest.fixture(autouse=True)
    def _lose(self, break_in_chunk_2: None, sandbox: SandboxControl) -> None:
        sandbox.fault(CALL, "accepted_then_closed")

    def test_stops_the_campaign_and_every_retry(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        for _ in range(2):
            with pytest.raises(JsmsUncertainError) as caught:
                task.run()
        text = str(caught.value)
        assert "10 recipients (the first is" in text
        assert "10 are uncertain, 5 are not scheduled" in text
        assert posts(sandbox) == 2

    def test_may_be_assumed_to_be_sent_and_the_rest_goes_on(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        result = task.run(on_uncertain="assume_sent")
        counts = ("success_count", "failure_count", "uncertain_count")
        assert [result[name] for name in counts] == [15, 0, 10]
        assert len(result["schedule_ids"]) == 2
        assert task.clear(on_uncertain="assume_sent") == result
        assert_each_person_is_texted_once(sandbox)

    def test_may_be_resubmitted_once_and_no_other_chunk_is(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        result = task.run(on_uncertain="resubmit")
        assert (len(result["schedule_ids"]), result["success_count"]) == (3, 25)
        assert posts(sandbox) == 4


class TestRefusedRecipients:
    @pytest.fixture(autouse=True)
    def _state(self, _sandbox_server: SandboxServer) -> None:
        self.state = _sandbox_server.sandbox

    def refuse(self, sandbox: SandboxControl, *positions: int) -> list[str]:
        numbers = [people.number(position) for position in positions]
        # A request for each of a thousand would take longer than the campaign.
        with self.state.lock:
            self.state.numbers.update(dict.fromkeys(numbers, "invalid"))
        return numbers

    def test_of_all_chunks_are_handed_on_once_also_after_a_resume(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        refused = self.refuse(sandbox, 0, 9, 10, 24)
        for _ in range(2):
            sandbox.fault(CALL, "slow", seconds=0)
        sandbox.fault(CALL, "code", code=50009)
        with pytest.raises(JsmsFrequencyError, match="3 were refused"):
            task.run(max_failures=4)
        assert [each["mobile"] for each in task.ti.xcoms["failure_recipients"]] == refused[:3]
        result = task.run(max_failures=4)
        assert (result["success_count"], result["failure_count"]) == (21, 4)
        handed_on = task.ti.xcoms["failure_recipients"]
        assert [(each["mobile"], each["error_code"]) for each in handed_on] == [
            (number, 50006) for number in refused
        ]
        assert handed_on[3]["temp_para"] == EVERYBODY[24]["temp_para"]

    @pytest.mark.parametrize(
        ("tolerated", "is_fine"),
        [(5, True), (4, False), ("20%", True), ("19%", False), (0, False), ("100%", True)],
    )
    def test_are_judged_over_the_whole_campaign_after_everything_else_is_done(
        self, tolerated: Any, is_fine: bool, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        self.refuse(sandbox, 1, 2, 3, 11, 21)
        if is_fine:
            task.run(max_failures=tolerated)
        else:
            with pytest.raises(JsmsRefusedRecipientsError, match="5 of 25"):
                task.run(max_failures=tolerated)
            assert len(task.ti.xcoms["schedule_ids"]) == 3
        assert len(task.ti.xcoms["failure_recipients"]) == 5
        assert len(texted(sandbox)) == 20

    @pytest.mark.parametrize("answer", ["schedule_id", "no_schedule_id", "error"])
    def test_may_be_a_whole_chunk_however_jsms_says_so(
        self, answer: str, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        sandbox.switch(all_failed_batch=answer)
        self.refuse(sandbox, *range(20, 25))
        result = task.run(max_failures="20%")
        assert (result["success_count"], result["failure_count"]) == (20, 5)
        handed_on = task.ti.xcoms["failure_recipients"]
        assert [each["mobile"] for each in handed_on] == [
            people.number(position) for position in range(20, 25)
        ]
        assert {each["error_code"] for each in handed_on} == {50006}

    @pytest.mark.parametrize("answer", ["schedule_id", "no_schedule_id", "error"])
    def test_fail_the_task_if_they_are_all(
        self, answer: str, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        sandbox.switch(all_failed_batch=answer)
        nobody = EVERYBODY[:12]
        self.refuse(sandbox, *range(12))
        with pytest.raises(JsmsRefusedRecipientsError, match="12 of 12"):
            task.run(recipients=nobody, max_failures="100%")
        assert len(task.ti.xcoms["failure_recipients"]) == 12

    def test_do_not_count_as_all_while_some_are_uncertain(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        self.refuse(sandbox, *range(10))
        sandbox.fault(CALL, "slow", seconds=0)
        sandbox.fault(CALL, "accepted_then_closed")
        given = {"recipients": EVERYBODY[:12], "on_uncertain": "assume_sent"}
        assert task.run(**given, max_failures=10)["uncertain_count"] == 2


class TestAChangedList:
    def test_of_several_chunks_is_refused_before_anything_is_sent(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        schedule_ids = task.run()["schedule_ids"]
        before = len(sandbox.requests())
        changed = [*EVERYBODY[:-1], {"mobile": people.ANNA, "temp_para": {}}]
        for given in (changed, EVERYBODY[1:], EVERYBODY[:5], [*EVERYBODY, *changed], []):
            with pytest.raises(JsmsChangedListError) as caught:
                task.clear(recipients=given)
            text = str(caught.value)
            assert all(schedule_id in text for schedule_id in schedule_ids)
            assert text.index("mark the task as success") < text.index("delete those schedules")
            assert task.ti.xcoms["schedule_ids"] == schedule_ids
        assert len(sandbox.requests()) == before
        assert task.clear()["schedule_ids"] == schedule_ids

    def test_of_one_chunk_that_has_become_several_is_refused(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        task.run(recipients=EVERYBODY[:5])
        with pytest.raises(JsmsChangedListError):
            task.clear()
        assert posts(sandbox) == 1

    def test_of_which_nothing_is_scheduled_is_a_new_one(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        sandbox.account(balance=0)
        with pytest.raises(JsmsAccountError):
            task.run(recipients=EVERYBODY[1:], preflight=False)
        with pytest.raises(AirflowSkipException):
            task.clear(recipients=[])
        sandbox.account(balance=5000)
        task.clear()
        assert_each_person_is_texted_once(sandbox)

    def test_names_the_records_of_which_nobody_knows_and_counts_the_refused(
        self, task: CampaignTask, sandbox: SandboxControl, break_in_chunk_2: None
    ) -> None:
        sandbox.number(people.number(3), "invalid")
        sandbox.fault(CALL, "accepted_then_closed")
        with pytest.raises(JsmsUncertainError):
            task.run()
        with pytest.raises(JsmsChangedListError) as caught:
            task.run(recipients=EVERYBODY[1:])
        text = str(caught.value)
        assert "uncertain are the records jsms_submission_2" in text
        assert "1 were refused" in text
        assert "1 of 3 chunks were never submitted" in text

    def test_cannot_be_told_after_the_secret_was_changed_so_jsms_is_asked(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        result = task.run()
        assert task.store
        for key in KEYS:
            record = task.store.get(key)
            other = {**record["fingerprint"], "key": "another"}
            task.store.set(key, {**record, "list": "another", "fingerprint": other})
        assert task.clear() == result
        with pytest.raises(JsmsUncertainError, match="is of another text"):
            task.clear(recipients=[*EVERYBODY[1:], EVERYBODY[0]])
        with pytest.raises(JsmsChangedListError, match="master secret has changed"):
            task.clear(recipients=EVERYBODY[:10])
        assert (posts(sandbox), puts(sandbox)) == (3, 0)

    def test_is_noticed_also_after_the_first_record_was_deleted(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        task.run()
        assert task.store
        task.store.delete(KEYS[0])
        for given in (EVERYBODY[1:], EVERYBODY[10:11], EVERYBODY[:10]):
            with pytest.raises(
                JsmsChangedListError, match="uncertain are the records jsms_submission_1"
            ):
                task.clear(recipients=given)
            assert len(task.ti.xcoms["schedule_ids"]) == 2
        assert (posts(sandbox), puts(sandbox)) == (3, 0)

    def test_is_noticed_between_the_two_readings_of_a_file(
        self,
        task: CampaignTask,
        sandbox: SandboxControl,
        chunks_of_a_thousand: None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        everybody = recipients(2500)  # a short file would be read at once
        path = file_of(everybody, tmp_path)
        submit = JsmsHook.send_call

        def change(hook: JsmsHook, *given: Any) -> Any:
            file_of([*everybody[:-1], everybody[0]], tmp_path)
            return submit(hook, *given)

        monkeypatch.setattr(JsmsHook, "send_call", change)
        with pytest.raises(JsmsChangedListError, match=r"2,000 of 2,500 .* 500 are not scheduled"):
            task.run(recipients=path)
        assert posts(sandbox) == 2


def file_of(recipients: list[dict[str, Any]], folder: Path) -> str:
    path = folder / "people.csv"
    rows = [f"{each['mobile']},{each['temp_para']['name']}\n" for each in recipients]
    path.write_text("mobile,name\n" + "".join(rows))
    return str(path)


def test_a_file_may_take_the_place_of_a_list_and_is_shown(
    task: CampaignTask, sandbox: SandboxControl, tmp_path: Path
) -> None:
    path = file_of(EVERYBODY, tmp_path)
    operator = JsmsSubmitBatchScheduleOperator(
        task_id="submit", **{**task.arguments, "recipients": "{{ path }}"}
    )
    operator.render_template_fields({"path": path})
    assert operator.recipients == path
    assert operator.execute({"ti": task.ti_of_try(1)})["success_count"] == 25
    assert_each_person_is_texted_once(sandbox)


def test_a_bad_row_is_told_before_anything_is_sent(
    task: CampaignTask, sandbox: SandboxControl, tmp_path: Path
) -> None:
    path = file_of([*EVERYBODY, {"mobile": "123", "temp_para": {"name": ""}}], tmp_path)
    with pytest.raises(AirflowFailException, match=r"1 of 26 .*\nline 27: "):
        task.run(recipients=path)
    assert sandbox.requests() == []


def test_the_same_list_with_another_text_is_modified_chunk_by_chunk(
    task: CampaignTask, sandbox: SandboxControl
) -> None:
    first = task.run()
    assert task.clear(temp_id=4) == first
    assert (posts(sandbox), puts(sandbox)) == (3, 3)
    assert_each_person_is_texted_once(sandbox)
    assert {each["temp_id"] for each in sandbox.messages()} == {4}


def test_a_modification_that_broke_off_asks_for_the_other_schedules_first(
    task: CampaignTask, sandbox: SandboxControl
) -> None:
    first = task.run()
    sandbox.fault("modify_batch_schedule", "slow", seconds=0)
    sandbox.fault("modify_batch_schedule", "code", code=50009)
    with pytest.raises(JsmsFrequencyError):
        task.clear(temp_id=4)
    before = len(sandbox.requests())
    assert task.run(temp_id=4) == first
    calls = [each["call"] for each in sandbox.requests()[before:]]
    assert calls == [
        *("query_schedule", "query_schedule"),
        *("get_template", "balance", "modify_batch_schedule"),
        *("query_schedule", "modify_batch_schedule"),
    ]


def test_a_finished_campaign_that_is_cleared_asks_for_every_schedule(
    task: CampaignTask, sandbox: SandboxControl
) -> None:
    first = task.run()
    assert task.clear() == first
    methods = [each["method"] for each in sandbox.requests()]
    assert methods == ["GET", "GET", *["POST"] * 3, *["GET"] * 3]  # no preflight of the second
    with JsmsHook() as hook:
        hook.delete_schedule(first["schedule_ids"][2])
    with pytest.raises(JsmsUncertainError, match="no longer knows schedule"):
        task.clear()


class TestWithoutRecordsOfEarlierTries:
    @pytest.fixture(autouse=True)
    def _forget(self, task: CampaignTask, sandbox: SandboxControl) -> None:
        task.run()
        assert task.store
        task.store.clear()

    def test_nobody_knows_of_any_chunk(self, task: CampaignTask, sandbox: SandboxControl) -> None:
        for _ in range(2):
            with pytest.raises(JsmsUncertainError, match="keeps no record of its earlier tries"):
                task.clear()
            assert [each and each["state"] for each in task.records()] == ["unknown"] * 3
        assert posts(sandbox) == 3
        assert task.clear(on_uncertain="assume_sent")["uncertain_count"] == 25

    def test_nobody_knows_where_a_try_died_while_it_noted_that(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        assert task.store
        task.store.set("jsms_submission_1", {"state": "unknown"})
        with pytest.raises(JsmsUncertainError, match="25 are uncertain"):
            task.clear()
        assert posts(sandbox) == 3


class TestARecordThatCannotBeWritten:
    def test_stops_a_campaign_before_its_next_chunk(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        assert task.store
        task.store.fail_on = {"accepted"}
        with pytest.raises(JsmsNoRetryError) as caught:
            task.run()
        (schedule,) = sandbox.state()["schedules"]
        text = str(caught.value)
        assert f"jsms_submission_1 (schedule_id {schedule['schedule_id']})" in text
        assert "15 are not scheduled" in text

    def test_and_is_written_at_the_second_attempt_if_it_can_be(
        self, task: CampaignTask, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert task.store
        store, write = task.store, task.store.set

        def fail_once(key: str, value: Any, **rest: Any) -> None:
            if value["state"] == "accepted" and key not in failed:
                failed.append(key)
                raise ConnectionError
            write(key, value, **rest)

        failed: list[str] = []
        monkeypatch.setattr(store, "set", fail_once)
        task.run()
        assert failed == KEYS
        assert [each and each["state"] for each in task.records()][1:] == ["accepted"] * 2

    def test_of_the_whole_lets_it_end_well(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        assert task.store
        task.store.fail_on = {"finished"}
        assert task.run()["success_count"] == 25

    def test_before_the_first_request_lets_nothing_be_sent(
        self, task: CampaignTask, sandbox: SandboxControl
    ) -> None:
        assert task.store
        task.store.fail_on = {"sending"}
        with pytest.raises(JsmsLedgerError, match="jsms_submission_1 could not be written"):
            task.run()
        assert changes(sandbox) == []


def test_a_campaign_that_was_told_to_stop_ends_before_the_next_request(
    task: CampaignTask, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = JsmsHook.send_call
    operators: list[Any] = []
    execute = JsmsSubmitBatchScheduleOperator.execute

    def kill(hook: JsmsHook, *given: Any) -> Any:
        operators[0].on_kill()
        return submit(hook, *given)

    def remember(operator: Any, context: Any) -> Any:
        operators.append(operator)
        return execute(operator, context)

    monkeypatch.setattr(JsmsSubmitBatchScheduleOperator, "execute", remember)
    monkeypatch.setattr(JsmsHook, "send_call", kill)
    with pytest.raises(JsmsStoppedError, match="10 of 25"):
        task.run()
    assert posts(sandbox) == 1
    assert task.records()[1:] == [None, None]


def test_an_interruption_is_told_by_the_log(
    task: CampaignTask,
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    submit = JsmsHook.send_call

    def time_out(hook: JsmsHook, *given: Any) -> Any:
        if posts(sandbox):
            raise KeyboardInterrupt
        return submit(hook, *given)

    monkeypatch.setattr(JsmsHook, "send_call", time_out)
    with pytest.raises(KeyboardInterrupt):
        task.run()
    assert "Interrupted: 10 of 25 recipients are scheduled" in caplog.text


@pytest.mark.parametrize("by", ["us", "jsms"])
def test_a_time_that_passes_in_the_middle_never_skips_what_was_begun(
    by: str,
    task: CampaignTask,
    sandbox: SandboxControl,
    break_in_chunk_2: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if by == "jsms":
        sandbox.fault(CALL, "code", code=50027)
    else:
        require = SendTime.require_future

        def pass_by(moment: SendTime, now: datetime) -> None:
            if posts(sandbox):
                raise JsmsPastSendTimeError("send_time has passed.")
            require(moment, now)

        monkeypatch.setattr(SendTime, "require_future", pass_by)
    with pytest.raises(AirflowFailException, match=r"10 of 25 .* 15 are not scheduled"):
        task.run(on_past_send_time="skip")
    assert task.ti.xcoms["schedule_ids"]


class TestWithoutAStore:
    @pytest.fixture(autouse=True)
    def _remove(self, task: CampaignTask) -> None:
        task.store = None

    def test_a_failure_in_the_middle_is_final_and_says_who_is_left(
        self, task: CampaignTask, sandbox: SandboxControl, break_in_chunk_2: None
    ) -> None:
        sandbox.fault(CALL, "code", code=50009)
        with pytest.raises(JsmsNoRetryError, match="after it had submitted") as caught:
            task.run()
        text = str(caught.value)
        assert "10 of 25" in text
        assert "a new run with them alone" in text

    def test_an_unknown_outcome_is_no_reason_for_a_new_run(
        self, task: CampaignTask, sandbox: SandboxControl, break_in_chunk_2: None
    ) -> None:
        sandbox.fault(CALL, "accepted_then_closed")
        with pytest.raises(JsmsUncertainError, match=r"Neither clear .* nor trigger") as caught:
            task.run()
        assert "resubmit" not in str(caught.value)
        assert "10 of 25 recipients are scheduled" in str(caught.value)

    def test_a_later_try_does_not_know(self, task: CampaignTask, sandbox: SandboxControl) -> None:
        task.run()
        with pytest.raises(JsmsUncertainError, match="keeps no record"):
            task.run()
        assert posts(sandbox) == 3


def test_a_chunk_is_of_a_thousand_and_progress_is_logged(
    task: CampaignTask,
    sandbox: SandboxControl,
    chunks_of_a_thousand: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger=rooms.__name__):
        task.run(recipients=recipients(2500))
    assert [len(each["body"]["recipients"]) for each in changes(sandbox)] == [1000, 1000, 500]
    assert [record.message for record in caplog.records if "done" in record.message] == [
        f"{count} of 2,500 recipients done" for count in ("1,000", "2,000", "2,500")
    ]


def test_what_cannot_be_handed_on_does_not_hide_the_error(
    task: CampaignTask,
    sandbox: SandboxControl,
    break_in_chunk_2: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.fault(CALL, "code", code=50014)

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(TaskInstance, "xcom_push", fail)
    with pytest.raises(JsmsAccountError):
        task.run()


def test_an_error_does_not_take_for_unscheduled_what_earlier_tries_have_scheduled(
    task: CampaignTask, sandbox: SandboxControl
) -> None:
    schedule_ids = task.run()["schedule_ids"]
    sandbox.fault("query_schedule", "slow", seconds=0)
    sandbox.fault("query_schedule", "code", code=50002)
    with pytest.raises(AirflowFailException) as caught:
        task.clear()
    assert "25 of 25 recipients are scheduled" in str(caught.value)
    assert "0 are not scheduled" in str(caught.value)
    assert task.ti.xcoms["schedule_ids"] == schedule_ids


@pytest.mark.parametrize("kind", ["single", "batch"])
def test_a_time_that_has_passed_does_not_skip_a_task_whose_text_is_scheduled(
    kind: str, sandbox: SandboxControl, tomorrow: datetime
) -> None:
    """Its text will be sent as it was scheduled before: a skip would hide that."""
    task = Task(kind, tomorrow)
    assert task.store
    task.store.fail_on = {"finished"}
    task.run()
    with pytest.raises(JsmsLateChangeError, match="stands as it was"):
        task.run(send_time="2020-01-01 09:00:00", on_past_send_time="skip")


@pytest.mark.parametrize("kind", ["single", "batch"])
def test_a_time_that_has_passed_does_not_hide_that_a_submission_is_uncertain(
    kind: str, sandbox: SandboxControl, tomorrow: datetime
) -> None:
    task = Task(kind, tomorrow)
    sandbox.fault(f"submit_{'batch_' * (kind == 'batch')}schedule", "accepted_then_closed")
    with pytest.raises(JsmsUncertainError):
        task.run()
    given = {"on_past_send_time": "skip", "on_uncertain": "resubmit"}
    with pytest.raises(JsmsUncertainError):
        task.run(send_time="2020-01-01 09:00:00", **given)


def test_a_modification_that_is_refused_as_a_whole_leaves_the_schedule_known(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    sandbox.switch(all_failed_batch="no_schedule_id")
    task = Task("batch", tomorrow)
    schedule_id = task.run()
    sandbox.number(people.BEN, "invalid")
    with pytest.raises(JsmsRefusedRecipientsError, match=f"Schedule {schedule_id}.* stands"):
        task.clear(**task.to(people.BEN))
    assert task.clear() == schedule_id
    assert posts(sandbox) == 1
    assert texted(sandbox) == [people.ANNA]


def test_a_resubmission_that_is_refused_as_a_whole_leaves_it_uncertain(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    sandbox.switch(all_failed_batch="error")
    task = Task("batch", tomorrow)
    sandbox.fault(CALL, "accepted_then_closed")
    with pytest.raises(JsmsUncertainError):
        task.run()
    sandbox.number(people.ANNA, "invalid")
    with pytest.raises(JsmsUncertainError, match="says nothing about the first"):
        task.run(on_uncertain="resubmit")


def test_of_an_uncertain_part_the_advice_loses_nobody(
    task: CampaignTask, sandbox: SandboxControl, break_in_chunk_2: None
) -> None:
    sandbox.fault(CALL, "accepted_then_closed")
    with pytest.raises(JsmsUncertainError, match="10 are uncertain"):
        task.run()
    assert task.clear(on_uncertain="assume_sent")["uncertain_count"] == 10
    assert_each_person_is_texted_once(sandbox)
