"""The operator that deletes, against the sandbox: one, several, sent and unknown schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsNeverDeletedError,
    JsmsNotDeletedError,
    JsmsStateError,
)
from tests import people
from tests.unit.operators.running import UNKNOWN, TaskInstance, batch, delete, run, submit

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl


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
