"""The parameters of an alert as JSMS takes them: a cut alert is better than none.

JSMS refuses a text with an empty parameter (50023), with 【 or 】 (50054), or of more than 500
characters (50038). The text of an exception may have any of these.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import reading, text_of
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

PLACEHOLDER: Final = "-"
"""Stands for a parameter that is empty or cannot be rendered."""
MAX_LENGTH: Final = 200
"""Leaves 300 characters to the template and the signature."""

# What a template makes of None, such as `exception` in a callback of a success.
_NOTHING: Final = "None"
_LONGEST_CONTENT: Final = 500
_BRACKETS: Final = str.maketrans("【】", "[]")


def max_length_of(value: object) -> int:
    """Return a checked ``max_length``."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LONGEST_CONTENT:
        return value
    raise JsmsInputError(
        f"max_length {show(value)} is invalid: use a whole number of characters from 1 to "
        f"{_LONGEST_CONTENT}, which is all that JSMS accepts in a text."
    )


@reading("temp_para")
def alert_parameters(parameters: Mapping[Any, object], max_length: int) -> dict[Any, str]:
    """Return the parameters as texts that JSMS accepts.

    :param max_length: of all values together.
    """
    texts = {name: _text(name, value) for name, value in parameters.items()}
    allowed = max_length
    while allowed > 1 and sum(min(len(text), allowed) for text in texts.values()) > max_length:
        allowed -= 1  # the longest are cut, all to the same length
    return {name: _cut(name, text, allowed) for name, text in texts.items()}


def _text(name: object, value: object) -> str:
    """Return a value as one line without anything that JSMS refuses."""
    text = _clean(_as_text(value))
    if text and text != _NOTHING:
        return text
    _log.warning("temp_para[%r] is empty: the text has %r in its place.", _shown(name), PLACEHOLDER)
    return PLACEHOLDER


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return text_of(value)
    try:
        return "" if value is None else str(value)
    except Exception:  # noqa: BLE001  an object can raise anything
        return ""


def _clean(text: str) -> str:
    text = text.encode(errors="replace").decode().translate(_BRACKETS)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _cut(name: object, text: str, allowed: int) -> str:
    if len(text) <= allowed:
        return text
    _log.info("temp_para[%r] was cut from %d to %d characters.", _shown(name), len(text), allowed)
    return f"{text[: allowed - 1].rstrip()}…"


def _shown(name: object) -> str:
    return mask_text(name)
