"""The results that are read from replies with fields missing, null or of another type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.results import (
    Balance,
    MalformedReplyError,
    Sign,
    Template,
    read_batch_result,
    read_fields,
    read_nothing,
    read_schedule,
    read_schedule_id,
    whole_number,
)
from airflow_provider_jsms.exceptions import JsmsRefusedRecipientsError
from airflow_provider_jsms.submission.lists.refusals import FailureLimit
from tests import people
from tests.unit.api.test_calls import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_OBJECTS: list[Any] = [None, [], "text", 1, [{"schedule_id": UUID}]]
NO_IDENTIFIERS: list[Any] = [None, "", "  ", 1.5, [], {}]
FAILURE = {
    "mobile": people.BEN,
    "error_code": "50006",
    "error_message": "invalid mobile",
    "temp_para": {"code": f"{people.CANARY}-1"},
}


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_a_body_that_is_no_object_is_malformed_everywhere(body: object) -> None:
    readers: Iterator[Any] = iter(
        [
            lambda: read_schedule_id(body),
            lambda: read_batch_result(body, 1),
            lambda: read_schedule(body, UUID),
            lambda: read_fields(body, Sign),
            lambda: read_nothing(body or ""),
        ]
    )
    for read in readers:
        with pytest.raises(MalformedReplyError, match="not the expected JSON object"):
            read()


@pytest.mark.parametrize("given", NO_IDENTIFIERS)
def test_an_unusable_schedule_id_is_malformed(given: object) -> None:
    with pytest.raises(MalformedReplyError, match="no schedule_id"):
        read_schedule_id({"schedule_id": given})


@pytest.mark.parametrize("given", ["a/b", "a\nb", "a" * 129, people.ANNA, "batch"])
def test_a_schedule_id_that_no_later_call_could_name_is_malformed(given: str) -> None:
    with pytest.raises(MalformedReplyError, match="schedule_id is invalid"):
        read_schedule_id({"schedule_id": given})


@pytest.mark.parametrize(("success", "failure"), [(1, 1), ("1", "1")])
def test_a_batch_result_as_documented(success: object, failure: object) -> None:
    answer = {
        "schedule_id": UUID,
        "success_count": success,
        "failure_count": failure,
        "failure_recipients": [FAILURE],
    }
    assert read_batch_result(answer, 2) == {
        "schedule_id": UUID,
        "success_count": 1,
        "failure_count": 1,
        "failure_recipients": [FAILURE | {"error_code": 50006}],
    }


@pytest.mark.parametrize(
    ("answer", "success", "failure"),
    [
        ({}, 3, 0),
        ({"failure_recipients": None, "success_count": None, "failure_count": None}, 3, 0),
        ({"failure_recipients": []}, 3, 0),
        ({"failure_recipients": [FAILURE]}, 2, 1),
        ({"failure_count": 2}, 1, 2),
        ({"failure_count": "2", "failure_recipients": [FAILURE]}, 1, 2),
        ({"success_count": 0, "failure_count": 3}, 0, 3),
        ({"success_count": "0", "failure_recipients": [FAILURE] * 3}, 0, 3),
    ],
)
def test_counts_that_are_not_told_are_worked_out(
    answer: dict[str, Any], success: int, failure: int
) -> None:
    read = read_batch_result({"schedule_id": UUID} | answer, 3)
    assert (read["success_count"], read["failure_count"]) == (success, failure)


@pytest.mark.parametrize("value", ["text", 1, True, {"mobile": people.ANNA}])
def test_failure_recipients_that_are_no_list_are_malformed(value: object) -> None:
    with pytest.raises(MalformedReplyError, match="its recipients are not a list"):
        read_batch_result({"schedule_id": UUID, "failure_recipients": value}, 2)


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        ("mobile", None, ""),
        ("mobile", int(people.BEN), people.BEN),
        ("error_code", None, None),
        ("error_code", 50006, 50006),
        ("error_code", "50006", 50006),
        ("error_code", "x", None),
        ("error_code", True, None),
        ("error_code", 1.5, None),
        ("error_code", people.ANNA, None),
        ("error_code", int(people.ANNA), None),
        ("error_message", None, ""),
        ("error_message", 5, "5"),
        ("temp_para", None, {}),
        ("temp_para", [], {}),
        ("temp_para", "text", {}),
        ("temp_para", {"n": 1}, {"n": "1"}),
    ],
)
def test_a_failed_recipient_is_brought_to_one_form(field: str, given: object, read: object) -> None:
    answer = {"schedule_id": UUID, "failure_recipients": [FAILURE | {field: given}]}
    assert read_batch_result(answer, 2)["failure_recipients"][0][field] == read  # type: ignore[literal-required]


def test_a_failed_recipient_may_lack_every_field() -> None:
    answer = {"schedule_id": UUID, "failure_recipients": [{}]}
    assert read_batch_result(answer, 2)["failure_recipients"] == [
        {"mobile": "", "temp_para": {}, "error_code": None, "error_message": ""}
    ]


@pytest.mark.parametrize("schedule_id", [..., *NO_IDENTIFIERS])
def test_without_a_schedule_id_it_is_an_answer_only_if_nobody_was_accepted(
    schedule_id: object,
) -> None:
    answer = {} if schedule_id is ... else {"schedule_id": schedule_id}
    nobody = read_batch_result(answer | {"success_count": 0, "failure_count": 2}, 2)
    assert nobody["schedule_id"] is None
    for counts in (
        {"success_count": 1, "failure_count": 1},
        {"success_count": 0, "failure_count": 1},
        {"success_count": 1, "failure_count": 2},
        {"failure_count": 1},
        {"success_count": 0, "failure_count": 0},
        {},
    ):
        with pytest.raises(MalformedReplyError, match="no schedule_id"):
            read_batch_result(answer | counts, 2)


def test_all_refused_with_a_schedule_id_keeps_it() -> None:
    answer = {"schedule_id": UUID, "success_count": 0, "failure_count": 2}
    assert read_batch_result(answer, 2)["schedule_id"] == UUID


@pytest.mark.parametrize(
    "counts",
    [
        {"success_count": 0, "failure_count": 0},
        {"success_count": 1},
        {"success_count": 1, "failure_count": 0},
        {"success_count": 2, "failure_count": 0, "failure_recipients": [FAILURE]},
        {"failure_count": 0, "failure_recipients": [FAILURE]},
    ],
    ids=["nobody counted", "one of two", "one of two, none refused", "listed, not counted", "same"],
)
def test_a_recipient_that_was_not_accepted_never_goes_unnoticed(counts: dict[str, Any]) -> None:
    with pytest.raises((MalformedReplyError, JsmsRefusedRecipientsError)):
        FailureLimit(0).check(read_batch_result({"schedule_id": UUID} | counts, 2))


def test_a_schedule_as_documented() -> None:
    para = {"code": f"{people.CANARY}-1"}
    answer = {
        "schedule_id": UUID,
        "send_time": "2017-07-31 15:00:00",
        "temp_id": 1250,
        "recipients": [{"msg_id": "274887115920", "mobile": people.ANNA, "temp_para": para}],
    }
    assert read_schedule(answer, UUID) == answer


@pytest.mark.parametrize("answer", [{}, dict.fromkeys(("schedule_id", "send_time", "temp_id"))])
def test_a_schedule_may_lack_every_field(answer: dict[str, Any]) -> None:
    empty = {"schedule_id": "asked", "send_time": None, "temp_id": None, "recipients": []}
    assert read_schedule(answer, "asked") == empty
    assert read_schedule(answer | {"recipients": None}, "asked") == empty


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        *(("schedule_id", given, "asked") for given in NO_IDENTIFIERS),
        *(("send_time", given, None) for given in (1.5, [], {})),
        *(("temp_id", given, None) for given in ("x", 1.5, True, [], {}, "")),
        ("temp_id", "1250", 1250),
    ],
)
def test_a_field_of_a_schedule_of_another_type_is_left_out(
    field: str, given: object, read: object
) -> None:
    assert read_schedule({field: given}, "asked")[field] == read  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (288193860302, "288193860302"),
        ("288193860302", "288193860302"),
        (" 288193860302 ", "288193860302"),
        ("01658697-45d9-4644-996d-69a1b14e2bb8", "01658697-45d9-4644-996d-69a1b14e2bb8"),
        *((given, None) for given in NO_IDENTIFIERS),
    ],
)
def test_a_msg_id_is_text_or_not_there_yet(given: object, read: str | None) -> None:
    schedule = read_schedule({"recipients": [{"msg_id": given, "mobile": people.ANNA}]}, UUID)
    assert schedule["recipients"] == [{"msg_id": read, "mobile": people.ANNA, "temp_para": {}}]


def test_a_msg_id_may_be_absent() -> None:
    assert read_schedule({"recipients": [{}]}, UUID)["recipients"] == [
        {"msg_id": None, "mobile": "", "temp_para": {}}
    ]


def test_balances_are_numbers_or_not_assigned() -> None:
    answer = {"app_balance": 1, "app_voice": "22", "app_industry": None, "app_x": [], "other": 4}
    assert read_fields(answer, Balance) == {
        "app_balance": 1,
        "app_voice": 22,
        "app_industry": None,
        "app_market": None,
    }


def test_a_template_and_a_signature_are_read_whatever_type_their_numbers_have() -> None:
    template = {"temp_id": "7", "template": "Hi", "type": 2, "status": "1", "ttl": None, "x": 1}
    assert read_fields(template, Template) == {
        "temp_id": 7,
        "template": "Hi",
        "type": 2,
        "ttl": None,
        "remark": "",
        "status": 1,
    }
    assert read_fields({"sign": "诊所", "status": [], "is_default": 1}, Sign) == {
        "sign_id": None,
        "sign": "诊所",
        "status": None,
        "is_default": 1,
        "use_status": None,
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [(0, 0), ("007", 7), ("-1", None), ("１", None), (True, None), (1.0, None)],
    ids=lambda value: str(value)[:20],
)
def test_a_whole_number_is_a_number_or_ascii_digits(given: object, read: int | None) -> None:
    assert whole_number(given) == read
