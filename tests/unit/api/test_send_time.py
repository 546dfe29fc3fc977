"""Any time that a DAG can give: the same instant on the wall clock of JSMS, or refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pendulum
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api.send_time import SendTime, parse_send_time, parse_wire, service_zone
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsPastSendTimeError

SHANGHAI = service_zone("Asia/Shanghai")
BERLIN = service_zone("Europe/Berlin")
NINE = "2026-12-01 09:00:00"
EAST_8 = timezone(timedelta(hours=8))
ACCEPTED_FORMS = ("aware datetime", "ISO 8601", "yyyy-MM-dd HH:mm:ss")
ZONES = [
    *("Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns"),
    *("Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia"),
    *("Africa/Monrovia", "Antarctica/Troll", "Pacific/Kwajalein", "EST5EDT"),
]
QUARTER = timedelta(minutes=15)
MANY = settings()


class NoOffset(tzinfo):
    """A zone that does not know its offset: a time in it is naive, says Python."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def __repr__(self) -> str:
        return "NoOffset()"  # each process names the tests alike


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 12, 1, 1, tzinfo=UTC),
        datetime(2026, 12, 1, 9, tzinfo=EAST_8),
        datetime(2026, 12, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2026, 11, 30, 20, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 12, 1, 1, 0, 0, 999_999, tzinfo=UTC),
        pendulum.datetime(2026, 12, 1, 1),
        pendulum.datetime(2026, 12, 1, 9, tz="Asia/Shanghai"),
        # what {{ data_interval_end }}, {{ ts }} and {{ ts_nodash_with_tz }} render to
        str(pendulum.datetime(2026, 12, 1, 1)),
        pendulum.datetime(2026, 12, 1, 1).isoformat(),
        "20261201T010000+0000",
        "2026-12-01T01:00:00Z",
        "2026-12-01T09:00:00+08:00",
        "2026-12-01 09:00:00+08",
        "2026-12-01T09:00+0800",
        "2026-12-01T06:45:00+05:45",
        "2026-12-01T01:00:00.999999Z",
        "2026-12-01T01:00:00,9999999999+00:00",
        NINE,
    ],
    ids=str,
)
def test_one_moment_in_every_accepted_form_is_one_wall_clock(value: object) -> None:
    moment = parse_send_time(value, SHANGHAI)
    assert moment.wire == NINE
    assert moment.instant == datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert moment.instant.utcoffset() == timedelta(0)
    assert moment.utc == "2026-12-01T01:00:00Z"
    assert str(moment) == "2026-12-01 09:00:00 Asia/Shanghai (2026-12-01T01:00:00Z)"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 12, 1, 9),  # noqa: DTZ001  a naive time is what is tested
        datetime(2026, 12, 1, 9, tzinfo=NoOffset()),
        pendulum.naive(2026, 12, 1, 9),
        date(2026, 12, 1),
        pendulum.date(2026, 12, 1),
        time(9, tzinfo=UTC),
        timedelta(hours=1),
        *(1_796_086_800, 1_796_086_800.0, 20261201, True, None, b"2026-12-01 09:00:00", [NINE]),
        *(
            "",
            "tomorrow",
            "2026-12-01",
            "20261201T090000",
            "20261201090000",
            "2026-W49-2T09:00:00Z",
        ),
        *("2026-12-01T09:00:00", "2026-12-01 09:00", "2026-12-1 9:00:00", "2026-12-01  09:00:00"),
        *(
            f" {NINE}",
            f"{NINE}\n",
            f"{NINE}.0",
            f"{NINE} UTC",
            f"{NINE} +08:00",
            "2026/12/01 09:00:00",
        ),
        *("２０２６-12-01 09:00:00", "2026-12-01 09：00：00", "2026-12-01\u300009:00:00"),
        *("2026-12-01T09:00:00z", "2026-12-01T09:00:00+8", "2026-12-01Z", "09:00:00+08:00"),
        *("2026-12-01T09:00:00+08:00[Asia/Shanghai]", "12026-12-01T09:00:00Z"),
        *("2026-13-01 09:00:00", "2026-02-29 09:00:00", "2026-12-01 24:00:00"),
        *("2026-12-01 09:00:60", "2026-12-01T25:00:00Z", "2026-12-01T09:00:00+24:00"),
        "{{ ts }}",
    ],
    ids=repr,
)
def test_anything_else_is_refused_naming_the_accepted_forms(value: object) -> None:
    with pytest.raises(JsmsInputError) as caught:
        parse_send_time(value, SHANGHAI)
    text = str(caught.value)
    assert all(form in text for form in ACCEPTED_FORMS)
    assert f"({type(value).__name__})" in text or f"(a {type(value).__name__}" in text
    assert "Nothing was sent. Accepted are" in text
    assert text.isprintable()


@pytest.mark.parametrize("offset", ["+08:06", "+0806", "-00:01", "+05:53"])
def test_the_local_mean_time_of_pytz_is_refused_in_every_form(offset: str) -> None:
    text = f"2031-01-01T09:00{offset}"
    for value in (text, datetime.fromisoformat(text), pendulum.parse(text)):
        with pytest.raises(JsmsInputError) as caught:
            parse_send_time(value, SHANGHAI)
        said = str(caught.value)
        assert f"send_time {datetime.fromisoformat(text)} has an offset from UTC that no" in said
        assert "Nothing was sent. Instead of" in said
        for way in ("pendulum.timezone(name)", "ZoneInfo(name)", ".localize(datetime(...))"):
            assert way in said


def test_no_zone_of_today_has_an_offset_that_is_refused() -> None:
    for zone in map(ZoneInfo, available_timezones()):
        for month in range(1, 13):
            moment = datetime(2031, month, 15, 12, tzinfo=zone)
            assert parse_send_time(moment, SHANGHAI).instant == moment


@st.composite
def aware_times(draw: st.DrawFn) -> datetime:
    """Return any aware time: years 1 to 9999, times in gaps and folds, odd offsets."""
    zone = draw(
        st.one_of(
            st.sampled_from(ZONES).map(ZoneInfo),
            st.timezones(),
            st.integers(-95, 95).map(lambda quarters: timezone(quarters * QUARTER)),
            st.integers(-86399, 86399).map(lambda s: timezone(timedelta(seconds=s))),
        )
    )
    moment = draw(st.datetimes(timezones=st.just(zone), allow_imaginary=True))
    return moment.replace(fold=draw(st.sampled_from((0, 1))))


def _names_one_moment(moment: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the wall clock of a moment if it names that second only: told by Python's zones."""
    try:
        instant = moment.astimezone(UTC).replace(microsecond=0)
        wall = instant.astimezone(zone)
        readings = {wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    except OverflowError:
        return None
    return wall if readings == {instant} else None


@MANY
@given(moment=aware_times(), name=st.sampled_from(ZONES))
@example(moment=datetime(1, 1, 1, tzinfo=UTC), name="America/New_York")
@example(moment=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), name="Asia/Shanghai")
@example(moment=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), name="Europe/Berlin")
@example(moment=datetime(2026, 10, 25, 1, 30, tzinfo=UTC), name="Europe/Berlin")
def test_any_aware_time_survives_the_way_to_jsms_and_back_or_is_refused(
    moment: datetime, name: str
) -> None:
    zone = service_zone(name)
    wall = _names_one_moment(moment, ZoneInfo(name))
    if (moment.utcoffset() or timedelta(0)) % QUARTER:
        wall = None
    try:
        sent = parse_send_time(moment, zone)
    except JsmsInputError as error:
        assert wall is None, "a time that the wall clock names was refused"
        assert "Nothing was sent" in str(error)  # noqa: PT017
        return
    assert wall is not None, "a time was sent whose wall clock does not name it"
    assert sent.wire == wall.replace(tzinfo=None).isoformat(sep=" ")
    assert len(sent.wire) == 19
    assert timedelta(0) <= moment - sent.instant < timedelta(seconds=1)
    assert parse_wire(sent.wire, zone) == sent.instant


@MANY
@given(moment=st.datetimes(), name=st.sampled_from(ZONES))
def test_the_form_of_the_api_is_sent_as_it_is_or_refused(moment: datetime, name: str) -> None:
    wire = moment.replace(microsecond=0).isoformat(sep=" ")
    wall = moment.replace(microsecond=0, tzinfo=ZoneInfo(name))
    try:
        sent = parse_send_time(wire, service_zone(name))
    except JsmsInputError:
        try:
            instants = {wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        except OverflowError:
            return
        back = {each.astimezone(wall.tzinfo).replace(tzinfo=None) for each in instants}
        assert len(instants) == 2 or back != {wall.replace(tzinfo=None)}
        return
    assert sent.wire == wire
    assert sent.instant == wall.astimezone(UTC)


@pytest.mark.parametrize("zone_name", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_exists_twice_is_refused_in_every_form(zone_name: str, fold: int) -> None:
    zone = service_zone(zone_name)
    day = 25 if zone_name == "Europe/Berlin" else None
    wall = datetime(2026, 10, 25, 2, 30) if day else datetime(2026, 11, 1, 1, 30)  # noqa: DTZ001
    instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    for value in (str(wall), instant, instant.isoformat(), wall.replace(tzinfo=zone, fold=fold)):
        with pytest.raises(JsmsInputError, match="does not name one moment in the zone") as caught:
            parse_send_time(value, zone)
        assert str(wall) in str(caught.value)
        assert zone_name in str(caught.value)
        assert "Asia/Shanghai" in str(caught.value)
    assert parse_wire(str(wall), zone) is None


@pytest.mark.parametrize("fold", [0, 1])
def test_a_wall_clock_that_does_not_exist_is_refused(fold: int) -> None:
    gap = datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN, fold=fold)
    for value in ("2026-03-29 02:30:00", gap):
        with pytest.raises(JsmsInputError, match="2026-03-29 02:30:00 does not name one moment"):
            parse_send_time(value, BERLIN)
    assert parse_wire("2026-03-29 02:30:00", BERLIN) is None


@pytest.mark.parametrize(
    ("wire", "instant"),
    [
        ("2026-03-29 01:59:59", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("2026-03-29 03:00:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25 01:59:59", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25 03:00:00", datetime(2026, 10, 25, 2, tzinfo=UTC)),
    ],
)
def test_the_seconds_around_a_change_of_clocks_are_told_apart(wire: str, instant: datetime) -> None:
    assert parse_send_time(wire, BERLIN).instant == instant
    assert parse_send_time(instant, BERLIN).wire == wire
    assert parse_wire(wire, BERLIN) == instant


@pytest.mark.parametrize(
    "value",
    [
        datetime(9999, 12, 31, 23, tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=12))),
        "0001-01-01 00:00:00",
        "9999-12-31T23:00:00-08:00",
    ],
    ids=str,
)
def test_what_lies_outside_the_years_of_python_is_refused(value: object) -> None:
    with pytest.raises(JsmsInputError, match="does not name one moment"):
        parse_send_time(value, SHANGHAI)


@pytest.mark.parametrize("late", [0, 1, 86400])
def test_a_passed_time_is_refused_with_both_clocks_of_both_times(late: int) -> None:
    moment = parse_send_time(NINE, SHANGHAI)
    now = (moment.instant + timedelta(seconds=late)).astimezone(ZoneInfo("America/New_York"))
    with pytest.raises(JsmsPastSendTimeError) as caught:
        moment.require_future(now)
    text = str(caught.value)
    assert "send_time 2026-12-01 09:00:00 Asia/Shanghai (2026-12-01T01:00:00Z) has passed" in text
    assert text.endswith(
        f"machine it is now {SendTime(now.astimezone(UTC), SHANGHAI)}; if that is not the time, "
        "the clock of this machine is wrong. Nothing was sent."
    )
    assert "on_past_send_time" not in text
    if late == 1:
        assert "now 2026-12-01 09:00:01 Asia/Shanghai (2026-12-01T01:00:01Z)" in text


@pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(days=3650)])
def test_a_time_ahead_is_let_through(ahead: timedelta) -> None:
    moment = parse_send_time(NINE, SHANGHAI)
    assert moment.require_future(moment.instant - ahead) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("name", ["Asia/Shanghai", "UTC", "Europe/Berlin"])
def test_a_zone_is_found_by_its_name(name: str) -> None:
    assert str(service_zone(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "Nowhere/City", "Asia/Shanghai ", "Asia", "+08:00", "UTC+8", "../../etc/passwd"),
    ],
    ids=lambda name: repr(name)[:30],
)
def test_a_zone_that_is_not_there_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(name) or "^$"):
        service_zone(name)


@pytest.mark.parametrize(
    "text", [f"{NINE}.0", "2026-12-01T09:00:00+08:00", "", "2026-02-30 09:00:00"]
)
def test_an_answer_in_another_form_is_no_time(text: str) -> None:
    assert parse_wire(text, SHANGHAI) is None


def test_a_phone_number_in_the_place_of_a_time_is_masked() -> None:
    with pytest.raises(JsmsInputError) as caught:
        parse_send_time("13700137004 at nine", SHANGHAI)
    assert "137****7004" in str(caught.value)
    assert "13700137004" not in str(caught.value)
    with pytest.raises(JsmsInputError) as caught:
        parse_send_time("{'name': 'canary'}", SHANGHAI)
    assert "(a str of 18 characters)" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        # an unquoted 2026-12-01 09:00:00 of YAML, and the cells of tables and databases
        (datetime(2026, 12, 1, 9), "it has no time zone"),  # noqa: DTZ001
        (pendulum.naive(2026, 12, 1, 9), "it has no time zone"),
        (pd.Timestamp("2026-12-01 09:00:00.000000001"), "it has no time zone"),
        # an unquoted 12:30 of YAML, and other types
        (750, "send_time 750 (int) does not name one moment. Nothing was sent."),
        (np.int64(750), "send_time (a int64) does not name"),
        (date(2026, 12, 1), "send_time (a date) does not name"),
        (timedelta(hours=9), "send_time (a timedelta) does not name"),
        # {{ dag_run.logical_date }} of a run that has none
        ("None", "what a template makes of no value. On Airflow 3 use dag_run.run_after"),
    ],
    ids=repr,
)
def test_a_value_of_another_type_gets_advice(value: object, advice: str) -> None:
    with pytest.raises(JsmsInputError) as caught:
        parse_send_time(value, SHANGHAI)
    assert advice in str(caught.value)
    assert "(in YAML, in quotes)" in str(caught.value)


def test_a_missing_time_is_refused() -> None:
    with pytest.raises(
        JsmsInputError, match=r"NaT \(NaTType\) does not name one moment: it has no time zone\."
    ):
        parse_send_time(pd.NaT, SHANGHAI)


def test_an_aware_time_of_pandas_is_one_moment() -> None:
    moment = pd.Timestamp("2026-12-01 09:00:00.000000001").tz_localize(SHANGHAI)
    assert parse_send_time(moment, SHANGHAI).wire == NINE
