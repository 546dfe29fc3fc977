"""Payloads: what is taken, in which form it is sent, and what is refused before anything is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

from airflow_provider_jsms.api.arguments import optional_id, required_id, schedule_id_of, tag_of
from airflow_provider_jsms.api.bodies import MOST_RECIPIENTS, batch_body, single_body
from airflow_provider_jsms.api.recipients import mobile_of, parameters_of, recipients_of
from airflow_provider_jsms.api.send_time import SendTime, service_zone
from airflow_provider_jsms.exceptions import JsmsInputError
from tests import people
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = settings(deadline=None, database=None, max_examples=250)
NINE = SendTime(datetime(2030, 7, 1, 1, tzinfo=UTC), service_zone("Asia/Shanghai"))
PLAIN = people.ANNA
GROUPS = (PLAIN[:3], PLAIN[3:7], PLAIN[7:])
VALUE = f"{people.CANARY}-secret"
UUID = "91b81a48-49f6-4eb9-a95f-020f88adcfba"
LONE = "\ud83d"
HUGE = 10**5000


class Level(IntEnum):
    GOLD = 3


@pytest.mark.parametrize(
    ("function", "value", "where"),
    [
        (parameters_of, {"n": f"{VALUE}{LONE}"}, "temp_para['n']"),
        (parameters_of, {f"n{LONE}": VALUE}, "the name of a parameter"),
        (tag_of, LONE, "tag"),
        (
            lambda value: recipients_of([{"mobile": PLAIN, "temp_para": value}]),
            {"n": LONE},
            "['n']",
        ),
    ],
    ids=["value", "name", "tag", "recipient"],
)
def test_half_a_character_is_refused_before_it_breaks_the_body(
    function: Callable[[object], object], value: object, where: str
) -> None:
    text = refusal_of(function, value)
    assert where in text
    assert "lone surrogate" in text
    assert VALUE not in text
    text.encode()


@pytest.mark.parametrize(
    "check",
    [
        mobile_of,
        lambda value: required_id("temp_id", value),
        lambda value: optional_id("sign_id", value),
        lambda value: parameters_of({"n": value}),
        tag_of,
        schedule_id_of,
    ],
    ids=["mobile", "temp_id", "sign_id", "temp_para", "tag", "schedule_id"],
)
def test_a_number_of_thousands_of_digits_is_refused_like_any_other(
    check: Callable[[object], object],
) -> None:
    with pytest.raises(JsmsInputError):
        check(HUGE)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((1, 1), ("1", 1), ("0012", 12), (10**18 - 1, 10**18 - 1), (Level.GOLD, 3)),
        *((" 12\n", 12), ("\u00a012", 12), (Decimal(12), 12), (Decimal("1.2E1"), 12)),
        *((np.int64(12), 12), (np.uint8(12), 12)),
    ],
)
def test_an_id_is_a_positive_whole_number(value: object, read: int) -> None:
    assert required_id("temp_id", value) == read
    assert optional_id("sign_id", value) == read
    assert type(required_id("temp_id", value)) is int


NO_IDS: list[Any] = [
    *(0, "0", "000", -1, "-1", "+1", 1.0, "1.0", "1e3", True, False, [], {}, [1], b"1", "１", "x"),
    *("1 0", "1_0", "0x1", 10**18, Decimal("1.0"), Decimal("NaN"), Decimal("1.5"), Decimal(-1)),
]


@pytest.mark.parametrize("value", [None, "", *NO_IDS])
def test_anything_else_is_no_id(value: object) -> None:
    text = refusal_of(required_id, "temp_id", value)
    assert text.startswith("temp_id ")
    assert "JSMS console" in text
    assert text.isprintable()


@pytest.mark.parametrize("value", NO_IDS)
def test_an_optional_id_is_checked_like_any_other(value: object) -> None:
    assert refusal_of(optional_id, "sign_id", value).startswith("sign_id ")


def test_a_param_that_is_null_is_named_as_the_cause_of_no_id() -> None:
    for check in (required_id, optional_id):
        text = refusal_of(check, "sign_id", "None")
        assert "a Param that is null, or of a task that returned nothing" in text
        assert "write {{ params.sign_id or '' }}" in text
    assert "params.sign_id" not in refusal_of(required_id, "temp_id", "None")


@pytest.mark.parametrize("value", [None, ""])
def test_an_optional_id_may_be_left_out(value: object) -> None:
    assert optional_id("sign_id", value) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        ("", None),
        ("None", None),
        (20261201, "20261201"),
        ("标签", "标签"),
        ("字" * 10, "字" * 10),
        ("😀" * 10, "😀" * 10),
    ],
)
def test_a_tag_has_at_most_ten_characters(value: object, read: str | None) -> None:
    assert tag_of(value) == read


@pytest.mark.parametrize(
    "value", ["x" * 11, "字" * 11, "x" * 10**6, 12345678901, 1.5, True, [], {}, b"x"]
)
def test_a_longer_tag_or_no_text_is_refused(value: object) -> None:
    text = refusal_of(tag_of, value)
    assert "at most 10 characters" in text
    assert len(text) < 400


@pytest.mark.parametrize("value", [None, ""])
def test_a_single_body_leaves_out_what_is_empty(value: object) -> None:
    body = single_body(send_time=NINE, mobile=PLAIN, temp_id="1250", sign_id=value, temp_para=value)
    assert list(body.items()) == [
        ("send_time", "2030-07-01 09:00:00"),
        ("mobile", PLAIN),
        ("temp_id", 1250),
    ]


@pytest.mark.parametrize("value", [None, ""])
def test_a_batch_body_leaves_out_what_is_empty(value: object) -> None:
    body = batch_body(send_time=NINE, recipients=[PLAIN], temp_id=1, sign_id=value, tag=value)
    assert list(body.items()) == [
        ("send_time", "2030-07-01 09:00:00"),
        ("temp_id", 1),
        ("recipients", [{"mobile": PLAIN}]),
    ]


@pytest.mark.parametrize("count", [1, 999, 1000])
def test_a_batch_carries_up_to_a_thousand(count: int) -> None:
    numbers = [people.number(index) for index in range(count)]
    body = batch_body(send_time=NINE, recipients=numbers, temp_id=1, sign_id=None, tag=None)
    assert [person["mobile"] for person in body["recipients"]] == numbers


@pytest.mark.parametrize(
    ("count", "why"),
    [(0, "recipients is empty"), (1001, "has 1001 entries"), (5000, "at most 1000")],
)
def test_a_batch_of_none_or_of_more_is_refused(count: int, why: str) -> None:
    numbers = [people.number(index) for index in range(count)]
    assert MOST_RECIPIENTS == 1000
    assert why in refusal_of(
        batch_body, send_time=NINE, recipients=numbers, temp_id=1, sign_id=None, tag=None
    )


@pytest.mark.parametrize("field", ["mobile", "temp_id", "sign_id", "temp_para"])
def test_a_single_body_checks_every_field(field: str) -> None:
    fields: dict[str, Any] = {"mobile": PLAIN, "temp_id": 1, "sign_id": 2, "temp_para": {"n": "1"}}
    assert field in refusal_of(single_body, send_time=NINE, **fields | {field: 1.5})


@pytest.mark.parametrize("field", ["recipients", "temp_id", "sign_id", "tag"])
def test_a_batch_body_checks_every_field(field: str) -> None:
    fields: dict[str, Any] = {"recipients": [PLAIN], "temp_id": 1, "sign_id": 2, "tag": "t"}
    assert field in refusal_of(batch_body, send_time=NINE, **fields | {field: 1.5})


GOOD_SCHEDULE_IDS = [UUID, "a", "0", "A.b_c~d-1", "x" * 128, "batch1", "1batch", "a..b"]
BAD_SCHEDULE_IDS: list[Any] = [
    *(PLAIN, f"86{PLAIN}"),  # would be told with the path
    *(
        "",
        " ",
        ".",
        "..",
        "batch",
        "a/b",
        "/a",
        "a/",
        "a/../b",
        "../batch",
        "batch/a",
        "a?b",
        "a#b",
    ),
    *(
        "%2e",
        "%2e%2e",
        "a%2fb",
        "a b",
        "a\r\nX: y",
        "a\x00",
        "a\\b",
        "a;b",
        "a:b",
    ),
    *("a@b", "a&b", "-a", "_a", "~a", ".a", "编号", "ａ", "а", "é", "x" * 129, "x" * 10**6),
    *(None, 0, 5, 1.5, True, False, [], {}, [UUID], {"schedule_id": UUID}, b"a", LONE, object()),
]


@pytest.mark.parametrize("value", GOOD_SCHEDULE_IDS)
def test_a_schedule_id_that_can_stand_in_a_path_is_kept(value: str) -> None:
    assert schedule_id_of(value) == value
    assert schedule_id_of(f" {value}\r\n") == value


def test_a_uuid_is_its_text() -> None:
    assert schedule_id_of(uuid.UUID(UUID)) == UUID


@pytest.mark.parametrize("value", BAD_SCHEDULE_IDS, ids=lambda value: repr(value)[:20])
def test_a_schedule_id_that_is_empty_or_would_change_the_path_is_refused(value: object) -> None:
    text = refusal_of(schedule_id_of, value)
    assert text.startswith("schedule_id ")
    assert text.isprintable()
    assert len(text) < 450


@pytest.mark.parametrize("value", [None, "", "None"])
def test_a_task_that_returned_nothing_is_named_as_the_cause(value: object) -> None:
    # A template renders None as the word: {{ ti.xcom_pull(...) }} of a task that returned nothing.
    assert "The task that it comes from returned nothing." in refusal_of(schedule_id_of, value)


BATCH_RESULT = {
    "schedule_id": UUID,
    "success_count": 1,
    "failure_count": 1,
    "failure_recipients": [
        {"mobile": PLAIN, "temp_para": {"n": VALUE}, "error_code": 50006, "error_message": ""}
    ],
}


@pytest.mark.parametrize(
    "check",
    [
        mobile_of,
        lambda value: required_id("temp_id", value),
        tag_of,
        schedule_id_of,
        lambda value: parameters_of([value]),
        lambda value: recipients_of([value]),
    ],
    ids=["mobile", "temp_id", "tag", "schedule_id", "temp_para", "recipients"],
)
@pytest.mark.parametrize(
    "value", [BATCH_RESULT, str(BATCH_RESULT), {"n": VALUE}, [VALUE]], ids=["result", "text", *"dl"]
)
def test_a_value_of_temp_para_in_the_wrong_place_is_not_shown(
    check: Callable[[object], object], value: object
) -> None:
    # The result of a batch submit holds the refused people; a template turns it into text.
    text = refusal_of(check, value)
    assert VALUE not in text
    assert PLAIN not in text
