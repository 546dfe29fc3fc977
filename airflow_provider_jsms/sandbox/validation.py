"""Validation of the settings that users give to the sandbox."""

from __future__ import annotations

import ipaddress
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


_MAINLAND_MOBILE = re.compile("1[3-9][0-9]{9}")


class InvalidInputError(ValueError):
    """The sandbox rejects a setting; the message names the valid fields or values."""


class Check(NamedTuple):
    """The valid values of a field: in words, as a test, and as a JSON schema."""

    description: str
    test: Callable[[Any], bool]
    schema: dict[str, Any]


def is_integer(value: object) -> bool:
    """Return whether a value is an integer; a bool is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def is_mobile(value: object) -> bool:
    """Return whether a value is a mainland mobile number of 11 digits."""
    return isinstance(value, str) and bool(_MAINLAND_MOBILE.fullmatch(value))


def is_loopback(host: str) -> bool:
    """Return whether a host is a name or address of this machine that no other one reaches."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


BOOLEAN = Check("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
STRING = Check("a string", lambda value: isinstance(value, str), {"type": "string"})
COUNT = Check(
    "an integer, 0 or more",
    lambda value: is_integer(value) and value >= 0,
    {"type": "integer", "minimum": 0},
)
MOBILE = Check(
    "a mobile number of 11 digits, such as 13800138000",
    is_mobile,
    {"type": "string", "pattern": f"^{_MAINLAND_MOBILE.pattern}$"},
)
STRINGS = Check("a list of strings", _is_list_of_strings, {"type": "array", "items": STRING.schema})


def one_of(*values: str | int) -> Check:
    """Return a check for an enumeration."""
    # True equals 1, but is not a valid value in its place.
    valid = {(type(value), value) for value in values}
    return Check(
        " or ".join(map(str, values)),
        lambda value: isinstance(value, str | int) and (type(value), value) in valid,
        {"enum": list(values)},
    )


def nullable(check: Check) -> Check:
    """Return a check that also allows null."""
    return Check(
        f"{check.description}, or null",
        lambda value: value is None or check.test(value),
        {"anyOf": [check.schema, {"type": "null"}]},
    )


def validate(
    given: object, checks: Mapping[str, Check], required: Collection[str] = ()
) -> dict[str, Any]:
    """Return a JSON object whose fields are all known and valid.

    :raises InvalidInputError: naming the valid fields or values.
    """
    if not isinstance(given, dict):
        raise InvalidInputError(f"use a JSON object with {', '.join(checks)}")
    for name, value in given.items():
        if name not in checks:
            raise InvalidInputError(f"{name!r} is unknown; use {', '.join(checks)}")
        if not checks[name].test(value):
            raise InvalidInputError(f"{name} must be {checks[name].description}")
    for name in required:
        if name not in given:
            raise InvalidInputError(f"{name} is missing; it must be {checks[name].description}")
    return given
