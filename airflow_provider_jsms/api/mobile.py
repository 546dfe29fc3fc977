"""Parse a mainland China number as people write it: the 11 digits, or the reason for an error."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOBILE: Final = "mobile"
"""The key, or the column, of the number."""

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

_MAINLAND: Final = re.compile(r"(?:\+?86|0086|\((?:\+?86|0086)\))?(1[0-9]{10})")
# At the ends these are left over; inside, they may separate two cells.
_ENDS: Final = "\t\n\v\f\r\x85\u2028\u2029"
# Categories of Unicode: spaces, dashes, invisible characters.
_FORMATTING: Final = ("Zs", "Pd", "Cf")
_EXPONENT: Final = re.compile(r"\s*[0-9][.,]?[0-9]*[Ee]\+?[0-9]+\s*")
_FOREIGN: Final = re.compile(r"[^\d+()']")
_DIGITS: Final = 11


def digits_of(text: str) -> str | None:
    """Return the 11 digits of a number without prefix and formatting, None for no number."""
    match = _MAINLAND.fullmatch(text) or _MAINLAND.fullmatch(_without_formatting(text))
    return match[1] if match else None


def _without_formatting(text: str) -> str:
    """Remove spaces, dashes, invisible characters, and the apostrophe of a spreadsheet."""
    # A Chinese input method types full-width digits, plus signs and brackets.
    plain = unicodedata.normalize("NFKC", text)
    kept = [sign for sign in plain if unicodedata.category(sign) not in _FORMATTING]
    return "".join(kept).strip(_ENDS).lstrip("'\u2018\u2019")


def flaw_of(text: str) -> str:
    """Return why a text is no number, without any of its digits."""
    plain = _without_formatting(text)
    digits = sum(map(str.isdigit, plain))
    if text == "None":
        flaw = f"the text 'None' {OF_A_TEMPLATE}"
    elif plain.startswith(("[", "{")):
        flaw = _STRUCTURE
    elif digits >= 2 * _DIGITS:
        flaw = SEVERAL
    elif _EXPONENT.fullmatch(text):
        flaw = "a spreadsheet has shortened it. Format the column as text, then save the file again"
    elif digits and (foreign := _FOREIGN.search(plain)):
        name = unicodedata.name(foreign[0], "a control character")
        flaw = f"it contains U+{ord(foreign[0]):04X} ({name})"
    elif digits != _DIGITS:
        flaw = f"it has {digits} digits"
    else:
        flaw = "only +86 may stand before the digits 0 to 9, the first of which is 1"
    return flaw
