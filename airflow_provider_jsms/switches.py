"""Arguments that choose a behaviour, checked after rendering: an unknown word is an error."""

from __future__ import annotations

from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.privacy import show

_FLAGS = {"true": True, "false": False}


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the accepted words.

    :raises JsmsInputError: it is not; the text names them.
    """
    if isinstance(value, str) and value in accepted:
        return value
    words = " or ".join(repr(word) for word in accepted)
    raise JsmsInputError(f"{name} is {show(value)}: accepted is {words}.")


def flag(name: str, value: object) -> bool:
    """Return a boolean from a boolean or from what a template renders one to.

    :raises JsmsInputError: it is neither True nor False.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    raise JsmsInputError(f"{name} is {show(value)}: accepted is True or False.")
