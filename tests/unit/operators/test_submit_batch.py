"""The operators of batches against the sandbox: results, refusals and modifications."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRefusedRecipientsError
from airflow_provider_jsms.operators.jsms import JsmsModifyBatchScheduleOperator
from tests import people
from tests.unit.operators.running import NAME, TaskInstance, batch, run

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl


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

    @pytest.mark.parametrize("tolerated", [0, 1])
    def test_pushes_nothing_where_the_author_wants_no_xcom(
        self, tolerated: int, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        sandbox.number(people.BEN, "invalid")
        ti = TaskInstance()
        submitted = batch(
            tomorrow, [people.ANNA, people.BEN], max_failures=tolerated, do_xcom_push=False
        )
        with nullcontext() if tolerated else pytest.raises(JsmsRefusedRecipientsError):
            run(submitted, ti)
        assert ti.xcoms == {}
