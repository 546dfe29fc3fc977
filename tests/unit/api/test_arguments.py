"""Words, flags, durations and ids of connections: valid, or refused by name."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from airflow_provider_jsms.api.arguments import choice, connection_id_of, flag, period
from airflow_provider_jsms.exceptions import JsmsInputError
from tests import people
from tests.unit.refusals import refusal_of

WORDS = ("fail", "skip")


@pytest.mark.parametrize("word", WORDS)
def test_an_accepted_word_comes_back(word: str) -> None:
    assert choice("on_past_send_time", word, WORDS) == word


@pytest.mark.parametrize(
    "value", ["", "Fail", " fail", "fail\n", "fai", None, True, 0, [], ["fail"], {}, b"fail"]
)
def test_any_other_word_is_refused_naming_the_accepted_ones(value: object) -> None:
    with pytest.raises(JsmsInputError) as caught:
        choice("on_past_send_time", value, WORDS)
    assert "on_past_send_time" in str(caught.value)
    assert "'fail' or 'skip'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (True, True),
        (False, False),
        ("True", True),
        ("False", False),
        ("true", True),
        ("false", False),
        ("TRUE", True),
        ("FALSE", False),
        (" true\n", True),
        (np.True_, True),
        (np.False_, False),
    ],
)
def test_a_flag_is_a_boolean_or_what_a_template_renders_one_to(
    value: object,
    meant: bool,
) -> None:
    assert flag("missing_ok", value) is meant


@pytest.mark.parametrize(
    "value", ["", "yes", "no", "1", "0", 1, 0, 1.0, None, "a true", [], [True], b"True"]
)
def test_anything_else_is_no_flag(value: object) -> None:
    with pytest.raises(
        JsmsInputError, match=r"missing_ok is .*accepted is True or False"
    ) as caught:
        flag("missing_ok", value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [people.ANNA, [people.ANNA], {"mobile": people.ANNA}, "x" * 9999])
def test_a_person_in_the_wrong_place_is_masked_and_a_long_value_is_cut(value: object) -> None:
    for check in (lambda: flag("f", value), lambda: choice("f", value, WORDS)):
        with pytest.raises(JsmsInputError) as caught:
            check()
        assert people.ANNA not in str(caught.value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (60, timedelta(minutes=1)),
        (0.5, timedelta(seconds=0.5)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_a_duration_is_a_timedelta_or_seconds(value: object, read: timedelta) -> None:
    assert period("grace", value) == read


@pytest.mark.parametrize("value", [0, -1, False, timedelta(0), "60", None])
def test_anything_else_is_no_duration(value: object) -> None:
    assert "grace is " in refusal_of(period, "grace", value)


@pytest.mark.parametrize("value", [None, "", 5, "a\nb", "x" * 251, ["jsms_default"], "a\u2028b"])
def test_an_id_of_a_connection_is_printable_text(value: object) -> None:
    assert connection_id_of("jsms_default") == "jsms_default"
    assert refusal_of(connection_id_of, value).startswith("jsms_conn_id ")
