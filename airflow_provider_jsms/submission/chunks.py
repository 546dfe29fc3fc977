"""A campaign: any number of recipients, gone through twice, in chunks of what a request may carry.

The first time everything is checked, before the first request. The second time it is sent, chunk
by chunk. In between nothing is kept of the recipients but who is a repetition and what tells
whether the list has changed, so that a file of a million fits into a worker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.calls import MAX_RECIPIENTS
from airflow_provider_jsms.api.recipients import Checker, People
from airflow_provider_jsms.exceptions import JsmsChangedListError, JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_jsms.api.entries import Source

_HASH_BITS: Final = 64


@dataclass(frozen=True)
class Survey:
    """What is known of a list after it was gone through once.

    :param recipients: how many there are, each person and text once.
    :param repeated: which of the entries repeat an earlier one, counted from 0.
    :param digests: of each chunk; they are the same only for the same people and parameters.
    :param left_out: the same of all repetitions, as far as the list was read at the end of each
        chunk, and at its own end.
    """

    recipients: int
    repeated: Collection[int]
    digests: tuple[bytes, ...]
    left_out: tuple[bytes, ...]


def survey(source: Source) -> Survey:
    """Check every entry of a list.

    :raises JsmsInputError: counts the entries that cannot be used and shows the first ten.
    """
    checker = Checker(source.place)
    repetitions = _Repetitions()
    recipients, digests, left_out = 0, [], []
    for chunk in _chunks(source, checker, repetitions):
        recipients += len(chunk)
        digests.append(digest(chunk))
        left_out.append(repetitions.left_out.digest())
    checker.conclude()
    left_out.append(repetitions.left_out.digest())
    return Survey(recipients, repetitions.found, tuple(digests), tuple(left_out))


def chunks(source: Source, known: Survey) -> Iterator[People]:
    """Yield the chunks of a list that was surveyed, none that is not as it was then.

    :raises JsmsChangedListError: the list is another one by now.
    """
    checker, sieve, count = Checker(source.place), _Known(known.repeated), 0
    try:
        for chunk in _chunks(source, checker, sieve):
            if count == len(known.digests) or digest(chunk) != known.digests[count]:
                raise JsmsChangedListError(_CHANGED)
            if sieve.left_out.digest() != known.left_out[count]:
                raise JsmsChangedListError(_CHANGED)
            count += 1
            yield chunk.recipients
        checker.conclude()
    except JsmsInputError as error:
        raise JsmsChangedListError(_CHANGED) from error
    if count < len(known.digests) or sieve.left_out.digest() != known.left_out[count]:
        raise JsmsChangedListError(_CHANGED)


_CHANGED = (
    "The list of recipients has changed while it was read: the second reading, from which is sent, "
    "differs from the first, in which it was checked."
)


def digest(people) -> bytes:
    """Return what is the same only for the same people and parameters, in the same order."""
    people = getattr(people, "recipients", people)
    import json

    return hashlib.sha256(json.dumps(list(people), sort_keys=True).encode()).digest()


NOBODY: Final = "recipients is empty: there is nobody to text."


class _Sieve:
    """Leaves out the entries that repeat an earlier one.

    :ivar left_out: a hash of all that were left out so far.
    """

    def __init__(self) -> None:
        self.left_out = hashlib.sha256()
        self._count = 0

    def without(self, people: People) -> People:
        """Return those that do not repeat an earlier one."""
        first, self._count = self._count, self._count + len(people)
        repeated = self._repeated(people, first)
        if not repeated:
            return people
        self.left_out.update(people.only(repeated).content)
        gone = set(repeated)
        return people.only([at for at in range(len(people)) if at not in gone])

    def _repeated(self, people: People, first: int) -> list[int]:
        """Return which of these repeat an earlier one; ``first`` is the place of the first."""
        raise NotImplementedError


class _Repetitions(_Sieve):
    """Finds the entries that repeat an earlier one.

    What is kept of a recipient is one integer: the number, exact, and behind it 64 bits of a hash
    of number and parameters, which is keyed anew in each process. So two texts are mistaken for
    one another only if they go to the same number and their hashes happen to be equal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: set[int] = set()
        self._seen: set[int] = set()

    def _repeated(self, people: People, first: int) -> list[int]:
        marks = [(int(row[0]) << _HASH_BITS) + hash(row) for row in people.rows]
        new = set(marks)
        if len(new) == len(marks) and self._seen.isdisjoint(new):
            self._seen |= new
            return []
        repeated = []
        for at, mark in enumerate(marks):
            if mark in self._seen:
                repeated.append(at)
            self._seen.add(mark)
        self.found.update(first + at for at in repeated)
        return repeated


class _Known(_Sieve):
    """Leaves out the entries that are known to repeat an earlier one."""

    def __init__(self, found: Collection[int]) -> None:
        super().__init__()
        self._found = found

    def _repeated(self, people: People, first: int) -> list[int]:
        if not self._found:
            return []
        return [at for at in range(len(people)) if first + at in self._found]


def _chunks(source: Source, checker: Checker, sieve: _Sieve) -> Iterator[People]:
    waiting = People()
    for block in source.blocks():
        waiting += sieve.without(checker.check(block))
        while len(waiting) >= MAX_RECIPIENTS:
            yield waiting.part(0, MAX_RECIPIENTS)
            waiting = waiting.part(MAX_RECIPIENTS, len(waiting))
    if len(waiting):
        yield waiting
