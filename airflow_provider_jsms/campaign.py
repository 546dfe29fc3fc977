"""A campaign: any number of recipients, gone through twice, in chunks of what a request may carry.

The first time everything is checked, before the first request. The second time it is sent, chunk
by chunk. In between nothing is kept of the recipients but who is a repetition and what tells
whether the list has changed, so that a file of a million fits into a worker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from airflow_provider_jsms.exceptions import JsmsChangedListError, JsmsInputError
from airflow_provider_jsms.recipients import Checker, People
from airflow_provider_jsms.schedule import MOST_RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_provider_jsms.recipients import Block

_HASH_BITS: Final = 64


class Source(Protocol):
    """Recipients that can be gone through more than once."""

    @property
    def place(self) -> str:
        """What an entry's place is called, ``entry`` or ``line``."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield all entries, from the first one on."""
        ...


@dataclass(frozen=True)
class Survey:
    """What is known of a list after it was gone through once.

    :param recipients: how many there are, each person and text once.
    :param repeated: which of the entries repeat an earlier one, counted from 0.
    :param digests: of each chunk; they are the same only for the same people and parameters.
    """

    recipients: int
    repeated: Collection[int]
    digests: tuple[bytes, ...]


def survey(source: Source) -> Survey:
    """Check every entry of a list.

    :raises JsmsInputError: counts the entries that cannot be used and shows the first ten.
    """
    checker = Checker(source.place)
    repetitions = _Repetitions()
    recipients, digests = 0, []
    for chunk in _chunks(source, checker, repetitions.without):
        recipients += len(chunk)
        digests.append(digest(chunk))
    checker.conclude()
    return Survey(recipients, repetitions.found, tuple(digests))


def chunks(source: Source, known: Survey) -> Iterator[People]:
    """Yield the chunks of a list that was surveyed, none that is not as it was then.

    :raises JsmsChangedListError: the list is another one by now.
    """
    checker, count = Checker(source.place), 0
    try:
        for chunk in _chunks(source, checker, _Known(known.repeated).without):
            if count == len(known.digests) or digest(chunk) != known.digests[count]:
                raise JsmsChangedListError(_CHANGED)
            count += 1
            yield chunk
        checker.conclude()
    except JsmsInputError as error:
        raise JsmsChangedListError(_CHANGED) from error
    if count < len(known.digests):
        raise JsmsChangedListError(_CHANGED)


_CHANGED = (
    "The list of recipients has changed while it was read: the second reading, from which is sent, "
    "differs from the first, in which it was checked."
)


def digest(people: People) -> bytes:
    """Return what is the same only for the same people and parameters, in the same order."""
    return hashlib.sha256(people.content).digest()


def _chunks(
    source: Source, checker: Checker, without: Callable[[People], People]
) -> Iterator[People]:
    waiting = People()
    for block in source.blocks():
        waiting += without(checker.check(block))
        while len(waiting) >= MOST_RECIPIENTS:
            yield waiting.part(0, MOST_RECIPIENTS)
            waiting = waiting.part(MOST_RECIPIENTS, len(waiting))
    if len(waiting):
        yield waiting


class _Repetitions:
    """Finds the entries that repeat an earlier one.

    What is kept of a recipient is one integer: the number, exact, and behind it 64 bits of a hash
    of number and parameters, which is keyed anew in each process. So two texts are mistaken for
    one another only if they go to the same number and their hashes happen to be equal.
    """

    def __init__(self) -> None:
        self.found: set[int] = set()
        self._seen: set[int] = set()
        self._count = 0

    def without(self, people: People) -> People:
        first = self._count
        self._count += len(people)
        marks = [(int(row[0]) << _HASH_BITS) + hash(row) for row in people.rows]
        new = set(marks)
        if len(new) == len(marks) and self._seen.isdisjoint(new):
            self._seen |= new
            return people
        kept = []
        for position, mark in enumerate(marks):
            if mark in self._seen:
                self.found.add(first + position)
            else:
                self._seen.add(mark)
                kept.append(position)
        return people.only(kept)


class _Known:
    """Leaves out the entries that are known to repeat an earlier one."""

    def __init__(self, repeated: Collection[int]) -> None:
        self._repeated = repeated
        self._count = 0

    def without(self, people: People) -> People:
        positions = range(self._count, self._count + len(people))
        self._count += len(people)
        if not self._repeated:
            return people
        kept = [at for at, position in enumerate(positions) if position not in self._repeated]
        return people.only(kept)
