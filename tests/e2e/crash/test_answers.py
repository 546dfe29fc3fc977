"""JSMS has accepted, or may have, and the task does not learn what: no retry sends it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.crash.stage import KINDS, assert_kept

if TYPE_CHECKING:
    from tests.e2e.crash.stage import Key, Outcome, Run, Stage
    from tests.unit.wire import WireServer

CALLS = ("submit_schedule", "submit_batch_schedule")
PATHS = {"single": "/v1/schedule", "batch": "/v1/schedule/batch"}
LOST = "answer-lost"
LATE = "answer-later-than-the-read-timeout"
NAMELESS = "200-without-schedule_id"


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> dict[Key, Outcome]:
    for call in CALLS:
        stage.sandbox.fault(call, "accepted_then_closed")
    runs = _start(stage, LOST) | _start(stage, NAMELESS, "jsms_nameless")
    _finish(stage, runs)
    for call in CALLS:
        stage.sandbox.fault(call, "hold", moment="accepted")
    late = _start(stage, LATE, "jsms_impatient")
    _finish(stage, late)
    assert stage.sandbox.release() == len(CALLS)
    return stage.outcomes(runs | late)


def _start(stage: Stage, name: str, connection: str = "jsms_default") -> dict[Key, Run]:
    return {(name, kind): stage.start("lost", kind, name, connection=connection) for kind in KINDS}


def _finish(stage: Stage, runs: dict[Key, Run]) -> None:
    for run in runs.values():
        stage.finish(run)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [LOST, LATE])
def test_an_accepted_submission_without_an_answer_is_not_repeated(
    name: str, kind: str, outcomes: dict[Key, Outcome]
) -> None:
    outcome = outcomes[name, kind]
    told = outcome.explain()
    assert (outcome.state, outcome.tries, outcome.posts) == ("failed", 1, 1), told
    assert outcome.xcom is None, told
    assert set(outcome.texts.values()) == {1}, told
    outcome.assert_is_told()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_names_no_schedule_is_no_reason_to_ask_again(
    kind: str, outcomes: dict[Key, Outcome], nameless: WireServer
) -> None:
    outcome = outcomes[NAMELESS, kind]
    told = outcome.explain()
    assert (outcome.state, outcome.tries) == ("failed", 1), told
    assert outcome.xcom is None, told
    posts = [each.line for each in nameless.requests if f" {PATHS[kind]} " in each.line]
    assert posts == [f"POST {PATHS[kind]} HTTP/1.1"], told
    outcome.assert_is_told()


def test_every_history_keeps_the_promise(outcomes: dict[Key, Outcome]) -> None:
    assert_kept(each.history for each in outcomes.values())
