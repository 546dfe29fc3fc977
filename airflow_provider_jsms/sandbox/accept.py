"""The check of everything that a person or a test tells the sandbox itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class NotAcceptedError(ValueError):
    """The sandbox was told something it does not know; the text says what it accepts."""


class Check(NamedTuple):
    """What one field accepts, in words and as a test."""

    accepted: str
    test: Callable[[Any], bool]


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number, which a truth value is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def are_texts(value: object) -> bool:
    """Tell whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


FLAG = Check("true or false", lambda value: isinstance(value, bool))
TEXT = Check("a text", lambda value: isinstance(value, str))
COUNT = Check("a whole number, 0 or more", lambda value: is_whole(value) and value >= 0)
TEXTS = Check("a list of texts", are_texts)


def one_of(*values: str | int) -> Check:
    """Return the check for a field that takes one of a few values."""
    # 1 and True are equal, but only one of them is meant.
    accepted = {(type(value), value) for value in values}
    return Check(
        " or ".join(map(str, values)),
        lambda value: isinstance(value, str | int) and (type(value), value) in accepted,
    )


def or_null(check: Check) -> Check:
    """Return the check for a field that may be null as well."""
    return Check(f"{check.accepted}, or null", lambda value: value is None or check.test(value))


def accept(
    given: object, checks: Mapping[str, Check], required: Collection[str] = ()
) -> dict[str, Any]:
    """Return what was given if every field is known and its value passes the field's check.

    :param required: fields that must be there.
    :raises NotAcceptedError: with the accepted fields or values.
    """
    if not isinstance(given, dict):
        raise NotAcceptedError(f"accepted is a JSON object with {', '.join(checks)}")
    for name, value in given.items():
        if name not in checks:
            raise NotAcceptedError(f"{name!r} is not known; accepted: {', '.join(checks)}")
        if not checks[name].test(value):
            raise NotAcceptedError(f"{name} must be {checks[name].accepted}")
    if missing := [name for name in required if name not in given]:
        raise NotAcceptedError(f"{missing[0]} is missing; it must be {checks[missing[0]].accepted}")
    return given
