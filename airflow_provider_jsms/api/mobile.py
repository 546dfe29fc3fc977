"""A mainland China number as people keep it: its 11 digits, or why it has none."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOBILE: Final = "mobile"
"""The name of the key, or of the column, that holds the number."""

SEVERAL: Final = (
    "it holds several numbers: give each of them an entry of its own in the recipients of "
    "JsmsSubmitBatchScheduleOperator"
)
OF_A_TEMPLATE: Final = (
    "is what a template makes of a Param that is null, or of a task that returned nothing"
)
_STRUCTURE: Final = (
    "it is a list or a dictionary that has become text. Pass the task's .output instead of a "
    "template, or parse JSON in a task of your own"
)

_MAINLAND = re.compile(r"(?:\+?86|0086|\((?:\+?86|0086)\))?(1[0-9]{10})")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
# A Chinese input method writes digits, plus and brackets in full width.
_PLAIN = str.maketrans("０１２３４５６７８９＋（）＇\u2018\u2019", "0123456789+()'''", _DASHES)
# Within a number these may stand between two cells; at its ends they are left over.
_ENDS = "\t\n\v\f\r\x85\u2028\u2029"
_INVISIBLE = ("Zs", "Cf")
_EXPONENT = re.compile(r"\s*[0-9][.,]?[0-9]*[Ee]\+?[0-9]+\s*")
_SIGNS = "0123456789+()'"
_DIGITS = 11
_FEWEST_DIGITS = 7


def digits_of(text: str) -> str | None:
    """Return the 11 digits of a number without prefix and formatting, None if it is no number."""
    match = _MAINLAND.fullmatch(text) or _MAINLAND.fullmatch(_without_formatting(text))
    return match.group(1) if match else None


def _without_formatting(text: str) -> str:
    """Leave out what can only be formatting: spaces, dashes, marks that cannot be seen."""
    kept = [sign for sign in text.translate(_PLAIN) if unicodedata.category(sign) not in _INVISIBLE]
    return "".join(kept).strip(_ENDS).removeprefix("'")


def flaw_of(text: str) -> str:
    """Return why a text is no number, without any of its digits."""
    plain = _without_formatting(text)
    digits = sum(sign.isdigit() for sign in plain)
    if text == "None":
        return f"the text 'None' {OF_A_TEMPLATE}"
    if plain.startswith(("[", "{")):
        return _STRUCTURE
    if digits >= 2 * _DIGITS:
        return SEVERAL
    return _shortened(text, digits) or _foreign(text) or _count(digits)


def _shortened(text: str, digits: int) -> str | None:
    if _EXPONENT.fullmatch(text):
        return "a spreadsheet has shortened it. Format the column as text, then save the file again"
    return "it has too few digits" if digits < _FEWEST_DIGITS else None


def _count(digits: int) -> str:
    if digits != _DIGITS:
        return f"it has {digits} digits"
    return "only +86 may stand before the digits, the first of which is 1"


def _foreign(text: str) -> str | None:
    """Name the first character that has no place in a number."""
    return _not_in(_SIGNS + _ENDS, text) or _not_in(_SIGNS, text)


def _not_in(allowed: str, text: str) -> str | None:
    for at, sign in enumerate(text, start=1):
        plain = sign.translate(_PLAIN)
        is_formatting = unicodedata.category(sign) in _INVISIBLE or not text[:at].strip(_ENDS)
        if plain and plain not in allowed and not is_formatting:
            return f"character {at} is {_named(sign)}"
    return None


def _named(sign: str) -> str:
    """Return the code point and the name of a character, but no digit of the number."""
    if (digit := unicodedata.decimal(sign, None)) is not None:
        zero = ord(sign) - digit
        return f"a digit of another script (U+{zero:04X} to U+{zero + 9:04X})"
    if unicodedata.numeric(sign, None) is not None:
        return "a numeral that is not a plain digit"
    return f"U+{ord(sign):04X} ({unicodedata.name(sign, 'a control character')})"
