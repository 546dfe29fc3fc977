"""Recipients: every accepted form becomes the form that is sent, anything else names its place."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.api.entries import Entries, entries_of, renaming_of
from airflow_provider_jsms.api.recipients import (
    checked,
    mobile_of,
    noun,
    parameters_of,
    recipient,
    recipients_of,
)
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRecipientsFileError
from tests import people
from tests.unit.another_process import run_in_another_process
from tests.unit.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = people.ANNA
GROUPS = (PLAIN[:3], PLAIN[3:7], PLAIN[7:])
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"


class Level(IntEnum):
    GOLD = 3


class Word(str, Enum):  # noqa: UP042  as before Python 3.11
    GOLD = VALUE


@pytest.mark.parametrize(
    "written",
    [
        *(PLAIN, int(PLAIN), f"86{PLAIN}", f"+86{PLAIN}", int(f"86{PLAIN}"), f"+86 {PLAIN}"),
        *(" ".join(GROUPS), "-".join(GROUPS), f"+86-{'-'.join(GROUPS)}", f" {PLAIN} "),
        *(f"{PLAIN}\r\n", f"\t{PLAIN}", f"\ufeff{PLAIN}", "\u00a0".join(GROUPS)),
        *("\u3000".join(GROUPS), f"\u202d{PLAIN}\u202c", "\u2013".join(GROUPS), f"'{PLAIN}"),
        *("１３８００１３８００１", f"＋８６{PLAIN}", f"（＋86）{PLAIN}", f"0086-{PLAIN}"),
        *(np.int64(PLAIN), np.str_(PLAIN), Decimal(PLAIN)),
    ],
)
def test_a_number_in_an_accepted_form_is_its_11_digits(written: object) -> None:
    assert mobile_of(written) == PLAIN


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "it is empty"),
        (None, "it is empty"),
        (math.nan, "it is empty"),
        (pd.NA, "it is empty"),
        (PLAIN[:-1], "it has 10 digits"),
        (f"+1{PLAIN}", "it has 12 digits"),
        (f"2{PLAIN[1:]}", "the first of which is 1"),
        ("王芳", "it has 0 digits"),
        (f"{PLAIN},", "it contains U+002C (COMMA)"),
        (f"{PLAIN[:3]}\t{PLAIN[3:]}", "it contains U+0009 (a control character)"),
        (f"{PLAIN[:-1]}O", "it contains U+004F (LATIN CAPITAL LETTER O)"),
        (f"{PLAIN[:-1]}\u0661", "only +86 may stand before the digits 0 to 9"),
        (f"{PLAIN},{people.BEN}", "it holds several numbers"),
        ([PLAIN, people.BEN], "in the recipients of JsmsSubmitBatchScheduleOperator"),
        (f'["{PLAIN}"]', "it is a list or a dictionary that has become text"),
        ("None", "is what a template makes of a Param that is null"),
        ("1.38E+10", "a spreadsheet has shortened it"),
        (
            float(PLAIN),
            "it is a float. Read numbers as text, such as pandas.read_csv(..., dtype=str)",
        ),
        (True, "a string or a whole number is needed"),
        ({"mobile": PLAIN}, "not a dict"),
        (PLAIN.encode(), "not a bytes"),
    ],
)
def test_any_other_number_is_refused_with_a_reason_and_without_its_digits(
    written: object, why: str
) -> None:
    text = refusal_of(mobile_of, written)
    assert "is not a mainland China number of 11 digits" in text
    assert why in text
    assert PLAIN not in text
    assert text.isprintable()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, {}),
        ("", {}),
        ({}, {}),
        (MappingProxyType({"n": VALUE}), {"n": VALUE}),
        ({"n": 741627, "m": -1}, {"n": "741627", "m": "-1"}),
        ({"n": "1e5", "m": ""}, {"n": "1e5", "m": ""}),
        ({"名字": "王芳😀", "n": 'a\nb\t"c\\'}, {"名字": "王芳😀", "n": 'a\nb\t"c\\'}),
        ({"n": Level.GOLD, "m": Word.GOLD}, {"n": "3", "m": VALUE}),
        ({"n": np.int64(5), "m": Decimal(7)}, {"n": "5", "m": "7"}),
        ({"a": "Nan", "b": "none", "c": "null"}, {"a": "Nan", "b": "none", "c": "null"}),
    ],
)
def test_parameters_are_strings_by_name(value: object, read: dict[str, str]) -> None:
    assert parameters_of(value) == read


@pytest.mark.parametrize("value", [[("n", VALUE)], 0, False, VALUE, "{}", b"", {"n"}])
def test_parameters_that_are_no_dictionary_are_refused_with_the_next_step(value: object) -> None:
    text = refusal_of(parameters_of, value)
    assert f"of type {type(value).__name__}" in text
    assert "stays a dictionary." in text
    assert VALUE not in text


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        math.nan,
        True,
        None,
        [VALUE],
        {"a": VALUE},
        b"x",
        Decimal("5.00"),
        Decimal("NaN"),
        10**19,
    ],
)
def test_a_value_that_is_no_string_or_integer_is_refused_by_its_parameter(value: object) -> None:
    text = refusal_of(parameters_of, {"fine": VALUE, "number": value})
    assert f"temp_para['number'] is of type {type(value).__name__}" in text
    assert VALUE not in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("None", "is what a template makes of a Param that is null"),
        ("nan", "stands for a missing value of a table"),
        ("#N/A", "stands for a missing value of a table"),
    ],
)
def test_a_text_that_stands_for_a_missing_value_is_never_sent(text: str, why: str) -> None:
    refusal = refusal_of(parameters_of, {"fine": VALUE, "name": text})
    assert f"temp_para['name'] is the text {text!r}, which {why}" in refusal
    assert "Give it a value or a default" in refusal


def test_half_a_character_and_a_nameless_parameter_are_refused() -> None:
    assert "temp_para contains half" in refusal_of(parameters_of, {"n": f"{VALUE}\ud83d"})
    assert "temp_para contains half" in refusal_of(parameters_of, {"n\ud83d": VALUE})
    for name in ("", None, 1):
        assert "whose name is empty or not a string" in refusal_of(parameters_of, {name: VALUE})
    assert PLAIN not in refusal_of(parameters_of, {PLAIN: None})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ([], []),
        ([PLAIN, int(PLAIN)], [{"mobile": PLAIN}] * 2),
        (({"mobile": f"+86 {PLAIN}"},), [{"mobile": PLAIN}]),
        ([{"mobile": PLAIN, "temp_para": None}], [{"mobile": PLAIN}]),
        ([{"mobile": PLAIN, "temp_para": {}}], [{"mobile": PLAIN}]),
        (
            [MappingProxyType({"temp_para": {"n": 1}, "mobile": PLAIN})],
            [{"mobile": PLAIN, "temp_para": {"n": "1"}}],
        ),
        (
            [{"mobile": PLAIN, "n": VALUE}, {"Mobile ": PLAIN, "n": VALUE}],
            [{"mobile": PLAIN, "temp_para": {"n": VALUE}}] * 2,
        ),
    ],
    ids=str,
)
def test_recipients_are_brought_to_one_form(value: object, read: object) -> None:
    assert recipients_of(value) == read


@pytest.mark.parametrize(
    "value",
    [None, "", PLAIN, PLAIN.encode(), int(PLAIN), {}, {"mobile": PLAIN}],
    ids=lambda value: type(value).__name__,
)
def test_recipients_that_are_no_list_are_refused_with_the_next_step(value: object) -> None:
    text = refusal_of(recipients_of, value)
    assert f"of type {type(value).__name__}: a list is needed" in text
    hint = "A single one is a list of one" if isinstance(value, dict) else "stays a list."
    assert hint in text
    assert PLAIN not in text


UNUSABLE: dict[str, tuple[object, str]] = {
    "nothing": (None, "it is empty"),
    "empty": ({}, "it has no column called 'mobile'"),
    "no number": ({"temp_para": {"n": VALUE}}, "it is empty"),
    "other key": (
        {"mobile": PLAIN, "temp_para": {}, "name": VALUE},
        "has no other key than mobile, but this one has name.",
    ),
    "number as key": ({"mobile": PLAIN, "temp_para": {}, people.BEN: 1}, "has 199****5678."),
    "number as column": ({PLAIN: people.BEN}, "it has no column called 'mobile'"),
    "number of a column": (
        {"mobile": PLAIN, 5: VALUE},
        "column 2 holds something, but has no name",
    ),
    "no name": ({"mobile": PLAIN, "": VALUE}, "column 2 holds something, but has no name"),
    "two of a name": ({"mobile": PLAIN, "Mobile": PLAIN}, "has two columns of the same name"),
    "no mobile": ({"number": PLAIN, "n": VALUE}, "it has no column called 'mobile'"),
    **{
        f"empty cell {empty!r}": (
            {"mobile": PLAIN, "name": empty},
            "its cell for the parameter 'name' is empty",
        )
        for empty in (None, "", "\u3000", math.nan, pd.NA, pd.NaT, Decimal("NaN"))
    },
    "text of a missing value": (
        {"mobile": PLAIN, "name": "None"},
        "temp_para['name'] is the text 'None'",
    ),
    "the same, ready": (
        {"mobile": PLAIN, "temp_para": {"name": "nan"}},
        "temp_para['name'] is the text 'nan'",
    ),
    "half a character": ({"mobile": PLAIN, "temp_para": {"n": "\ud83d"}}, "lone surrogate"),
    "nameless": ({"mobile": PLAIN, "temp_para": {"": VALUE}}, "whose name is empty"),
    "float": ({"mobile": PLAIN, "temp_para": {"n": 1.5}}, "temp_para['n'] is of type float"),
    "12 digits": ({"mobile": f"{PLAIN}0", "temp_para": {"n": VALUE}}, "it has 12 digits"),
    "line break": ({"mobile": f"{PLAIN}\n{PLAIN}", "temp_para": {"n": VALUE}}, "several numbers"),
    "list as parameters": ({"mobile": PLAIN, "temp_para": [VALUE]}, "temp_para is of type list"),
    "row": ((PLAIN, VALUE), "it is a row of 2 values without names"),
    "row of numpy": (np.array([PLAIN, VALUE]), "it is a row of 2 values without names"),
    "list of lists": ([[PLAIN], [VALUE]], "it is a list within the list. Join the lists"),
}


@pytest.mark.parametrize(("entry", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_entry_says_where_and_why(entry: object, why: str) -> None:
    text = refusal_of(recipients_of, [PLAIN, entry])
    first, second = text.splitlines()
    assert first.startswith("1 of 2 recipients cannot be used, so nothing was sent")
    assert second.startswith("entry 2: ")
    assert why in second
    assert VALUE not in text
    assert PLAIN not in text
    assert refusal_of(recipients_of, [entry]).startswith("1 of 1 recipient cannot be used")


@pytest.mark.parametrize("wrong", [1, 10, 11, 500])
def test_every_unusable_entry_is_counted_and_ten_are_shown(wrong: int) -> None:
    entries: list[Any] = [{"mobile": people.number(index)} for index in range(500)]
    for index in range(wrong):
        entries[index] = {"mobile": f"{people.number(index)}0", "temp_para": {"n": VALUE}}
    text = refusal_of(recipients_of, entries)
    lines = text.splitlines()
    assert lines[0].startswith(f"{wrong} of 500 recipients cannot be used")
    assert [line.partition(":")[0] for line in lines[1:]] == [
        f"entry {place}" for place in range(1, min(wrong, 10) + 1)
    ]
    assert people.number(0) not in text


NAMES = st.sampled_from(["a", "名", "b c"])
VALUES = st.sampled_from([VALUE, "", "王芳", 5, "None", None, 1.5, "\ud83d", b"x"])
ENTRIES = st.fixed_dictionaries(
    {
        "mobile": st.sampled_from([PLAIN, f"+86{PLAIN}", int(PLAIN), "1", None]),
        "temp_para": st.dictionaries(NAMES, VALUES, max_size=3),
    }
)


@given(ENTRIES)
def test_an_entry_that_is_ready_is_what_any_other_way_makes_of_it(entry: dict[str, Any]) -> None:
    outcomes = []
    for written in (entry, MappingProxyType(entry)):  # the second one never is ready
        try:
            outcomes.append(recipient(written))
        except JsmsInputError as error:
            outcomes.append(str(error))  # type: ignore[arg-type]
    assert outcomes[0] == outcomes[1]


ROWS = [{"mobile": PLAIN, "name": VALUE}, {"mobile": people.BEN, "name": OTHER}]
TWO: list[Any] = [
    {"mobile": PLAIN, "temp_para": {"name": VALUE}},
    {"mobile": people.BEN, "temp_para": {"name": OTHER}},
]
BARE: list[Any] = [{"mobile": PLAIN}, {"mobile": people.BEN}]
CSV = f"mobile,name\n{PLAIN},{VALUE}\n{people.BEN},{OTHER}\n"
WITH_AN_EMPTY_COLUMN = f"mobile,name,\n{PLAIN},{VALUE},\n{people.BEN},{OTHER},,\n"
INTEGERS = [int(PLAIN), int(people.BEN)]
TABLES: dict[str, tuple[Callable[[], object], list[Any]]] = {
    "rows": (lambda: ROWS, TWO),
    "DictReader": (lambda: csv.DictReader(io.StringIO(f"\ufeff{CSV}")), TWO),
    "DictReader, empty column": (lambda: csv.DictReader(io.StringIO(WITH_AN_EMPTY_COLUMN)), TWO),
    "pandas": (lambda: pd.DataFrame(ROWS)[["name", "mobile"]], TWO),
    "pandas, a capital": (lambda: pd.DataFrame(ROWS).rename(columns={"mobile": " Mobile"}), TWO),
    "pandas, integers": (lambda: pd.DataFrame({"mobile": INTEGERS, "name": [VALUE, OTHER]}), TWO),
    "pandas, empty rows": (lambda: pd.DataFrame([*ROWS, {}, {"mobile": "", "name": None}]), TWO),
    "pandas, empty column": (
        lambda: pd.read_csv(io.StringIO(CSV.replace("\n", ",\n")), dtype=str),
        TWO,
    ),
    "pandas, temp_para": (lambda: pd.DataFrame(TWO), TWO),
    "pandas, one column": (lambda: pd.DataFrame({"mobile": INTEGERS}), BARE),
    "pandas, series": (lambda: pd.Series(INTEGERS), BARE),
    "pandas, no rows": (lambda: pd.DataFrame({"mobile": [], "name": []}), []),
    "polars": (lambda: pl.DataFrame(ROWS), TWO),
    "polars, integers": (lambda: pl.DataFrame({"name": [VALUE, OTHER], "mobile": INTEGERS}), TWO),
    "polars, series": (lambda: pl.Series([PLAIN, people.BEN]), BARE),
    "numpy": (lambda: np.array(INTEGERS), BARE),
    "numpy, one column": (lambda: np.array([[PLAIN], [people.BEN]]), BARE),
    "rows of one column": (lambda: [(PLAIN,), [Decimal(people.BEN)]], BARE),
    "zip": (lambda: zip([PLAIN, people.BEN], strict=True), BARE),
    "keys": (lambda: dict.fromkeys([PLAIN, people.BEN]).keys(), BARE),
}


@pytest.mark.parametrize(("make", "read"), TABLES.values(), ids=TABLES)
def test_a_table_is_read_by_the_names_of_its_columns(
    make: Callable[[], object], read: list[Any]
) -> None:
    assert recipients_of(make()) == read


WITHOUT_MOBILE: dict[str, tuple[Callable[[], object], str]] = {
    "headerless": (
        lambda: pd.read_csv(io.StringIO(f"{PLAIN}\n{people.BEN}\n"), dtype=str),
        "recipients, a DataFrame, has no column called 'mobile'. Give it a first line",
    ),
    "other names": (
        lambda: pd.DataFrame({"手机号": [PLAIN], "姓名": [VALUE]}),
        "recipients, a DataFrame, has no column called 'mobile'",
    ),
    "numbered": (
        lambda: pd.DataFrame({"mobile": [PLAIN], 0: [VALUE]}),
        "row 1: column 2 holds something, but has no name",
    ),
    "index": (
        lambda: pd.DataFrame(ROWS).set_index("mobile"),
        "recipients, a DataFrame, has no column called 'mobile'",
    ),
    "polars": (
        lambda: pl.DataFrame({"number": [PLAIN]}),
        "recipients, a DataFrame, has no column called 'mobile'",
    ),
    "lazy": (lambda: pl.LazyFrame(ROWS), "recipients is of type LazyFrame: a list is needed"),
    "items": ({PLAIN: VALUE}.items, "entry 1: it is a row of 2 values without names"),
    "empty cell": (
        lambda: pl.DataFrame({"mobile": [PLAIN, people.BEN], "name": [VALUE, None]}),
        "row 2: its cell for the parameter 'name' is empty, which JSMS refuses.",
    ),
    "lost number": (
        lambda: pd.DataFrame({"mobile": [PLAIN, None]}),
        "row 2: mobile is not a mainland China number of 11 digits: it is empty",
    ),
    "floats": (
        lambda: pd.read_csv(io.StringIO(f"mobile,name\n{PLAIN},{VALUE}\n,{OTHER}\n")),
        "row 1: mobile is not a mainland China number of 11 digits: it is a float",
    ),
}


@pytest.mark.parametrize(("make", "why"), WITHOUT_MOBILE.values(), ids=WITHOUT_MOBILE)
def test_a_table_that_is_not_clear_is_refused(make: Callable[[], object], why: str) -> None:
    text = refusal_of(recipients_of, make())
    assert why in text
    for private in (PLAIN, VALUE, "手机号"):
        assert private not in text


RENAMED = {"手机号": "mobile", "姓名": "name"}
CHINESE = [{"手机号": PLAIN, "姓名": VALUE}, {"手机号": people.BEN, "姓名": OTHER}]


@pytest.mark.parametrize("make", [list, iter, pd.DataFrame, pl.DataFrame])
def test_columns_can_be_renamed(make: Callable[[Any], Any]) -> None:
    assert list(checked(entries_of(make(CHINESE), RENAMED), recipient, noun)) == TWO


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"mobile": PLAIN, "姓名": VALUE}, "it has no column '手机号', which the argument columns"),
        (PLAIN, "it has no names for the argument columns: it is a str."),
    ],
)
def test_a_renamed_column_has_to_be_there(entry: object, why: str) -> None:
    source = entries_of([CHINESE[0], entry], RENAMED)
    assert f"entry 2: {why}" in refusal_of(lambda: list(checked(source, recipient, noun)))
    with pytest.raises(JsmsInputError, match="a DataFrame, has no column '手机号', '姓名', which"):
        entries_of(pd.DataFrame(ROWS), RENAMED)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (
            "{'手机号': 'mobile'}",
            "columns (a str of 17 characters) is not a dictionary of names by header",
        ),
        (["手机号"], "columns (a list) is not a dictionary of names by header"),
        ({"手机号": " "}, "columns (a dict) is not a dictionary of names by header"),
        ({1: "mobile"}, "columns (a dict) is not a dictionary of names by header"),
    ],
)
def test_an_invalid_renaming_is_refused(value: object, why: str) -> None:
    text = refusal_of(renaming_of, value)
    assert why in text
    assert ("stays a dictionary. JSON text has" in text) is isinstance(value, str)
    assert renaming_of(None) == renaming_of("") == {}
    assert renaming_of({" 手机号 ": "mobile "}) == {"手机号": "mobile"}


@pytest.mark.parametrize("once", [iter, lambda numbers: (each for each in numbers)])
def test_an_iterator_can_be_read_twice(once: Callable[[list[str]], object]) -> None:
    entries = Entries(once([PLAIN, people.BEN]))
    assert list(entries) == list(entries) == [(1, PLAIN), (2, people.BEN)]


def test_an_iterable_is_not_kept_but_read_anew() -> None:
    class Lazy:
        read = 0

        def __iter__(self) -> Iterator[str]:
            for index in range(2500):
                Lazy.read += 1
                yield people.number(index)

    entries = Entries(Lazy())
    next(iter(entries))
    assert Lazy.read == 1
    assert len(list(entries)) == 2500
    assert Lazy.read == 2501


class Unfetched(Sequence[Any]):
    """Like the results of mapped tasks while Airflow's API is away."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, at: Any) -> Any:
        if at:
            raise ConnectionError(VALUE)
        return PLAIN


def test_a_list_that_cannot_be_fetched_now_is_retried() -> None:
    with pytest.raises(JsmsRecipientsFileError, match=r"\(ConnectionError\)") as caught:
        recipients_of(Unfetched())
    assert VALUE not in str(caught.value)
    assert "another try may fetch it" in str(caught.value)


ORDER = """
from airflow_provider_jsms.api.recipients import recipients_of
numbers = [f"138{index:08d}" for index in range(10_000_000, 10_000_300)]
for people in (set(numbers), {*numbers, *map(int, numbers[:9])}):
    print([each["mobile"] for each in recipients_of(people)])
"""


def test_a_set_has_the_same_order_in_every_process() -> None:
    orders = {run_in_another_process(ORDER, seed=seed) for seed in (1, 2)}
    assert len(orders) == 1
