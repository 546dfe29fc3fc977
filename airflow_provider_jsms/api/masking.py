"""Mask phone numbers and hide parameters in everything that people read.

Full numbers and ``temp_para`` values travel to JSMS and through XComs that a user asks for, and
appear nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "***"
SHOWN: Final = 10
"""The first of many are shown, the others are counted."""

_LONGEST_TEXT: Final = 200
# A mainland number as people write it: with +86 or without, and with signs between the digits.
_BETWEEN: Final = r"[ .()\-\u2010-\u2015\u2212\ufe58]{0,3}"
_MOBILE: Final = re.compile(rf"(?:(?:\+|00)?86{_BETWEEN})?1(?:{_BETWEEN}[0-9]){{10}}", re.ASCII)
# Neither a list nor a dictionary that became text.
_HARMLESS: Final = re.compile(r"[^\[\]{}<>\"']{0,64}")
_MESSAGE: Final = re.compile(r"[A-Za-z0-9 ,.:_()/-]{0,200}")
_MOST_DIGITS: Final = 4
_SHORTEST_VALUE: Final = 2


def mask_mobile(mobile: object) -> str:
    """Return the masked form of a phone number, ``138****5678``, or ``***`` for anything else."""
    match = _MOBILE.fullmatch(_plain(str(mobile)).strip(" ()'"))
    return _masked(match) if match else HIDDEN


def mask_text(text: object) -> str:
    """Return ``text`` on one line with every phone number masked, cut to a readable length."""
    masked = _plain(str(text))
    # Digits before a number may be taken for its beginning; its end is found in the next round.
    while (again := _MOBILE.sub(_masked, masked)) != masked:
        masked = again
    masked = masked.strip()
    return masked if len(masked) <= _LONGEST_TEXT else masked[:_LONGEST_TEXT] + "…"


def _plain(text: str) -> str:
    # NFKC turns full-width digits into plain ones, so that they are found too.
    normal = unicodedata.normalize("NFKC", text[: 2 * _LONGEST_TEXT])
    return "".join(sign if sign.isprintable() else " " for sign in normal)


def mask_message(message: str, values: Iterable[str]) -> str:
    """Return a message of JSMS, or ``***`` if it may contain personal data.

    Hidden is a message that is no short English text, that has as many digits as a part of a
    number, or that repeats one of ``values``, the ``temp_para`` values of the call.
    """
    if not _MESSAGE.fullmatch(message) or sum(map(str.isdigit, message)) > _MOST_DIGITS:
        return HIDDEN
    text = message.casefold()
    sent = (value.casefold() for value in values if len(value) >= _SHORTEST_VALUE)
    return HIDDEN if text and any(value in text for value in sent) else message


def show(value: object) -> str:
    """Return an unusable argument as an error may show it: a short text, a number, or its type."""
    if isinstance(value, str) and value.isascii() and _HARMLESS.fullmatch(value):
        return mask_text(repr(value))
    if value is None or isinstance(value, int | float):
        return mask_text(repr(value))
    length = f" of {len(value)} characters" if isinstance(value, str) else ""
    return f"(a {type(value).__name__}{length})"


def first_ten(texts: Iterable[str], of: str = "") -> list[str]:
    """Return the first ten texts, and how many more there are.

    :param of: follows that number.
    """
    shown = [*texts]
    more = [f"and {len(shown) - SHOWN:,} more{of}"] if len(shown) > SHOWN else []
    return shown[:SHOWN] + more


def mask_field(name: str, value: object) -> object:
    """Return a field with personal data as Airflow may show it, without values."""
    if value is None or (isinstance(value, str) and not value):
        return value
    masks = {"mobile": mask_mobile, "temp_para": _masked_parameters}
    return masks.get(name, _masked_recipients)(value)


def is_recipients_file(value: object) -> bool:
    """Return whether ``recipients`` is a file: a path, a URI or a path object, by its suffix."""
    is_path = isinstance(value, str) or callable(getattr(value, "open", None))
    return is_path and str(value).lower().endswith((".csv", ".jsonl", ".txt"))


def _masked(match: re.Match[str]) -> str:
    digits = re.sub(r"[^0-9]", "", match[0])[-11:]
    return f"{digits[:3]}****{digits[-4:]}"


def _masked_parameters(value: object) -> object:
    if not isinstance(value, Mapping):
        return HIDDEN
    return {mask_text(name): HIDDEN for name in value}


def _masked_recipients(value: object) -> object:
    if is_recipients_file(value):
        return mask_text(value)
    if not isinstance(value, list | tuple):
        return HIDDEN
    shown = [_masked_recipient(recipient) for recipient in value[:SHOWN]]
    return [*shown, f"and {len(value) - SHOWN} more"] if len(value) > SHOWN else shown


def _masked_recipient(value: object) -> object:
    if not isinstance(value, Mapping):
        return mask_mobile(value)
    # Other keys may be the first row of a table without a header.
    if value and not any(key in ("mobile", "temp_para") for key in value):
        return HIDDEN
    return {
        mask_text(key): mask_mobile(item) if key == "mobile" else _masked_parameters(item)
        for key, item in value.items()
    }
