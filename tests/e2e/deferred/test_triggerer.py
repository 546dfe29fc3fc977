"""Triggerers that end, die and stand still while sensors wait in them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests.e2e.deferred.stage import HOUR, PATIENCE, in_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.e2e.deferred.stage import Jsms, Stage, Wait
    from tests.e2e.deferred.triggerers import Triggerer, Triggerers

COUNT = 6


@pytest.fixture
def jsms(stage: Stage) -> Jsms:
    jsms = stage.places["jsms_default"]
    jsms.reset()
    return jsms


@pytest.fixture
def waits(stage: Stage, triggerers: Triggerers, jsms: Jsms) -> Iterator[list[Wait]]:
    """Sensors that wait in the only triggerer."""
    waits = []
    for _ in range(COUNT):
        schedule_id = jsms.submit(in_seconds(HOUR))
        waits += stage.start("held", jsms, {"deferrable": schedule_id})
    stage.wait_until_waiting(waits)
    wait_until_run(stage, waits, triggerers.current)
    yield waits
    triggerers.end_others()


def wait_until_run(stage: Stage, waits: Sequence[Wait], triggerer: Triggerer) -> None:
    """Wait until a triggerer has these sensors, and asks for them."""

    def has(wait: Wait) -> bool:
        return bool((stage.task(wait)["trigger"] or {}).get("triggerer_id") == triggerer.job_id)

    wait_until(
        lambda: all(has(wait) for wait in waits),
        timeout=PATIENCE,
        otherwise=lambda: f"{triggerer.name} has not all: {[stage.tail(it) for it in waits[:2]]}",
    )
    before = [len(wait.looks()) for wait in waits]
    wait_until(
        lambda: all(len(it.looks()) > count for it, count in zip(waits, before, strict=True)),
        timeout=PATIENCE,
        otherwise=lambda: f"{triggerer.name} asks not for all: {[it.looks() for it in waits]}",
    )


def assert_all_end_once(stage: Stage, waits: Sequence[Wait]) -> None:
    for wait in waits:
        outcome = stage.outcome(wait)
        told = outcome.explain()
        assert (outcome.state, outcome.xcom) == ("success", outcome.expected), told
        if stage.is_mistaken(wait):
            continue  # on a busy machine Airflow gives any deferred task to its retries
        # It was deferred, and went on: once.
        assert outcome.tries == 1, f"{told}\n{stage.rest.log(*wait.address, 1)}"
        assert outcome.log.count("Pausing task as DEFERRED") == 1, told
        assert outcome.log.count("Worker startup parse complete") == 2, told
    jsms = waits[0].jsms
    assert jsms.changes_of_others() == []
    assert len(jsms.control.messages()) == len(waits)


def test_a_wait_outlives_triggerers_that_end_die_and_stand_still(
    stage: Stage, triggerers: Triggerers, jsms: Jsms, waits: list[Wait]
) -> None:
    triggerers.current.terminate()
    wait_until_run(stage, waits, triggerers.start())
    triggerers.current.kill()
    wait_until_run(stage, waits, triggerers.start())
    with frozen(triggerers) as one:
        wait_until_run(stage, waits, triggerers.start())
    _wait_for_heartbeat(triggerers, one)
    triggerers.end_others()
    # The next one sleeps through the end of the waits.
    with frozen(triggerers) as one:
        wait_until_run(stage, waits, triggerers.start())
        jsms.control.advance(HOUR)
    _wait_for_heartbeat(triggerers, one)
    assert_all_end_once(stage, waits)


@contextmanager
def frozen(triggerers: Triggerers) -> Iterator[Triggerer]:
    """Let the current triggerer stand still, and go on afterwards as if no time had passed."""
    triggerer = triggerers.current
    triggerer.freeze()
    try:
        yield triggerer
    finally:
        triggerer.thaw()


def _wait_for_heartbeat(triggerers: Triggerers, triggerer: Triggerer) -> None:
    since = datetime.now(UTC)

    def last() -> datetime:
        return datetime.fromisoformat(triggerers.job(triggerer.job_id)["latest_heartbeat"])

    wait_until(
        lambda: last() > since,
        timeout=PATIENCE,
        otherwise=lambda: f"{triggerer.name} was last heard of at {last()}",
    )
