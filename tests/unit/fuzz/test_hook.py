"""Every argument of the hook's calls: a request as documented, or an error that names it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.api.send_time import service_zone
from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.unit.fuzz import odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.watching import CONNECTION, check_one_request, check_told

if TYPE_CHECKING:
    from tests.unit.fuzz.watching import Service

CHINA = ZoneInfo("Asia/Shanghai")
ID = "8b19cd0d-1c54-4d68-b1f9-1b6a44a9d5d1"
SINGLE = {
    "send_time": "2098-12-01 09:00:00",
    "mobile": "13712345678",
    "temp_id": 2,
    "sign_id": 1,
    "temp_para": {"name": odd.PRIVATE},
}
BATCH = {
    "send_time": "2098-12-01 09:00:00",
    "recipients": [{"mobile": "13712345678", "temp_para": {"name": odd.PRIVATE}}],
    "temp_id": 2,
    "sign_id": 1,
    "tag": "a tag",
}
CALLS: dict[str, dict[str, Any]] = {
    "submit_schedule": SINGLE,
    "submit_batch_schedule": BATCH,
    "modify_schedule": {"schedule_id": ID, **SINGLE},
    "modify_batch_schedule": {"schedule_id": ID, **BATCH},
    "query_schedule": {"schedule_id": ID},
    "delete_schedule": {"schedule_id": ID},
}
VALUES = {
    "schedule_id": odd.schedule_ids,
    "send_time": odd.times,
    "mobile": odd.numbers,
    "recipients": odd.recipients,
    "temp_id": odd.whole_numbers,
    "sign_id": odd.whole_numbers,
    "temp_para": odd.parameters,
    "tag": odd.tags,
}
ARGUMENTS = [(call, name) for call, given in CALLS.items() for name in given]


def as_parameters(given: Any) -> dict[str, str] | None:
    return {plain(name): plain(value) for name, value in given.items()} if given else None


def plain(given: Any) -> str:
    """Return a text or a number as text, whatever a subclass of it calls itself."""
    return str.__str__(given) if isinstance(given, str) else str(int.__int__(given))


def as_person(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        return {"mobile": as_number(given)}
    person = {
        "mobile": as_number(given["mobile"]),
        "temp_para": as_parameters(given.get("temp_para")),
    }
    return {name: value for name, value in person.items() if value is not None}


def as_number(given: Any) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", plain(given)))[-11:]


def as_send_time(given: Any) -> str:
    text = given if isinstance(given, str) else given.isoformat()
    moment = datetime.fromisoformat(text).replace(microsecond=0)
    local = moment if moment.tzinfo is None else moment.astimezone(CHINA)
    return local.replace(tzinfo=None).isoformat(sep=" ")


ARRIVES = {
    "send_time": as_send_time,
    "mobile": as_number,
    "temp_id": int,
    "sign_id": lambda given: None if given in (None, "") else int(given),
    "temp_para": as_parameters,
    "tag": lambda given: None if given in (None, "", "None") else plain(given),
    "recipients": lambda given: [as_person(each) for each in given],
}


def check_arrived(name: str, value: object, request: Any) -> None:
    """Check that what arrived is what was given, where that can be told simply."""
    if name == "schedule_id":
        assert request.path.rpartition("/")[2] == str.strip(str.__str__(value))  # type: ignore[arg-type]
    elif type(value) in (str, int, list, dict, datetime, type(None)):
        assert request.body.get(name) == ARRIVES[name](value)


def check_each(service: Service, hook: JsmsHook, call: str, name: str, value: object) -> None:
    arguments = {**CALLS[call], name: value}
    outcome = service.try_out(lambda: getattr(hook, call)(**arguments))
    check_told(outcome, name, value)
    if outcome.requests:
        request = (
            check_one_request(outcome, call) if call != "delete_schedule" else outcome.requests[0]
        )
        check_arrived(name, value, request)
        assert outcome.error is None or isinstance(outcome.error, JsmsApiError)
    else:
        assert isinstance(outcome.error, (JsmsInputError, JsmsRecipientsFileError))
        assert name in outcome.text
        assert "othing was sent" in outcome.text


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
@examples(60)
@given(data=st.data())
def test_one_argument(
    service: Service, hook: JsmsHook, call: str, name: str, data: st.DataObject
) -> None:
    check_each(service, hook, call, name, odd.made(data.draw(VALUES[name], label=name)))


# Where clocks are set forward and back, by an hour and by half of one, and when in 2090.
ZONES = {
    "America/New_York": ["03-12", "11-05"],
    "Australia/Lord_Howe": ["04-02", "10-01"],
    "Europe/Dublin": ["03-26", "10-29"],
    "America/Santiago": ["04-01", "04-02", "09-03"],
}


def changes(name: str) -> st.SearchStrategy[str]:
    """Return times on the days on which clocks are set."""
    return st.builds(
        "2090-{} {:02}:{:02}:00{}".format,
        st.sampled_from(ZONES[name]),
        st.integers(0, 3) | st.just(23),
        st.sampled_from([0, 15, 30, 59]),
        st.sampled_from(["", "", "Z", "-04:00", "+11:00"]),
    )


@pytest.mark.parametrize("name", ZONES)
@examples(60)
@given(data=st.data())
def test_the_wall_clock_of_any_zone(service: Service, name: str, data: st.DataObject) -> None:
    """What arrives names the moment that was meant and no other, or nothing arrives."""
    zone, given = ZoneInfo(name), data.draw(changes(name))
    with JsmsHook(CONNECTION) as hook:
        hook.settings = replace(hook.settings, zone=service_zone(name))
        outcome = service.try_out(lambda: hook.submit_schedule(**{**SINGLE, "send_time": given}))
    moment = datetime.fromisoformat(given)
    if outcome.requests:
        body: Any = check_one_request(outcome, "submit_schedule").body
        wall = datetime.fromisoformat(body["send_time"])
        meant = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        assert len(meant) == 1
        if moment.tzinfo is not None:
            assert meant == {moment}
        else:
            assert wall == moment
            # An hour that does not exist comes back as another one.
            assert wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).hour == wall.hour
    else:
        assert isinstance(outcome.error, JsmsInputError)
        assert "does not name one moment" in outcome.text


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_every_odd_object(service: Service, hook: JsmsHook, call: str, name: str) -> None:
    for make in odd.OBJECTS:
        check_each(service, hook, call, name, make())
