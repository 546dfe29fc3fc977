"""The length of a text, and the SMS parts that it is charged as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.api.estimate import Estimate, Wording, length_of, parts_of
from airflow_provider_jsms.sandbox.schedules import Recipient as Accepted

if TYPE_CHECKING:
    from airflow_provider_jsms.api.results import Sign, Template

SIGN: Sign = {"sign_id": 1, "sign": "四个字的", "status": 1, "is_default": 1, "use_status": 1}


def template(text: str, kind: int | None = 2) -> Template:
    return {"temp_id": 1, "template": text, "type": kind, "ttl": None, "remark": "", "status": 1}


@pytest.mark.parametrize(
    ("length", "parts"),
    [(0, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (500, 8)],
)
def test_a_text_is_charged_by_its_length(length: int, parts: int) -> None:
    assert parts_of(length) == parts


@given(st.text(alphabet="a长\n", max_size=300))
def test_it_is_charged_as_by_the_sandbox(text: str) -> None:
    charged = Accepted("", None, f"【四个字的】{text}", 1).cost
    least, most = Wording(template("{{text}}"), SIGN).lengths({"text": text})
    assert least == most
    assert parts_of(least) == charged


def test_a_line_break_is_two_characters_however_it_is_written() -> None:
    assert [length_of(text) for text in ("", "ab", "a\nb", "a\r\nb", "\n\n")] == [0, 2, 4, 4, 4]


def test_placeholders_are_replaced_as_often_as_they_occur() -> None:
    wording = Wording(template("{{a}}-{{ b_1 }}-{{a}}"), SIGN)
    assert dict(wording.names) == {"a": 2, "b_1": 1}
    assert wording.lengths({"a": "xyz", "b_1": "\n", "c": "unused"}) == (6 + 2 + 6 + 2,) * 2


def test_the_default_signature_has_2_to_10_characters() -> None:
    assert Wording(template("Hi"), None).lengths({}) == (6, 14)


@pytest.mark.parametrize(
    ("kind", "text", "least", "most"),
    [
        (3, "Sale", 9, 10),
        (3, "Sale 拒收请回复R", 11, 11),
        (3, "Sale 回TD退订", 10, 10),
        (2, "Sale", 4, 4),
        (None, "Sale", 4, 4),
    ],
)
def test_a_marketing_text_has_opt_out_words(
    kind: int | None, text: str, least: int, most: int
) -> None:
    assert Wording(template(text, kind), SIGN).lengths({}) == (least + 6, most + 6)


def test_people_are_counted_by_what_they_lack() -> None:
    estimate = Estimate(Wording(template("{{a}}{{b}}"), SIGN))
    estimate.add({"mobile": "1", "temp_para": {"a": "x", "b": "y"}})
    estimate.add({"mobile": "2", "temp_para": {"a": "", "c": "y"}}, is_due=False)
    estimate.add({"mobile": "3"})
    estimate.add({"mobile": "4", "temp_para": {"a": "x" * 500, "b": "y"}})
    assert (estimate.recipients, estimate.flawed, estimate.too_long) == (4, 3, 1)
    assert estimate.missing == {"b": 2, "a": 1}
    assert estimate.empty == {"a": 1}
    assert estimate.unused == {"c": 1}
    assert (estimate.least_parts, estimate.due_parts, estimate.parts) == (11, 10, "11")


def test_without_a_template_a_text_may_have_any_length() -> None:
    estimate = Estimate(None)
    estimate.add({"mobile": "1"})
    estimate.add({"mobile": "2"})
    assert (estimate.least_parts, estimate.most_parts, estimate.parts) == (2, 16, "2 to 16")
    assert estimate.flawed == 0
