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
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.histories import CLEAR, DECISIONS, after, nothing, told
from tests.unit.submission.model import (
    ARGUMENTS,
    answers,
    begin,
    first_event,
    moves,
    next_tries,
    overlooked,
    schedules_found,
    usual_move,
    usual_moves,
)
from tests.unit.submission.stepwise import (
    OTHER_PERSON,
    OTHER_TEXT,
    Ended,
    Setting,
    chunks_of_one_person,
)
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.histories import Event, Facts
    from tests.unit.submission.model import Move, World

pytestmark = [
    pytest.mark.skipif(AIRFLOW < (3, 3), reason="there are records since 3.3"),
    # tracing takes half as much time again
    pytest.mark.no_cover,
]

FACTOR: Final = int(os.environ.get("EXPLORE", "1"))
MORE: Final = (FACTOR >= 8) + (FACTOR >= 64)
WALKS: Final = 10 * FACTOR
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
SETTINGS += [Setting(kind, "fail", is_in_table=True) for kind in ("single", "mapped", "chunks")]
SETTINGS += [
    Setting(kind, "ask", is_in_table=True, once_key="a key") for kind in ("single", "mapped")
]


def name_of(setting: Setting) -> str:
    """Return the name of a setting in the report."""
    where = ["table"] * setting.is_in_table + ["key"] * bool(setting.once_key)
    return "-".join([*setting[:2], *where])


def disturbances(setting: Setting) -> int:
    """Return how many disturbances are explored in all combinations, within some 20 seconds."""
    if setting == Setting("single", "ask"):
        return 3 + MORE
    # Two disturbances of a campaign are combined where it fails or asks, two with a table where
    # there is one schedule.
    is_large = setting.kind == "chunks" and (
        setting.is_in_table or setting.on_uncertain in ("resubmit", "assume_sent")
    )
    return MORE + (1 if is_large else 2)


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    is_stuck.cache_clear()
    with chunks_of_one_person(monkeypatch):
        yield


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_every_short_history_keeps_the_promise(setting: Setting) -> None:
    began = time.process_time()
    found = explore(beginning(setting), disturbances(setting))
    print(
        f"\n{name_of(setting)}: {found.histories:,} histories and {found.states:,} distinct "
        f"states with up to {disturbances(setting)} disturbances, "
        f"{time.process_time() - began:.1f} s"
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_random_long_histories_keep_the_promise(setting: Setting) -> None:
    began = time.process_time()
    dice = random.Random(f"{SEED} {setting}")
    worlds: set[World] = set()
    for _ in range(WALKS):
        worlds.update(walk(beginning(setting), dice))
    print(
        f"\n{name_of(setting)}: {WALKS} random walks through {len(worlds):,} distinct states, "
        f"EXPLORE_SEED={SEED}, {time.process_time() - began:.1f} s"
    )


@pytest.mark.xfail(
    strict=True, reason="JSMS has no idempotency key: a request may follow a true answer"
)
def test_a_person_never_looks_too_early() -> None:
    explore(beginning(Setting("single", "ask", "late POST")), 2)


@pytest.mark.xfail(
    strict=True, reason="JSMS has no conditional PUT: a late one undoes that of a later try"
)
def test_a_frozen_modification_never_undoes_a_later_one() -> None:
    story = beginning(Setting("single", "fail", "late PUT"))
    while story.world.is_running:
        story = story.usual()
    story = story.cleared(OTHER_TEXT)
    while not story.world.requests:
        story = story.usual()
    explore(story, 3)


def test_a_person_looks_for_those_who_may_have_been_texted() -> None:
    story = beginning(Setting("single", "ask", "other person"))
    while not story.world.schedules[1:]:
        story = story.usual()
    story = story.cleared(OTHER_PERSON)
    while story.world.is_running:
        story = story.usual()
    explore(story, 3)


def test_a_true_answer_after_changed_arguments_leads_on() -> None:
    explore(beginning(Setting("single", "ask", "other text")), 2)


# The search.


class Story(NamedTuple):
    """A world and the events that led to it."""

    world: World
    events: tuple[Event, ...]

    def then(self, move: Move) -> Story:
        return Story(move.world, (*self.events, move.event))

    def usual(self) -> Story:
        """Return the story after the next step of the usual course."""
        return self.then(usual_move(self.world))

    def cleared(self, arguments: str) -> Story:
        """Return the story after a clear that keeps the records."""
        options = next_tries(self.world, arguments)
        return self.then(next(move for move in options if "keeps" in move.label))


def beginning(setting: Setting) -> Story:
    world = begin(setting)
    return Story(world, (first_event(world),))


class Explored(NamedTuple):
    """The size of a search; each history is one move longer than the one that led to its state."""

    histories: int
    states: int


def explore(start: Story, most: int) -> Explored:
    """Check every history with at most so many disturbances, the least disturbed ones first."""
    first = start.world
    costs, facts, origin = {first: 0}, {first: facts_of(start)}, {}
    order, histories = count(), 0
    queue = [(0, next(order), first)]
    while queue:
        cost, _, world = heappop(queue)
        if cost > costs[world]:
            continue
        for move in moves(world, MOST_TRIES) if cost < most else usual_moves(world):
            total = cost + move.cost
            if total > most:
                continue
            histories += 1
            more, why = judged(facts[world], move)
            if why:
                fail(why, [*start.events, *events_between(first, world, origin), move.event])
            if total < costs.get(move.world, total + 1):
                costs[move.world], facts[move.world] = total, more
                origin[move.world] = (world, move.event)
                heappush(queue, (total, next(order), move.world))
    return Explored(histories, len(costs))


def facts_of(story: Story) -> Facts:
    setting = story.world.setting
    facts = nothing(
        setting.on_uncertain,
        judges_overwritten=setting.limit == "late PUT",
        fences=not setting.is_in_table,
    )
    for event in story.events:
        facts, why = after(facts, event)
        assert not why, why
    return facts


def judged(facts: Facts, move: Move) -> tuple[Facts, str]:
    """Return the facts after a move, and how it breaks the promise, empty if it does not."""
    more, why = after(facts, move.event)
    return more, why or is_stuck(settled(move.world))


def events_between(
    first: World, world: World, origin: dict[World, tuple[World, Event]]
) -> list[Event]:
    """Return the events that led from one world to another."""
    events = []
    while world != first:
        world, event = origin[world]
        events.append(event)
    return events[::-1]


def walk(start: Story, dice: random.Random) -> Iterator[World]:
    """Check one random history, until nothing can happen any more."""
    world, facts, taken = start.world, facts_of(start), []
    while choices := list(moves(world, MOST_TRIES_OF_A_WALK)):
        usual = [move for move in choices if move.cost == 0]
        move = dice.choice(usual if usual and dice.random() < 0.8 else choices)
        taken.append(move.label)
        facts, why = judged(facts, move)
        if why:
            fail(why, shortened(start, taken, why).events)
        world = move.world
        yield world


def shortened(start: Story, taken: list[str], why: str) -> Story:
    """Return the story without the moves that it breaks the promise without, too."""
    for at in reversed(range(len(taken))):
        fewer = taken[:at] + taken[at + 1 :]
        if (cut := until_broken(start, fewer, why)) is not None:
            return shortened(start, cut, why)
    return told_again(start, taken)


def until_broken(start: Story, labels: list[str], why: str) -> list[str] | None:
    """Return the moves up to the one that breaks the promise, None if none does."""
    world, facts = start.world, facts_of(start)
    for at, label in enumerate(labels):
        move = option(world, label)
        if move is None:
            return None
        facts, found = judged(facts, move)
        if found == why:
            return labels[: at + 1]
        world = move.world
    return None


def told_again(story: Story, labels: list[str]) -> Story:
    for label in labels:
        move = option(story.world, label)
        assert move
        story = story.then(move)
    return story


def option(world: World, label: str) -> Move | None:
    options = moves(world, MOST_TRIES_OF_A_WALK)
    return next((move for move in options if move.label == label), None)


def fail(why: str, events: Iterable[Event]) -> None:
    labels = [event.label for event in events]
    pytest.fail(f"EXPLORE_SEED={SEED}\n{told(why, labels)}", pytrace=False)


# Every state has a way on.


def settled(world: World) -> World:
    """Return the world after all that is under way has died."""
    state = Ended("failed", "the worker died") if world.is_running else world.state
    return world._replace(tries=(), requests=(), state=state, running=0, excused=0)


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
    leads_on = CLEAR in world.state.text
    is_decision = any(words in world.state.text for words in DECISIONS) and not leads_on
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
    if CLEAR not in world.state.text:
        return []
    variants = ARGUMENTS if "estore the" in world.state.text else (world.arguments,)
    return [move for it in variants for move in next_tries(world, it) if "keeps" in move.label]


def undisturbed(world: World) -> World:
    """Return the world after the usual course of a try."""
    while world.tries:
        world = usual_move(world).world
    return world
