"""Values that no argument is meant for, or nearly so, or exactly so."""

from __future__ import annotations

import enum
import math
from collections import UserDict, UserString, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Final, NoReturn

import pendulum
from hypothesis import strategies as st

PRIVATE: Final = "zq秘密"
"""Is in every text that only the recipient may read."""

INJECTED: Final = "INJECTED"
"""Begins whatever would be a line of its own, if a line break got through."""

BITS: Final = (
    "\x00",
    f"\r\n{INJECTED}: y",
    f"\n{INJECTED}",
    f"\x85{INJECTED}",
    f"\u2028{INJECTED}",
    f"\x1b[31m{INJECTED}",
    *(
        "\t",
        " ",
        "\x1f",
        "\x7f",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\u200f",
        "e\u0301",
        "\ud800",
        "\udfff",
    ),
    *("/", "//", "../", "..", "%2e%2e", "%2F", "%00", "?", "?x=1", "#", "\\", ":", "@", ";", "&"),
    *('"', "'", '"}', "{}", "{{", "}}", "{%", "{#", "${x}", "%s", "%n", "{0.__class__}", "<b>"),
    *("１", "٣", "𝟙", "😀", "王", "é"),
)
TEXTS: Final = (
    *BITS,
    *("", "batch", "None", "null", "true", "False", "nan", "-1", "0", "00", "1e5", "1_0", "0x1"),
    *("[]", "[1]", "{}", '{"a": 1}', "{'a': 1}", "()", "[" * 300, "{{ 7 * 7 }}", "{{ undefined }}"),
    *("__class__", "self", "https://example.invalid/", "file:///etc/passwd", "x" * 300, "9" * 5000),
)


class OddError(Exception):
    """What an odd object raises; its text is private, as that of any error may be."""

    def __init__(self) -> None:
        super().__init__(f"{PRIVATE}\n{INJECTED}")


def _fails(*_: object, **__: object) -> NoReturn:
    raise OddError


class NoText:
    __str__ = __repr__ = __format__ = _fails


class NoComparison:
    __eq__ = __hash__ = __lt__ = __bool__ = _fails  # type: ignore[assignment]


class Always(int):
    """Equal to whatever it is compared with."""

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = int.__hash__


class NoIteration:
    __iter__ = __len__ = __getitem__ = _fails


class NoAttributes:
    def __getattr__(self, name: str) -> NoReturn:
        raise OddError


class OddText(str):  # noqa: SLOT000  as many are
    __str__ = __repr__ = __format__ = __eq__ = __hash__ = __len__ = _fails  # type: ignore[assignment]
    lower = encode = startswith = strip = split = isascii = removesuffix = _fails  # type: ignore[assignment]


class LyingText(str):  # noqa: SLOT000  the same
    def __str__(self) -> str:
        return f"lie/../{INJECTED}"

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return f"lie/../{INJECTED}"


class OddNumber(int):
    __str__ = __repr__ = __format__ = __int__ = __index__ = __abs__ = _fails  # type: ignore[assignment]
    __eq__ = __hash__ = __lt__ = __gt__ = __le__ = __ge__ = __bool__ = _fails  # type: ignore[assignment]


class OddFloat(float):
    __str__ = __repr__ = __format__ = __abs__ = __lt__ = __float__ = _fails  # type: ignore[assignment]


class OddDict(dict[Any, Any]):
    __iter__ = __len__ = __getitem__ = __contains__ = items = keys = values = get = _fails  # type: ignore[assignment]


class OddList(list[Any]):
    __iter__ = __len__ = __getitem__ = __bool__ = _fails  # type: ignore[assignment]


class ClaimsText:
    __class__ = property(lambda _: str)  # type: ignore[assignment]


class ClaimsNumber:
    __class__ = property(lambda _: int)  # type: ignore[assignment]


class ClaimsDict:
    __class__ = property(lambda _: dict)  # type: ignore[assignment]


class ClaimsTime:
    __class__ = property(lambda _: datetime)  # type: ignore[assignment]


class Word(str, enum.Enum):  # noqa: UP042  a StrEnum does not lie
    """What a text is that names one of several."""

    ID = "8b19cd0d-1c54-4d68-b1f9-1b6a44a9d5d1"
    NUMBER = "13712345678"
    FAIL = "fail"


class Count(enum.IntEnum):
    ONE = 1


class OddTime(datetime):
    utcoffset = astimezone = utctimetuple = isoformat = __repr__ = __str__ = _fails  # type: ignore[assignment]


def _endless(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def _broken() -> Any:
    yield {"mobile": "13712345678"}
    raise OddError


class Anything(UserDict[str, Any]):
    def __iter__(self) -> NoReturn:
        raise OddError


OBJECTS: Final[tuple[Any, ...]] = (
    *(NoText, NoComparison, NoIteration, NoAttributes, object, UserDict, Anything),
    lambda: UserString("13712345678"),
    lambda: OddText("13712345678"),
    lambda: OddText(f"{PRIVATE}"),
    lambda: LyingText("13712345678"),
    lambda: LyingText("abc"),
    lambda: OddNumber(13712345678),
    lambda: OddNumber(1),
    *(lambda: OddFloat(1.5), Always),
    lambda: OddDict(mobile="13712345678", name=PRIVATE),
    lambda: OddList(["13712345678", PRIVATE]),
    lambda: OddTime(2099, 1, 1, tzinfo=UTC),
    *(lambda: Word.ID, lambda: Word.NUMBER, lambda: Word.FAIL, lambda: Count.ONE),
    *(ClaimsText, ClaimsNumber, ClaimsDict, ClaimsTime),
    lambda: _endless(5000),
    lambda: {"mobile": "13712345678", "temp_para": {"name": _endless(5000)}},
    lambda: MappingProxyType({"mobile": "13712345678", "temp_para": {"name": PRIVATE}}),
    *(_broken, lambda: iter(()), lambda: (x for x in ["13712345678"])),
    *(lambda: Decimal("NaN"), lambda: Decimal(1), lambda: Fraction(1, 3), lambda: 1j),
    *(lambda: math.nan, lambda: math.inf, lambda: 1.0, lambda: 1e300, lambda: -0.0),
    *(lambda: b"13712345678", lambda: bytearray(b"abc"), lambda: memoryview(b"abc")),
    *(lambda: True, lambda: False, lambda: None, lambda: ..., lambda: NotImplemented),
    *(lambda: 0, lambda: -1, lambda: 1, lambda: 13712345678, lambda: 10**18, lambda: 10**5000),
    *(lambda: date(2099, 1, 1), lambda: timedelta(days=1), lambda: datetime(2099, 1, 1)),  # noqa: DTZ001
    *(lambda: pendulum.datetime(2099, 1, 1), lambda: pendulum.duration(days=1)),
    *(lambda: PurePosixPath("a/b"), lambda: range(3), lambda: {"13712345678"}, deque),
    *(list, dict, tuple, lambda: [None], lambda: [[]], lambda: {"": ""}, lambda: {1: 2}),
    *(lambda: {"schedule_ids": None}, lambda: {"schedule_ids": {"a": 1}}, lambda: type),
    lambda: {"schedule_ids": ["a"], "success_count": "x" * 50},
)

BROKEN: Final = OBJECTS.index(_broken)

# By their places, because hypothesis prints what it chooses from.
texts = st.integers(0, len(TEXTS) - 1).map(lambda at: TEXTS[at]) | st.text(
    st.characters(exclude_categories=()), max_size=12
)


@dataclass(frozen=True)
class Odd:
    """Stands for an odd object until it is needed: hypothesis looks at what it chooses."""

    at: int


def made(value: Any) -> Any:
    """Return a value with the odd objects in it."""
    if isinstance(value, Odd):
        return OBJECTS[value.at]()
    if type(value) in (list, tuple):
        return type(value)(made(each) for each in value)
    if type(value) is dict:
        return {made(name): made(each) for name, each in value.items()}
    return value


objects = st.integers(0, len(OBJECTS) - 1).map(Odd)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
anything = texts | objects | json_values


def spoiled(good: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts that would be good, were something odd not in them."""
    return st.builds(
        lambda text, at, bit: text[: at % (len(text) + 1)] + bit + text[at % (len(text) + 1) :],
        good,
        st.integers(0, 40),
        st.integers(0, len(BITS) - 1).map(lambda at: BITS[at]),
    )


# Numbers.
good_numbers = st.from_regex(r"(\+?86)?1[3-9][0-9] ?-?[0-9]{4}[ -]?[0-9]{4}", fullmatch=True)
# With one digit of another script in the place of one.
foreign_numbers = st.builds(
    lambda number, at, digit: number[:at] + digit + number[at + 1 :],
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.integers(0, 10),
    st.characters(categories=["Nd", "No"], exclude_characters="0123456789"),
)
numbers = (
    good_numbers
    | foreign_numbers
    | st.integers(13_000_000_000, 19_999_999_999)
    | spoiled(good_numbers)
    | st.from_regex(r"[+0]{0,2}(86)?[0-9]{9,13}", fullmatch=True)
    | st.text("0123456789 -", min_size=10, max_size=14)
    | st.text("０１２３４５６７８９", min_size=11, max_size=11)
    | st.text("٠١٢٣٤٥٦٧٨٩", min_size=11, max_size=11)
    | anything
)

# Parameters.
secrets = texts.map(lambda text: f"{text}{PRIVATE}{text}"[:600]) | st.just("王芳😀e\u0301")
good_secrets = st.text(max_size=20).map(lambda text: f"{text}{PRIVATE}")
names = st.sampled_from(["name", "code", "time"]) | texts
good_parameters = st.dictionaries(st.text(min_size=1, max_size=8), good_secrets, max_size=3)
parameters = (
    good_parameters
    | st.dictionaries(st.text(min_size=1, max_size=8), good_secrets | st.integers(), max_size=3)
    | st.dictionaries(names, secrets, max_size=3)
    | st.dictionaries(names, anything, max_size=2)
    | st.dictionaries(st.one_of(st.none(), st.integers(), st.booleans()), secrets, max_size=2)
    | anything
)

# Recipients.
good_person = st.fixed_dictionaries({"mobile": good_numbers, "temp_para": good_parameters})
person = (
    good_person
    | st.fixed_dictionaries({"mobile": numbers}, optional={"temp_para": parameters})
    | st.fixed_dictionaries({"mobile": good_numbers, "temp_para": good_parameters, "tag": texts})
    | numbers
)
recipients = st.lists(good_person, min_size=1, max_size=4) | st.lists(person, max_size=4) | anything

# Times.
zones = st.timezones() | st.builds(pendulum.FixedTimezone, st.integers(-86399, 86399))
moments = (
    st.datetimes(timezones=st.just(UTC) | zones)
    | st.datetimes(datetime(2099, 1, 1), timezones=zones)  # noqa: DTZ001
    | st.datetimes()
    | st.sampled_from([datetime.min, datetime.max]).flatmap(  # noqa: DTZ901
        lambda edge: zones.map(lambda zone: edge.replace(tzinfo=zone))
    )
)
good_times = st.from_regex(
    r"2(0[3-9]|[1-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[ T]"
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?",
    fullmatch=True,
)
times = (
    moments
    | moments.map(str)
    | moments.map(datetime.isoformat)
    | moments.map(pendulum.instance)
    | good_times
    | spoiled(good_times)
    | anything
)

# Ids.
good_ids = st.uuids(version=4).map(str)
schedule_ids = good_ids | spoiled(good_ids) | st.text("ab.-_~%/", max_size=6) | numbers
whole_numbers = (
    st.integers(-5, 10**19) | st.integers(1, 9).map(str) | spoiled(st.just("7")) | anything
)
tags = st.text(max_size=12) | st.text(min_size=10, max_size=11) | texts | anything
