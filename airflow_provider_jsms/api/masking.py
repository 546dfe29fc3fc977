"""Masked phone numbers and hidden parameters for everything that a person may read.

Full numbers and ``temp_para`` values are personal data: they travel to JSMS and through the XComs
that a user asks for, and appear nowhere else. What is shown instead is made here.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "***"
SHOWN_RECIPIENTS: Final = 10
"""How many recipients of a list are shown, masked, before only their count is."""

_LONGEST_MESSAGE = 200
# A mainland number as people write it: with +86 or without, and with signs between the digits.
_BETWEEN = r"[ .()\-\u2010-\u2015\u2212\ufe58]{0,3}"
_MOBILE = re.compile(rf"(?:(?:\+|00)?86{_BETWEEN})?1(?:{_BETWEEN}[0-9]){{10}}", re.ASCII)
_NO_DIGIT = re.compile(r"[^0-9]")
_WORD = re.compile(r"[^\W_]+")
# What may be a value in the wrong place; a dictionary or a list that became text is not shown.
_HARMLESS = re.compile(r"[^\[\]{}<>\"']{0,64}")
_PLAIN_WORDS = re.compile(r"[A-Za-z_ ,.-]*")
_SHORTEST_PART = 3
_LARGEST = 10**18


def mask_mobile(mobile: object) -> str:
    """Return the masked form of a phone number, ``138****5678``.

    Of anything that is not a number of 11 digits (with or without +86) nothing is shown.
    """
    match = _MOBILE.fullmatch(_plain(_text(mobile)).strip(" ()'"))
    return _masked(match) if match else HIDDEN


def mask_text(text: object) -> str:
    """Return ``text`` with every phone number in it masked, on one line, at a readable length.

    Meant for text from elsewhere (a server's message, an exception's): line breaks and control
    characters are replaced, so that it cannot pass for a log line of its own.
    """
    masked = _mask_all(_plain(_text(text))).strip()
    return masked if len(masked) <= _LONGEST_MESSAGE else masked[:_LONGEST_MESSAGE] + "…"


def _plain(text: str) -> str:
    # NFKC makes full-width digits plain ones, so that they are found too.
    normal = unicodedata.normalize("NFKC", text[: 2 * _LONGEST_MESSAGE])
    return "".join(map(_printable, normal))


def _printable(sign: str) -> str:
    """Return a sign as a log may show it; neither marks nor other scripts hide a digit."""
    if sign.isascii() or not (sign.isdecimal() or unicodedata.category(sign).startswith("M")):
        return sign if sign.isprintable() else " "
    return str(unicodedata.decimal(sign, ""))


def mask_message(message: str, values: Iterable[str]) -> str:
    """Return a server's message for people, or only ``***`` if it may repeat one of ``values``.

    The messages of JSMS are a few English words. One with anything else in it is not shown, nor
    one with a word that is in a value or has a word of it (it may come back cut).
    """
    if not message:
        return message  # the answer to a thousand people is not compared with all they are told
    if len(message) > _LONGEST_MESSAGE or not _PLAIN_WORDS.fullmatch(message):
        return HIDDEN
    words = _words(message)
    return HIDDEN if any(_repeats(words, value) for value in values) else message


def _repeats(words: list[str], value: str) -> bool:
    """Tell whether a value may be in a message, cut, spaced, without its accents or in base64."""
    told, said = _words(value), "".join(words)
    whole = "".join(told)
    packed = "".join(_words(b64encode(value.encode(errors="replace")).decode()))
    is_cut = any(word in whole for word in words if len(word) >= _SHORTEST_PART)
    return is_cut or any(part in said for part in (whole, *told, packed) if part)


def _words(text: str) -> list[str]:
    """Return the words of a text in the plainest letters."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(sign for sign in plain if not unicodedata.combining(sign)))


def show(value: object) -> str:
    """Return what an error may show of an unusable argument: a short text or number, else its type.

    What is in the wrong place may be anything, a whole list of people too.
    """
    if isinstance(value, str) and value.isascii() and _HARMLESS.fullmatch(value):
        return mask_text(repr(str.__str__(value)))
    is_number = isinstance(value, int | float) and abs(value) < _LARGEST
    if value is None or is_number:
        return mask_text(repr(value))
    length = f" of {len(value)} characters" if isinstance(value, str) else ""
    return f"(a {type(value).__name__}{length})"


def mask_field(name: str, value: object) -> object:
    """Return what may be shown of an operator's field: its shape, not what is personal in it.

    :param name: ``mobile``, ``temp_para`` or ``recipients``.
    :param value: the value after rendering, of whatever type it has turned out to be.
    """
    if value is None or (isinstance(value, str) and value == ""):
        return value
    if name == "mobile":
        return mask_mobile(value)
    if name == "temp_para":
        return _masked_parameters(value)
    return _masked_recipients(value)


def _text(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits
        return HIDDEN


def _mask_all(text: str) -> str:
    # Digits before a number may be taken for its beginning, and its end shows up only then.
    while (masked := _MOBILE.sub(_masked, text)) != text:
        text = masked
    return text


def _masked(match: re.Match[str]) -> str:
    digits = _NO_DIGIT.sub("", match.group())[-11:]
    return f"{digits[:3]}****{digits[-4:]}"


def _masked_parameters(value: object) -> object:
    if not isinstance(value, Mapping):
        return HIDDEN
    return {mask_text(name): HIDDEN for name in value}


def is_recipients_file(value: object) -> bool:
    """Tell whether ``recipients`` is a file: a path, a URI or a path object of that kind."""
    is_path = isinstance(value, str) or callable(getattr(value, "open", None))
    return is_path and str(value).lower().endswith((".csv", ".jsonl"))


def _masked_recipients(value: object) -> object:
    if is_recipients_file(value):
        return mask_text(value)
    if hasattr(type(value), "shape"):
        return f"a {type(value).__name__} of {len(value)} rows"  # type: ignore[arg-type]
    if not isinstance(value, list | tuple):
        return HIDDEN
    shown = [_masked_recipient(recipient) for recipient in value[:SHOWN_RECIPIENTS]]
    if len(value) > SHOWN_RECIPIENTS:
        shown.append(f"and {len(value) - SHOWN_RECIPIENTS} more")
    return shown


def _masked_recipient(value: object) -> object:
    if not isinstance(value, Mapping):
        return mask_mobile(value)
    # Without these the keys may be the first row of a table that has no header.
    if value and not any(key in ("mobile", "temp_para") for key in value):
        return HIDDEN
    return {
        mask_text(key): mask_mobile(item) if key == "mobile" else _masked_parameters(item)
        for key, item in value.items()
    }
