"""A task is killed at each moment of a submission, from outside; Airflow's own retries follow.

All of it is played once: first what the sandbox holds, then at the same time what the proxy holds.
Each test looks at one moment of one operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.crash.stage import KINDS, assert_kept

if TYPE_CHECKING:
    from tests.e2e.crash.proxy import When
    from tests.e2e.crash.stage import Key, Outcome, Run, Stage


class Moment(NamedTuple):
    """What has to come of a kill: schedules, texts to each person, the state of the task.

    :param held: by the sandbox, the moment of a call; by the proxy, the state that is written.
    :param writes: what both tries together write, or would have written, into the record.
    """

    name: str
    held: str | tuple[str, When]
    schedules: int
    state: str
    writes: str


MOMENTS = (
    Moment(
        "1-before-sending-is-written",
        ("sending", "before"),
        1,
        "success",
        "sending sending accepted finished",
    ),
    Moment("2-after-sending-is-written", ("sending", "after"), 0, "failed", "sending"),
    Moment("3a-while-the-POST-is-read-then-dropped", "dropped", 0, "failed", "sending"),
    Moment("3b-while-the-POST-is-read-then-carried-out", "request_read", 1, "failed", "sending"),
    Moment("4-accepted-and-not-answered", "accepted", 1, "failed", "sending"),
    Moment("5-before-accepted-is-written", ("accepted", "before"), 1, "failed", "sending accepted"),
    Moment(
        "6-after-accepted-is-written",
        ("accepted", "after"),
        1,
        "success",
        "sending accepted finished",
    ),
    Moment(
        "7-before-finished-is-written",
        ("finished", "before"),
        1,
        "success",
        "sending accepted finished finished",
    ),
)
PLAYED = [(moment, kind) for moment in MOMENTS for kind in KINDS]


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> dict[Key, Outcome]:
    runs: dict[Key, Run] = {}
    for moment in MOMENTS:
        if isinstance(moment.held, str):
            runs |= _kill_while_the_sandbox_holds(stage, moment)
    runs |= _kill_while_the_proxy_holds(stage)
    for run in runs.values():
        stage.finish(run)
    return stage.outcomes(runs)


def _kill_while_the_sandbox_holds(stage: Stage, moment: Moment) -> dict[Key, Run]:
    is_dropped = moment.held == "dropped"
    for call in ("submit_schedule", "submit_batch_schedule"):
        held = "request_read" if is_dropped else moment.held
        stage.sandbox.fault(call, "hold", moment=held)
    runs = {(moment.name, kind): stage.start("crash", kind, moment.name) for kind in KINDS}
    stage.wait_for_sandbox(runs.values())
    for run in runs.values():
        stage.kill(run)
    if is_dropped:
        stage.sandbox.reset()
    else:
        stage.sandbox.release()
    return runs


def _kill_while_the_proxy_holds(stage: Stage) -> dict[Key, Run]:
    runs, holds = {}, {}
    for moment, kind in PLAYED:
        if isinstance(moment.held, str):
            continue
        key = (moment.name, kind)
        run_id = stage.prepare("crash", kind, moment.name).run_id
        holds[key] = stage.proxy.hold(run_id, *moment.held)
        runs[key] = stage.start("crash", kind, moment.name)
    for key, hold in holds.items():
        stage.wait_for(runs[key], hold)
        stage.kill(runs[key])
        if hold.when == "before":
            hold.drop()
        else:
            hold.release()
    return runs


@pytest.mark.parametrize(
    ("moment", "kind"), PLAYED, ids=[f"{moment.name}-{kind}" for moment, kind in PLAYED]
)
def test_a_killed_task_texts_each_person_once_or_says_that_it_does_not_know(
    moment: Moment, kind: str, outcomes: dict[Key, Outcome]
) -> None:
    outcome = outcomes[moment.name, kind]
    told = outcome.explain()
    assert len(outcome.schedules) == moment.schedules, told
    # At the latest try 2 knows what to do: it is done, or it fails without a further retry.
    assert (outcome.state, outcome.tries) == (moment.state, 2), told
    assert outcome.posts <= 1, told
    assert set(outcome.texts.values()) == {moment.schedules}, told
    assert " ".join(outcome.writes) == f"begun {moment.writes}", told
    if moment.state == "failed":
        outcome.assert_is_told()
        assert outcome.xcom is None, told
        assert (
            f"concerns {'138****' if kind == 'single' else '2 recipients'}" in outcome.last_log
        ), told
    else:
        outcome.assert_returns_its_schedule(kind)


def test_every_history_keeps_the_promise(outcomes: dict[Key, Outcome]) -> None:
    assert_kept(each.history for each in outcomes.values())
