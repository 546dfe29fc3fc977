"""Campaigns: each person and text once, in chunks, and a list that changes is noticed."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api.calls import MAX_RECIPIENTS
from airflow_provider_jsms.api.entries import Entries
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.submission.lists import chunks as campaign
from airflow_provider_jsms.submission.lists.chunks import chunks, digest, survey
from tests import people
from tests.unit.another_process import run_in_another_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.submission.lists.chunks import Survey

MANY = settings()
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"


def anyone(index: int) -> dict[str, Any]:
    return {
        "mobile": people.number(index),
        "temp_para": {"name": f"{people.CANARY}-{index}", "code": VALUE},
    }


def in_another_way(entry: dict[str, Any]) -> object:
    """Return an entry for the same person and text."""
    parameters = dict(reversed(entry["temp_para"].items()))
    return MappingProxyType({"temp_para": parameters, "mobile": f"+86 {entry['mobile']}"})


class Fetched:
    """Entries that are fetched whenever they are iterated, as an XCom of a mapped task is."""

    def __init__(self, entries: Iterable[object]) -> None:
        self._entries = entries

    def __iter__(self) -> Iterator[object]:
        return iter(self._entries)


def changing(entries: Iterable[object]) -> Entries:
    """Return a source that may change between two readings."""
    return Entries(Fetched(entries))


def sent(entries: object, known: Survey | None = None) -> list[list[Recipient]]:
    """Return the chunks of a list, as they would be sent."""
    source = Entries(entries)
    return list(chunks(source, known or survey(source)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be of 10 people."""
    monkeypatch.setattr(campaign, "MAX_RECIPIENTS", 10)


SIZES = [(0, []), (1, [1]), (1000, [1000]), (1001, [1000, 1]), (2500, [1000, 1000, 500])]


@pytest.mark.parametrize("person", [people.number, anyone], ids=["bare", "table"])
@pytest.mark.parametrize(("size", "lengths"), SIZES)
def test_a_list_is_sent_in_chunks_of_a_thousand(
    person: Callable[[int], object], size: int, lengths: list[int]
) -> None:
    assert MAX_RECIPIENTS == 1000
    entries = [person(index) for index in range(size)]
    known = survey(Entries(entries))
    assert (known.recipients, known.repeated, len(known.digests)) == (size, 0, len(lengths))
    read = sent(entries, known)
    assert [len(chunk) for chunk in read] == lengths
    assert [each for chunk in read for each in chunk] == recipients_of(entries)
    assert tuple(map(digest, read)) == known.digests


def test_a_duplicate_takes_up_no_place_in_a_chunk() -> None:
    once = [anyone(index) for index in range(2500)]
    entries = [each for index in range(2500) for each in (once[index], once[index // 2])]
    known = survey(Entries(entries))
    assert (known.recipients, known.repeated) == (2500, 2500)
    assert [each for chunk in sent(entries, known) for each in chunk] == once
    assert known.digests == survey(Entries(once)).digests


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (people.ANNA, {"mobile": f"86{people.ANNA}", "temp_para": None}),
        (people.ANNA, int(people.ANNA)),
        (anyone(1), in_another_way(anyone(1))),
        (
            {"mobile": people.ANNA, "temp_para": {"a": "3"}},
            {"mobile": people.ANNA, "temp_para": {"a": 3}},
        ),
    ],
)
def test_the_same_person_and_text_is_sent_once(some: object, others: object) -> None:
    for entries in ([some, others], [others, some], [some, people.BEN, others]):
        known = survey(Entries(entries))
        assert (known.recipients, known.repeated) == (len(entries) - 1, 1)
        assert sum(map(len, sent(entries, known))) == len(entries) - 1


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ({"a": VALUE}, {"a": OTHER}),
        ({"a": VALUE}, {"b": VALUE}),
        ({"a": VALUE}, {}),
        ({"a": VALUE}, {"a": VALUE, "b": ""}),
        ({"a": VALUE, "b": OTHER}, {"a": OTHER, "b": VALUE}),
        ({"a": VALUE}, {"a": f"{VALUE} "}),
    ],
)
def test_two_texts_for_one_person_are_both_sent(
    some: dict[str, str], others: dict[str, str]
) -> None:
    entries = [{"mobile": people.ANNA, "temp_para": each} for each in (some, others)]
    known = survey(Entries(entries))
    assert (known.recipients, known.repeated) == (2, 0)
    assert sum(map(len, sent(entries, known))) == 2
    assert digest(recipients_of(entries[:1])) != digest(recipients_of(entries[1:]))


Person = tuple[str, dict[str, str]]
PERSONS = st.tuples(
    st.integers(0, 5).map(people.number),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from([VALUE, OTHER]), max_size=2),
)
WAYS: list[Callable[[Person], object]] = [
    lambda person: {"mobile": person[0], "temp_para": person[1]} if person[1] else person[0],
    lambda person: {"temp_para": dict(reversed(person[1].items())), "mobile": person[0]},
    lambda person: MappingProxyType({"mobile": int(person[0]), "temp_para": person[1] or None}),
]


@given(st.lists(st.tuples(PERSONS, st.sampled_from(WAYS)), max_size=14), st.integers(1, 5))
@MANY
def test_all_chunks_together_are_everybody_once_in_the_order_of_the_list(
    made: list[tuple[Person, Callable[[Person], object]]], size: int
) -> None:
    persons = [person for person, _ in made]
    expected = [each for at, each in enumerate(persons) if each not in persons[:at]]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(campaign, "MAX_RECIPIENTS", size)
        source = Entries([way(person) for person, way in made])
        known = survey(source)
        read = list(chunks(source, known))
        plain = survey(Entries([WAYS[0](person) for person in expected]))
    together = [each for part in read for each in part]
    assert [(each["mobile"], each.get("temp_para", {})) for each in together] == expected
    assert (known.recipients, known.repeated) == (len(expected), len(persons) - len(expected))
    assert known.digests == plain.digests == tuple(map(digest, read))
    assert all(len(part) == size for part in read[:-1])


def test_unusable_entries_are_counted_over_the_whole_list_and_duplicates_among_them() -> None:
    entries: list[Any] = [anyone(index) for index in range(2500)]
    wrong = [0, 998, 1000, 2499]
    for position in wrong:
        entries[position] = {"mobile": f"{people.number(position)}0", "temp_para": {"n": VALUE}}
    with pytest.raises(JsmsInputError) as caught:
        survey(Entries([*entries, anyone(5)]))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("4 of 2501 recipients cannot be used, so nothing was sent")
    assert [line.partition(":")[0] for line in lines] == [f"entry {each + 1}" for each in wrong]
    assert VALUE not in str(caught.value)


def changed(at: int, entry: object, entries: list[Any]) -> list[Any]:
    return [*entries[:at], entry, *entries[at + 1 :]]


def added(at: int, entry: object, entries: list[Any]) -> list[Any]:
    return [*entries[:at], entry, *entries[at:]]


NEW_VALUE = {**anyone(12), "temp_para": {"name": OTHER, "code": VALUE}}
# How a list of 25 people has changed, and how many chunks of 10 are as they were.
CHANGES: dict[str, tuple[Callable[[list[Any]], list[Any]], int]] = {
    "value": (partial(changed, 12, NEW_VALUE), 1),
    "number": (partial(changed, 12, {**anyone(12), "mobile": people.number(99)}), 1),
    "first": (partial(changed, 0, anyone(99)), 0),
    "last": (partial(changed, 24, anyone(99)), 2),
    "now a duplicate": (partial(changed, 12, anyone(3)), 1),
    "unusable": (partial(changed, 12, None), 1),
    "added": (partial(added, 12, anyone(99)), 1),
    "added at the end": (partial(added, 25, anyone(99)), 2),
    "removed": (lambda entries: [*entries[:12], *entries[13:]], 1),
    "swapped": (lambda entries: [*entries[:11], entries[12], entries[11], *entries[13:]], 1),
    "empty": (lambda entries: [], 0),
    "only two chunks": (lambda entries: entries[:20], 2),
    "twenty more": (lambda entries: [*entries, *map(anyone, range(50, 70))], 2),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("change", "same"), CHANGES.values(), ids=CHANGES)
def test_of_a_list_that_has_changed_only_the_chunks_before_the_change_are_sent(
    change: Callable[[list[Any]], list[Any]], same: int
) -> None:
    entries = [anyone(index) for index in range(25)]
    source, original = changing(entries), list(entries)
    known = survey(source)
    entries[:] = change(entries)
    read, is_noticed = sent_until_changed(source, known)
    assert is_noticed
    assert read == [original[at : at + 10] for at in range(0, 10 * same, 10)]


def sent_until_changed(source: Entries, known: Survey) -> tuple[list[list[Recipient]], bool]:
    """Return the chunks that come, and whether the error comes after them."""
    read: list[list[Recipient]] = []
    try:
        read.extend(chunks(source, known))
    except JsmsChangedListError:
        return read, True
    return read, False


def test_the_error_of_a_changed_list_is_final_and_shows_nobody() -> None:
    entries = [anyone(0)]
    source = changing(entries)
    known = survey(source)
    entries[0] = anyone(1)
    with pytest.raises(JsmsChangedListError, match="has changed since it was checked") as caught:
        list(chunks(source, known))
    assert isinstance(caught.value, AirflowFailException)
    assert people.CANARY not in str(caught.value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [0, 10, 20])
def test_a_list_of_full_chunks_that_has_grown_is_noticed(size: int) -> None:
    entries = [anyone(index) for index in range(size)]
    source, original = changing(entries), list(entries)
    known = survey(source)
    entries.append(anyone(99))
    read, is_noticed = sent_until_changed(source, known)
    assert is_noticed
    assert [each for chunk in read for each in chunk] == original


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [0, 9, 24, 25])
def test_an_unusable_entry_that_was_added_is_noticed_and_nobody_else_is_texted(place: int) -> None:
    entries: list[Any] = [anyone(index) for index in range(25)]
    source, original = changing(entries), list(entries)
    known = survey(source)
    entries.insert(place, "nobody")
    read, is_noticed = sent_until_changed(source, known)
    assert is_noticed
    assert read == [original[at : at + 10] for at in range(0, 10 * len(read), 10)]


@given(st.lists(PERSONS, max_size=12), st.lists(PERSONS, max_size=4), st.integers(0, 12))
@MANY
def test_only_chunks_that_were_checked_are_sent(
    persons: list[Person], others: list[Person], at: int
) -> None:
    entries = [WAYS[0](person) for person in persons]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(campaign, "MAX_RECIPIENTS", 3)
        source = changing(entries)
        known = survey(source)
        checked = list(chunks(source, known))
        entries[at:at] = [WAYS[1](person) for person in others]
        read, is_noticed = sent_until_changed(source, known)
    assert read == checked[: len(read)]
    assert is_noticed or read == checked


@pytest.mark.usefixtures("small")
def test_a_list_that_is_written_in_another_way_has_not_changed() -> None:
    entries: list[Any] = [anyone(index // 2) for index in range(50)]
    source = changing(entries)
    known = survey(source)
    entries[:] = map(in_another_way, entries)
    read = [each for chunk in chunks(source, known) for each in chunk]
    assert read == [anyone(index) for index in range(25)]


class Failing(Entries):
    """Entries that fail in the second reading."""

    error: Exception | None = None

    def __iter__(self) -> Iterator[tuple[int, object]]:
        for place, entry in super().__iter__():
            if self.error and place == 13:
                raise self.error
            yield place, entry


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (JsmsRecipientsFileError("It is away."), JsmsRecipientsFileError),
        (JsmsInputError("It is no CSV."), JsmsChangedListError),
    ],
)
def test_a_source_that_fails_later_may_be_retried_unless_it_has_changed(
    error: Exception, raised: type[Exception]
) -> None:
    source = Failing(Fetched([anyone(index) for index in range(25)]))
    reading = chunks(source, survey(source))
    source.error = error
    assert len(next(reading)) == 10
    with pytest.raises(raised):
        next(reading)


@pytest.mark.usefixtures("small")
def test_no_more_of_a_list_is_read_than_the_next_chunk_needs() -> None:
    read = []

    class Watched:
        def __iter__(self) -> Iterator[dict[str, Any]]:
            for index in range(25):
                read.append(index)
                yield anyone(index)

    source = changing(Watched())
    known = survey(source)
    read.clear()
    reading = chunks(source, known)
    assert read == []
    next(reading)
    assert read == list(range(10))


def test_the_digest_is_that_of_canonical_json() -> None:
    entries = [people.ANNA, {"mobile": people.BEN, "temp_para": {"b": "王", "a": VALUE}}]
    canonical = json.dumps([[people.ANNA, {}], [people.BEN, {"a": VALUE, "b": "王"}]])
    assert digest(recipients_of(entries)) == hashlib.sha256(canonical.encode()).digest()
    assert digest([{"mobile": people.ANNA, "temp_para": {}}]) == digest([{"mobile": people.ANNA}])
    assert survey(Entries(entries)).digests == (digest(recipients_of(entries)),)


IN_ANOTHER_PROCESS = """
from airflow_provider_jsms.submission.lists.chunks import survey
from airflow_provider_jsms.api.entries import Entries
known = survey(Entries(json.load(sys.stdin)))
json.dump([known.recipients, known.repeated, [each.hex() for each in known.digests]], sys.stdout)
"""


def test_another_process_finds_the_same_digests() -> None:
    entries = [anyone(index % 1200) if index % 7 else people.number(index) for index in range(2500)]
    printed = run_in_another_process(IN_ANOTHER_PROCESS, json.dumps(entries))
    known = survey(Entries(entries))
    assert json.loads(printed) == [
        known.recipients,
        known.repeated,
        [each.hex() for each in known.digests],
    ]


class Generated:
    """A list that is nowhere in memory."""

    place = "entry"
    is_fixed = False

    def __init__(self, size: int) -> None:
        self._size = size

    def __iter__(self) -> Iterator[tuple[int, object]]:
        return ((place, anyone(place)) for place in range(1, self._size + 1))


def test_at_most_150_bytes_of_a_recipient_are_kept() -> None:
    size = 10_000
    source = Generated(size)
    tracemalloc.start()
    try:
        known = survey(source)
        read = sum(map(len, chunks(source, known)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert known.recipients == read == size
    of_a_chunk = 1000 * 1000
    assert (peak - of_a_chunk) / size < 150
