"""Many recipients, checked: quickly where an entry is as most are, thoroughly where it is not."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.entries import BadRow, entries_of
from airflow_provider_jsms.api.recipient import (
    OF_NOTHING,
    SEPARATOR,
    Recipient,
    heading,
    mobile_of,
    parameters_of,
    recipient,
    row_of,
)
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_jsms.api.entries import Block
    from airflow_provider_jsms.api.recipient import Recipient

_SHOWN_ERRORS = 10
_NUMBERS = re.compile(rf"(?:1[0-9]{{10}}{SEPARATOR})*")


class People:
    """Recipients that were checked, in the form that is sent.

    :param recipients: ``{"mobile", "temp_para"}``.
    :param rows: of each of them what tells it from the others (:func:`~.recipient.row_of`); gone
        through as often as needed.
    """

    def __init__(
        self, recipients: list[Recipient] | None = None, rows: Iterable[tuple[str, ...]] = ()
    ) -> None:
        self.recipients = recipients or []
        self.rows = rows

    def __len__(self) -> int:
        return len(self.recipients)

    def part(self, first: int, end: int) -> People:
        """Return those from position ``first`` on, and before ``end``, counted from 0."""
        if first == 0 and end == len(self):
            return self
        return People(self.recipients[first:end], list(self.rows)[first:end])

    def __add__(self, other: People) -> People:
        if not self.recipients:
            return other
        return People(self.recipients + other.recipients, [*self.rows, *other.rows])

    def only(self, kept: Sequence[int]) -> People:
        """Return those at these positions, counted from 0."""
        if len(kept) == len(self):
            return self
        rows = list(self.rows)
        return People([self.recipients[at] for at in kept], [rows[at] for at in kept])

    @cached_property
    def content(self) -> bytes:
        """What is the same only for the same people and parameters, in the same order."""
        return SEPARATOR.join(chain.from_iterable(self.rows)).encode()


class _Columns:
    """Rows of a table that is kept as columns, which is far quicker to check and to join."""

    def __init__(self, *columns: Iterable[str]) -> None:
        self._columns = columns

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return zip(*self._columns, strict=False)  # one column is endless


class Checker:
    """Checks entries, and collects what is wrong with them.

    The entries of a list are nearly always alike: numbers of 11 digits, or dictionaries with such
    a number and with strings under the same names. That is seen for a whole block at once. If
    there is anything else in it, every entry of the block is looked at piece by piece.

    :param place: what an entry's place is called, ``entry`` or ``line``.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._good = 0
        self._bad = 0
        self._errors: list[str] = []

    def check(self, block: Block) -> People:
        """Return the usable ones; the others are told by :meth:`conclude`."""
        people = _alike(block.entries) or self._one_by_one(block)
        self._good += len(people)
        self._bad += len(block.entries) - len(people)
        return people

    def conclude(self) -> None:
        """Raise if any entry could not be used.

        :raises JsmsInputError: counts them, and shows the first ten.
        """
        if self._bad:
            raise JsmsInputError(
                f"{self._bad} of {self._good + self._bad} recipients cannot be used, so nothing "
                "was sent:\n" + "\n".join(self._errors)
            )

    def _one_by_one(self, block: Block) -> People:
        people = []
        for entry, place in zip(block.entries, block.places, strict=True):
            try:
                people.append(entry.read() if isinstance(entry, BadRow) else recipient(entry))
            except JsmsInputError as error:
                self._note(place, str(error))
            except Exception as error:  # noqa: BLE001  it can raise anything when it is looked at
                self._note(place, f"it cannot be read: it raised {type(error).__name__}.")
        return People(people, [row_of(person) for person in people])

    def _note(self, place: int, why: str) -> None:
        if len(self._errors) < _SHOWN_ERRORS:
            self._errors.append(f"{self._place} {place}: {why}")


def _alike(entries: Sequence[Any]) -> People | None:
    """Return the people of entries that are all alike and in order, None for any others."""
    kinds = set(map(type, entries))
    try:
        if kinds == {str}:
            return _of_one_form(entries, entries, [])
        if kinds == {dict} and set(map(len, entries)) == {2}:
            numbers = [entry["mobile"] for entry in entries]
            return _of_one_form(entries, numbers, [entry["temp_para"] for entry in entries])
    except Exception:  # noqa: BLE001  a text or a name may be any object that claims to be one
        return None
    return None


def _of_one_form(
    entries: Sequence[Any], numbers: Sequence[str], parameters: Sequence[Any]
) -> People | None:
    """Return the people of these numbers and parameters, None if anything is unusual.

    :raises Exception: the same; whatever it meets.
    """
    if not _NUMBERS.fullmatch(SEPARATOR.join([*numbers, ""])):
        return None
    names, columns = _table(parameters)
    if not all(map(OF_NOTHING.isdisjoint, columns)):
        return None
    people = People(
        list(entries) if parameters else [{"mobile": number} for number in numbers],
        _Columns(numbers, repeat(heading(names)), *columns),
    )
    # A separator within a name or a value would make the content ambiguous.
    parts = len(entries) * (2 + 2 * len(names))
    return people if people.content.count(SEPARATOR.encode()) == parts - 1 else None


def _table(parameters: Sequence[Any]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the sorted names of parameters, and a column of values for each.

    :raises Exception: they are not all dictionaries with the same names.
    """
    if not parameters:
        return (), []
    if set(map(type, parameters)) != {dict} or len(set(map(len, parameters))) != 1:
        raise TypeError
    names = tuple(sorted(parameters[0]))
    if not names or not all(names):
        raise TypeError
    return names, [[each[name] for each in parameters] for name in names]


def recipients_of(value: object) -> list[Recipient]:
    """Temporary."""
    entries = entries_of(value)
    checker = Checker(entries.place)
    parts = [checker.check(block) for block in entries.blocks()]
    checker.conclude()
    return list(chain.from_iterable(part.recipients for part in parts))


__all__ = ["Checker", "People", "Recipient", "mobile_of", "parameters_of", "recipients_of"]
