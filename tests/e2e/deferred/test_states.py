"""Every state that a wait can find, in every mode: the same result, and words that tell it.

All of it is played together, because most of it is waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests.e2e.deferred.stage import HOUR, PATIENCE, in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.deferred.stage import Jsms, Outcome, Stage, Wait

    Outcomes = dict[tuple[str, str], Outcome]

MODES = ("poke", "reschedule", "deferrable")
# How far ahead send_time may have to be, so that all sensors have looked before it.
LEADS = (20.0, 60.0, 120.0)
SHORT = 2.5
TRIES = 3
SHORTLY = timedelta(seconds=2)
AWAY = timedelta(seconds=8)
# Those of the DAGs.
GRACE = TIMEOUT = timedelta(seconds=15)
# Airflow itself would end a deferral 60 seconds after its time.
LATE = timedelta(seconds=50)


# --- what is waited for, for so many seconds


def in_an_hour(jsms: Jsms, _lead: float) -> str:
    return jsms.submit(in_seconds(HOUR))


def soon(jsms: Jsms, lead: float) -> str:
    return jsms.submit(in_seconds(lead))


def deleted(jsms: Jsms, lead: float) -> str:
    schedule_id = jsms.submit(in_seconds(lead))
    jsms.delete(schedule_id)
    return schedule_id


# --- what happens once all sensors wait


def delete(waits: Sequence[Wait]) -> None:
    for wait in waits:
        wait.jsms.delete(wait.schedule_id)


def move_near(waits: Sequence[Wait]) -> None:
    for wait in waits:
        wait.jsms.move(wait.schedule_id, in_seconds(5))


def move_away(waits: Sequence[Wait]) -> None:
    for wait in waits:
        wait.jsms.move(wait.schedule_id, wait.jsms.send_times[wait.schedule_id][0] + AWAY)


def fail_and_recover(waits: Sequence[Wait]) -> None:
    jsms = waits[0].jsms
    down = HTTPStatus.SERVICE_UNAVAILABLE
    jsms.control.fault("query_schedule", "status", times=None, status=down)
    wait_until(
        lambda: all(len(jsms.looks(wait.schedule_ids, status=down)) > 1 for wait in waits),
        timeout=PATIENCE,
        otherwise=lambda: f"not everybody has met the outage: {[it.looks() for it in waits]}",
    )
    jsms.control.clear_faults()
    jsms.control.advance(HOUR)


# --- what the log tells

NOT_DUE = "0 of 1 recipient has a msg_id; not yet due, send_time is"
DUE = "0 of 1 recipient has a msg_id; due, and waiting for JSMS, send_time was"
UNREACHABLE = "JSMS could not be polled since"
OVERDUE = "Overdue by more than grace"
GONE = "is gone (code"
TIMED_OUT = "AirflowSensorTimeout"
EXECUTION_TIMED_OUT = "AirflowTaskTimeout"
IS_OVER = "of the sensor is over. Last poll: "
# Where a look in a worker lasts until after the end, Airflow itself ends the wait.
OVER_FOR_AIRFLOW = "Sensor has timed out"
ENDS = (OVERDUE, GONE, TIMED_OUT, EXECUTION_TIMED_OUT)


@dataclass(frozen=True)
class Case:
    """What is waited for, what happens to it, and what has to come of it.

    :param name: of the DAG.
    :param submit: makes what a sensor waits for, due in so many seconds, anew for each mode.
    :param told: words of the log.
    :param at: the sandbox, by its connection.
    :param change: what happens once all sensors wait.
    :param is_due: the sensors start after send_time.
    :param connection: by which the sensors ask, if it is another one.
    """

    name: str
    state: str
    submit: Callable[[Jsms, float], Any]
    told: tuple[str, ...]
    at: str = "jsms_default"
    change: Callable[[Sequence[Wait]], None] | None = None
    is_due: bool = False
    modes: tuple[str, ...] = MODES
    connection: str | None = None


SHOWN = "jsms_deleted_shown"
NOWHERE = "jsms_nowhere"
CASES = (
    Case("moved_later", "success", soon, (NOT_DUE,), change=move_away),
    Case("overdue", "failed", deleted, (DUE, OVERDUE), SHOWN, is_due=True),
    Case("overdue_soft", "skipped", deleted, (NOT_DUE,), SHOWN),
    Case("timed_out", "failed", deleted, (DUE, TIMED_OUT), SHOWN, is_due=True),
    Case("timed_out_soft", "skipped", deleted, (DUE,), SHOWN, is_due=True),
    Case(
        "execution_timeout",
        "failed",
        deleted,
        (DUE, EXECUTION_TIMED_OUT),
        SHOWN,
        is_due=True,
        modes=("deferrable",),
    ),
    Case("done", "success", soon, (NOT_DUE,)),
    Case("moved_earlier", "success", in_an_hour, (NOT_DUE,), change=move_near),
    Case("gone", "failed", in_an_hour, (NOT_DUE, f"{GONE} 50029"), change=delete),
    Case(
        "nowhere",
        "failed",
        in_an_hour,
        (UNREACHABLE, TIMED_OUT),
        connection=NOWHERE,
    ),
    Case(
        "failing",
        "success",
        in_an_hour,
        (NOT_DUE, UNREACHABLE),
        "jsms_failing",
        fail_and_recover,
    ),
)
SENSORS = [(case, mode) for case in CASES for mode in case.modes]


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> Outcomes:
    outcomes: Outcomes = {}
    cases = CASES
    for _ in range(TRIES):
        waits = _play(cases, stage)
        outcomes |= {(case.name, it.task_id): stage.outcome(it) for case, it in waits}
        if not (mistaken := {case.name for case, wait in waits if stage.is_mistaken(wait)}):
            break
        cases = tuple(case for case in cases if case.name in mistaken)
        for jsms in stage.places.values():
            assert jsms.changes_of_others() == []
            jsms.reset()
    return outcomes


def _play(cases: Sequence[Case], stage: Stage) -> list[tuple[Case, Wait]]:
    waits = []
    for case in cases:
        # All at once they would be too much for two processors.
        started = _start(case, stage)
        if case.change:
            case.change(started)
        waits += [(case, wait) for wait in started]
    return waits


def _start(case: Case, stage: Stage) -> list[Wait]:
    """Start the sensors of a case, until all of them wait in time."""
    jsms = stage.places[case.at]
    for lead in LEADS:
        wait_for = {mode: case.submit(jsms, SHORT if case.is_due else lead) for mode in case.modes}
        due = max(jsms.send_time(each) for each in wait_for.values())
        if case.is_due:
            _wait_until(due)
        waits = stage.start(case.name, jsms, wait_for, case.connection)
        stage.wait_until_begun(waits, looks=0 if case.connection == NOWHERE else 1)
        if case.change:
            stage.wait_until_waiting(waits)
        if datetime.now(UTC) < due + (GRACE if case.is_due else -SHORTLY):
            return waits
    raise AssertionError(f"this machine is too slow: it takes {LEADS[-1]} s to start {case.name}")


def _wait_until(time: datetime) -> None:
    wait_until(
        lambda: datetime.now(UTC) > time, timeout=PATIENCE, otherwise=lambda: f"it is not {time}"
    )


@pytest.mark.parametrize(
    ("case", "mode"), SENSORS, ids=[f"{case.name}-{mode}" for case, mode in SENSORS]
)
def test_a_wait_ends_alike_in_every_mode(case: Case, mode: str, outcomes: Outcomes) -> None:
    outcome = outcomes[case.name, mode]
    told = outcome.explain()
    print(told)
    # Nothing of it is retried, although retries are set.
    assert (outcome.state, outcome.tries) == (case.state, 1), told
    assert outcome.xcom == (outcome.expected if case.state == "success" else None), told
    for words in case.told:
        assert words in outcome.log, f"{words!r} is missing: {told}"
    if case.state != "skipped":
        ends = [words for words in ENDS if words in outcome.log]
        assert ends == [words for words in ENDS if any(words in each for each in case.told)], told


@pytest.mark.parametrize("mode", MODES)
def test_a_skipped_sensor_tells_why(mode: str, outcomes: Outcomes) -> None:
    reasons = {
        "overdue_soft": (OVERDUE,),
        "timed_out_soft": (IS_OVER, OVER_FOR_AIRFLOW),
    }
    for name, words in reasons.items():
        outcome = outcomes[name, mode]
        assert any(each in outcome.log for each in words), outcome.explain()


@pytest.mark.parametrize("mode", MODES)
def test_a_sensor_that_has_slept_tells_that_the_text_is_due(mode: str, outcomes: Outcomes) -> None:
    outcome = outcomes["overdue_soft", mode]
    assert DUE in outcome.log, outcome.explain()


@pytest.mark.parametrize("mode", MODES)
def test_a_sensor_sleeps_until_send_time(mode: str, outcomes: Outcomes) -> None:
    outcome = outcomes["done", mode]
    early = [look for look in outcome.looks if look < outcome.send_times[0]]
    assert len(early) == 1, outcome.explain()
    assert len(outcome.looks) > 1, outcome.explain()


@pytest.mark.parametrize("mode", MODES)
def test_a_sensor_follows_a_schedule_that_is_moved(mode: str, outcomes: Outcomes) -> None:
    outcome = outcomes["moved_later", mode]
    first, second = outcome.send_times
    assert any(first <= look < second for look in outcome.looks), outcome.explain()
    assert second <= outcome.looks[-1], outcome.explain()
    outcome = outcomes["moved_earlier", mode]
    first, second = outcome.send_times
    assert second <= outcome.looks[-1] < first, outcome.explain()


@pytest.mark.parametrize("mode", MODES)
def test_a_wait_ends_when_it_has_to(mode: str, outcomes: Outcomes) -> None:
    for name in ("timed_out", "timed_out_soft", "execution_timeout"):
        if outcome := outcomes.get((name, mode)):
            lasted = outcome.looks[-1] - outcome.began_at
            assert TIMEOUT - timedelta(seconds=1) < lasted < TIMEOUT + LATE, outcome.explain()
            if mode == "deferrable" and outcome.state == "failed":
                assert IS_OVER in outcome.log, outcome.explain()
    for name in ("overdue", "overdue_soft"):
        outcome = outcomes[name, mode]
        lasted = outcome.looks[-1] - outcome.send_times[0]
        assert GRACE <= lasted < GRACE + LATE, outcome.explain()


def test_nobody_changes_anything_by_waiting(stage: Stage, outcomes: Outcomes) -> None:
    for jsms in stage.places.values():
        assert jsms.changes_of_others() == [], jsms.conn_id
