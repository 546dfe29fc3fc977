"""Many recipients: checked at once or one by one, counted where they cannot be used."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api import recipients
from airflow_provider_jsms.api.columns import renaming_of
from airflow_provider_jsms.api.entries import BLOCK, BadRow, Block, Entries, entries_of
from airflow_provider_jsms.api.recipients import Checker, People, recipients_of
from airflow_provider_jsms.exceptions import JsmsInputError
from tests import people
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANY = settings(deadline=None, database=None, max_examples=250)
PLAIN = people.ANNA
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"
LONE = "\ud83d"


class Text(str):
    """A string that passes itself off as another one where it is shown."""

    __slots__ = ()

    def __str__(self) -> str:
        return "shown"


class Level(StrEnum):
    GOLD = f"{people.CANARY}-gold"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ([], []),
        ((), []),
        ([PLAIN], [{"mobile": PLAIN}]),
        ((int(PLAIN), f"+86 {people.BEN}"), [{"mobile": PLAIN}, {"mobile": people.BEN}]),
        ([{"mobile": PLAIN}], [{"mobile": PLAIN}]),
        ([{"mobile": PLAIN, "temp_para": None}], [{"mobile": PLAIN}]),
        ([{"mobile": PLAIN, "temp_para": {}}], [{"mobile": PLAIN}]),
        ([{"mobile": PLAIN, "temp_para": ""}], [{"mobile": PLAIN}]),
        (
            [MappingProxyType({"mobile": PLAIN, "temp_para": {"n": 1}})],
            [{"mobile": PLAIN, "temp_para": {"n": "1"}}],
        ),
    ],
    ids=str,
)
def test_recipients_are_brought_to_one_form(value: object, read: object) -> None:
    assert recipients_of(value).recipients == read


def test_recipients_may_come_from_a_generator() -> None:
    assert recipients_of({"mobile": each} for each in (PLAIN, people.BEN)).recipients == [
        {"mobile": PLAIN},
        {"mobile": people.BEN},
    ]


@pytest.mark.parametrize(
    "value",
    [None, "", PLAIN, f'["{PLAIN}"]', PLAIN.encode(), int(PLAIN), 1.5, True, {}, {"mobile": PLAIN}],
    ids=lambda value: type(value).__name__,
)
def test_recipients_that_are_no_list_are_refused_with_the_way_on(value: object) -> None:
    text = refusal_of(recipients_of, value)
    assert f"of type {type(value).__name__}" in text
    if isinstance(value, dict):
        assert (
            "One person is a list of one: [{...}]. A dictionary of columns becomes a list" in text
        )
    else:
        assert "render_template_as_native_obj=True" in text
        assert "stays a list." in text
    assert PLAIN not in text


@pytest.mark.parametrize("wrong", [1, 2, 10, 11, 500])
def test_every_unusable_entry_is_counted_and_ten_are_shown(wrong: int) -> None:
    people_of_list: list[Any] = [{"mobile": people.number(index)} for index in range(500)]
    for index in range(wrong):
        people_of_list[index] = {"mobile": f"{people.number(index)}0", "temp_para": {"n": VALUE}}
    text = refusal_of(recipients_of, people_of_list)
    lines = text.splitlines()
    assert lines[0].startswith(f"{wrong} of 500 recipients cannot be used")
    assert [line.partition(":")[0] for line in lines[1:]] == [
        f"entry {position}" for position in range(1, min(wrong, 10) + 1)
    ]
    assert VALUE not in text
    assert people.number(0) not in text


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({}, "it has 0 columns, none of them called 'mobile'"),
        ({"temp_para": {"n": VALUE}}, "mobile (none)"),
        ({"mobile": PLAIN, "temp_para": {}, "name": VALUE}, "but this one has name."),
        ({"mobile": PLAIN, "temp_para": {}, "b\n": 1}, "but this one has b."),
        ({"mobile": PLAIN, "temp_para": {}, people.BEN: 1}, "this one has 199****5678."),
        ({"Mobile": PLAIN, "temp_para": {"n": VALUE}}, "but this one has Mobile."),
        ({"mobile": PLAIN, 5: VALUE}, "a name for column 2 that is not a string"),
        ({"mobile": PLAIN, "": VALUE}, "column 2 holds something, but has no name"),
        ({"mobile": PLAIN, "Mobile": PLAIN}, "gives columns 1 and 2 the same name"),
        ({"number": PLAIN, "name": VALUE}, "it has 2 columns, none of them called 'mobile'"),
        ({PLAIN: people.BEN, VALUE: OTHER}, "a phone number where the names of the columns"),
        *(
            ({"mobile": PLAIN, "name": empty}, "its cell for the parameter 'name' is empty")
            for empty in (None, "", math.nan, pd.NA, pd.NaT, Decimal("NaN"))
        ),
        *(
            ({"mobile": empty, "name": VALUE}, "mobile (none)")
            for empty in (None, "", math.nan, pd.NA, pd.NaT)
        ),
        ({"mobile": PLAIN, "name": "None"}, "temp_para['name'] is the text 'None'"),
        ({"mobile": PLAIN, "temp_para": {"name": "nan"}}, "temp_para['name'] is the text 'nan'"),
        ((PLAIN, VALUE), "a row of 2 values without names (a tuple)"),
        ([PLAIN, VALUE, 3], "a row of 3 values without names (a list)"),
        ([], "a row of 0 values"),
        (np.array([PLAIN, VALUE]), "a row of 2 values without names (a ndarray)"),
        *(
            (entry, "a list within the list (a list). Join the lists")
            for entry in ([{"mobile": PLAIN}], [[PLAIN]], [[PLAIN], [VALUE]])
        ),
        *(
            ({"mobile": PLAIN, "name": empty}, "its cell for the parameter 'name' is empty")
            for empty in ("  ", "\u3000", "\n")
        ),
        ({"mobile": PLAIN, "temp_para": [VALUE]}, "temp_para is of type list"),
        ({"mobile": PLAIN, "temp_para": {"n": None}}, "temp_para['n'] is of type NoneType"),
        (None, "mobile (none)"),
        ([PLAIN, {"n": VALUE}], '[{"mobile": mobile, "name": name} for mobile, name in rows]'),
    ],
    ids=lambda value: value if isinstance(value, str) and PLAIN not in value else "",
)
def test_an_unusable_entry_says_where_and_why(entry: object, why: str) -> None:
    text = refusal_of(recipients_of, [PLAIN, entry])
    first, second = text.splitlines()
    assert first.startswith("1 of 2 recipients cannot be used")
    assert second.startswith("entry 2: ")
    assert why in second
    assert VALUE not in text
    assert PLAIN not in text


def table(count: int, *names: str) -> list[dict[str, Any]]:
    """Return entries as nearly all lists have them."""
    return [
        {
            "mobile": people.number(index),
            "temp_para": {name: f"{people.CANARY}-{name}-{index}" for name in names},
        }
        for index in range(count)
    ]


def outcome_of(entries: list[Any]) -> tuple[Any, ...]:
    """Return all that can be seen of a check: who is usable, their rows, and the errors."""
    checker = Checker("entry")
    persons = checker.check(Block(entries, range(1, len(entries) + 1)))
    error = ""
    try:
        checker.conclude()
    except JsmsInputError as refusal:
        error = str(refusal)
    return (
        persons.recipients,
        json.dumps(persons.recipients, sort_keys=True),
        list(persons.rows),
        persons.content,
        len(persons),
        error,
    )


def outcome_piece_by_piece(entries: list[Any]) -> tuple[Any, ...]:
    """Return the same where nothing is seen at once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(recipients, "_alike", lambda entries: None)
        return outcome_of(entries)


def assert_both_ways_agree(entries: list[Any]) -> None:
    thorough = outcome_piece_by_piece(entries)
    assert thorough[-1] == ""
    assert outcome_of(entries) == thorough


ALIKE: list[list[Any]] = [
    [PLAIN],
    [PLAIN, people.BEN, PLAIN],
    table(3, "a"),
    table(3, "b", "a"),
    table(2, "名字😀", '", "b": "', " ", "mobile", "temp_para", "{", "0"),
    [{"temp_para": {"a": VALUE}, "mobile": PLAIN}, {"mobile": PLAIN, "temp_para": {"a": OTHER}}],
    [
        {"mobile": PLAIN, "temp_para": {"a": VALUE, "b": OTHER}},
        {"mobile": PLAIN, "temp_para": {"b": OTHER, "a": VALUE}},
    ],
    [{"mobile": PLAIN, "temp_para": {"a": "", "b": f'{VALUE}", "b": "\n\x1e\x00{PLAIN}'}}],
    [{"mobile": Text(PLAIN), "temp_para": {Text("a"): Text(VALUE)}}],
    [{"mobile": PLAIN, "temp_para": {"a": Level.GOLD}}],
]


@pytest.mark.parametrize("entries", ALIKE, ids=range(len(ALIKE)))
def test_entries_that_are_alike_are_seen_at_once_to_be_what_each_of_them_is(
    entries: list[Any],
) -> None:
    assert_both_ways_agree(entries)
    with pytest.MonkeyPatch.context() as monkeypatch:
        # Whoever looked at them piece by piece would fail.
        monkeypatch.setattr(recipients, "recipient", None)
        assert outcome_of(entries)[-1] == ""


USABLE_ODDITIES: list[list[Any]] = [
    [PLAIN, int(PLAIN)],
    [PLAIN, f"+86{people.BEN}"],
    [PLAIN, f"86 {people.BEN}"],
    [PLAIN, Text(people.BEN)],
    [PLAIN, {"mobile": people.BEN}],
    [{"mobile": PLAIN}, {"mobile": people.BEN}],
    [{"mobile": PLAIN, "temp_para": None}, {"mobile": people.BEN, "temp_para": ""}],
    [{"mobile": PLAIN, "temp_para": {}}, {"mobile": people.BEN, "temp_para": {}}],
    [{"mobile": PLAIN, "temp_para": {"a": VALUE}}, {"mobile": people.BEN, "temp_para": {}}],
    [*table(1, "a"), *table(1, "b")],
    [*table(1, "a"), *table(1, "a", "b")],
    [*table(1, "a", "b"), *table(1, "a")],
    [*table(1, "a"), *table(1, "a\x1fb")],
    [*table(2, "a\x1f")],
    [*table(1, "a"), {"mobile": PLAIN, "temp_para": {"a": f"{VALUE}\x1f{OTHER}"}}],
    [*table(1, "a"), {"mobile": int(PLAIN), "temp_para": {"a": VALUE}}],
    [*table(1, "a"), {"mobile": f"+86{PLAIN}", "temp_para": {"a": VALUE}}],
    [*table(1, "a"), {"mobile": PLAIN, "temp_para": {"a": 741627}}],
    [*table(1, "a"), MappingProxyType(table(1, "a")[0])],
    [*table(1, "a"), {"mobile": PLAIN, "temp_para": MappingProxyType({"a": VALUE})}],
    [PLAIN, f"{people.BEN}\n"],
    [(PLAIN,), [people.BEN], np.array([people.CARA])],
    [{"mobile": PLAIN, "a": VALUE}, {"Mobile ": people.BEN, "a": VALUE}],
    [*table(1, "a"), {"mobile": PLAIN, "a": VALUE}],
]


@pytest.mark.parametrize("entries", USABLE_ODDITIES, ids=range(len(USABLE_ODDITIES)))
def test_entries_that_are_not_alike_are_looked_at_piece_by_piece_and_are_usable(
    entries: list[Any],
) -> None:
    assert recipients._alike(entries) is None
    assert_both_ways_agree(entries)
    assert len(recipients_of(entries)) == len(entries)


class Mirror(dict[str, Any]):
    """A dictionary with whatever key it is asked for."""

    def __missing__(self, key: str) -> str:
        return VALUE


UNUSABLE: list[Any] = [
    f"{PLAIN}\x1f{people.BEN}",
    f"{PLAIN}\x1f",
    f"\x1f{PLAIN}",
    *("", "\x1f", "0", "13", f"{PLAIN}0", f"{PLAIN}\x00", f"{PLAIN}{LONE}", LONE, Text("1")),
    *(None, True, 1.5, [], [PLAIN] * 2, (PLAIN, {"a": VALUE}), PLAIN.encode(), object()),
    {},
    {"mobile": f"{PLAIN}\x1f{people.BEN}", "temp_para": {"a": VALUE}},
    {"mobile": f"{PLAIN}\x1f1\x1fa", "temp_para": {"a": VALUE}},
    {"mobile": f"{PLAIN}\n{PLAIN}", "temp_para": {"a": VALUE}},
    *({"mobile": PLAIN, "temp_para": {"a": value}} for value in ("None", "nan", "NaT", "#N/A")),
    {"mobile": PLAIN, "temp_para": {"a": VALUE, "b": Text("None")}},
    {"mobile": PLAIN, "name": ""},
    {"mobile": "", "temp_para": {"a": VALUE}},
    {"mobile": [PLAIN], "temp_para": {"a": VALUE}},
    {"mobile": None, "temp_para": {"a": VALUE}},
    {"temp_para": {"a": VALUE}},
    {"temp_para": {"a": VALUE}, "Mobile": PLAIN},
    {"mobile": PLAIN, "tempPara": {"a": VALUE}},
    {"mobile": PLAIN, "temp_para": {"a": VALUE}, "name": VALUE},
    {"mobile": PLAIN, "temp_para": {"a": LONE}},
    {"mobile": PLAIN, "temp_para": {f"a{LONE}": VALUE}},
    {"mobile": PLAIN, "temp_para": {"": VALUE}},
    {"mobile": PLAIN, "temp_para": {"a": VALUE, "": VALUE}},
    {"mobile": PLAIN, "temp_para": {1: VALUE}},
    {"mobile": PLAIN, "temp_para": {"a": VALUE, 1: VALUE}},
    {"mobile": PLAIN, "temp_para": {None: VALUE}},
    {"mobile": PLAIN, "temp_para": {b"a": VALUE}},
    {"mobile": PLAIN, "temp_para": {("a",): VALUE}},
    *(
        {"mobile": PLAIN, "temp_para": {"a": value}}
        for value in (None, True, 1.5, [], [VALUE], {}, {"a": VALUE}, VALUE.encode())
    ),
    *({"mobile": PLAIN, "temp_para": value} for value in (VALUE, [], [VALUE], 0, False, {VALUE})),
    Mirror(mobile=PLAIN, temp_para={"a": None}),
    BadRow("it is no row."),
]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("others", [[PLAIN] * 2, table(2, "a")], ids=["bare", "table"])
@pytest.mark.parametrize("entry", UNUSABLE, ids=range(len(UNUSABLE)))
def test_an_unusable_entry_is_found_among_any_others(
    others: list[Any], entry: object, place: int
) -> None:
    entries = [*others[:place], entry, *others[place:]]
    thorough = outcome_piece_by_piece(entries)
    assert outcome_of(entries) == thorough
    lines = thorough[-1].splitlines()
    assert lines[0].startswith("1 of 3 recipients cannot be used")
    assert lines[1].startswith(f"entry {place + 1}: ")
    assert len(lines) == 2
    assert [row[0] for row in thorough[2]] == [
        each if isinstance(each, str) else each["mobile"] for each in others
    ]


@pytest.mark.parametrize("entry", UNUSABLE, ids=range(len(UNUSABLE)))
def test_unusable_entries_that_are_all_alike_are_no_people(entry: object) -> None:
    for count in (1, 2, 3):
        assert recipients._alike([entry] * count) is None
        text = refusal_of(recipients_of, [entry] * count)
        assert text.startswith(f"{count} of {count} recipients cannot be used")


PIECES = ["", "a", "b", "1", '", "b": "', "{", "\x1f", VALUE, people.BEN, "名😀", "\n", "\x00"]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=2).map("".join).filter(bool)
VALUES = st.lists(st.sampled_from(PIECES), max_size=3).map(lambda parts: VALUE + "".join(parts))
NUMBERS = st.integers(0, 3).map(people.number)
Person = tuple[str, dict[str, str]]


@st.composite
def tables(draw: st.DrawFn) -> list[Person]:
    """Make people with parameters of the same names, each in an order of its own."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    count = draw(st.integers(1, 5))
    return [
        (draw(NUMBERS), {name: draw(VALUES) for name in draw(st.permutations(names))})
        for _ in range(count)
    ]


PERSONS = st.tuples(NUMBERS, st.dictionaries(NAMES, VALUES, max_size=3))
WRITTEN_NUMBERS: list[Callable[[str], object]] = [
    str,
    int,
    Text,
    lambda number: f"+86{number}",
    lambda number: f"86-{number[:3]} {number[3:]}",
]
WRITTEN_PARAMETERS: list[Callable[[dict[str, str]], object]] = [
    dict,
    MappingProxyType,
    lambda parameters: dict(reversed(parameters.items())),
    lambda parameters: {name: Text(value) for name, value in parameters.items()},
    lambda parameters: {Text(name): value for name, value in parameters.items()},
    lambda parameters: parameters or None,
    lambda parameters: parameters or "",
]


def written_plainly(person: Person) -> object:
    number, parameters = person
    return {"mobile": number, "temp_para": parameters} if parameters else number


@st.composite
def written(draw: st.DrawFn, person: Person) -> object:
    """Make an entry that stands for a person, in one of the many ways that are understood."""
    number = draw(st.sampled_from(WRITTEN_NUMBERS))(person[0])
    parameters = draw(st.sampled_from(WRITTEN_PARAMETERS))(person[1])
    entries: list[Any] = [
        {"mobile": number, "temp_para": parameters},
        {"temp_para": parameters, "mobile": number},
        MappingProxyType({"mobile": number, "temp_para": parameters}),
    ]
    if not person[1]:
        entries += [number, {"mobile": number}]
    return draw(st.sampled_from(entries))


@st.composite
def lists_of_people(draw: st.DrawFn) -> tuple[list[Person], list[Any]]:
    """Make people, and entries that stand for them: all alike, or nearly, or each in its way."""
    persons = draw(tables() | st.lists(PERSONS, min_size=1, max_size=5))
    odd = draw(st.sampled_from([0.0, 0.2, 1.0]))
    entries = [
        draw(written(person)) if draw(st.floats(0, 1)) < odd else written_plainly(person)
        for person in persons
    ]
    return persons, entries


@given(lists_of_people())
@MANY
def test_seen_at_once_or_piece_by_piece_entries_are_the_people_they_stand_for(
    made: tuple[list[Person], list[Any]],
) -> None:
    persons, entries = made
    assert_both_ways_agree(entries)
    read = recipients_of(entries)
    assert [(each["mobile"], each.get("temp_para", {})) for each in read.recipients] == persons
    assert all(each.get("temp_para", True) for each in read.recipients)


@given(lists_of_people(), st.lists(st.sampled_from(UNUSABLE), max_size=3), st.randoms())
@MANY
def test_seen_at_once_or_piece_by_piece_the_same_entries_are_unusable(
    made: tuple[list[Person], list[Any]], unusable: list[Any], random: Any
) -> None:
    entries = [*made[1], *unusable]
    random.shuffle(entries)
    thorough = outcome_piece_by_piece(entries)
    assert outcome_of(entries) == thorough
    assert len(thorough[0]) == len(made[0])
    assert len(thorough[-1].splitlines()) == (1 + len(unusable) if unusable else 0)


@given(lists_of_people(), lists_of_people())
@MANY
def test_two_lists_have_the_same_content_only_if_they_are_of_the_same_people(
    made: tuple[list[Person], list[Any]], other: tuple[list[Person], list[Any]]
) -> None:
    for some, others in ((made, other), (made, (made[0], [*map(written_plainly, made[0])]))):
        same = recipients_of(some[1]).content == recipients_of(others[1]).content
        assert same == (some[0] == others[0])


@given(st.lists(PERSONS, min_size=2, max_size=4))
@MANY
def test_who_is_within_the_last_value_of_another_is_not_taken_for_somebody_of_the_list(
    persons: list[Person],
) -> None:
    (number, parameters), *rest = persons
    parameters = parameters | {"z": VALUE}
    entries = [
        written_plainly((number, parameters)),
        *[written_plainly(person) for person in rest],
    ]
    within = recipients_of(entries[1:]).content.decode()
    swallowed = written_plainly((number, parameters | {"z": f"{VALUE}\x1f{within}"}))
    assert recipients_of(entries).content != recipients_of([swallowed]).content


@pytest.mark.parametrize("count", [1, 2, 3])
def test_numbers_that_are_joined_are_not_taken_for_as_many_entries(count: int) -> None:
    numbers = [people.number(index) for index in range(count + 1)]
    joined = ["\x1f".join(numbers[:2]), *numbers[2:]]
    assert refusal_of(recipients_of, joined).startswith(f"1 of {count} recipients")
    assert refusal_of(recipients_of, [*numbers, "\x1f".join(numbers)]).startswith(
        f"1 of {count + 2} recipients"
    )


def test_the_content_of_no_people_is_empty_and_of_others_is_not() -> None:
    assert People().content == recipients_of([]).content == b""
    assert recipients_of([PLAIN]).content == f"{PLAIN}\x1f0".encode()


def test_recipients_that_were_checked_are_not_checked_again() -> None:
    checked = recipients_of([PLAIN])
    assert recipients_of(checked) is checked


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 2000, 2500])
def test_recipients_of_several_blocks_stay_in_order(size: int) -> None:
    entries: list[Any] = table(size, "a")
    entries[size // 2] = MappingProxyType(entries[size // 2])
    read = recipients_of(entries)
    assert read.recipients == table(size, "a")
    assert [row[0] for row in read.rows] == [entry["mobile"] for entry in entries]
    assert len(read.content.split(b"\x1f")) == 4 * size


def test_places_are_told_across_blocks_and_errors_counted_over_all_of_them() -> None:
    entries: list[Any] = table(3 * BLOCK + 5, "a")
    wrong = [0, BLOCK - 1, BLOCK, 2 * BLOCK, 3 * BLOCK + 4]
    for position in wrong:
        entries[position] = {"mobile": PLAIN, "temp_para": {"a": None}}
    lines = refusal_of(recipients_of, entries).splitlines()
    assert lines[0].startswith(f"5 of {3 * BLOCK + 5} recipients cannot be used")
    assert [line.partition(":")[0] for line in lines[1:]] == [
        f"entry {position + 1}" for position in wrong
    ]


def test_ten_errors_are_shown_of_all_blocks_together() -> None:
    entries = [
        f"{PLAIN}0" if index % 400 in {0, 1, 2} else people.number(index) for index in range(2400)
    ]
    lines = refusal_of(recipients_of, entries).splitlines()
    assert lines[0].startswith("18 of 2400 recipients cannot be used")
    assert [line.partition(":")[0] for line in lines[1:]] == [
        f"entry {place}" for place in (1, 2, 3, 401, 402, 403, 801, 802, 803, 1201)
    ]


def test_places_are_those_of_the_block_and_called_what_the_source_calls_them() -> None:
    checker = Checker("line")
    usable = checker.check(Block([PLAIN, BadRow("it is torn."), people.BEN, ""], [2, 3, 7, 11]))
    assert [person["mobile"] for person in usable.recipients] == [PLAIN, people.BEN]
    with pytest.raises(JsmsInputError) as caught:
        checker.conclude()
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("2 of 4 recipients cannot be used")
    assert second == "line 3: it is torn."
    assert third.startswith("line 11: mobile (none)")


def test_nothing_is_raised_at_the_end_where_everything_was_usable() -> None:
    checker = Checker("entry")
    checker.conclude()
    checker.check(Block([PLAIN], [1]))
    checker.conclude()


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2500])
def test_entries_come_in_blocks_with_their_places(size: int) -> None:
    numbers = [people.number(index) for index in range(size)]
    blocks = list(Entries(numbers).blocks())
    assert [len(block.entries) for block in blocks] == [
        *[1000] * (size // 1000),
        *([size % 1000] if size % 1000 else []),
    ]
    assert [entry for block in blocks for entry in block.entries] == numbers
    assert [place for block in blocks for place in block.places] == list(range(1, size + 1))


ONCE: list[Callable[[list[str]], object]] = [
    iter,
    lambda numbers: (each for each in numbers),
    lambda numbers: map(str, numbers),
    lambda numbers: zip(numbers, strict=True),
]


@pytest.mark.parametrize("once", ONCE, ids=["iterator", "generator", "map", "zip"])
def test_what_can_be_gone_through_once_can_be_gone_through_twice_as_entries(
    once: Callable[[list[str]], object],
) -> None:
    numbers = [people.number(index) for index in range(1500)]
    entries = Entries(once(numbers))
    first, second = list(entries.blocks()), list(entries.blocks())
    assert sum(len(block.entries) for block in first) == 1500
    assert first == second


def test_what_can_be_gone_through_often_is_not_kept_but_read_anew() -> None:
    class Lazy:
        read = 0

        def __iter__(self) -> Iterator[str]:
            Lazy.read += 1
            return map(people.number, range(2500))

    entries = Entries(Lazy())
    assert Lazy.read <= 1  # to see whether it is an iterator
    before = Lazy.read
    assert sum(len(block.entries) for block in entries.blocks()) == 2500
    assert sum(len(block.entries) for block in entries.blocks()) == 2500
    assert Lazy.read == before + 2


def test_only_a_block_of_what_is_lazy_is_read_at_a_time() -> None:
    class Counting:
        read = 0

        def __iter__(self) -> Iterator[str]:
            for index in range(2500):
                Counting.read += 1
                yield people.number(index)

    blocks = Entries(Counting()).blocks()
    next(blocks)
    assert Counting.read == BLOCK


@pytest.mark.parametrize(
    "entries",
    [table(6, "a"), [PLAIN, int(people.BEN), *table(4, "a\x1f")]],
    ids=["alike", "odd"],
)
def test_people_can_be_divided_and_joined_again(entries: list[Any]) -> None:
    everybody = recipients_of(entries)
    rows = list(everybody.rows)
    for first in range(7):
        for end in range(first, 7):
            part = everybody.part(first, end)
            assert part.recipients == everybody.recipients[first:end]
            assert list(part.rows) == rows[first:end]
            assert part.content == recipients_of(entries[first:end]).content
            joined = everybody.part(0, first) + part + everybody.part(end, 6)
            assert joined.recipients == everybody.recipients
            assert joined.content == everybody.content
    some = everybody.only([0, 2, 5])
    assert some.recipients == [everybody.recipients[at] for at in (0, 2, 5)]
    assert some.content == recipients_of([entries[at] for at in (0, 2, 5)]).content
    assert not everybody.only([])
    assert everybody.only(range(6)).content == everybody.content


def test_rows_of_people_can_be_gone_through_as_often_as_needed() -> None:
    for entries in (table(3, "a"), [PLAIN, people.BEN], [int(PLAIN)]):
        everybody = recipients_of(entries)
        assert list(everybody.rows) == list(everybody.rows)
        assert len(list(everybody.rows)) == len(entries)


ROWS = [{"mobile": PLAIN, "name": VALUE}, {"mobile": people.BEN, "name": OTHER}]
TWO: list[Any] = [
    {"mobile": PLAIN, "temp_para": {"name": VALUE}},
    {"mobile": people.BEN, "temp_para": {"name": OTHER}},
]
BARE: list[Any] = [{"mobile": PLAIN}, {"mobile": people.BEN}]
CSV = f"mobile,name\n{PLAIN},{VALUE}\n{people.BEN},{OTHER}\n"
INTEGERS = [int(PLAIN), int(people.BEN)]
# The rows that a database hook returns.
TABLES: dict[str, tuple[Callable[[], object], list[Any]]] = {
    "rows": (lambda: ROWS, TWO),
    "DictReader": (lambda: csv.DictReader(io.StringIO(CSV)), TWO),
    "DictReader, mark": (lambda: csv.DictReader(io.StringIO(f"\ufeff{CSV}")), TWO),
    "DictReader, empty column": (
        lambda: csv.DictReader(
            io.StringIO(f"mobile,name,\n{PLAIN},{VALUE},\n{people.BEN},{OTHER},,\n")
        ),
        TWO,
    ),
    "pandas": (lambda: pd.DataFrame(ROWS), TWO),
    "pandas, another order": (lambda: pd.DataFrame(ROWS)[["name", "mobile"]], TWO),
    "pandas, a capital": (
        lambda: pd.DataFrame(ROWS).rename(columns={"mobile": " Mobile"}),
        TWO,
    ),
    "pandas, integers": (
        lambda: pd.DataFrame({"mobile": INTEGERS, "name": [VALUE, OTHER]}),
        TWO,
    ),
    "pandas, an index": (lambda: pd.DataFrame(ROWS, index=[7, 3]), TWO),
    "pandas, empty rows": (
        lambda: pd.DataFrame([*ROWS, {}, {"mobile": "", "name": None}]),
        TWO,
    ),
    "pandas, empty column": (
        lambda: pd.read_csv(io.StringIO(CSV.replace("\n", ",\n")), dtype=str),
        TWO,
    ),
    "pandas, records": (lambda: pd.DataFrame(ROWS).to_dict("records"), TWO),
    "pandas, temp_para": (lambda: pd.DataFrame(TWO), TWO),
    "pandas, one column": (lambda: pd.DataFrame({"mobile": INTEGERS}), BARE),
    "pandas, series": (lambda: pd.Series(INTEGERS), BARE),
    "pandas, index": (lambda: pd.Index([PLAIN, people.BEN]), BARE),
    "pandas, no rows": (lambda: pd.DataFrame({"mobile": [], "name": []}), []),
    "polars": (lambda: pl.DataFrame(ROWS), TWO),
    "polars, integers": (
        lambda: pl.DataFrame({"name": [VALUE, OTHER], "mobile": INTEGERS}),
        TWO,
    ),
    "polars, series": (lambda: pl.Series([PLAIN, people.BEN]), BARE),
    "numpy, texts": (lambda: np.array([PLAIN, people.BEN]), BARE),
    "numpy, integers": (lambda: np.array(INTEGERS), BARE),
    "numpy, one column": (lambda: np.array([[PLAIN], [people.BEN]]), BARE),
    "tuples": (lambda: [(PLAIN,), (people.BEN,)], BARE),
    "lists": (lambda: [[int(PLAIN)], [Decimal(people.BEN)]], BARE),
    "zip": (lambda: zip([PLAIN, people.BEN], strict=True), BARE),
    "keys": (lambda: dict.fromkeys([PLAIN, people.BEN]).keys(), BARE),
    "values": ({"a": PLAIN, "b": people.BEN}.values, BARE),
}


@pytest.mark.parametrize(("make", "read"), TABLES.values(), ids=TABLES)
def test_a_table_is_read_by_the_names_of_its_columns(
    make: Callable[[], object], read: list[Any]
) -> None:
    assert recipients_of(make()).recipients == read


def test_a_table_has_blocks_of_rows_with_their_places() -> None:
    frame = pd.DataFrame({"mobile": map(people.number, range(2500)), "name": VALUE})
    frame.loc[3:5] = None
    source = entries_of(frame)
    for _ in range(2):
        blocks = list(source.blocks())
        assert [len(block.entries) for block in blocks] == [1000, 1000, 497]
        assert list(blocks[0].places[:5]) == [1, 2, 3, 7, 8]


FRAMES: list[Callable[[Any], Any]] = [pd.DataFrame, pl.DataFrame]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("empty", [None, "", math.nan])
def test_an_empty_cell_of_a_table_is_refused_by_its_row(
    frame: Callable[[Any], Any], empty: object
) -> None:
    text = refusal_of(recipients_of, frame({"mobile": [PLAIN, people.BEN], "name": [VALUE, None]}))
    assert text.splitlines()[1] == (
        "row 2: its cell for the parameter 'name' is empty, which JSMS refuses."
    )
    text = refusal_of(recipients_of, frame({"mobile": [PLAIN, None], "name": [VALUE, OTHER]}))
    assert text.splitlines()[1].startswith("row 2: mobile (none)")
    assert "row 2: mobile (none)" in refusal_of(recipients_of, frame({"mobile": [PLAIN, None]}))


def test_numbers_of_a_table_that_became_floats_are_refused_with_the_way_on() -> None:
    frame = pd.read_csv(io.StringIO(f"mobile,name\n{PLAIN},{VALUE}\n,{OTHER}\n"))
    text = refusal_of(recipients_of, frame)
    assert "row 1: mobile (a float) " in text
    assert "dtype=str" in text


WITHOUT_MOBILE: dict[str, tuple[Callable[[], object], str]] = {
    "headerless": (
        lambda: pd.read_csv(io.StringIO(f"{PLAIN}\n{people.BEN}\n"), dtype=str),
        "recipients, a DataFrame, has a phone number where the names of the columns are expected",
    ),
    "other names": (
        lambda: pd.DataFrame({"手机号": [PLAIN], "姓名": [VALUE]}),
        "recipients, a DataFrame, has 2 columns, none of them called 'mobile'",
    ),
    "numbered": (
        lambda: pd.DataFrame([[PLAIN, VALUE]]),
        "recipients, a DataFrame, has 2 columns, none of them called 'mobile'",
    ),
    "partly numbered": (
        lambda: pd.DataFrame({"mobile": [PLAIN], 0: [VALUE]}),
        "has a name for column 2 that is not a string",
    ),
    "index": (
        lambda: pd.DataFrame(ROWS).set_index("mobile"),
        "recipients is a DataFrame with mobile as its index, which is no column",
    ),
    "polars": (
        lambda: pl.DataFrame({"number": [PLAIN]}),
        "recipients, a DataFrame, has 1 column, none of them called 'mobile'",
    ),
    "twice": (
        lambda: pd.DataFrame([[PLAIN, PLAIN]], columns=["mobile", "mobile"]),
        "gives columns 1 and 2 the same name",
    ),
    "columns": (
        lambda: {"mobile": [PLAIN], "name": [VALUE]},
        "recipients is of type dict: a list is needed",
    ),
    "lazy": (lambda: pl.LazyFrame(ROWS), "recipients is of type LazyFrame: a list is needed"),
    "two columns": (
        lambda: np.array([[PLAIN, VALUE]]),
        "entry 1: a row of 2 values without names (a ndarray)",
    ),
    "items": (
        {PLAIN: VALUE}.items,
        "entry 1: a row of 2 values without names (a tuple)",
    ),
}


@pytest.mark.parametrize(("make", "why"), WITHOUT_MOBILE.values(), ids=WITHOUT_MOBILE)
def test_a_table_without_a_column_for_the_number_is_refused(
    make: Callable[[], object], why: str
) -> None:
    text = refusal_of(recipients_of, make())
    assert why in text
    for private in (PLAIN, VALUE, "手机号"):
        assert private not in text


RENAMED = {"手机号": "mobile", "姓名": "name"}
CHINESE = [{"手机号": PLAIN, "姓名": VALUE}, {"手机号": people.BEN, "姓名": OTHER}]


@pytest.mark.parametrize(
    "make",
    [list, pd.DataFrame, pl.DataFrame, iter],
    ids=["rows", "pandas", "polars", "iter"],
)
def test_columns_can_be_renamed(make: Callable[[Any], Any]) -> None:
    blocks = entries_of(make(CHINESE), RENAMED).blocks()
    assert [entry for block in blocks for entry in block.entries] == TWO


def test_a_renamed_column_that_is_missing_is_refused_by_its_name() -> None:
    with pytest.raises(JsmsInputError, match="a DataFrame, has no column '手机号', '姓名', which"):
        entries_of(pd.DataFrame(ROWS), RENAMED)
    for entry, why in [
        ({"mobile": PLAIN, "姓名": VALUE}, "it has no column '手机号', which the argument columns"),
        (PLAIN, "it has no names for the argument columns: it is a str."),
        ((PLAIN,), "it has no names for the argument columns: it is a tuple."),
    ]:
        (block,) = entries_of([CHINESE[0], entry], RENAMED).blocks()
        checker = Checker("entry")
        assert len(checker.check(block)) == 1
        with pytest.raises(JsmsInputError) as caught:
            checker.conclude()
        assert f"entry 2: {why}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{'手机号': 'mobile'}", "columns (a str of 17 characters) is not a dictionary such as"),
        (["手机号"], "columns (a list) is not a dictionary such as"),
        ({"": "mobile"}, "a header or a name that is empty"),
        ({"手机号": " "}, "a header or a name that is empty"),
        ({"手机号": None}, "a header or a name that is not a string"),
        ({1: "mobile"}, "a header or a name that is not a string"),
    ],
    ids=["text", "list", "no header", "no name", "none", "number"],
)
def test_what_is_no_renaming_is_refused(value: object, why: str) -> None:
    assert why in refusal_of(renaming_of, value)


@pytest.mark.parametrize("value", [None, "", {}])
def test_without_a_renaming_columns_keep_their_names(value: object) -> None:
    assert renaming_of(value) == {}
    assert renaming_of({" 手机号 ": "mobile "}) == {"手机号": "mobile"}


ORDER = """
from airflow_provider_jsms.api.recipients import recipients_of
numbers = [f"138{index:08d}" for index in range(10_000_000, 10_001_500)]
mixed = {*numbers, *map(int, numbers[:9]), *((each,) for each in numbers[9:20])}
import hashlib
for people in (set(numbers), frozenset(numbers), mixed):
    print(hashlib.sha256(recipients_of(people).content).hexdigest())
"""


def test_a_set_has_the_same_order_in_every_process() -> None:
    orders = {
        subprocess.run(
            [sys.executable, "-c", ORDER],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(orders) == 1
    assert len(set(orders.pop().split())) == 2
    assert recipients_of({people.BEN, PLAIN}).recipients == BARE
