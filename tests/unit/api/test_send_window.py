"""The times of day at which texts may go out, and the next opening of any other time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_jsms.api.send_time import parse_send_time, service_zone
from airflow_provider_jsms.api.send_window import ALWAYS, SendWindow, send_window_of
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsSendWindowError

if TYPE_CHECKING:
    from airflow_provider_jsms.api.send_time import SendTime

SHANGHAI = service_zone("Asia/Shanghai")
DAY = SendWindow(time(8), time(21))
NEXT = SendWindow(time(8), time(21), moves=True)
NIGHT = SendWindow(time(21), time(8), moves=True)

minutes = st.times().map(lambda each: each.replace(second=0, microsecond=0))
moments = st.integers(0, 20 * 365 * 86400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@st.composite
def windows(draw: Any) -> SendWindow:
    opens, closes = draw(minutes), draw(minutes)
    assume(opens != closes)
    return SendWindow(opens, closes, moves=True)


def at(text: str, zone: str = "Asia/Shanghai") -> SendTime:
    return parse_send_time(text, service_zone(zone))


def clock_of(moment: SendTime) -> time:
    return moment.instant.astimezone(moment.zone).time()


@given(windows(), moments)
def test_a_moved_time_is_in_the_window_not_earlier_and_within_a_day(
    window: SendWindow, moment: datetime
) -> None:
    given_time = parse_send_time(moment, SHANGHAI)
    moved = window.fit(given_time)
    assert clock_of(moved) in window
    assert given_time.instant <= moved.instant < given_time.instant + timedelta(days=1)
    assert (moved == given_time) == (clock_of(given_time) in window)
    if moved != given_time:
        assert clock_of(moved) == window.opens
        assert moved.given == given_time.instant
    assert window.fit(moved) == moved


@pytest.mark.parametrize(
    ("window", "given_time", "expected"),
    [
        (NEXT, "2026-12-01 07:59:59", "2026-12-01 08:00:00"),
        (NEXT, "2026-12-01 08:00:00", "2026-12-01 08:00:00"),
        (NEXT, "2026-12-01 20:59:59", "2026-12-01 20:59:59"),
        (NEXT, "2026-12-01 21:00:00", "2026-12-02 08:00:00"),
        (NEXT, "2026-12-31 23:00:00", "2027-01-01 08:00:00"),
        (NEXT, "2026-12-02 00:05:00", "2026-12-02 08:00:00"),
        (NIGHT, "2026-12-01 08:00:00", "2026-12-01 21:00:00"),
        (NIGHT, "2026-12-01 23:00:00", "2026-12-01 23:00:00"),
        (NIGHT, "2026-12-02 07:59:59", "2026-12-02 07:59:59"),
        (ALWAYS, "2026-12-01 00:00:00", "2026-12-01 00:00:00"),
    ],
)
def test_the_first_time_is_in_the_window_and_the_second_is_not(
    window: SendWindow, given_time: str, expected: str
) -> None:
    assert window.fit(at(given_time)).wire == expected


def test_an_opening_while_clocks_are_set_is_refused() -> None:
    window = SendWindow(time(2, 30), time(21), moves=True)
    with pytest.raises(JsmsInputError, match="2027-03-28 02:30:00 does not name one moment"):
        window.fit(at("2027-03-28 01:00:00", "Europe/Berlin"))


def test_a_refused_time_says_both_clocks_the_window_and_the_next_step() -> None:
    refused = DAY.fit(at("2026-12-01 23:00:00"))
    with pytest.raises(JsmsSendWindowError) as caught:
        refused.require_in_window()
    assert str(caught.value) == (
        "send_time 2026-12-01 23:00:00 Asia/Shanghai (2026-12-01T15:00:00Z) is outside the "
        "send_window 08:00-21:00 (the wall clock of JSMS; the second time is outside too). "
        "Nothing was sent. Choose another time; or set on_outside_window='next' to send at the "
        "next opening, or send_window='always' to send at any time."
    )
    DAY.fit(at("2026-12-01 09:00:00")).require_in_window()


def test_a_moved_time_says_both_times() -> None:
    assert str(NEXT.fit(at("2026-12-01 23:00:00"))) == (
        "2026-12-02 08:00:00 Asia/Shanghai (2026-12-02T00:00:00Z; moved from 2026-12-01 23:00:00)"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (("08:00", "21:00"), "08:00-21:00"),
        (["08:00", "21:00"], "08:00-21:00"),
        ("08:00-21:00", "08:00-21:00"),
        (" 8:00 – 21:00 ", "08:00-21:00"),
        ("0８：00-21：00", "08:00-21:00"),
        ("['08:00', '21:00']", "08:00-21:00"),  # templates render a pair to text
        ("('08:00', '21:00')", "08:00-21:00"),
        ('["08:00", "21:00"]', "08:00-21:00"),
        ("21:00-08:00", "21:00-08:00"),
        ("08:00-00:00", "08:00-00:00"),
        ("always", "always"),
        (None, "09:00-18:00"),
        ("", "09:00-18:00"),
    ],
)
def test_a_window_in_every_accepted_form(value: object, shown: str) -> None:
    window = send_window_of(value, SendWindow(time(9), time(18)), "next")
    assert (str(window), window.moves) == (shown, True)
    assert not send_window_of(value).moves


@pytest.mark.parametrize(
    "value",
    [
        *("08:00", "8-21", "08:00-24:00", "08:60-21:00", "08:00-08:00", "08:00:00-21:00:00"),
        *("None", "never", "['08:00']", ("08:00",), ("08:00", 1260), 480, True, b"08:00"),
        *({"08:00": "21:00"}, ("08:00", None), "13800138000"),
    ],
)
def test_anything_else_is_refused_with_the_accepted_forms(value: object) -> None:
    with pytest.raises(JsmsInputError, match="accepted is two times such as '08:00-21:00'") as told:
        send_window_of(value)
    assert "13800138000" not in str(told.value)


def test_the_reaction_is_one_of_two_words() -> None:
    with pytest.raises(JsmsInputError, match="on_outside_window is 'skip'"):
        send_window_of(None, ALWAYS, "skip")
