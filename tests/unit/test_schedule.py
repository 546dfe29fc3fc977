"""Payloads: what is taken, in which form it is sent, and what is refused before anything is."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.schedule import (
    MOST_RECIPIENTS,
    batch_body,
    distinct,
    mobile_of,
    optional_id,
    parameters_of,
    recipients_of,
    required_id,
    schedule_id_of,
    schedule_ids_of,
    single_body,
    tag_of,
)
from airflow_provider_jsms.send_time import SendTime, service_zone
from tests import people

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


def refusal_of(function: Callable[..., object], *args: object, **kwargs: object) -> str:
    """Return the text of the refusal, after what holds for every one of them."""
    with pytest.raises(JsmsInputError) as caught:
        function(*args, **kwargs)
    text = str(caught.value)
    assert "othing was sent" in text
    return text


@pytest.mark.parametrize(
    "given_number",
    [
        *(PLAIN, int(PLAIN), f"86{PLAIN}", f"+86{PLAIN}", int(f"86{PLAIN}"), f"+86 {PLAIN}"),
        *(" ".join(GROUPS), "-".join(GROUPS), f"+86-{'-'.join(GROUPS)}", f" {PLAIN} "),
        *("  ".join(GROUPS), " ".join(PLAIN), f"8-6 {PLAIN}"),
    ],
)
def test_a_number_in_an_accepted_form_is_its_11_digits(given_number: object) -> None:
    assert mobile_of(given_number) == PLAIN


@pytest.mark.parametrize(
    "given_number",
    [
        *("", " ", "-", "1", PLAIN[:-1], f"{PLAIN}0", f"2{PLAIN[1:]}", f"0{PLAIN}", f"00{PLAIN}"),
        *(f"0086{PLAIN}", f"++86{PLAIN}", f"+{PLAIN}", f"+1{PLAIN}", f"8686{PLAIN}", f"+85{PLAIN}"),
        *(f"{PLAIN},{people.BEN}", f"{PLAIN};", f"tel:{PLAIN}", f"{PLAIN}x1", f"({PLAIN})"),
        *(f"{PLAIN}\n", f"\t{PLAIN}", f"{PLAIN}\u00a0", f"{PLAIN}\u200b", f"\ufeff{PLAIN}"),
        *(".".join(GROUPS), "\u2013".join(GROUPS), "_".join(GROUPS), f"{PLAIN[:3]}****{PLAIN[7:]}"),
        *("１３８００１３８００１", "١٣٨٠٠١٣٨٠٠١", "1.3800138001E10"),
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
        ("123", "a str of 3 characters"),
        (123, "a int of 3 characters"),
        ("", "(none)"),
        (None, "(none)"),
        (float(PLAIN), "float"),
        ([PLAIN], "list"),
        ({"mobile": PLAIN}, "dict"),
        (True, "bool"),
    ],
    ids=["two", "short", "short int", "empty", "none", "float", "list", "dict", "bool"],
)
def test_the_refusal_of_a_number_tells_what_was_given(given_number: object, told: str) -> None:
    assert told in refusal_of(mobile_of, given_number)


@pytest.mark.parametrize("invisible", ["\n", "\r\n", "\t"])
def test_the_refusal_of_a_number_with_an_invisible_end_does_not_look_like_a_right_one(
    invisible: str,
) -> None:
    text = refusal_of(mobile_of, f"{PLAIN}{invisible}")
    assert not text.startswith(f"mobile {PLAIN[:3]}****{PLAIN[7:]} is not a mainland China number")


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


@pytest.mark.parametrize("name", ["", None, 1, 1.5, True, ("a",), b"n"])
def test_a_parameter_needs_a_name(name: object) -> None:
    assert "whose name is empty or not a string" in refusal_of(parameters_of, {name: VALUE})


def test_a_number_as_the_name_of_a_parameter_is_masked() -> None:
    text = refusal_of(parameters_of, {PLAIN: None})
    assert PLAIN not in text


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
    [(1, 1), ("1", 1), ("0012", 12), (10**18 - 1, 10**18 - 1), (Level.GOLD, 3)],
)
def test_an_id_is_a_positive_whole_number(value: object, read: int) -> None:
    assert required_id("temp_id", value) == read
    assert optional_id("sign_id", value) == read
    assert type(required_id("temp_id", value)) is int


NO_IDS: list[Any] = [
    *(0, "0", "000", -1, "-1", "+1", 1.0, "1.0", "1e3", True, False, [], {}, [1], b"1", "１", "x"),
    *(" 1", "1 ", "1\n", "1_0", "0x1", 10**18, "None"),
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


@pytest.mark.parametrize("value", [None, ""])
def test_an_optional_id_may_be_left_out(value: object) -> None:
    assert optional_id("sign_id", value) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [(None, None), ("", None), ("标签", "标签"), ("字" * 10, "字" * 10), ("😀" * 10, "😀" * 10)],
)
def test_a_tag_has_at_most_ten_characters(value: object, read: str | None) -> None:
    assert tag_of(value) == read


@pytest.mark.parametrize("value", ["x" * 11, "字" * 11, "x" * 10**6, 1, 1.5, True, [], {}, b"x"])
def test_a_longer_tag_or_no_text_is_refused(value: object) -> None:
    text = refusal_of(tag_of, value)
    assert "at most 10 characters" in text
    assert len(text) < 400


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
    assert recipients_of(value) == read


def test_recipients_may_come_from_a_generator() -> None:
    assert recipients_of({"mobile": each} for each in (PLAIN, people.BEN)) == [
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
        ({}, "mobile (none)"),
        ({"temp_para": {"n": VALUE}}, "mobile (none)"),
        ({"mobile": PLAIN, "name": VALUE}, "not name."),
        ({"mobile": PLAIN, "a": VALUE, "b\n": 1}, "not a, b."),
        ({"mobile": PLAIN, people.BEN: VALUE}, "not 199****5678."),
        ({"mobile": PLAIN, 5: VALUE}, "not 5."),
        ({"Mobile": PLAIN}, "not Mobile."),
        ({"mobile": PLAIN, "temp_para": [VALUE]}, "temp_para is of type list"),
        ({"mobile": PLAIN, "temp_para": {"n": None}}, "temp_para['n'] is of type NoneType"),
        (None, "mobile (none)"),
        ([PLAIN, {"n": VALUE}], "is not a mainland China number"),
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


def test_distinct_keeps_the_first_of_the_same_text_to_the_same_number_in_the_given_order() -> None:
    anna, ben = {"mobile": PLAIN}, {"mobile": people.BEN}
    told = {"mobile": PLAIN, "temp_para": {"a": VALUE, "b": "2"}}
    turned = {"mobile": PLAIN, "temp_para": {"b": "2", "a": VALUE}}
    given_people: list[Any] = [anna, ben, dict(anna), told, turned, {**anna, "temp_para": {}}, ben]
    assert distinct(given_people) == [anna, ben, told]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"mobile": PLAIN}, {"mobile": people.BEN}),
        ({"mobile": PLAIN}, {"mobile": PLAIN, "temp_para": {"a": "1"}}),
        (
            {"mobile": PLAIN, "temp_para": {"a": "1"}},
            {"mobile": PLAIN, "temp_para": {"a": "2"}},
        ),
        (
            {"mobile": PLAIN, "temp_para": {"a": "1"}},
            {"mobile": PLAIN, "temp_para": {"b": "1"}},
        ),
        (
            {"mobile": PLAIN, "temp_para": {"a": "1", "b": "2"}},
            {"mobile": PLAIN, "temp_para": {"a": "2", "b": "1"}},
        ),
    ],
    ids=["number", "parameters or none", "value", "name", "values swapped"],
)
def test_distinct_keeps_whoever_differs(one: Any, other: Any) -> None:
    assert distinct([one, other]) == [one, other]


@MANY
@given(
    st.lists(
        st.fixed_dictionaries(
            {"mobile": st.sampled_from([PLAIN, people.BEN, people.CARA])},
            optional={"temp_para": st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))},
        )
    )
)
def test_distinct_loses_nobody_and_repeats_nobody(given_people: list[Any]) -> None:
    def key(person: Any) -> tuple[str, str]:
        return person["mobile"], str(sorted(person.get("temp_para", {}).items()))

    left = [key(person) for person in distinct(given_people)]
    assert left == list(dict.fromkeys(key(person) for person in given_people))


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
        " a",
        "a ",
        "a\n",
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


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (UUID, [UUID]),
        ([UUID], [UUID]),
        (["b", "a", "b", "c", "a"], ["b", "a", "c"]),
        (("b", "a"), ["b", "a"]),
        ({"schedule_id": UUID, "success_count": 1}, [UUID]),
        ({"schedule_ids": ["b", "a", "b"]}, ["b", "a"]),
        ({"schedule_ids": ["b"], "schedule_id": "a"}, ["b"]),
        (MappingProxyType({"schedule_id": UUID}), [UUID]),
        ((each for each in ["b", "a"]), ["b", "a"]),
        ([], []),
        ({"schedule_ids": []}, []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_schedule_ids_come_from_one_from_many_or_from_a_result(
    value: object, read: list[str]
) -> None:
    assert schedule_ids_of(value) == read


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "None", 5, True, 1.5, {}, {"schedule_id": None}, {"schedule_ids": None}),
        *(["a", None], ["a", "a/b"], [["a"]], [{"schedule_id": "a"}], b"ab", "['a', 'b']", "a,b"),
    ],
    ids=repr,
)
def test_one_unusable_schedule_id_refuses_them_all(value: object) -> None:
    assert "schedule_id" in refusal_of(schedule_ids_of, value)


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
        lambda value: schedule_ids_of([value]),
        lambda value: parameters_of([value]),
        lambda value: recipients_of([value]),
    ],
    ids=["mobile", "temp_id", "tag", "schedule_id", "schedule_ids", "temp_para", "recipients"],
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
