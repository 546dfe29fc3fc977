"""The cost of texts: their length as JSMS renders them, and the SMS parts that it charges.

Up to 70 characters are one part, a longer text is charged per 67; a line break counts twice, the
signature in 【】 and the opt-out words of a marketing text count too. No call returns the default
signature, and the documents differ about the opt-out words: the parts are then bounded from both
sides.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import Sign, Template

MARKETING: Final = 3
LONGEST_TEXT: Final = 500
"""Characters of a text; JSMS answers 50038 to more."""

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ONE_PART: Final = 70
_PART: Final = 67
# The signature API allows 2 to 8 characters, the console up to 10.
_SIGNATURE: Final = (2, 10)
_BRACKETS: Final = 2
# The console appends opt-out words to a marketing text that has none: its guides name these.
_OPT_OUT: Final = ("回TD退订", "拒收请回复R")
_HAS_OPT_OUT: Final = re.compile("拒收|退订|回T")


def length_of(text: str) -> int:
    """Return the characters that JSMS counts: a line break is two."""
    return len(text) + text.count("\n") - text.count("\r\n")


def parts_of(length: int) -> int:
    """Return the SMS parts that a text of this length is charged as."""
    return 1 if length <= _ONE_PART else -(-length // _PART)


class Wording:
    """The words around the parameters of a template.

    :param sign: None for the default signature, whose length is unknown.
    :ivar names: how often each placeholder occurs.
    """

    def __init__(self, template: Template, sign: Sign | None) -> None:
        text = template["template"]
        self.names = Counter(_PLACEHOLDER.findall(text))
        is_appended = template["type"] == MARKETING and not _HAS_OPT_OUT.search(text)
        words = length_of(_PLACEHOLDER.sub("", text)) + _BRACKETS
        signature = _SIGNATURE if sign is None else (len(sign["sign"]),) * 2
        least, most = (
            words + length + len(opt_out) * is_appended
            for length, opt_out in zip(signature, _OPT_OUT, strict=True)
        )
        self._around = least, most

    def lengths(self, parameters: Mapping[str, str]) -> tuple[int, int]:
        """Return the least and the greatest length of a text with these parameters."""
        counts = self.names.items()
        inside = sum(length_of(parameters.get(name, "")) * count for name, count in counts)
        return self._around[0] + inside, self._around[1] + inside


@dataclass
class Estimate:
    """The texts of a list, counted.

    :param wording: None if the template is unknown: then a text is of any allowed length.
    :ivar least_parts: at least these are charged, and at most ``most_parts``.
    :ivar due_parts: the least that is charged for those who are not scheduled yet.
    :ivar missing: how many people lack a parameter of the template, by its name.
    :ivar unused: how many have a parameter that the template does not use.
    :ivar flawed: people for whom JSMS cannot render the text, or whose text is too long.
    """

    wording: Wording | None
    recipients: int = 0
    least_parts: int = 0
    most_parts: int = 0
    due_parts: int = 0
    longest: int = 0
    too_long: int = 0
    flawed: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)

    def add(self, person: Recipient, *, is_due: bool = True) -> None:
        """Count the text to one person."""
        parameters = person.get("temp_para", {})
        wording = self.wording
        least, most = wording.lengths(parameters) if wording else (_ONE_PART, LONGEST_TEXT)
        parts = parts_of(least)
        self.recipients += 1
        self.least_parts += parts
        self.most_parts += parts_of(most)
        self.due_parts += parts if is_due else 0
        if wording is None:
            return
        self.longest = max(self.longest, most)
        self.too_long += least > LONGEST_TEXT
        self.flawed += self._has_flaws(parameters, wording.names) or least > LONGEST_TEXT

    def _has_flaws(self, parameters: Mapping[str, str], names: Mapping[str, int]) -> bool:
        missing = [name for name in names if name not in parameters]
        empty = [name for name in names if parameters.get(name) == ""]
        self.missing.update(missing)
        self.empty.update(empty)
        self.unused.update(name for name in parameters if name not in names)
        return bool(missing or empty)

    @property
    def parts(self) -> str:
        """The parts in words: ``1,512``, or ``1,480 to 1,512``."""
        if self.least_parts == self.most_parts:
            return f"{self.most_parts:,}"
        return f"{self.least_parts:,} to {self.most_parts:,}"
