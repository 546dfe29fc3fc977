"""The parameters of an alert, cleaned and cut: an incomplete alert is better than none.

JSMS refuses a text with an empty parameter (50023), with 【 or 】 (50054), or of more than 500
characters (50038). The text of an exception may have any of these.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import mask_text

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDER: Final = "-"
"""Replaces a parameter that is empty or cannot be rendered."""

_BRACKETS: Final = str.maketrans("【】", "[]")
_log = logging.getLogger(__name__)


def alert_parameters(parameters: Mapping[Any, object], max_length: int) -> dict[Any, str]:
    """Return the parameters as texts that JSMS accepts, with at most ``max_length`` in total."""
    texts = {name: _text(name, value) for name, value in parameters.items()}
    allowed = max_length
    while allowed > 1 and sum(min(len(text), allowed) for text in texts.values()) > max_length:
        allowed -= 1  # the longest are cut, all to the same length
    return {name: _cut(name, text, allowed) for name, text in texts.items()}


def _text(name: object, value: object) -> str:
    # A lone surrogate, as in the name of a file, cannot be encoded.
    text = str(value).encode(errors="replace").decode().translate(_BRACKETS)
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    # A template renders None, such as the `exception` of a success, as the word.
    if text not in ("", "None"):
        return text
    _log.warning(
        "temp_para[%r] is empty: the text has %r in its place.", mask_text(name), PLACEHOLDER
    )
    return PLACEHOLDER


def _cut(name: object, text: str, allowed: int) -> str:
    if len(text) <= allowed:
        return text
    _log.info(
        "temp_para[%r] was cut from %d to %d characters.", mask_text(name), len(text), allowed
    )
    return f"{text[: allowed - 1].rstrip()}…"
