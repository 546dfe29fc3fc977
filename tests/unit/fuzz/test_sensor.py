"""Every argument of the sensor, every event of a trigger, and every argument of the trigger."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowNotFoundException,
    AirflowSensorTimeout,
)
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRenderError,
    JsmsScheduleGoneError,
    JsmsUnknownEventError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from airflow_provider_jsms.triggers import jsms as triggers
from airflow_provider_jsms.triggers.deferral import are_found
from tests.unit.fuzz import documents, odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.watching import CONNECTION, check_told
from tests.versions import TaskInstance

if TYPE_CHECKING:
    from tests.unit.fuzz.watching import Outcome, Service

NOW = datetime.now(UTC)
LATER = (NOW + timedelta(days=1)).isoformat()
RULES = {
    "started_at": NOW.isoformat(),
    "poke_interval": 60.0,
    "recheck_interval": 3600.0,
    "grace": 3600.0,
    "wait_for_send_time": False,
    "expected": None,
    "ends_at": None,
}
SEEN = {"send_time": LATER, "recipients": 2, "msg_ids": ["1", "2"]}
TRIGGER: dict[str, Any] = {
    "schedules": {"8b19cd0d": {**SEEN, "msg_ids": 1}, "1a2b": {**SEEN, "send_time": None}},
    "jsms_conn_id": CONNECTION,
    "next_look": NOW.isoformat(),
    "rules": RULES,
    "failing_since": None,
}
EVENT = {
    "status": "look",
    "started_at": NOW.isoformat(),
    "schedules": {"8b19cd0d": {**SEEN, "msg_ids": []}},
    "failing_since": None,
}
a_time = st.sampled_from(
    [
        *(LATER, NOW.isoformat(), "2026-12-01T00:00:00", "0001-01-01T00:00:00+14:00", "2026-12-01"),
        *(
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00+00:00",
            "",
            "9999-12-31T23:59:59+00:00",
        ),
    ]
)
numbers = st.floats() | st.integers() | st.sampled_from([0, -1, 10**30, True, "60"])
stored = odd.json_values | a_time | numbers
durations = st.timedeltas() | st.sampled_from([timedelta.max, timedelta.min]) | odd.anything
results = st.fixed_dictionaries(
    {},
    optional={
        "schedule_ids": st.lists(odd.schedule_ids, max_size=3) | odd.anything,
        "schedule_id": odd.schedule_ids,
        "success_count": numbers | odd.anything,
        "failure_count": odd.anything,
    },
)
VALUES = {
    "schedule_id": odd.schedule_ids | st.lists(odd.schedule_ids, max_size=4) | results,
    "wait_for_send_time": st.sampled_from(["true", "False", True, False]) | odd.anything,
    "grace": durations,
    "recheck_interval": durations,
    "timeout": durations | numbers,
    "poke_interval": durations | numbers,
    "jsms_conn_id": st.just(CONNECTION) | odd.anything,
}
TEMPLATED = ("schedule_id", "wait_for_send_time", "jsms_conn_id")


def check_asked(outcome: Outcome) -> None:
    """Check that nothing but queries arrived."""
    for request in outcome.requests:
        documents.check("query_schedule", request.method, request.path, request.body)


def poke(name: str, value: object, mode: str, schedule_id: str) -> object:
    """Look once, with an argument that is given, rendered or set after rendering."""
    arguments: dict[str, Any] = {"schedule_id": schedule_id, "jsms_conn_id": CONNECTION}
    if mode != "set":
        arguments[name] = value if mode == "given" else "{{ value }}"
    with DAG("fuzz", schedule=None, render_template_as_native_obj=mode == "native"):
        sensor = JsmsScheduleSensor(task_id="wait", **arguments)
    sensor.render_template_fields({"value": value})  # type: ignore[typeddict-unknown-key]
    if mode == "set":
        vars(sensor)[name] = value  # Airflow looks for an XComArg in what is set otherwise
    poked = sensor.poke({})
    # What Airflow does after it, in the modes that wait in a worker and that do not.
    assert sensor._get_next_poke_interval(0.0, lambda: 1.0, 1) < 400 * 86400
    return poked


@pytest.mark.parametrize("name", VALUES)
@examples(60)
@given(data=st.data())
def test_one_argument(service: Service, scheduled: str, name: str, data: st.DataObject) -> None:
    mode = "set" if name in TEMPLATED else "given"
    check_each(service, name, odd.made(data.draw(VALUES[name], label=name)), mode, scheduled)


@pytest.mark.parametrize("name", TEMPLATED)
@examples(40)
@given(value=odd.texts | odd.json_values, mode=st.sampled_from(["template", "native"]))
def test_a_template(service: Service, scheduled: str, name: str, value: object, mode: str) -> None:
    check_each(service, name, value, mode, scheduled)


@pytest.mark.parametrize("name", VALUES)
def test_every_odd_object(service: Service, scheduled: str, name: str) -> None:
    for make in odd.OBJECTS:
        check_each(service, name, make(), "set" if name in TEMPLATED else "given", scheduled)


def check_each(service: Service, name: str, value: object, mode: str, scheduled: str) -> None:
    if name in ("timeout", "poke_interval") and not is_taken(name, value):
        return  # Airflow itself refuses it
    outcome = service.try_out(lambda: poke(name, value, mode, scheduled))
    check_told(outcome, name, value)
    check_asked(outcome)
    error = outcome.error
    if not outcome.requests:
        # What is fetched bit by bit may be there in another try.
        expected = (JsmsInputError, JsmsRenderError, AirflowNotFoundException)
        assert isinstance(error, expected), repr(error)
        assert name in outcome.text or isinstance(error, AirflowNotFoundException)
    else:
        ends = (JsmsScheduleGoneError, JsmsInputError, AirflowSensorTimeout)
        assert error is None or isinstance(error, ends), repr(error)


def is_taken(name: str, value: object) -> bool:
    try:
        JsmsScheduleSensor(task_id="wait", schedule_id="1", **{name: value})  # type: ignore[arg-type]
    except JsmsError:
        return True
    except Exception:  # noqa: BLE001  of Airflow
        return False
    return True


@pytest.fixture
def scheduled(service: Service) -> str:
    with JsmsHook(CONNECTION) as hook:
        return hook.submit_schedule(send_time=LATER, mobile="13712345678", temp_id=1)


def changed(valid: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return JSON documents that differ from a valid one somewhere."""
    one = st.tuples(st.sampled_from(sorted(valid)), stored).map(
        lambda new: {**valid, new[0]: new[1]}
    )
    none = st.sampled_from(sorted(valid)).map(
        lambda gone: {name: valid[name] for name in valid if name != gone}
    )
    return one | none


events = (
    changed(EVENT)
    | changed({"status": "done", "msg_ids": {"8b19cd0d": ["1"]}})
    | st.builds(
        lambda schedules: {**EVENT, "schedules": schedules},
        st.dictionaries(odd.good_ids | odd.texts, stored | changed(SEEN), max_size=2),
    )
    | st.dictionaries(st.sampled_from(["status", "msg_ids", "event"]), stored)
    | st.sampled_from(["timeout", "failed"]).map(lambda status: {"status": status})
    | odd.json_values
)


@examples(150)
@given(event=events)
def test_any_event(service: Service, event: object) -> None:
    sensor = JsmsScheduleSensor(
        task_id="wait", schedule_id="8b19cd0d", jsms_conn_id=CONNECTION, deferrable=True
    )
    context: Any = {"ti": TaskInstance()}
    outcome = service.try_out(lambda: sensor.execute_complete(context, event))
    check_told(outcome, "event", None)
    check_asked(outcome)
    if outcome.requests:
        assert isinstance(outcome.error, JsmsScheduleGoneError), repr(outcome.error)
    elif outcome.error is None:
        assert isinstance(event, dict)
        assert event["status"] == "done"
        assert all(map(are_found, outcome.result.values()))
    else:
        assert isinstance(outcome.error, JsmsUnknownEventError), repr(outcome.error)


class WaitsError(Exception):
    """The trigger would sleep from here on."""


async def fired(arguments: dict[str, Any]) -> Any:
    """Return the event of a trigger after its first look."""
    trigger = triggers.JsmsScheduleTrigger(**arguments)
    json.dumps(trigger.serialize())
    async with aclosing(trigger.run()) as events:  # type: ignore[type-var]
        async for event in events:
            return event.payload
    raise AssertionError("a trigger fires once")


@examples(120)
@given(
    arguments=changed(TRIGGER)
    | changed(RULES).map(lambda rules: {**TRIGGER, "rules": rules})
    | changed(SEEN).map(lambda seen: {**TRIGGER, "schedules": {"1a2b": seen}})
    | st.dictionaries(st.text(max_size=5), stored, max_size=2).map(
        lambda schedules: {**TRIGGER, "schedules": schedules}
    )
)
def test_any_arguments_of_the_trigger(
    service: Service, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    looks = []

    async def asleep(*_: object) -> None:
        looks.append(_)
        if len(looks) > 1:
            raise WaitsError

    monkeypatch.setattr(triggers, "_sleep_until", asleep)
    outcome = service.try_out(lambda: asyncio.run(fired(arguments)))
    check_told(outcome, "arguments", None)
    check_asked(outcome)
    missing = {"schedules", "jsms_conn_id", "next_look", "rules"} - set(arguments)
    if outcome.error is None:
        assert outcome.result["status"] in ("done", "look")
    else:
        kinds = (JsmsInputError, WaitsError, *([TypeError] if missing else []))
        assert isinstance(outcome.error, kinds), repr(outcome.error)
