"""Masked phone numbers and hidden parameters for everything that a person may read.

Full numbers and ``temp_para`` values are personal data: they travel to JSMS and through the XComs
that a user asks for, and appear nowhere else. What is shown instead is made here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "***"
SHOWN_RECIPIENTS: Final = 10
"""How many recipients of a list are shown, masked, before only their count is."""

_LONGEST_MESSAGE = 200
# A mainland number as people write it: with +86 or without, with spaces or dashes.
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86[ -]?)?1[0-9](?:[ -]?[0-9]){9}(?![0-9])")
_NO_DIGIT = re.compile(r"[^0-9]")


def mask_mobile(mobile: object) -> str:
    """Return the masked form of a phone number, ``138****5678``.

    Of anything that is not a number of 11 digits (with or without +86) nothing is shown.
    """
    match = _MOBILE.fullmatch(str(mobile).strip())
    return _masked(match) if match else HIDDEN


def mask_text(text: object) -> str:
    """Return ``text`` with every phone number in it masked, on one line, at a readable length.

    Meant for text from elsewhere (a server's message, an exception's): line breaks and control
    characters are replaced, so that it cannot pass for a log line of its own.
    """
    printable = "".join(sign if sign.isprintable() else " " for sign in str(text))
    masked = _MOBILE.sub(_masked, printable).strip()
    return masked if len(masked) <= _LONGEST_MESSAGE else masked[:_LONGEST_MESSAGE] + "…"


def mask_message(text: object, values: Iterable[str]) -> str:
    """Return a server's message for people, or only ``***`` if it repeats one of ``values``."""
    message = str(text)
    if any(value in message for value in values if value):
        return HIDDEN
    return mask_text(message)


def mask_field(name: str, value: object) -> object:
    """Return what may be shown of an operator's field: its shape, not what is personal in it.

    :param name: ``mobile``, ``temp_para`` or ``recipients``.
    :param value: the value after rendering, of whatever type it has turned out to be.
    """
    if value is None or value == "":
        return value
    if name == "mobile":
        return mask_mobile(value)
    if name == "temp_para":
        return _masked_parameters(value)
    return _masked_recipients(value)


def _masked(match: re.Match[str]) -> str:
    digits = _NO_DIGIT.sub("", match.group())[-11:]
    return f"{digits[:3]}****{digits[-4:]}"


def _masked_parameters(value: object) -> object:
    if not isinstance(value, Mapping):
        return HIDDEN
    return {mask_text(name): HIDDEN for name in value}


def _masked_recipients(value: object) -> object:
    if not isinstance(value, list | tuple):
        return HIDDEN
    shown = [_masked_recipient(recipient) for recipient in value[:SHOWN_RECIPIENTS]]
    if len(value) > SHOWN_RECIPIENTS:
        shown.append(f"and {len(value) - SHOWN_RECIPIENTS} more")
    return shown


def _masked_recipient(value: object) -> object:
    if not isinstance(value, Mapping):
        return mask_mobile(value)
    return {
        mask_text(key): mask_mobile(item) if key == "mobile" else _masked_parameters(item)
        for key, item in value.items()
    }
