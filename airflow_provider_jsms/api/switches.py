"""Arguments that choose a behaviour: an unknown word is an error."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_jsms.api.arguments import reading
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.exceptions import JsmsInputError

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
    """Return a boolean from a boolean (also of numpy) or from what a template renders one to.

    :raises JsmsInputError: it is neither True nor False.
    """
    with reading(name):
        if type(value).__module__ == "numpy":
            value = value.item()  # type: ignore[attr-defined]
        if isinstance(value, bool):
            return value
        word = str.lower(str.strip(value)) if isinstance(value, str) else ""
        if word in _FLAGS:
            return _FLAGS[word]
        raise JsmsInputError(
            f"{name} is {show(value)}: accepted is True or False. Nothing was sent."
        )


def period(name: str, value: object) -> timedelta:
    """Return a duration longer than zero from a timedelta or a number of seconds.

    :raises JsmsInputError: it is neither.
    """
    with reading(name):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and value > 0:  # type: ignore[operator]
            return _seconds(value)  # type: ignore[arg-type]
        if isinstance(value, timedelta) and value > timedelta(0):
            return value
        shown = str(value) if isinstance(value, timedelta) else show(value)
        raise JsmsInputError(
            f"{name} is {shown}: pass a timedelta, or a number of seconds, longer than zero. "
            "Nothing was sent."
        )


def _seconds(value: float) -> timedelta:
    try:
        return timedelta(seconds=value)
    except OverflowError:
        return timedelta.max
