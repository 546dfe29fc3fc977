"""One recipient: what is taken, in which form it is sent, and what is refused."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from airflow_provider_jsms.api.recipient import (
    SEPARATOR,
    heading,
    mobile_of,
    parameters_of,
    recipient,
    row_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import JsmsInputError
from tests import people
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from airflow_provider_jsms.api.recipient import Recipient

MANY = settings(deadline=None, database=None, max_examples=250)
PLAIN = people.ANNA
GROUPS = (PLAIN[:3], PLAIN[3:7], PLAIN[7:])
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"
THIRD = f"{people.CANARY}-third"
HUGE = 10**5000


class Level(IntEnum):
    GOLD = 3


@pytest.mark.parametrize(
    "given_number",
    [
        *(PLAIN, int(PLAIN), f"86{PLAIN}", f"+86{PLAIN}", int(f"86{PLAIN}"), f"+86 {PLAIN}"),
        *(" ".join(GROUPS), "-".join(GROUPS), f"+86-{'-'.join(GROUPS)}", f" {PLAIN} "),
        *("  ".join(GROUPS), " ".join(PLAIN), f"8-6 {PLAIN}"),
        *(f"{PLAIN}\n", f"{PLAIN}\r\n", f"\t{PLAIN}", f"\u2028{PLAIN} \n", f"\ufeff{PLAIN}"),
        *(f"{PLAIN}\u00a0", "\u00a0".join(GROUPS), "\u3000".join(GROUPS), "\u2009".join(GROUPS)),
        *(f"{PLAIN}\u200b", "\u200b".join(PLAIN), f"\u202d{PLAIN}\u202c", f"\u200e\t{PLAIN}"),
        *("\u2013".join(GROUPS), "\u2014".join(GROUPS), "\u2011".join(GROUPS), "－".join(GROUPS)),
        *(
            "\u2212".join(GROUPS),
            "\u00ad".join(GROUPS),
            f"'{PLAIN}",
            f"＇{PLAIN}",
            f"\u2019{PLAIN}",
        ),
        *("１３８００１３８００１", f"＋８６{PLAIN}", f"（＋86）{PLAIN}", f"(+86) {PLAIN}"),
        *(f"0086{PLAIN}", f"0086-{PLAIN}", f"(0086){PLAIN}", f"(86){PLAIN}", f"' +86 {PLAIN}\t"),
        *(np.int64(PLAIN), np.str_(PLAIN), Decimal(PLAIN), Decimal(f"86{PLAIN}")),
    ],
)
def test_a_number_in_an_accepted_form_is_its_11_digits(given_number: object) -> None:
    assert mobile_of(given_number) == PLAIN


@pytest.mark.parametrize(
    "given_number",
    [
        *("", " ", "-", "1", PLAIN[:-1], f"{PLAIN}0", f"2{PLAIN[1:]}", f"0{PLAIN}", f"00{PLAIN}"),
        *(
            f"+0086{PLAIN}",
            f"++86{PLAIN}",
            f"+{PLAIN}",
            f"+1{PLAIN}",
            f"8686{PLAIN}",
            f"+85{PLAIN}",
        ),
        *(f"{PLAIN},{people.BEN}", f"{PLAIN};", f"tel:{PLAIN}", f"{PLAIN}x1", f"({PLAIN})"),
        *(
            "\t".join(GROUPS),
            "\n".join(GROUPS),
            f"''{PLAIN}",
            f"{PLAIN}'",
            f"(+86{PLAIN}",
            f"86){PLAIN}",
        ),
        *(".".join(GROUPS), "_".join(GROUPS), "ー".join(GROUPS), f"{PLAIN[:3]}****{PLAIN[7:]}"),
        *(
            "١٣٨٠٠١٣٨٠٠١",
            "1.3800138001E10",
            f"{PLAIN[:-1]}O",
            f"{PLAIN}\x00",
            f"{PLAIN}\x1f",
            "None",
        ),
        *(Decimal(f"{PLAIN}.0"), Decimal("NaN"), Decimal(f"-{PLAIN}"), -np.int64(PLAIN)),
        *(np.float64(PLAIN), np.bool_(1), math.nan, pd.NA, pd.NaT),
        *(None, True, False, 0, -int(PLAIN), 1, float(PLAIN), [], [PLAIN], (PLAIN,), {}),
        *({"mobile": PLAIN}, {PLAIN}, PLAIN.encode(), object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_other_number_is_refused_and_not_shown(given_number: object) -> None:
    text = refusal_of(mobile_of, given_number)
    assert PLAIN not in text
    assert people.BEN not in text
    assert "11 digits" in text
    assert text.isprintable()


@pytest.mark.parametrize(
    ("given_number", "told"),
    [
        (f"{PLAIN},{people.BEN}", "a str of 23 characters"),
        (f"{PLAIN},{people.BEN}", "it holds several numbers: give each of them an entry"),
        (f"{PLAIN}\n{people.BEN}", "in the recipients of JsmsSubmitBatchScheduleOperator"),
        ([PLAIN, people.BEN], "JsmsSubmitBatchScheduleOperator"),
        (f'["{PLAIN}", "{people.BEN}"]', "it is a list or a dictionary that has become text"),
        (f" {{'mobile': '{PLAIN}'}}", "parse JSON in a task of your own"),
        ("None", "is what a template makes of a Param that is null"),
        (f"{PLAIN},", "character 12 is U+002C (COMMA)"),
        (f"{PLAIN[:3]}\t{PLAIN[3:]}", "character 4 is U+0009 (a control character)"),
        (f"+86 {PLAIN}；", "character 16 is U+FF1B (FULLWIDTH SEMICOLON)"),
        (f"{PLAIN[:-1]}O", "character 11 is U+004F (LATIN CAPITAL LETTER O)"),
        (f"{PLAIN[:-1]}\u0661", "character 11 is a digit of another script (U+0660 to U+0669)"),
        (f"{PLAIN[:-1]}²", "character 11 is a numeral that is not a plain digit"),
        ("1.38E+10", "a spreadsheet has shortened it"),
        (PLAIN[:-1], "it has 10 digits"),
        (f"+1{PLAIN}", "it has 12 digits"),
        (f"2{PLAIN[1:]}", "the first of which is 1"),
        ("王芳", "it has too few digits"),
        (math.nan, "(none)"),
        (pd.NaT, "(none)"),
        (pd.NA, "it is empty"),
        (float(PLAIN), "read numbers as text, such as pandas.read_csv(..., dtype=str)"),
        ("123", "a str of 3 characters"),
        (123, "a int of 3 characters"),
        ("", "(none)"),
        (None, "(none)"),
        (float(PLAIN), "float"),
        ([PLAIN], "list"),
        ({"mobile": PLAIN}, "dict"),
        (True, "bool"),
    ],
    ids=lambda value: value if value is None or PLAIN not in str(value) else type(value).__name__,
)
def test_the_refusal_of_a_number_tells_what_was_given(given_number: object, told: str) -> None:
    assert told in refusal_of(mobile_of, given_number)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, {}),
        ("", {}),
        ({}, {}),
        (MappingProxyType({"n": VALUE}), {"n": VALUE}),
        ({"n": 741627}, {"n": "741627"}),
        ({"n": -1}, {"n": "-1"}),
        ({"n": 0}, {"n": "0"}),
        ({"n": "1e5", "m": ""}, {"n": "1e5", "m": ""}),
        ({"名字": "王芳😀", "n": 'a\nb\t"c\\'}, {"名字": "王芳😀", "n": 'a\nb\t"c\\'}),
        ({"n": Level.GOLD}, {"n": "3"}),
        ({"n": np.int64(5), "m": Decimal(7)}, {"n": "5", "m": "7"}),
        (
            {"a": "Nan", "b": "none", "c": "null", "d": "N/A"},
            {"a": "Nan", "b": "none", "c": "null", "d": "N/A"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameters_are_strings_by_name(value: object, read: dict[str, str]) -> None:
    assert parameters_of(value) == read


@pytest.mark.parametrize(
    "value",
    [[], [("n", VALUE)], (), 0, 1, True, False, 1.5, VALUE, "{}", "None", b"", {"n"}, object()],
    ids=lambda value: type(value).__name__,
)
def test_parameters_that_are_no_dictionary_are_refused_with_the_way_on(value: object) -> None:
    text = refusal_of(parameters_of, value)
    assert f"of type {type(value).__name__}" in text
    assert ".output" in text
    assert "render_template_as_native_obj=True" in text
    assert "stays a dictionary." in text
    assert VALUE not in text


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), 1e5, True, False, None, [], [VALUE], {}, {"a": VALUE}, (VALUE,), b"x", {1}],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_no_string_or_integer_is_refused_by_the_name_of_its_parameter(
    value: object,
) -> None:
    text = refusal_of(parameters_of, {"fine": VALUE, "number": value})
    assert "temp_para['number']" in text
    assert f"of type {type(value).__name__}" in text
    assert VALUE not in text


@pytest.mark.parametrize(
    ("text", "why", "other"),
    [
        ("None", "what a template makes of a Param that is null", "'none'"),
        ("nan", "what a table has where a value is missing", "'Nan'"),
        ("NaN", "what a table has where a value is missing", "'Nan'"),
        ("NaT", "what a table has where a value is missing", "'Nat'"),
        ("<NA>", "what a table has where a value is missing", "'<Na>'"),
        ("#N/A", "what a table has where a value is missing", "'#n/a'"),
        ("#REF!", "what a table has where a value is missing", "'#Ref!'"),
    ],
)
def test_a_text_that_stands_for_no_value_is_never_sent(text: str, why: str, other: str) -> None:
    for given_text in (text, Text(text)):
        told = refusal_of(parameters_of, {"fine": VALUE, "name": given_text})
        assert f"temp_para['name'] is the text {text!r}, which is {why}" in told
        assert "{{ params.name or 'customer' }}" in told
        assert f"write {other}." in told
    assert parameters_of({"name": other.strip("'")}) == {"name": other.strip("'")}


class Text(str):
    """A text of a class of its own, such as a member of an enumeration."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value", [Decimal("5.00"), Decimal("5.5"), Decimal("Infinity"), np.float64(5)]
)
def test_a_fraction_is_refused_because_nobody_knows_how_it_should_be_written(value: object) -> None:
    assert f"of type {type(value).__name__}" in refusal_of(parameters_of, {"price": value})


@pytest.mark.parametrize("name", ["", None, 1, 1.5, True, ("a",), b"n"])
def test_a_parameter_needs_a_name(name: object) -> None:
    assert "whose name is empty or not a string" in refusal_of(parameters_of, {name: VALUE})


def test_a_number_as_the_name_of_a_parameter_is_masked() -> None:
    text = refusal_of(parameters_of, {PLAIN: None})
    assert PLAIN not in text


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        (PLAIN, (PLAIN, "0")),
        ({"mobile": PLAIN, "temp_para": {"n": VALUE}}, (PLAIN, "1\x1fn", VALUE)),
        (
            {"mobile": PLAIN, "temp_para": {"b": OTHER, "a": VALUE}},
            (PLAIN, "2\x1fa\x1fb", VALUE, OTHER),
        ),
        ({"mobile": PLAIN, "temp_para": {"名": f"{VALUE}😀"}}, (PLAIN, "1\x1f名", f"{VALUE}😀")),
        (
            {"mobile": PLAIN, "temp_para": {"b": OTHER, "a": f"{VALUE}\x1f"}},
            (PLAIN, f'{{"a": "{VALUE}\\u001f", "b": "{OTHER}"}}'),
        ),
        (
            {"mobile": PLAIN, "temp_para": {"a\x1fb": VALUE}},
            (PLAIN, f'{{"a\\u001fb": "{VALUE}"}}'),
        ),
    ],
    ids=["bare", "one", "two", "wide", "separator in a value", "separator in a name"],
)
def test_rows_stay_of_the_form_from_which_recorded_fingerprints_were_made(
    entry: object, row: tuple[str, ...]
) -> None:
    assert row_of(recipient(entry)) == row


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "0"),
        (("a",), "1\x1fa"),
        (("a", "b"), "2\x1fa\x1fb"),
        (("1", "2", "3"), "3\x1f1\x1f2\x1f3"),
    ],
)
def test_a_heading_counts_the_names_and_tells_them(names: tuple[str, ...], told: str) -> None:
    assert heading(names) == told


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        (PLAIN, {"mobile": PLAIN}),
        (PLAIN, {"mobile": f"+86 {'-'.join(GROUPS)}", "temp_para": None}),
        (int(PLAIN), {"temp_para": {}, "mobile": PLAIN}),
        (
            {"mobile": PLAIN, "temp_para": {"a": VALUE, "b": OTHER}},
            {"temp_para": {"b": OTHER, "a": VALUE}, "mobile": int(PLAIN)},
        ),
        (
            {"mobile": PLAIN, "temp_para": {"a": f"{VALUE}\x1f", "b": OTHER}},
            MappingProxyType(
                {"mobile": PLAIN, "temp_para": MappingProxyType({"b": OTHER, "a": f"{VALUE}\x1f"})}
            ),
        ),
        (
            {"mobile": PLAIN, "temp_para": {"a": "3"}},
            {"mobile": PLAIN, "temp_para": {"a": Level.GOLD}},
        ),
    ],
    ids=["bare", "spaced", "integer", "order", "order and separator", "integer value"],
)
def test_the_same_person_and_text_have_the_same_row_however_they_are_written(
    entry: object, same: object
) -> None:
    row = row_of(recipient(entry))
    assert row == row_of(recipient(same))
    assert hash(row) == hash(row_of(recipient(same)))


# Of each pair the parts are the same in the same order; they are divided in another way.
DIVIDED_IN_ANOTHER_WAY: list[tuple[list[Any], list[Any]]] = [
    ([{"a": VALUE}, {}], [{"a": f"{VALUE}\x1f{people.BEN}\x1f0"}]),
    ([{"a": VALUE}, {"a": OTHER}], [{"a": f"{VALUE}\x1f{people.BEN}\x1f1\x1fa\x1f{OTHER}"}]),
    ([{"a": VALUE, "b": f"{OTHER}\x1f{THIRD}"}], [{"a": f"{VALUE}\x1f{OTHER}", "b": THIRD}]),
    ([{"a": VALUE, "b": f"{OTHER}\x1f{THIRD}"}], [{"a": OTHER, f"b\x1f{VALUE}": THIRD}]),
    ([{"a": f"{VALUE}\x1f{OTHER}"}], [{f"a\x1f{VALUE}": OTHER}]),
    ([{"a": VALUE, "b": OTHER}], [{"a": f'{VALUE}", "b": "{OTHER}'}]),
    ([{"a": f"{VALUE}\x1f", "b": OTHER}], [{"a": f'{VALUE}\x1f", "b": "{OTHER}'}]),
    ([{"a": f"{VALUE}\x1f"}], [{"a": f"{VALUE}\\u001f"}]),
    ([{"a": VALUE}], [{"a": f"{VALUE}\x1f"}]),
    ([{"a": VALUE}], [{"a\x1f": VALUE}]),
    ([{"a": VALUE, "b": OTHER}], [{"a": OTHER, "b": VALUE}]),
    ([{"a": VALUE}], [{"b": VALUE}]),
    ([{"a": VALUE}], [{}]),
    ([{"a": "", "b": VALUE}], [{"a": VALUE, "b": ""}]),
    ([{"a": ""}], [{}]),
]


def content_of(parameters: list[Any]) -> str:
    numbers = (PLAIN, people.BEN)
    rows = [
        row_of(recipient({"mobile": number, "temp_para": each}))
        for number, each in zip(numbers, parameters, strict=False)
    ]
    return SEPARATOR.join(part for row in rows for part in row)


@pytest.mark.parametrize(("some", "others"), DIVIDED_IN_ANOTHER_WAY)
def test_rows_that_are_joined_tell_different_parameters_apart(
    some: list[Any], others: list[Any]
) -> None:
    assert content_of(some) != content_of(others)


PIECES = ["", "a", "b", "1", "0", '", "b": "', "\\u001f", "{", SEPARATOR, VALUE, people.BEN]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join).filter(bool)
VALUES = st.lists(st.sampled_from(PIECES), max_size=5).map(lambda parts: VALUE + "".join(parts))
PERSONS = st.builds(
    lambda index, parameters: recipient(
        {"mobile": people.number(index), "temp_para": parameters or None}
    ),
    st.integers(0, 2),
    st.dictionaries(NAMES, VALUES, max_size=3),
)


@given(st.lists(PERSONS, max_size=4))
@MANY
def test_from_rows_that_are_joined_everybody_can_be_read_again(persons: list[Recipient]) -> None:
    joined = SEPARATOR.join(part for person in persons for part in row_of(person))
    assert read_again(joined) == [
        (person["mobile"], person.get("temp_para", {})) for person in persons
    ]


def read_again(joined: str) -> list[tuple[str, dict[str, str]]]:
    """Return who is in rows that were joined, which shows that nobody else can be."""
    parts, persons = iter(joined.split(SEPARATOR) if joined else ()), []
    for number in parts:
        told = next(parts)
        if told.startswith("{"):
            persons.append((number, json.loads(told)))
        else:
            names = [next(parts) for _ in range(int(told))]
            persons.append((number, {name: next(parts) for name in names}))
    return persons


@pytest.mark.parametrize("place", [0, 1])
def test_an_unknown_key_of_a_recipient_is_told_masked_and_its_value_is_not(place: int) -> None:
    keys = ["mobile", "temp_para"]
    keys[place] = people.BEN
    with pytest.raises(JsmsInputError) as caught:
        recipient({keys[0]: PLAIN, keys[1]: {"n": VALUE}})
    text = str(caught.value)
    assert "199****5678" in text
    assert people.BEN not in text
    assert VALUE not in text


def test_an_unknown_key_of_thousands_of_digits_is_refused_like_any_other() -> None:
    with pytest.raises(JsmsInputError):
        recipient({"mobile": PLAIN, HUGE: VALUE})
