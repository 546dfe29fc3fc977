"""Workers that stand still until they are thought dead, and workers that lose the API server.

All of it is played at once, because most of it is waiting until Airflow gives a task up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.crash.stage import KINDS, assert_kept

if TYPE_CHECKING:
    from tests.e2e.crash.proxy import Gap, Hold
    from tests.e2e.crash.stage import Frozen, Key, Outcome, Run, Stage

READING = "stands-still-while-the-POST-is-read"
UNFENCED = "stands-still-before-sending-is-written"
FENCED = "stands-still-after-sending-was-written"
FLEETING = "loses-the-write-of-accepted"
LASTING = "loses-all-from-accepted-on"


class Played(NamedTuple):
    """What came of everything; ``holds`` and ``gaps`` tell that it took place."""

    outcomes: dict[Key, Outcome]
    holds: dict[Key, Hold]
    gaps: dict[Key, Gap]


@pytest.fixture(scope="module")
def played(stage: Stage) -> Played:
    reading = _start_and_hold_the_call(stage)
    frozen = {key: stage.freeze(run) for key, run in reading.items()}
    cut_off, gaps = _start_and_lose(stage)
    held, holds = _start_and_hold_the_write(stage)
    for key, run in held.items():
        stage.wait_for(run, holds[key])
        frozen[key] = stage.freeze(run)
    runs = reading | held | cut_off
    try:
        for run in runs.values():
            stage.finish(run)
    finally:
        _wake(stage, frozen, holds)
    return Played(stage.outcomes(runs), holds, gaps)


def _start_and_hold_the_call(stage: Stage) -> dict[Key, Run]:
    for call in ("submit_schedule", "submit_batch_schedule"):
        stage.sandbox.fault(call, "hold", moment="request_read")
    runs = {(READING, kind): stage.start("crash", kind, READING) for kind in KINDS}
    stage.wait_for_sandbox(runs.values())
    return runs


def _start_and_hold_the_write(stage: Stage) -> tuple[dict[Key, Run], dict[Key, Hold]]:
    runs, holds = {}, {}
    for name, when in ((UNFENCED, "before"), (FENCED, "after")):
        for kind in KINDS:
            run_id = stage.prepare("crash", kind, name).run_id
            holds[name, kind] = stage.proxy.hold(run_id, "sending", when)
            runs[name, kind] = stage.start("crash", kind, name)
    return runs, holds


def _start_and_lose(stage: Stage) -> tuple[dict[Key, Run], dict[Key, Gap]]:
    runs, gaps = {}, {}
    for name in (FLEETING, LASTING):
        for kind in KINDS:
            run_id = stage.prepare("lost", kind, name).run_id
            lost = {"lasts": True} if name == LASTING else {"times": 4}
            gaps[name, kind] = stage.proxy.lose(run_id, "accepted", **lost)
            runs[name, kind] = stage.start("lost", kind, name)
    return runs, gaps


def _wake(stage: Stage, frozen: dict[Key, Frozen], holds: dict[Key, Hold]) -> None:
    """Let the zombies go on, and wait until they have ended."""
    for each in frozen.values():
        each.thaw()
    for hold in holds.values():
        hold.release()
    stage.sandbox.release()
    for each in frozen.values():
        each.wait_for_end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_zombie_that_has_not_written_sending_cannot_send(kind: str, played: Played) -> None:
    outcome = played.outcomes[UNFENCED, kind]
    told = outcome.explain()
    assert played.holds[UNFENCED, kind].status == 404, told
    assert (outcome.state, outcome.tries, outcome.posts) == ("success", 2, 1), told
    assert set(outcome.texts.values()) == {1}, told
    outcome.assert_returns_its_schedule(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [READING, FENCED])
def test_a_zombie_that_has_written_sending_sends_at_most_once(
    name: str, kind: str, played: Played
) -> None:
    outcome = played.outcomes[name, kind]
    told = outcome.explain()
    assert (outcome.state, outcome.tries) == ("failed", 2), told
    assert outcome.posts <= 1, told
    assert set(outcome.texts.values()) <= {0, 1}, told
    assert name == FENCED or set(outcome.texts.values()) == {1}, told
    # The XCom may be there: Airflow takes it from a try that it has given up.
    outcome.assert_is_told()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_write_of_accepted_is_written_again_and_not_sent_again(
    kind: str, played: Played
) -> None:
    outcome = played.outcomes[FLEETING, kind]
    told = outcome.explain()
    assert len(played.gaps[FLEETING, kind].lost) > 1, told
    assert (outcome.state, outcome.tries, outcome.posts) == ("success", 1, 1), told
    assert set(outcome.texts.values()) == {1}, told
    assert outcome.schedules[0] in outcome.logs[0], told
    assert "could not be written yet: accepted" in outcome.logs[0], told
    outcome.assert_returns_its_schedule(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_without_its_api_server_tells_its_schedule_in_the_log(
    kind: str, played: Played
) -> None:
    outcome = played.outcomes[LASTING, kind]
    told = outcome.explain()
    assert len(played.gaps[LASTING, kind].lost) > 1, told
    assert (outcome.state, outcome.tries, outcome.posts) == ("failed", 2, 1), told
    assert set(outcome.texts.values()) == {1}, told
    assert f"accepted {outcome.schedules[0]}" in outcome.logs[0], told
    outcome.assert_is_told()


def test_every_history_keeps_the_promise(played: Played) -> None:
    assert_kept(each.history for each in played.outcomes.values())
