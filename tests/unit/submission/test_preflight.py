"""What is checked before the first request that submits or modifies a part of a list."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsChangedListError,
    JsmsConnectionLostError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsPreflightError,
    JsmsRefusedRecipientsError,
    JsmsReviewError,
)
from tests import leaks, people
from tests.unit.submission.tries import Task, changes, posts, texted

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

EVERYBODY = [
    {"mobile": people.number(index), "temp_para": {"name": f"{people.CANARY}-{index}"}}
    for index in range(1500)
]
CALL = "submit_batch_schedule"


@pytest.fixture
def task(sandbox: SandboxControl, tomorrow: datetime) -> Task:
    """Return the task of a list in two chunks."""
    task = Task("batch", tomorrow)
    task.arguments["recipients"] = EVERYBODY
    return task


@pytest.fixture
def single(sandbox: SandboxControl, tomorrow: datetime) -> Task:
    return Task("single", tomorrow)


def calls(sandbox: SandboxControl) -> list[str]:
    return [each["call"] for each in sandbox.requests()]


def test_it_is_one_request_each(task: Task, sandbox: SandboxControl) -> None:
    task.run(sign_id="1")
    assert calls(sandbox) == ["get_template", "get_sign", "balance", CALL, CALL]


def test_it_can_be_turned_off(task: Task, sandbox: SandboxControl) -> None:
    task.run(preflight="{{ 'false' }}")
    assert calls(sandbox) == [CALL, CALL]
    with pytest.raises(JsmsInputError, match="preflight is 'perhaps'"):
        task.clear(preflight="perhaps")


def test_a_list_of_a_mistake_makes_no_request(task: Task, sandbox: SandboxControl) -> None:
    with pytest.raises(JsmsInputError):
        task.run(recipients=[*EVERYBODY, "nobody"])
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"temp_id": 7}, "Template 7 was rejected in review: correct it or use another one."),
        ({"temp_id": 3}, "1,500 of 1,500 recipients .* missing: date 1,500, place 1,500"),
    ],
)
def test_it_refuses_what_no_chunk_could_be_sent_with(
    task: Task, sandbox: SandboxControl, changed: Any, text: str
) -> None:
    with pytest.raises(JsmsPreflightError, match=text) as caught:
        task.run(**changed)
    assert changes(sandbox) == []
    assert "0 of 1,500 recipients are scheduled" in str(caught.value)
    assert "clear the task" in str(caught.value)
    assert "If JSMS accepts it all the same, set preflight=False." in str(caught.value)
    assert leaks.found_in(str(caught.value)) == []
    task.clear()
    assert len(texted(sandbox)) == 1500


def test_a_template_under_review_is_tried_again(task: Task, sandbox: SandboxControl) -> None:
    with pytest.raises(JsmsReviewError, match="Template 6 is still under review") as caught:
        task.run(temp_id=6)
    assert caught.value.code == 50020
    assert changes(sandbox) == []
    sandbox.template(6, text="{{name}}", status=1)
    task.run(temp_id=6)
    assert len(texted(sandbox)) == 1500


def test_a_balance_that_does_not_pay_for_all_is_topped_up_and_the_task_cleared(
    task: Task, sandbox: SandboxControl
) -> None:
    sandbox.account(balance=1499)
    with pytest.raises(JsmsPreflightError, match=r"app_balance 1,499.*the 1,500 SMS parts"):
        task.run()
    assert changes(sandbox) == []
    sandbox.account(balance=1500)
    task.clear()
    assert len(texted(sandbox)) == 1500


def test_only_what_is_still_to_be_submitted_has_to_be_paid(
    task: Task, sandbox: SandboxControl
) -> None:
    sandbox.fault(CALL, "slow", seconds=0)
    sandbox.fault(CALL, "code", code=50009)
    with pytest.raises(JsmsFrequencyError):
        task.run()
    sandbox.account(balance=499)
    with pytest.raises(JsmsPreflightError, match="the 500 SMS parts"):
        task.run()
    sandbox.account(balance=500)
    task.run()
    assert posts(sandbox) == 3
    before = len(sandbox.requests())
    sandbox.account(balance=0)
    task.run()
    assert calls(sandbox)[before:] == ["query_schedule"] * 2  # nothing is left to be paid


@pytest.mark.parametrize(
    ("account", "is_enough"),
    [
        ({"balance": 1000, "industry_balance": 499}, False),
        ({"balance": 1000, "industry_balance": 500}, True),
        ({"balance": 1000, "market_balance": 10**6}, False),
        ({"balance": 0, "industry_balance": 1500}, True),
    ],
)
def test_the_kind_of_the_template_decides_what_pays(
    task: Task, sandbox: SandboxControl, account: Any, is_enough: bool
) -> None:
    sandbox.account(**account)
    # The sandbox itself charges only its first balance.
    result = _end(task, JsmsPreflightError, JsmsAccountError)
    assert (result is not JsmsPreflightError) == is_enough


def _end(task: Task, *errors: type[Exception]) -> type[Exception] | None:
    try:
        task.run()
    except errors as error:
        return type(error)
    return None


def test_one_who_lacks_a_parameter_counts_as_a_refusal(
    task: Task, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    recipients = [*EVERYBODY[:9], people.ANNA]
    with pytest.raises(JsmsPreflightError, match=r"1 of 10 recipients .* missing: name 1"):
        task.run(recipients=recipients)
    caplog.set_level(logging.WARNING)
    task.run(recipients=recipients, max_failures=1)
    assert "JSMS may refuse 1 of 10 recipients: missing: name 1" in caplog.text
    assert len(texted(sandbox)) == 9


@pytest.mark.parametrize("call", ["get_template", "get_sign", "balance"])
@pytest.mark.parametrize(
    "fault", [{"kind": "code", "code": 50008}, {"kind": "closed_before_reading"}]
)
def test_an_endpoint_that_fails_does_not_stop_a_campaign(
    task: Task,
    sandbox: SandboxControl,
    no_waits: None,
    caplog: pytest.LogCaptureFixture,
    call: str,
    fault: dict[str, Any],
) -> None:
    sandbox.fault(call, times=None, **fault)
    task.run(sign_id=1)
    warned = [it.message for it in caplog.records if "Not checked before the first" in it.message]
    assert len(warned) == 1
    assert len(texted(sandbox)) == 1500


def test_a_single_text_is_submitted_without_it(single: Task, sandbox: SandboxControl) -> None:
    single.run()
    assert calls(sandbox) == ["submit_schedule"]


class TestMaxTexts:
    @pytest.mark.parametrize("most", [0, -1, "many", 1.5, True])
    def test_is_a_number(self, single: Task, sandbox: SandboxControl, most: object) -> None:
        with pytest.raises(JsmsInputError, match="max_texts is "):
            single.run(max_texts=most)
        assert sandbox.requests() == []

    def test_of_fewer_than_the_people_needs_no_request(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        with pytest.raises(JsmsPreflightError, match=r"more than max_texts \(1,499\)"):
            task.run(max_texts="{{ '1499' }}")
        assert sandbox.requests() == []

    def test_counts_parts(self, single: Task, sandbox: SandboxControl) -> None:
        long = {"name": f"{people.CANARY}{'长' * 70}"}
        with pytest.raises(JsmsPreflightError, match=r"costs 2 SMS parts \(1 recipient\)"):
            single.run(temp_para=long, max_texts=1, sign_id=1)
        assert changes(sandbox) == []
        assert single.state == "begun"
        single.run(temp_para=long, max_texts=2, sign_id=1)
        assert texted(sandbox) == [people.ANNA]

    def test_assumes_the_longest_default_signature(
        self, single: Task, sandbox: SandboxControl
    ) -> None:
        name = {"name": "长" * (70 - 12 - len("，您好，您的预约已确认。") + 1)}
        with pytest.raises(JsmsPreflightError, match="costs 1 to 2 SMS parts"):
            single.run(temp_para=name, max_texts=1)
        single.run(temp_para=name, max_texts=1, sign_id=1)
        assert texted(sandbox) == [people.ANNA]

    def test_counts_the_whole_list_in_every_try(self, task: Task, sandbox: SandboxControl) -> None:
        sandbox.fault(CALL, "slow", seconds=0)
        sandbox.fault(CALL, "code", code=50009)
        with pytest.raises(JsmsFrequencyError):
            task.run(max_texts=1500)
        with pytest.raises(JsmsPreflightError, match="1,000 of 1,500 recipients are scheduled"):
            task.run(max_texts=1499)
        task.run(max_texts=1500)
        assert len(texted(sandbox)) == 1500

    def test_holds_for_a_modification(self, single: Task, sandbox: SandboxControl) -> None:
        single.run(max_texts=1)
        long = {"name": f"{people.CANARY}{'长' * 70}"}
        with pytest.raises(JsmsPreflightError, match="more than max_texts"):
            single.clear(temp_para=long, max_texts=1)
        assert [each["method"] for each in changes(sandbox)] == ["POST"]

    def test_needs_no_balance(self, task: Task, sandbox: SandboxControl) -> None:
        task.run(max_texts=1500, preflight=False)
        assert calls(sandbox) == ["get_template", CALL, CALL]

    def test_without_the_template_ends_as_its_request_did(
        self, single: Task, sandbox: SandboxControl, no_waits: None
    ) -> None:
        sandbox.fault("get_template", "closed_before_reading", times=3)
        with pytest.raises(JsmsConnectionLostError, match="max_texts needs the template"):
            single.run(max_texts=7)
        assert changes(sandbox) == []
        single.run(max_texts=7)
        assert texted(sandbox) == [people.ANNA]

    def test_is_kept_by_the_longest_texts_without_the_template(
        self, single: Task, sandbox: SandboxControl
    ) -> None:
        sandbox.fault("get_template", "code", code=50008)
        single.run(max_texts=8)
        assert texted(sandbox) == [people.ANNA]


def test_a_file_that_changes_meanwhile_stops_the_campaign(
    task: Task, sandbox: SandboxControl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "people.csv"
    lines = [f"{each['mobile']},{each['temp_para']['name']}" for each in EVERYBODY]
    file.write_text("\n".join(["mobile,name", *lines]))
    task.run(recipients=str(file))
    assert len(texted(sandbox)) == 1500
    from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415  patched here only

    def shorten(hook: JsmsHook) -> dict[str, int]:
        file.write_text("\n".join(["mobile,name", *lines[:-1], "x"]))
        return {"app_balance": 10**6}

    monkeypatch.setattr(JsmsHook, "get_balance", shorten)
    task.run_id = "other"
    task.store = type(task.store)()
    task.tries = 0
    with pytest.raises(JsmsChangedListError):
        task.run(recipients=str(file))


def test_too_many_refusals_are_still_counted_at_the_end(
    task: Task, sandbox: SandboxControl
) -> None:
    sandbox.number(people.number(3), "invalid")
    with pytest.raises(JsmsRefusedRecipientsError):
        task.run()
