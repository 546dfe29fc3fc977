"""Reading an argument of which nothing is known: an object may do anything when it is looked at.

A text may be a subclass with methods of its own, a mapping may raise while it is gone through, a
stand-in may only claim to be what it is not. Whatever comes of it, it is an unusable argument.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRecipientsFileError,
    JsmsRenderError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_CONN_ID: Final = 250
_MAY_PASS: Final = (JsmsRecipientsFileError, JsmsRenderError)


@contextmanager
def reading(name: str, raises: type[JsmsError] = JsmsInputError) -> Iterator[None]:
    """Turn whatever an argument raises when it is looked at into an error that names it.

    :param name: of the argument.
    :param raises: the error; a lazy list may be readable in another try.
    """
    try:
        yield
    except JsmsError:
        raise
    except Exception as error:  # noqa: BLE001  it can raise anything, with anything in its text
        hint = (
            "If it comes from other tasks, another try may fetch it."
            if raises in _MAY_PASS
            else "Accepted is a plain value, such as a string, a number, a list or a dictionary."
        )
        raise raises(
            f"{name} cannot be read: it raised {type(error).__name__} when it was looked at. "
            f"{hint} Nothing was sent."
        ) from None


def is_none(value: object) -> bool:
    """Tell whether an argument is not given: None, or the empty text that a template may make."""
    return value is None or (isinstance(value, str) and str.__len__(value) == 0)


@reading("jsms_conn_id")
def connection_id_of(value: object) -> str:
    """Return the id of an Airflow connection that can be looked up and told in a log.

    :raises JsmsInputError: it is no text, empty, too long, or has a line break or the like in it.
    """
    text = str.__str__(value) if isinstance(value, str) else ""
    if text.isprintable() and 0 < len(text) <= _LONGEST_CONN_ID:
        return text
    raise JsmsInputError(
        f"jsms_conn_id {show(value)} is not the id of an Airflow connection: a text of 1 to "
        f"{_LONGEST_CONN_ID} characters that can be seen, without line breaks. Nothing was sent."
    )
