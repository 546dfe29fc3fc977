"""What a person does to a deferred sensor in the UI: nothing of it reaches JSMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests.e2e.deferred.stage import HOUR, PATIENCE, end_of, in_seconds

if TYPE_CHECKING:
    from tests.e2e.deferred.stage import Jsms, Outcome, Stage, Wait

MARKS = ("success", "failed")
ACTS = ("clear", *MARKS)


@dataclass
class Played:
    """What came of it.

    :param schedules: by what was done, as the sandbox knows them afterwards, before they are due.
    :param looks: by what was done, how often the schedule was asked for by then.
    :param outcomes: by what was done, after the texts were sent.
    :param texted: the schedules that were sent.
    """

    schedules: dict[str, dict[str, Any]]
    looks: dict[str, int]
    outcomes: dict[str, Outcome]
    texted: list[str]
    changes_of_others: list[str]


@pytest.fixture(scope="module")
def played(stage: Stage) -> Played:
    jsms = stage.places["jsms_default"]
    waits = {act: _start(stage, jsms) for act in ACTS}
    # The first look is that of the worker.
    stage.wait_until_waiting(waits.values(), looks=3)
    for act, wait in waits.items():
        if act == "clear":
            stage.rest.clear(wait.dag_id, wait.run_id, wait.task_id)
        else:
            stage.rest.set_state(*wait.address, act)
    for wait in waits.values():
        _wait_for_end_of_trigger(stage, wait)
    _wait_for_second_try(stage, waits["clear"])
    schedules = {act: jsms.schedules(wait.schedule_ids)[0] for act, wait in waits.items()}
    looks = {act: len(wait.looks(is_fresh=True)) for act, wait in waits.items()}
    jsms.control.advance(HOUR)
    return Played(
        schedules,
        looks,
        {act: stage.outcome(wait) for act, wait in waits.items()},
        [each["schedule_id"] for each in jsms.control.messages()],
        jsms.changes_of_others(),
    )


def _start(stage: Stage, jsms: Jsms) -> Wait:
    (wait,) = stage.start("held", jsms, {"deferrable": jsms.submit(in_seconds(HOUR))})
    return wait


def _wait_for_end_of_trigger(stage: Stage, wait: Wait) -> None:
    """Wait until the triggerer has ended the trigger, by which it could have done anything."""
    wait_until(
        lambda: "trigger completed" in stage.rest.log(*wait.address, 1),
        timeout=PATIENCE,
        otherwise=lambda: f"the trigger goes on: {end_of(stage.rest.log(*wait.address, 1))}",
    )


def _wait_for_second_try(stage: Stage, wait: Wait) -> None:
    wait_until(
        lambda: stage.deferrals(wait) == 2 and stage.task(wait)["state"] == "deferred",
        timeout=PATIENCE,
        otherwise=lambda: f"there is no second try: {stage.tail(wait)}",
    )


@pytest.mark.parametrize("act", ACTS)
def test_the_schedule_stays_as_it_was_and_is_sent(act: str, played: Played) -> None:
    schedule = played.schedules[act]
    assert schedule["status"] == "pending"
    assert [each["event"] for each in schedule["history"]] == ["submitted"]
    assert played.texted.count(schedule["schedule_id"]) == 1


@pytest.mark.parametrize("mark", MARKS)
def test_a_sensor_that_was_marked_asks_no_more(mark: str, played: Played) -> None:
    outcome = played.outcomes[mark]
    assert (outcome.state, outcome.tries, outcome.xcom) == (mark, 1, None), outcome.explain()
    assert len(outcome.looks) == played.looks[mark], outcome.explain()


def test_a_sensor_that_was_cleared_waits_anew(played: Played) -> None:
    outcome = played.outcomes["clear"]
    assert (outcome.state, outcome.tries) == ("success", 2), outcome.explain()
    assert outcome.xcom == outcome.expected, outcome.explain()


def test_jsms_was_only_asked(played: Played) -> None:
    assert played.changes_of_others == []
