"""Ids, tags and texts: what is accepted, and what is refused before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from airflow_provider_jsms.api.arguments import once_key_of, required_id, tag_of
from airflow_provider_jsms.api.recipients import parameters_of, recipients_of
from tests import people
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE = f"{people.CANARY}-secret"
LONE = "\ud83d"


class Level(IntEnum):
    GOLD = 3


@pytest.mark.parametrize(
    ("function", "value", "where"),
    [
        (parameters_of, {"n": f"{VALUE}{LONE}"}, "temp_para contains"),
        (parameters_of, {f"n{LONE}": VALUE}, "temp_para contains"),
        (tag_of, LONE, "tag"),
        (
            lambda value: recipients_of([{"mobile": people.ANNA, "temp_para": value}]),
            {"n": LONE},
            "temp_para contains",
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
    ("value", "read"),
    [
        *((1, 1), ("1", 1), ("0012", 12), (10**18 - 1, 10**18 - 1), (Level.GOLD, 3)),
        *((" 12\n", 12), ("\u00a012", 12), (Decimal(12), 12), (Decimal("1.2E1"), 12)),
        *((np.int64(12), 12), (np.uint8(12), 12)),
    ],
)
def test_an_id_is_a_positive_whole_number(value: object, read: int) -> None:
    assert required_id("temp_id", value) == read
    assert type(required_id("temp_id", value)) is int


NO_IDS: list[Any] = [
    *(0, "0", "000", -1, "-1", "+1", "1.0", "1e3", True, False, [], {}, [1], b"1", "１", "x"),
    *("1 0", "1_0", "0x1", 10**18, Decimal("1.0"), Decimal("NaN"), Decimal("1.5"), Decimal(-1)),
]


@pytest.mark.parametrize("value", [None, "", *NO_IDS])
def test_anything_else_is_no_id(value: object) -> None:
    text = refusal_of(required_id, "temp_id", value)
    assert text.startswith("temp_id ")
    assert "JSMS console" in text
    assert text.isprintable()


@pytest.mark.parametrize("value", [7.0, np.float64(7), float("nan")])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (required_id, "sign_id"),
        (required_id, "temp_id"),
        (lambda _, it: once_key_of(it), "once_key"),
    ],
)
def test_a_float_is_of_a_table_with_empty_cells(
    function: Callable[[str, object], object], name: str, value: float
) -> None:
    text = refusal_of(function, name, value)
    assert text.startswith(f"{name} ")
    assert "Empty cells make a column of pandas float. Read it as text" in text
    assert "dtype=str" in text
    assert "JSMS console" not in text


@pytest.mark.parametrize("value", [people.ANNA, int(people.ANNA), f"86{people.ANNA}"])
def test_a_phone_number_in_the_wrong_argument_is_no_id_and_not_shown(value: object) -> None:
    assert people.ANNA not in refusal_of(required_id, "temp_id", value)


def test_a_param_that_is_null_is_named_as_the_cause_of_no_id() -> None:
    text = refusal_of(required_id, "sign_id", "None")
    assert "a Param that is null, or of a task that returned nothing" in text
    assert "write {{ params.sign_id or '' }}" in text
    assert "params.sign_id" not in refusal_of(required_id, "temp_id", "None")


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
