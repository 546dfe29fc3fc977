"""The tree of errors is the one that is drawn at the top of its module."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api.codes import CODES, refusal
from airflow_provider_jsms.exceptions import JsmsCallError, JsmsError

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES_OF_MODULE = {
    name: value
    for name, value in vars(exceptions).items()
    if inspect.isclass(value) and value.__module__ == exceptions.__name__
}


def _drawn() -> dict[str, tuple[str, bool]]:
    """Return parent and star by the name of each class in the drawing."""
    drawn: dict[str, tuple[str, bool]] = {}
    path: list[str] = ["AirflowException"]
    for line in (exceptions.__doc__ or "").splitlines():
        if match := re.match(r"([\s│]*)[├└]── (\w+) *(\*?)", line):
            depth = (len(match[1]) - 4) // 4 + 1
            del path[depth:]
            drawn[match[2]] = (path[-1], bool(match[3]))
            path.append(match[2])
    return drawn


DRAWN = _drawn()


def test_the_drawing_shows_every_class_of_the_module() -> None:
    assert set(DRAWN) == set(CLASSES_OF_MODULE)
    assert len(DRAWN) >= 28


@pytest.mark.parametrize("name", sorted(CLASSES_OF_MODULE))
def test_each_class_stands_where_it_is_drawn(name: str) -> None:
    parent, _ = DRAWN[name]
    assert CLASSES_OF_MODULE[name].__bases__[0].__name__ == parent


@pytest.mark.parametrize("name", sorted(CLASSES_OF_MODULE))
def test_exactly_the_starred_ones_fail_a_task_at_once(name: str) -> None:
    _, starred = DRAWN[name]
    error_class = CLASSES_OF_MODULE[name]
    assert issubclass(error_class, AirflowFailException) is starred
    assert issubclass(error_class, AirflowException)
    assert issubclass(error_class, JsmsError)


@pytest.mark.parametrize("name", sorted(CLASSES_OF_MODULE))
def test_each_class_says_what_it_is(name: str) -> None:
    assert "__doc__" in vars(CLASSES_OF_MODULE[name])
    assert CLASSES_OF_MODULE[name].__doc__


def test_an_error_of_a_call_carries_everything_and_names_its_call() -> None:
    error = JsmsCallError(
        "it broke.", call="query_schedule (GET /v1/schedule/a)", code=1, message="m", http_status=2
    )
    assert str(error) == "query_schedule (GET /v1/schedule/a): it broke."
    assert (error.text, error.call) == ("it broke.", "query_schedule (GET /v1/schedule/a)")
    assert (error.code, error.message, error.http_status) == (1, "m", 2)
    bare = JsmsCallError("it broke.", call="c")
    assert (bare.code, bare.message, bare.http_status) == (None, "", None)


@pytest.mark.parametrize("code", sorted(set(CODES) - {50000, 50019}))
def test_the_text_of_a_refusal_says_code_meaning_and_advice(code: int) -> None:
    error = refusal("call", code, "its message", 418)
    assert str(error).startswith(f"call: JSMS refused it with {code} (HTTP 418): ")
    assert CODES[code].meaning in str(error)
    assert str(error).endswith(CODES[code].advice)


@pytest.mark.parametrize(("message", "said"), [("no", "it said: no."), ("", "it said: nothing.")])
def test_an_unknown_code_keeps_its_number_and_what_was_said(message: str, said: str) -> None:
    error = refusal("call", 50999, message, 403)
    assert type(error) is exceptions.JsmsUnknownCodeError
    assert error.code == 50999
    assert "code 50999 (HTTP 403)" in str(error)
    assert said in str(error)


def _pickled(error: JsmsError) -> Any:
    return pickle.loads(pickle.dumps(error))  # noqa: S301  our own


@pytest.mark.parametrize("copied", [copy.copy, _pickled])
def test_an_error_of_a_call_can_be_copied_and_pickled(copied: Callable[[Any], Any]) -> None:
    error = refusal("query_schedule (GET /v1/schedule/1)", 50028, "invalid schedule_id", 403)
    again = copied(error)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
