"""What JSMS answers: every field missing, null, of another type, or hostile."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_jsms.api.results import (
    MalformedReplyError,
    read_balance,
    read_batch_result,
    read_nothing,
    read_schedule,
    read_schedule_id,
    whole_number,
)
from airflow_provider_jsms.exceptions import JsmsRefusedRecipientsError
from airflow_provider_jsms.submission.refusals import FailureLimit
from tests import people

UUID = "91b81a48-49f6-4eb9-a95f-020f88adcfba"
NO_OBJECTS: list[Any] = [None, [], "text", "", 1, 1.5, True, [{"schedule_id": UUID}]]
NO_IDENTIFIERS: list[Any] = [
    *(None, "", "  ", True, False, 1.5, [], {}, ["a"], "a\nb", "a\x00", "\ud800", "a" * 129)
]
FAILURE = {
    "mobile": people.BEN,
    "error_code": "50006",
    "error_message": "invalid mobile",
    "temp_para": {"code": f"{people.CANARY}-1"},
}


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_what_is_no_object_is_malformed_everywhere(body: object) -> None:
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_schedule_id(body)
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_batch_result(body, 1)
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_schedule(body, UUID)
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_balance(body)


@pytest.mark.parametrize("body", [None, {}, {"status": "deleted"}])
def test_a_deletion_answers_nothing_or_an_object(body: object) -> None:
    assert read_nothing(body, "asked") is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("body", [*NO_OBJECTS[1:], b"<html>"])
def test_anything_else_is_no_answer_to_a_deletion(body: object) -> None:
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_nothing(body, "asked")


@pytest.mark.parametrize(
    ("given", "read"), [(UUID, UUID), (f" {UUID}\n", UUID), (12, "12"), ("a" * 128, "a" * 128)]
)
def test_a_schedule_id_is_text(given: object, read: str) -> None:
    assert read_schedule_id({"schedule_id": given}) == read


@pytest.mark.parametrize("given", NO_IDENTIFIERS)
def test_an_unusable_schedule_id_is_malformed(given: object) -> None:
    with pytest.raises(MalformedReplyError, match="no schedule_id"):
        read_schedule_id({"schedule_id": given})


def test_a_missing_schedule_id_is_malformed() -> None:
    with pytest.raises(MalformedReplyError, match="no schedule_id"):
        read_schedule_id({})


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


@pytest.mark.parametrize("name", ["success_count", "failure_count"])
@pytest.mark.parametrize("value", [-1, "-1", 1.5, "1.5", "", "one", True, [], {}, "１"])
def test_a_count_that_is_none_is_malformed(name: str, value: object) -> None:
    with pytest.raises(MalformedReplyError, match=f"its {name} is not a count"):
        read_batch_result({"schedule_id": UUID, name: value}, 2)


@pytest.mark.parametrize("value", [{}, "text", 1, True, {"mobile": people.ANNA}])
def test_failure_recipients_that_are_no_list_are_malformed(value: object) -> None:
    with pytest.raises(MalformedReplyError, match="its failure_recipients is not a list"):
        read_batch_result({"schedule_id": UUID, "failure_recipients": value}, 2)


@pytest.mark.parametrize("entry", NO_OBJECTS)
def test_a_failed_recipient_that_is_no_object_is_malformed(entry: object) -> None:
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_batch_result({"schedule_id": UUID, "failure_recipients": [entry]}, 2)


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


def test_more_refusals_than_recipients_never_make_a_negative_count() -> None:
    answer = {"schedule_id": UUID, "failure_recipients": [FAILURE] * 3}
    try:
        read = read_batch_result(answer, 1)
    except MalformedReplyError:
        return
    assert read["success_count"] >= 0


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
        *(("send_time", given, None) for given in (1, 1.5, True, [], {})),
        *(("temp_id", given, None) for given in ("x", 1.5, True, [], {}, "")),
        ("temp_id", "1250", 1250),
    ],
)
def test_a_field_of_a_schedule_of_another_type_is_left_out(
    field: str, given: object, read: object
) -> None:
    assert read_schedule({field: given}, "asked")[field] == read  # type: ignore[literal-required]


@pytest.mark.parametrize("recipients", [{}, "text", 1, True])
def test_recipients_that_are_no_list_are_malformed(recipients: object) -> None:
    with pytest.raises(MalformedReplyError, match="its recipients is not a list"):
        read_schedule({"recipients": recipients}, UUID)


@pytest.mark.parametrize("entry", NO_OBJECTS)
def test_a_recipient_that_is_no_object_is_malformed(entry: object) -> None:
    with pytest.raises(MalformedReplyError, match="not the JSON object"):
        read_schedule({"recipients": [{}, entry]}, UUID)


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


def test_a_null_parameter_is_not_read_as_the_word_none() -> None:
    # The official Java client can send a JSON null, so JSMS can answer one.
    schedule = read_schedule({"recipients": [{"temp_para": {"code": None}}]}, UUID)
    assert schedule["recipients"][0]["temp_para"].get("code", "") == ""


def test_balances_are_numbers_or_not_assigned() -> None:
    answer = {"app_balance": 1, "app_voice": "22", "app_industry": None, "app_x": [], "other": 4}
    assert read_balance(answer) == {
        "app_balance": 1,
        "app_voice": 22,
        "app_industry": None,
    }
    assert read_balance({}) == {}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (0, 0),
        (-1, -1),
        (10**30, 10**30),
        ("0", 0),
        ("007", 7),
        ("9" * 128, int("9" * 128)),
        ("9" * 129, None),
        ("9" * 5000, None),
        *((given, None) for given in ("", "-1", "+1", "1.0", " 1", "1 ", "1e3", "１", "²", "x")),
        *((given, None) for given in (None, True, False, 1.0, float("nan"), [], {}, b"1")),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, int) else None,
)
def test_a_whole_number_is_a_number_or_ascii_digits(given: object, read: int | None) -> None:
    assert whole_number(given) == read
