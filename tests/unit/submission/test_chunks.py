"""Campaigns: who is in a list, each person and text once, in chunks, and whether it has changed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api import entries as sources
from airflow_provider_jsms.api.calls import MOST_RECIPIENTS
from airflow_provider_jsms.api.entries import BadRow, Block, Entries
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.submission import chunks as campaign
from airflow_provider_jsms.submission.chunks import chunks, digest, survey
from tests import people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.submission.chunks import Survey

MANY = settings(deadline=None, database=None, max_examples=250)
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"
NOBODY = "nobody"


def anyone(index: int) -> dict[str, Any]:
    return {
        "mobile": people.number(index),
        "temp_para": {"name": f"{people.CANARY}-{index}", "code": VALUE},
    }


def in_another_way(entry: dict[str, Any]) -> object:
    """Return an entry for the same person and text, which is not seen at once."""
    return MappingProxyType(
        {
            "temp_para": dict(reversed(entry["temp_para"].items())),
            "mobile": f"+86 {entry['mobile']}",
        }
    )


def sent(entries: object, known: Survey | None = None) -> list[list[Recipient]]:
    """Return the chunks of a list, as they would be sent."""
    source = Entries(entries)
    return [chunk.recipients for chunk in chunks(source, known or survey(source))]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be of 10 people, and entries be read 4 at once."""
    set_sizes(monkeypatch, chunk=10, block=4)


def set_sizes(monkeypatch: pytest.MonkeyPatch, *, chunk: int, block: int) -> None:
    monkeypatch.setattr(campaign, "MOST_RECIPIENTS", chunk)
    monkeypatch.setattr(sources, "BLOCK", block)


SIZES: list[tuple[int, list[int]]] = [
    (0, []),
    (1, [1]),
    (999, [999]),
    (1000, [1000]),
    (1001, [1000, 1]),
    (2000, [1000, 1000]),
    (2500, [1000, 1000, 500]),
]


@pytest.mark.parametrize("person", [people.number, anyone], ids=["bare", "table"])
@pytest.mark.parametrize(("size", "lengths"), SIZES)
def test_a_list_is_sent_in_chunks_of_a_thousand(
    person: Callable[[int], object], size: int, lengths: list[int]
) -> None:
    assert MOST_RECIPIENTS == 1000
    entries = [person(index) for index in range(size)]
    known = survey(Entries(entries))
    assert known.recipients == size
    assert not known.repeated
    assert len(known.digests) == len(lengths)
    read = sent(entries, known)
    assert [len(chunk) for chunk in read] == lengths
    everybody = [each for chunk in read for each in chunk]
    assert everybody == recipients_of(entries).recipients


@pytest.mark.parametrize(("size", "lengths"), SIZES)
def test_whoever_is_repeated_does_not_take_up_a_place_in_a_chunk(
    size: int, lengths: list[int]
) -> None:
    once = [anyone(index) for index in range(size)]
    entries = [each for index in range(size) for each in (once[index], once[index // 2])]
    known = survey(Entries(entries))
    assert known.recipients == size
    assert sorted(known.repeated) == list(range(1, 2 * size, 2))
    read = sent(entries, known)
    assert [len(chunk) for chunk in read] == lengths
    assert [each for chunk in read for each in chunk] == once
    assert known.digests == survey(Entries(once)).digests


@pytest.mark.parametrize("written", [lambda entry: entry, in_another_way], ids=["same", "other"])
@pytest.mark.parametrize(
    "place", [1, 3, 4, 5, 9, 10, 11, 19, 20, 24, 25], ids=lambda place: f"at {place}"
)
@pytest.mark.parametrize("earlier", [0, 3, 4, 9, 10, 19])
@pytest.mark.parametrize("block", [1, 4, 10, 30])
def test_a_repetition_is_found_wherever_it_is_and_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    earlier: int,
    place: int,
    written: Callable[[dict[str, Any]], object],
) -> None:
    set_sizes(monkeypatch, chunk=10, block=block)
    once: list[Any] = [anyone(index) for index in range(25)]
    repetition = written(once[earlier])
    entries = [*once[:place], repetition, *once[place:]]
    known = survey(Entries(entries))
    # If it comes first, the other one is the repetition.
    assert set(known.repeated) == {place if place > earlier else earlier + 1}
    expected = once if place > earlier else [*once[:place], once[earlier], *once[place:]]
    if place <= earlier:
        del expected[earlier + 1]
    assert [each for chunk in sent(entries, known) for each in chunk] == expected
    assert known.recipients == 25


def test_a_repetition_is_found_where_a_whole_block_of_one_form_meets_one_of_the_other() -> None:
    once = [anyone(index) for index in range(1000)]
    entries = [*once, *map(in_another_way, once), anyone(5000), *once]
    for each in (entries, list(reversed(entries))):
        known = survey(Entries(each))
        assert known.recipients == 1001
        assert len(known.repeated) == 2000
        assert [len(chunk) for chunk in sent(each, known)] == [1000, 1]


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (people.ANNA, {"mobile": people.ANNA}),
        (people.ANNA, {"mobile": people.ANNA, "temp_para": {}}),
        (people.ANNA, {"mobile": f"86{people.ANNA}", "temp_para": None}),
        (people.ANNA, int(people.ANNA)),
        (
            {"mobile": people.ANNA, "temp_para": {"a": VALUE, "b": OTHER}},
            {"mobile": people.ANNA, "temp_para": {"b": OTHER, "a": VALUE}},
        ),
        (
            {"mobile": people.ANNA, "temp_para": {"a": "3"}},
            {"mobile": people.ANNA, "temp_para": {"a": 3}},
        ),
        (
            {"mobile": people.ANNA, "temp_para": {"a": f"{VALUE}\x1f", "b": OTHER}},
            {"mobile": people.ANNA, "temp_para": {"b": OTHER, "a": f"{VALUE}\x1f"}},
        ),
    ],
    ids=["key", "empty", "none", "integer", "order", "value", "separator"],
)
def test_the_same_person_and_text_is_sent_once(some: object, others: object) -> None:
    for entries in ([some, others], [others, some], [some, some], [others, people.BEN, some]):
        known = survey(Entries(entries))
        assert set(known.repeated) == {len(entries) - 1}
        assert known.recipients == len(entries) - 1


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ({"a": VALUE}, {"a": OTHER}),
        ({"a": VALUE}, {"b": VALUE}),
        ({"a": VALUE}, {}),
        ({"a": VALUE}, {"a": VALUE, "b": ""}),
        ({"a": VALUE, "b": OTHER}, {"a": OTHER, "b": VALUE}),
        ({"a": VALUE}, {"a": f"{VALUE} "}),
        ({"a": VALUE}, {"a": f"{VALUE}\x1f"}),
    ],
)
def test_two_texts_for_one_person_are_both_sent(
    some: dict[str, str], others: dict[str, str]
) -> None:
    entries = [{"mobile": people.ANNA, "temp_para": each} for each in (some, others)]
    known = survey(Entries(entries))
    assert (known.recipients, set(known.repeated)) == (2, set())
    assert sum(map(len, sent(entries))) == 2


PERSONS = st.tuples(
    st.integers(0, 5).map(people.number),
    st.dictionaries(
        st.sampled_from(["a", "b", "a\x1fb"]),
        st.sampled_from([VALUE, OTHER, f"{VALUE}\x1f", f"{VALUE}\x1f{OTHER}"]),
        max_size=2,
    ),
)
Person = tuple[str, dict[str, str]]
WAYS: list[Callable[[Person], object]] = [
    lambda person: {"mobile": person[0], "temp_para": person[1]} if person[1] else person[0],
    lambda person: {"temp_para": dict(reversed(person[1].items())), "mobile": person[0]},
    lambda person: MappingProxyType({"mobile": int(person[0]), "temp_para": person[1] or None}),
]


@st.composite
def lists_of_people(draw: st.DrawFn) -> tuple[list[Person], list[Any]]:
    """Make people, some of them again and again, and entries that stand for them."""
    persons = draw(st.lists(PERSONS, max_size=14))
    ways = draw(st.sampled_from([WAYS[:1], WAYS[:2], WAYS]))
    return persons, [draw(st.sampled_from(ways))(person) for person in persons]


@given(lists_of_people(), st.integers(1, 5), st.integers(1, 5))
@MANY
def test_all_chunks_together_are_everybody_once_in_the_order_of_the_list(
    made: tuple[list[Person], list[Any]], chunk: int, block: int
) -> None:
    persons, entries = made
    expected: list[Person] = []
    expected += [each for at, each in enumerate(persons) if each not in persons[:at]]
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_sizes(monkeypatch, chunk=chunk, block=block)
        source = Entries(entries)
        known = survey(source)
        read = list(chunks(source, known))
    assert known.recipients == len(expected)
    assert sorted(known.repeated) == [at for at, each in enumerate(persons) if each in persons[:at]]
    together = [each for part in read for each in part.recipients]
    assert [(each["mobile"], each.get("temp_para", {})) for each in together] == expected
    assert all(len(part) == chunk for part in read[:-1])
    assert all(1 <= len(part) <= chunk for part in read)
    assert tuple(map(digest, read)) == known.digests
    for part in read:
        assert part.content == recipients_of(part.recipients).content


@given(lists_of_people(), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
@MANY
def test_the_digests_depend_only_on_the_people_and_the_size_of_a_chunk(
    made: tuple[list[Person], list[Any]], chunk: int, block: int, other_block: int
) -> None:
    persons, entries = made
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_sizes(monkeypatch, chunk=chunk, block=block)
        some = survey(Entries(entries))
        set_sizes(monkeypatch, chunk=chunk, block=other_block)
        others = survey(Entries([WAYS[0](person) for person in persons]))
    # Where the repetitions stand with regard to the chunks depends on the blocks.
    assert replace(some, left_out=()) == replace(others, left_out=())


def test_unusable_entries_are_counted_over_the_whole_list_and_ten_are_shown() -> None:
    entries: list[Any] = [anyone(index) for index in range(2500)]
    wrong = [0, 3, 998, 999, 1000, 1001, 1500, 1999, 2000, 2100, 2200, 2499]
    for position in wrong:
        entries[position] = {"mobile": f"{people.number(position)}0", "temp_para": {"n": VALUE}}
    with pytest.raises(JsmsInputError) as caught:
        survey(Entries(entries))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("12 of 2500 recipients cannot be used, so nothing was sent")
    assert [line.partition(":")[0] for line in lines] == [
        f"entry {position + 1}" for position in wrong[:10]
    ]
    assert VALUE not in str(caught.value)


def test_repetitions_are_among_the_recipients_of_which_some_cannot_be_used() -> None:
    with pytest.raises(JsmsInputError, match=r"^1 of 4 recipients"):
        survey(Entries([people.ANNA, people.ANNA, "", people.ANNA]))


def changed(at: int, entry: object, entries: list[Any]) -> list[Any]:
    return [*entries[:at], entry, *entries[at + 1 :]]


def added(at: int, entry: object, entries: list[Any]) -> list[Any]:
    return [*entries[:at], entry, *entries[at:]]


def removed(at: int, entries: list[Any]) -> list[Any]:
    return [*entries[:at], *entries[at + 1 :]]


def swapped(some: int, other: int, entries: list[Any]) -> list[Any]:
    order = list(range(len(entries)))
    order[some], order[other] = other, some
    return [entries[at] for at in order]


def person_of(number: str, **parameters: str) -> dict[str, Any]:
    return {"mobile": number, "temp_para": parameters}


PLACES = [0, 5, 9, 10, 19, 20, 24]
ONE_VALUE = f"{people.CANARY}-changed"
# With how a list of 25 people has changed, and how many chunks of 10 are as they were.
CHANGES: dict[str, tuple[Callable[[list[Any]], list[Any]], int]] = {
    **{
        f"{what} at {at}": (partial(function, at, *entry), at // 10)
        for at in PLACES
        for what, function, *entry in (
            ("value", changed, person_of(people.number(at), name=ONE_VALUE, code=VALUE)),
            (
                "exchanged values",
                changed,
                person_of(people.number(at), name=VALUE, code=f"{people.CANARY}-{at}"),
            ),
            (
                "name",
                changed,
                person_of(people.number(at), name=f"{people.CANARY}-{at}", kode=VALUE),
            ),
            ("missing value", changed, person_of(people.number(at), code=VALUE)),
            ("no values", changed, people.number(at)),
            (
                "number",
                changed,
                person_of(people.number(99), name=f"{people.CANARY}-{at}", code=VALUE),
            ),
            ("somebody else", changed, anyone(99)),
            ("somebody again", changed, anyone(3 if at != 3 else 4)),
            ("unusable number", changed, NOBODY),
            ("unusable value", changed, {**anyone(at), "temp_para": {"name": None}}),
            ("unusable row", changed, BadRow("it is torn.")),
            ("added", added, anyone(99)),
            ("removed", removed),
        )
        # Where the person is the same, nothing has changed.
        if not (what == "somebody again" and at == 3)
    },
    **{f"again after {at}": (partial(added, at + 1, anyone(at)), (at + 1) // 10) for at in PLACES},
    "added at the end": (partial(added, 25, anyone(99)), 2),
    "the first again at the end": (partial(added, 25, anyone(0)), 2),
    "swapped in the first": (partial(swapped, 0, 1), 0),
    "swapped in the second": (partial(swapped, 11, 18), 1),
    "swapped between the second and the third": (partial(swapped, 12, 22), 1),
    "first and last swapped": (partial(swapped, 0, 24), 0),
    "the other way round": (lambda entries: entries[::-1], 0),
    "empty": (lambda entries: [], 0),
    "only the first chunk": (lambda entries: entries[:10], 1),
    "only two chunks": (lambda entries: entries[:20], 2),
    "without the first chunk": (lambda entries: entries[10:], 0),
    "twice": (lambda entries: entries * 2, 2),
    "nobody is usable": (lambda entries: [NOBODY] * 25, 0),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("change", "same"), CHANGES.values(), ids=CHANGES)
def test_of_a_list_that_has_changed_only_the_chunks_before_the_change_are_sent(
    change: Callable[[list[Any]], list[Any]], same: int
) -> None:
    entries = [anyone(index) for index in range(25)]
    source = Entries(entries)
    known = survey(source)
    original = list(entries)
    entries[:] = change(entries)
    unchanged = [original[at : at + 10] for at in range(0, 10 * same, 10)]
    assert sent_until_changed(source, known) == (unchanged, True)


def sent_until_changed(source: Entries, known: Survey) -> tuple[list[list[Recipient]], bool]:
    """Return the chunks that come, and whether the error comes after them."""
    read: list[list[Recipient]] = []
    reading = chunks(source, known)
    try:
        read.extend(chunk.recipients for chunk in reading)
    except JsmsChangedListError:
        assert list(reading) == []
        return read, True
    return read, False


def test_that_a_list_has_changed_is_said_without_a_word_of_it_and_cannot_be_mended() -> None:
    entries = [anyone(0), anyone(1)]
    source = Entries(entries)
    reading = chunks(source, survey(source))
    entries[1] = person_of(people.number(1), name=ONE_VALUE, code=VALUE)
    with pytest.raises(JsmsChangedListError, match="has changed while it was read") as caught:
        next(reading)
    assert isinstance(caught.value, AirflowFailException)
    assert people.CANARY not in str(caught.value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [10, 20])
def test_a_list_of_full_chunks_that_has_grown_is_not_what_it_was(size: int) -> None:
    entries = [anyone(index) for index in range(size)]
    source = Entries(entries)
    known = survey(source)
    entries.append(anyone(99))
    unchanged = [entries[at : at + 10] for at in range(0, size, 10)]
    assert sent_until_changed(source, known) == (unchanged, True)


@pytest.mark.usefixtures("small")
def test_a_list_that_was_empty_and_has_grown_is_not_what_it_was() -> None:
    entries: list[Any] = []
    source = Entries(entries)
    known = survey(source)
    assert (known.recipients, set(known.repeated), known.digests) == (0, set(), ())
    entries.append(people.ANNA)
    assert sent_until_changed(source, known) == ([], True)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [0, 9, 10, 24, 25])
@pytest.mark.parametrize("entry", [NOBODY, None, {"mobile": people.ANNA, "temp_para": 1}])
def test_an_unusable_entry_that_was_added_is_noticed_and_nobody_else_is_sent_anything(
    entry: object, place: int
) -> None:
    entries: list[Any] = [anyone(index) for index in range(25)]
    source = Entries(entries)
    known, original = survey(source), list(entries)
    entries.insert(place, entry)
    read, is_noticed = sent_until_changed(source, known)
    assert is_noticed
    assert read == [original[at : at + 10] for at in range(0, 10 * len(read), 10)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [1, 2, 12, 26])
@pytest.mark.parametrize("entry", [anyone(99), people.number(0)], ids=["another", "without text"])
def test_a_repetition_that_has_become_somebody_else_is_noticed(place: int, entry: object) -> None:
    entries: list[Any] = [anyone(index) for index in range(26)]
    entries.insert(place, anyone(0))
    source = Entries(entries)
    known = survey(source)
    entries[place] = entry
    assert sent_until_changed(source, known)[1]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [1, 12, 26])
def test_a_repetition_that_was_removed_is_noticed_or_nobody_is_sent_anything_else(
    place: int,
) -> None:
    entries = [anyone(index) for index in range(26)]
    once = list(entries)
    entries.insert(place, anyone(0))
    source = Entries(entries)
    known = survey(source)
    del entries[place]
    read, is_noticed = sent_until_changed(source, known)
    assert read == [once[at : at + 10] for at in range(0, 10 * len(read), 10)]
    assert is_noticed or len(read) == 3


@pytest.mark.usefixtures("small")
def test_a_list_that_is_written_in_another_way_has_not_changed() -> None:
    entries: list[Any] = [anyone(index // 2) for index in range(50)]
    source = Entries(entries)
    known = survey(source)
    entries[:] = map(in_another_way, entries)
    read = [each for chunk in chunks(source, known) for each in chunk.recipients]
    assert read == [anyone(index) for index in range(25)]


@given(lists_of_people(), lists_of_people(), st.integers(1, 4), st.integers(1, 4))
@MANY
def test_whatever_a_list_has_become_only_chunks_that_were_checked_are_sent(
    made: tuple[list[Person], list[Any]],
    other: tuple[list[Person], list[Any]],
    chunk: int,
    block: int,
) -> None:
    entries = list(made[1])
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_sizes(monkeypatch, chunk=chunk, block=block)
        source = Entries(entries)
        known = survey(source)
        checked = [part.recipients for part in chunks(source, known)]
        at = len(other[0]) % (len(entries) + 1)
        entries[at:] = [*other[1], *entries[at:]]
        read, is_noticed = sent_until_changed(source, known)
    assert read == checked[: len(read)]
    assert is_noticed or read == checked
    if other[0] and not known.repeated:
        assert is_noticed


class Failing(Entries):
    """Entries of which no more than some blocks can be read when it is gone through again."""

    def __init__(self, value: object, error: Exception, readable: int) -> None:
        super().__init__(value)
        self._error, self._readable, self._times = error, readable, 0

    def blocks(self) -> Iterator[Block]:
        self._times += 1
        for number, block in enumerate(super().blocks()):
            if self._times == 2 and number == self._readable:
                raise self._error
            yield block


@pytest.mark.usefixtures("small")
def test_a_source_that_fails_for_now_fails_as_it_did_and_not_as_changed() -> None:
    source = Failing(
        [anyone(index) for index in range(25)], JsmsRecipientsFileError("It is away."), 3
    )
    reading = chunks(source, survey(source))
    assert len(next(reading)) == 10
    with pytest.raises(JsmsRecipientsFileError, match="It is away"):
        next(reading)


@pytest.mark.usefixtures("small")
def test_a_source_that_is_not_of_the_form_any_more_has_changed() -> None:
    source = Failing([anyone(index) for index in range(25)], JsmsInputError("It is torn."), 3)
    reading = chunks(source, survey(source))
    assert len(next(reading)) == 10
    with pytest.raises(JsmsChangedListError) as caught:
        next(reading)
    assert isinstance(caught.value.__cause__, JsmsInputError)


@pytest.mark.usefixtures("small")
def test_no_more_of_a_list_is_read_than_the_next_chunk_needs() -> None:
    read = []

    class Watched:
        def __iter__(self) -> Iterator[dict[str, Any]]:
            for index in range(25):
                read.append(index)
                yield anyone(index)

    source = Entries(Watched())
    known = survey(source)
    read.clear()
    reading = chunks(source, known)
    assert read == []
    next(reading)
    assert read == list(range(12))  # blocks of 4
    next(reading)
    assert read == list(range(20))


# Of both forms, with repetitions, and with what is told apart only in the thorough form.
TELL = """
import json, sys
from airflow_provider_jsms.submission.chunks import survey
from airflow_provider_jsms.api.entries import Entries
told = []
for entries in json.load(sys.stdin):
    known = survey(Entries(entries))
    digests = [each.hex() for each in known.digests]
    told.append([known.recipients, sorted(known.repeated), digests])
json.dump([told, hash("told")], sys.stdout)
"""


def test_another_process_knows_the_same_of_the_same_list() -> None:
    lists: list[list[Any]] = [
        [],
        [people.number(index % 1200) for index in range(2500)],
        [anyone(index % 1200) for index in range(2500)],
        [anyone(index) if index % 7 else people.number(index) for index in range(1500)],
        [{"mobile": people.ANNA, "temp_para": {"b": f"{VALUE}\x1f", "a": OTHER}}] * 2,
        [
            {"mobile": people.ANNA, "temp_para": {f"{name}": VALUE for name in "zyxwvutsrq"}},
            {"mobile": people.ANNA, "temp_para": {f"{name}\x1f": VALUE for name in "zyxwvutsrq"}},
        ],
    ]
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        input=json.dumps(lists),
        env=os.environ | {"PYTHONHASHSEED": "20300701"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told, hash_there = json.loads(done.stdout)
    assert hash_there != hash("told")
    here = [survey(Entries(entries)) for entries in lists]
    assert told == [
        [known.recipients, sorted(known.repeated), [each.hex() for each in known.digests]]
        for known in here
    ]
    assert [each[0] for each in told] == [0, 1200, 1200, 1500, 1, 2]


def test_the_digest_of_a_chunk_stays_what_was_recorded_of_it() -> None:
    content = "\x1f".join(
        [
            *(people.ANNA, "0"),
            *(people.BEN, "2", "a", "b", VALUE, OTHER),
            *(people.BEN, f'{{"a": "{VALUE}\\u001f"}}'),
        ]
    )
    entries = [
        people.ANNA,
        {"mobile": people.BEN, "temp_para": {"b": OTHER, "a": VALUE}},
        {"mobile": people.BEN, "temp_para": {"a": f"{VALUE}\x1f"}},
    ]
    assert survey(Entries(entries)).digests == (hashlib.sha256(content.encode()).digest(),)


class Generated:
    """A list that is nowhere in memory."""

    place = "entry"

    def __init__(self, size: int) -> None:
        self._size = size

    def blocks(self) -> Iterator[Block]:
        for first in range(0, self._size, 1000):
            places = range(first + 1, first + 1001)
            yield Block([anyone(place) for place in places], places)


def peak_of(function: Callable[[], Any]) -> tuple[Any, int]:
    """Return what comes of a function, and the most memory that it held at a time."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    result = function()
    _, peak = tracemalloc.get_traced_memory()
    return result, peak - before


def test_of_a_recipient_no_more_than_a_few_bytes_are_kept() -> None:
    size = 200_000
    source = Generated(size)
    tracemalloc.start()
    try:
        _, of_a_block = peak_of(lambda: next(source.blocks()))
        known, while_checked = peak_of(lambda: survey(source))
        read, while_sent = peak_of(lambda: sum(map(len, chunks(source, known))))
    finally:
        tracemalloc.stop()
    assert known.recipients == read == size
    assert (while_checked - of_a_block) / size < 150
    assert (while_sent - of_a_block) / size < 30
