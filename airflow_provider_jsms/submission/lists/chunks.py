"""A campaign: any number of recipients, in chunks of one request each.

A first reading validates everything before the first request. Of a list it keeps the chunks. A file
is read again to send: only the digests of its chunks are kept, so that a million recipients fit
into a worker.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.calls import MAX_RECIPIENTS
from airflow_provider_jsms.api.recipients import checked, noun, recipient
from airflow_provider_jsms.exceptions import JsmsChangedListError, JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient, Unusable

_CHANGED: Final = "The list of recipients has changed since it was checked."


@dataclass(frozen=True)
class Survey:
    """The first reading of a list: the number of recipients and duplicates, and its chunks.

    :param kept: the chunks of a list, None for a source that may change.
    :param excluded: how many entries ``exclude`` leaves out.
    :param exclude: the numbers that it names, None if the argument is not given.
    """

    recipients: int
    repeated: int
    digests: tuple[bytes, ...]
    kept: list[list[Recipient]] | None
    excluded: int = 0
    exclude: frozenset[int] | None = field(default=None, repr=False)


def nobody(excluded: int) -> str:
    """Return why there is nobody to text."""
    why = f"All {excluded} recipients are excluded" if excluded else "recipients is empty"
    return f"{why}: there is nobody to text."


def survey(source: Source, exclude: frozenset[int] | None = None) -> Survey:
    """Validate every entry of a list.

    :raises JsmsInputError: counts the unusable entries and shows the first ten.
    """
    unique = Unique(source, exclude)
    kept: list[list[Recipient]] | None = [] if source.is_fixed else None
    digests = []
    for chunk in unique.chunks():
        digests.append(digest(chunk))
        if kept is not None:
            kept.append(chunk)
    count = len(unique.seen)
    return Survey(count, unique.repeated, tuple(digests), kept, unique.excluded, exclude)


def chunks(source: Source, known: Survey) -> Iterator[list[Recipient]]:
    """Yield the chunks of a surveyed list, each only if it has not changed since."""
    if known.kept is not None:
        yield from known.kept
        return
    number = 0
    try:
        for number, chunk in enumerate(Unique(source, known.exclude).chunks(), start=1):
            if known.digests[number - 1 : number] != (digest(chunk),):
                raise JsmsChangedListError(_CHANGED)
            yield chunk
    except JsmsInputError as error:
        raise JsmsChangedListError(_CHANGED) from error
    if number < len(known.digests):
        raise JsmsChangedListError(_CHANGED)


def digest(people: Sequence[Recipient]) -> bytes:
    """Return a hash that is equal only for the same people and parameters in the same order."""
    rows = [(person["mobile"], person.get("temp_para") or {}) for person in people]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).digest()


class Unique:
    """Split a list into chunks and drop excluded numbers, and entries that repeat an earlier one.

    :param unusable: collects the unusable entries, which otherwise raise at the end.

    Of each recipient it keeps the number and a hash of 64 bits of the parameters: two texts are
    mistaken for one only if they go to the same number and their hashes agree.
    """

    def __init__(
        self, source: Source, exclude: frozenset[int] | None, unusable: Unusable | None = None
    ) -> None:
        self._source = source
        self._exclude = exclude or ()
        self._unusable = unusable
        self.excluded = 0
        self.seen: set[int] = set()
        self.repeated = 0

    def chunks(self) -> Iterator[list[Recipient]]:
        """Yield lists of at most 1,000 recipients."""
        chunk: list[Recipient] = []
        for person in checked(self._source, recipient, noun, self._unusable):
            number = int(person["mobile"])
            if number in self._exclude:
                self.excluded += 1
                continue
            parameters = frozenset(person.get("temp_para", {}).items())
            mark = (number << 64) + hash(parameters)
            if mark in self.seen:
                self.repeated += 1
                continue
            self.seen.add(mark)
            chunk.append(person)
            if len(chunk) == MAX_RECIPIENTS:
                yield chunk
                chunk = []
        if chunk:
            yield chunk
