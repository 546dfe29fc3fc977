"""Arguments that choose a behaviour, checked after rendering: an unknown word is an error."""

from __future__ import annotations

from airflow_provider_jsms.arguments import reading
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.privacy import show

_FLAGS = {"true": True, "false": False}


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the accepted words.

    :raises JsmsInputError: it is not; the text names them.
    """
    with reading(name):
        if isinstance(value, str) and str.__str__(value) in accepted:
            return str.__str__(value)
        words = " or ".join(repr(word) for word in accepted)
        raise JsmsInputError(f"{name} is {show(value)}: accepted is {words}. Nothing was sent.")


def flag(name: str, value: object) -> bool:
    """Return a boolean from a boolean or from what a template renders one to.

    :raises JsmsInputError: it is neither True nor False.
    """
    with reading(name):
        if isinstance(value, bool):
            return value
        word = str.lower(value) if isinstance(value, str) else ""
        if word in _FLAGS:
            return _FLAGS[word]
        raise JsmsInputError(
            f"{name} is {show(value)}: accepted is True or False. Nothing was sent."
        )
