"""What a person may read shows no phone number and no parameter, whatever it was made from."""

from __future__ import annotations

import re
from collections import OrderedDict
from types import MappingProxyType

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import (
    HIDDEN,
    mask_field,
    mask_message,
    mask_mobile,
    mask_text,
)
from airflow_provider_jsms.api.recipients import mobile_of
from tests import people

MANY = settings()
PLAIN = people.ANNA
SPOKEN = f"{PLAIN[:3]} {PLAIN[3:7]} {PLAIN[7:]}"
DASHED = SPOKEN.replace(" ", "-")
MASKED = f"{PLAIN[:3]}****{PLAIN[-4:]}"
VALUE = f"{people.CANARY}-secret"

numbers = st.integers(13_000_000_000, 19_999_999_999).map(str)
no_digits = st.text(alphabet=st.characters(exclude_categories=["Nd"], exclude_characters="+-"))


GROUPS = [(11,), (3, 4, 4), (4, 4, 3), (3, 3, 5), (2, 3, 3, 3), (5, 6), (3, 2, 2, 2, 2)]


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """Return a number as people write it: with a prefix or not, in groups or not."""
    digits = iter(draw(numbers))
    parts = [draw(st.sampled_from(["", "86", "+86"]))]
    parts += ["".join(next(digits) for _ in range(size)) for size in draw(st.sampled_from(GROUPS))]
    return draw(st.sampled_from([" ", "-", ""])).join(part for part in parts if part)


@st.composite
def scattered_numbers(draw: st.DrawFn) -> str:
    """Return a number with spaces and dashes anywhere, as :func:`mobile_of` understands it."""
    digits = draw(st.sampled_from(["", "86", "+86"])) + draw(numbers)
    return "".join(
        digit + draw(st.text(alphabet=" -\u2013\u00a0\u200b", max_size=3)) for digit in digits
    )


def _shows(text: str, number: str) -> bool:
    """Tell whether the last 11 digits of a written number can be read in a text."""
    digits = re.sub(r"\D", "", number)[-11:]
    return re.search(r"\D{0,3}".join(digits), text) is not None


@MANY
@given(number=written_numbers(), before=no_digits, after=no_digits)
@example(number=PLAIN, before="mobile=", after="&temp_id=")
@example(number=PLAIN, before="手机号", after="无效")
@example(number=f"+86 {SPOKEN}", before="\n", after="\r\nINFO - sent")
def test_no_number_is_left_in_a_text_and_it_is_one_line(
    number: str, before: str, after: str
) -> None:
    masked = mask_text(f"{before}{number}{after}")
    assert not _shows(masked, number)
    assert masked.isprintable()
    assert len(masked.splitlines()) <= 1


@MANY
@given(
    first=written_numbers(),
    second=written_numbers(),
    between=st.text(alphabet=",;:/|\n'\"}{()<>x号&=", min_size=1, max_size=4),
    digits=st.integers(0, 99999),
)
def test_no_number_is_left_beside_others(
    first: str, second: str, between: str, digits: int
) -> None:
    masked = mask_text(f"{digits}{between}{first}{between}{second}{between}{digits}")
    assert not _shows(masked, first)
    assert not _shows(masked, second)


@MANY
@given(number=scattered_numbers())
def test_whatever_is_taken_as_a_number_is_masked_as_one(number: str) -> None:
    assert not _shows(mask_text(f"mobile {number}."), mobile_of(number))


@pytest.mark.parametrize(
    "written",
    [
        f"0086{PLAIN}",
        f"0086-{PLAIN}",
        f"+86  {PLAIN}",
        SPOKEN.replace(" ", "  "),
        SPOKEN.replace(" ", "\r\n"),
        SPOKEN.replace(" ", "\u200b\u200b"),
        SPOKEN.replace(" ", "\u00a0"),
        PLAIN.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}),
        SPOKEN.replace(" ", " - "),
        SPOKEN.replace(" ", "."),
        SPOKEN.replace(" ", "\u2013"),
    ],
    ids=[
        *("0086", "0086 and a dash", "+86 and two spaces", "two spaces", "line breaks"),
        *("zero width spaces", "no-break spaces", "full width", "spaced dashes", "dots", "dashes"),
    ],
)
def test_a_number_in_an_unusual_form_is_masked_too(written: str) -> None:
    masked = mask_text(f"invalid mobile {written}!").translate(
        {0xFF10 + digit: str(digit) for digit in range(10)}
    )
    assert not _shows(masked, PLAIN)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"invalid mobile {PLAIN}", f"invalid mobile {MASKED}"),
        (f"[+86 {SPOKEN}]", f"[{MASKED}]"),
        (f"[86-{DASHED}]", f"[{MASKED}]"),
        (f"a{PLAIN}b", f"a{MASKED}b"),
        (f"{PLAIN},{people.BEN}", f"{MASKED},199****5678"),
        (f"{PLAIN} {people.BEN}", f"{MASKED} 199****5678"),
        ("50027 at 2026-12-01 09:00:00", "50027 at 2026-12-01 09:00:00"),
        ("msg_id 274887115920", "msg_id 274887115920"),
        ("91b81a48-49f6-4eb9-a95f-020f88adcfba", "91b81a48-49f6-4eb9-a95f-020f88adcfba"),
        ("", ""),
        (None, "None"),
        (b"x", "b'x'"),
        ("  a\tb\x1b[31m\u2028c\u202e ", "a b [31m c"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "…"),
    ],
)
def test_a_text_is_masked_and_nothing_else_is_changed(text: object, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("start", [185, 189, 195, 199, 201])
def test_the_cut_of_a_long_text_shows_no_part_of_a_number(start: int) -> None:
    masked = mask_text("x" * start + "," + PLAIN + "y" * 500)
    assert PLAIN[:4] not in masked
    assert len(masked) == 201


@pytest.mark.parametrize(
    ("mobile", "masked"),
    [
        *((each, MASKED) for each in (PLAIN, int(PLAIN), f"+86{PLAIN}", f"86{PLAIN}", SPOKEN)),
        *((each, MASKED) for each in (DASHED, f" {PLAIN}\n", f"+86-{DASHED}")),
        *((each, MASKED) for each in (f"'{PLAIN}", f"(+86) {PLAIN}", f"\u202d{PLAIN}\u202c")),
        *((each, MASKED) for each in (PLAIN.translate({0x31: 0xFF11}), f"0086{PLAIN}")),
        *((each, HIDDEN) for each in (PLAIN[:-1], f"{PLAIN}0", f"2{PLAIN[1:]}", "", None, True)),
        *((each, HIDDEN) for each in (float(PLAIN), [PLAIN], {"mobile": PLAIN}, f"{PLAIN} x")),
        *((each, HIDDEN) for each in (PLAIN.encode(), f"{PLAIN},{people.BEN}", VALUE)),
    ],
    ids=lambda value: None if value in (MASKED, HIDDEN) else type(value).__name__,
)
def test_a_number_is_masked_and_of_anything_else_nothing_is_shown(
    mobile: object, masked: str
) -> None:
    assert mask_mobile(mobile) == masked


@pytest.mark.parametrize(
    ("message", "values", "shown"),
    [
        ("invalid mobile", [VALUE, "", "e"], "invalid mobile"),
        ("", [VALUE], ""),
        (f"black word in {VALUE}", [VALUE], HIDDEN),
        (f"black word in {VALUE.upper()}", ["other", VALUE], HIDDEN),
        (f"bad {PLAIN}", [], HIDDEN),
        (f"bad {SPOKEN}", [], HIDDEN),
        ("at most 10 tags", [], "at most 10 tags"),
        ("invalid \\u738b", [], HIDDEN),
        ("黑名单", [], HIDDEN),
        ("a\nINFO - sent", [], HIDDEN),
        ("x" * 201, [], HIDDEN),
    ],
)
def test_a_message_is_shown_if_it_is_plain_and_repeats_no_value(
    message: str, values: list[str], shown: str
) -> None:
    assert mask_message(message, values) == shown


@pytest.mark.parametrize("message", [code.message for code in CODES.values()])
def test_every_documented_message_is_shown(message: str) -> None:
    assert mask_message(message, ["王芳", "13:30", "99"]) == message


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        *((name, None, None) for name in ("mobile", "temp_para", "recipients")),
        *((name, "", "") for name in ("mobile", "temp_para", "recipients")),
        ("mobile", PLAIN, MASKED),
        ("mobile", int(PLAIN), MASKED),
        *(
            ("mobile", value, HIDDEN)
            for value in (VALUE, [PLAIN], {"a": PLAIN}, 0, False, (PLAIN,))
        ),
        ("temp_para", {"name": VALUE, "n": 1}, {"name": HIDDEN, "n": HIDDEN}),
        ("temp_para", MappingProxyType({"name": VALUE}), {"name": HIDDEN}),
        ("temp_para", OrderedDict(name=[VALUE]), {"name": HIDDEN}),
        ("temp_para", {PLAIN: VALUE, 5: VALUE}, {MASKED: HIDDEN, "5": HIDDEN}),
        ("temp_para", {}, {}),
        *(("temp_para", value, HIDDEN) for value in (VALUE, [VALUE], (VALUE,), 5, 0, True, b"x")),
        ("recipients", [], []),
        ("recipients", (), []),
        ("recipients", [PLAIN, int(PLAIN)], [MASKED, MASKED]),
        ("recipients", [None, VALUE, [PLAIN], 5], [HIDDEN] * 4),
        (
            "recipients",
            ({"mobile": PLAIN, "temp_para": {"name": VALUE}}, {"mobile": VALUE}),
            [{"mobile": MASKED, "temp_para": {"name": HIDDEN}}, {"mobile": HIDDEN}],
        ),
        (
            "recipients",
            [{"mobile": PLAIN, "name": VALUE, "temp_para": VALUE, PLAIN: {"x": VALUE}}],
            [{"mobile": MASKED, "name": HIDDEN, "temp_para": HIDDEN, MASKED: {"x": HIDDEN}}],
        ),
        ("recipients", [PLAIN] * 10, [MASKED] * 10),
        ("recipients", [PLAIN] * 12, [*[MASKED] * 10, "and 2 more"]),
        ("recipients", pd.DataFrame({"mobile": [PLAIN], PLAIN: [VALUE]}), HIDDEN),
        ("recipients", [{"name": VALUE, "mobile": PLAIN}], [{"name": HIDDEN, "mobile": MASKED}]),
        ("recipients", [{VALUE: VALUE, PLAIN: VALUE}, (PLAIN,), {}], [HIDDEN, HIDDEN, {}]),
        *(("recipients", value, HIDDEN) for value in (f"[{PLAIN}]", {"mobile": PLAIN}, 5, {PLAIN})),
        ("recipients", (each for each in [PLAIN]), HIDDEN),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_a_field_shows_its_shape_only(name: str, value: object, shown: object) -> None:
    assert mask_field(name, value) == shown


@MANY
@given(
    name=st.sampled_from(["mobile", "temp_para", "recipients"]),
    value=st.recursive(
        st.sampled_from([PLAIN, int(PLAIN), VALUE, f"+86 {SPOKEN}", None, 1.5, True, b"x"]),
        lambda inner: (
            st.lists(inner, max_size=12)
            | st.dictionaries(st.sampled_from(["mobile", "temp_para", "x", PLAIN]), inner)
            | st.tuples(inner, inner)
        ),
    ),
)
def test_no_shape_of_a_field_shows_a_number_or_a_value(name: str, value: object) -> None:
    shown = repr(mask_field(name, value))
    assert not _shows(shown, PLAIN)
    assert VALUE not in shown
