"""Every state that a submitting task can get into, explored: real operators in a model of JSMS.

A history is a list of moves. The usual course costs nothing; a disturbance costs one: a try that
stops anywhere (dead, or frozen and later running again), a lost answer, a clear, changed arguments,
an answer of a person. All histories with few disturbances are explored, the least disturbed first,
and long ones at random. ``EXPLORE=8`` takes eight times as many random walks, and adds one
disturbance (each makes it about ten times as long); ``EXPLORE_SEED`` gives other walks.
"""

from __future__ import annotations

import os
import random
import time
from functools import cache
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from airflow_provider_jsms.submission import question
from tests import people
from tests.unit.submission.model import (
    ARGUMENTS,
    answers,
    begin,
    moves,
    next_tries,
    overlooked,
    schedules_found,
    usual_moves,
)
from tests.unit.submission.stepwise import (
    OTHER_PERSON,
    OTHER_TEXT,
    Ended,
    Setting,
    chunks_of_one_person,
    execute,
    steps,
)
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.submission.model import Move, World
    from tests.unit.submission.stepwise import Step

pytestmark = pytest.mark.skipif(AIRFLOW < (3, 3), reason="there are records since 3.3")

FACTOR: Final = int(os.environ.get("EXPLORE", "1"))
MORE: Final = (FACTOR >= 8) + (FACTOR >= 64)
WALKS: Final = 25 * FACTOR
"""Random walks per setting."""
SEED: Final = int(os.environ.get("EXPLORE_SEED", "1"))
MOST_TRIES: Final = 3
MOST_TRIES_OF_A_WALK: Final = 5
MOST_STEPS_ON: Final = 4
"""Steps by which the advice of an error must lead on."""

SETTINGS: Final = [
    Setting(kind, on_uncertain)
    for kind in ("single", "mapped", "chunks")
    for on_uncertain in ("fail", "ask", "resubmit", "assume_sent")
]


def disturbances(setting: Setting) -> int:
    """Return how many disturbances are explored in all combinations, within some 20 seconds."""
    if setting == Setting("single", "ask"):
        return 3 + MORE
    is_large = setting.kind == "chunks" and setting.on_uncertain in ("resubmit", "assume_sent")
    return MORE + (1 if is_large else 2)


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    is_stuck.cache_clear()
    with chunks_of_one_person(monkeypatch):
        yield


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda it: "-".join(it[:2]))
def test_every_short_history_keeps_the_promise(setting: Setting) -> None:
    began = time.process_time()
    found = explore(begin(setting), disturbances(setting))
    print(
        f"\n{' '.join(setting[:2])}: {found.histories:,} histories and {found.states:,} distinct "
        f"states with up to {disturbances(setting)} disturbances, "
        f"{time.process_time() - began:.1f} s"
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda it: "-".join(it[:2]))
def test_random_long_histories_keep_the_promise(setting: Setting) -> None:
    began = time.process_time()
    dice = random.Random(f"{SEED} {setting}")
    worlds: set[World] = set()
    for _ in range(WALKS):
        worlds.update(walk(begin(setting), dice))
    print(
        f"\n{' '.join(setting[:2])}: {WALKS} random walks through {len(worlds):,} distinct states, "
        f"EXPLORE_SEED={SEED}, {time.process_time() - began:.1f} s"
    )


@pytest.mark.xfail(
    strict=True, reason="JSMS has no idempotency key: a request may follow a true answer"
)
def test_a_person_never_looks_too_early() -> None:
    explore(begin(Setting("single", "ask", "late POST")), 2)


@pytest.mark.xfail(
    strict=True, reason="JSMS has no conditional PUT: a late one undoes that of a later try"
)
def test_a_frozen_modification_never_undoes_a_later_one() -> None:
    world = undisturbed(begin(Setting("single", "fail", "late PUT")))
    world, change = cleared(world, OTHER_TEXT)
    while not world.requests:
        world = usual(world)
    explore(world, 3, f"try 1 ends in success; {change}; its PUT leaves")


def test_a_person_looks_for_those_who_may_have_been_texted() -> None:
    world = begin(Setting("single", "ask", "other person"))
    while not world.schedules[1:]:
        world = usual(world)
    world, change = cleared(world, OTHER_PERSON)
    explore(undisturbed(world), 3, f"JSMS accepts the POST to Anna; {change}; try 2 asks")


def test_a_true_answer_after_changed_arguments_leads_on() -> None:
    explore(begin(Setting("single", "ask", "other text")), 2)


def cleared(world: World, arguments: str) -> tuple[World, str]:
    """Return the world after a clear that keeps the records, and the words for it."""
    return next(
        (move.world, move.label) for move in next_tries(world, arguments) if "keeps" in move.label
    )


# The search.


class Explored(NamedTuple):
    """The size of a search; each history is one move longer than the one that led to its state."""

    histories: int
    states: int


def explore(start: World, most: int, beginning: str = "try 1 begins") -> Explored:
    """Check every history with at most so many disturbances, the least disturbed ones first."""
    costs, origin = {start: 0}, {start: (start, beginning)}
    order, histories = count(), 0
    queue = [(0, next(order), start)]
    while queue:
        cost, _, world = heappop(queue)
        if cost > costs[world]:
            continue
        for move in moves(world, MOST_TRIES) if cost < most else usual_moves(world):
            total = cost + move.cost
            if total > most:
                continue
            histories += 1
            if why := broken(world, move.world):
                fail(why, [*history(world, origin), move.label])
            if total < costs.get(move.world, total + 1):
                costs[move.world], origin[move.world] = total, (world, move.label)
                heappush(queue, (total, next(order), move.world))
    return Explored(histories, len(costs))


def history(world: World, origin: dict[World, tuple[World, str]]) -> list[str]:
    """Return the moves that led to a world."""
    labels = []
    while True:
        earlier, label = origin[world]
        labels.append(label)
        if earlier == world:
            return labels[::-1]
        world = earlier


def walk(start: World, dice: random.Random) -> Iterator[World]:
    """Check one random history, until nothing can happen any more."""
    world, taken = start, []
    while choices := list(moves(world, MOST_TRIES_OF_A_WALK)):
        usual = [move for move in choices if move.cost == 0]
        move = dice.choice(usual if usual and dice.random() < 0.8 else choices)
        taken.append(move.label)
        if why := broken(world, move.world):
            fail(why, shortened(start, taken, why))
        world = move.world
        yield world


def shortened(start: World, taken: list[str], why: str) -> list[str]:
    """Return the history without the moves that it breaks the promise without, too."""
    for at in reversed(range(len(taken))):
        fewer = taken[:at] + taken[at + 1 :]
        if (cut := until_broken(start, fewer, why)) is not None:
            return shortened(start, cut, why)
    return ["try 1 begins", *taken]


def until_broken(start: World, labels: list[str], why: str) -> list[str] | None:
    """Return the moves up to the one that breaks the promise, None if none does."""
    world = start
    for at, label in enumerate(labels):
        options = {move.label: move.world for move in moves(world, MOST_TRIES_OF_A_WALK)}
        if label not in options:
            return None
        if broken(world, options[label]) == why:
            return labels[: at + 1]
        world = options[label]
    return None


def fail(why: str, labels: list[str]) -> None:
    lines = [f"{number:3}. {label}" for number, label in enumerate(labels, start=1)]
    pytest.fail("\n".join([why, f"EXPLORE_SEED={SEED}", *lines]), pytrace=False)


# The promise.


def broken(before: World, world: World) -> str:
    """Return how the last move broke the promise, empty if it did not."""
    return too_many_texts(world) or untold(before, world) or is_stuck(settled(world))


def too_many_texts(world: World) -> str:
    for name, mobile in NAMES.items():
        texts = sum(mobile in schedule.mobiles for schedule in world.schedules)
        if texts > world.allowed:
            return f"{name} gets {texts} texts, and at most {world.allowed} are allowed"
    return ""


NAMES: Final = {"Anna": people.ANNA, "Ben": people.BEN, "Cara": people.CARA}


def untold(before: World, world: World) -> str:
    """Return who is not texted by a task that has just ended in success, and does not say so."""
    if world.state.state != "success" or before.state == world.state:
        return ""
    if world.is_overwritten and world.setting.limit != "late PUT":
        return ""
    temp_id = world.setting.temp_id(world.arguments)
    named = [it for it in world.schedules if it.schedule_id in world.state.schedule_ids]
    texted = {mobile for it in named for mobile in it.mobiles if it.temp_id == temp_id}
    missing = set(world.setting.mobiles(world.arguments)) - texted
    if len(missing) != world.state.uncertain:
        return f"success, but {len(missing)} people are in none of the schedules that it returned"
    may_be_uncertain = world.setting.on_uncertain == "assume_sent" or is_left(before)
    return "" if may_be_uncertain or not missing else "success with uncertain people"


def is_left(before: World) -> bool:
    """Return whether a person has let the task go on without knowing."""
    answer = before.tries[-1].answer
    return answer is not None and answer.option == question.LEAVE


# Every state has a way on.


def settled(world: World) -> World:
    """Return the world after all that is under way has died."""
    state = Ended("failed", "the worker died") if world.is_running else world.state
    return world._replace(tries=(), requests=(), state=state, running=0, allowed=0)


@cache
def is_stuck(world: World) -> str:
    """Return where the advice of the errors leads, if that is neither success nor a decision."""
    reached, course = [world], []
    for _ in range(MOST_STEPS_ON):
        if any(is_decided(it) for it in reached):
            return ""
        course.append(" / ".join(sorted({f"{it.state.state}: {it.state.text}" for it in reached})))
        reached = [undisturbed(move.world) for it in reached for move in advised(it)]
    if any(is_decided(it) for it in reached):
        return ""
    return "There is no way on:\n" + "\n".join(course)


def is_decided(world: World) -> bool:
    """Return whether the task has succeeded, or only a person can decide what should be."""
    if world.state.state == "waiting":
        return is_of_other_arguments(world)
    decisions = ("rigger a new run", "mark the task as success")
    leads_on = "lear the task" in world.state.text
    is_decision = any(words in world.state.text for words in decisions) and not leads_on
    return world.state.state in ("success", "skipped") or is_decision


def is_of_other_arguments(world: World) -> bool:
    """Return whether JSMS holds a text that the task, with its arguments of now, would not send."""
    temp_id = world.setting.temp_id(world.arguments)
    if overlooked(world) or world.setting.limit == "other text":
        return bool(overlooked(world))
    ids = schedules_found(world).values()
    return any(it.schedule_id in ids and it.temp_id != temp_id for it in world.schedules)


def advised(world: World) -> list[Move]:
    """Return what the task, or its error, advises a person to do next."""
    if world.state.state == "waiting":
        return [move for move in answers(world) if " truthfully: " in move.label]
    if world.state.state == "failed":
        return [next(next_tries(world, world.arguments))]
    if "lear the task" not in world.state.text:
        return []
    variants = ARGUMENTS if "estore the" in world.state.text else (world.arguments,)
    return [move for it in variants for move in next_tries(world, it) if "keeps" in move.label]


def undisturbed(world: World) -> World:
    """Return the world after the usual course of a try, which is executed once for all of it."""

    def reply_to(step: Step) -> Any:
        nonlocal world
        it = world.tries[-1]
        steps[it] = step
        while world.tries[-1] == it:
            world = usual(world)
        return world.tries[-1].replies[-1]

    end = execute(world.tries[-1], reply_to)
    steps[world.tries[-1]] = end
    return usual(world)


def usual(world: World) -> World:
    return next(move.world for move in usual_moves(world) if move.cost == 0)
