"""A model of the world of a submitting task: JSMS, Airflow with its store, and a person.

A world is a value. ``moves`` lists all that may happen next; only the tries run real code.
"""

from __future__ import annotations

import json
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_jsms.submission.uncertain import question
from tests import people
from tests.histories import Accepts, Answers, Begins, Ends, Happens, Schedule, Sends, Writes
from tests.unit.submission.stepwise import (
    FIRST,
    LOST,
    OTHER_PERSON,
    OTHER_TEXT,
    REFUSED,
    REPLACED,
    TAKEN,
    UNKNOWN,
    WRITTEN,
    Answer,
    Ended,
    Step,
    Try,
    execute,
    next_step,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories import Event
    from tests.unit.submission.stepwise import Setting

ARGUMENTS = (FIRST, OTHER_TEXT, OTHER_PERSON)
RUNNING = Ended("running")
OF_ANOTHER_TASK = Schedule("foreign", (people.DAN,), 9)


class Request(NamedTuple):
    """A request that has left; ``reply`` is None until JSMS handles it.

    :ivar owner: the number of the try that waits for the answer, 0 if it waits no more.
    """

    owner: int
    step: Step
    reply: str | None = None


class World(NamedTuple):
    """Everything that decides how the task can go on.

    :param tries: those that are alive: the current one, and those it has replaced.
    :param running: the number of the try that runs now; the others are frozen.
    :param state: of the task: how its last try ended.
    :param excused: the texts that a person may get beyond those that ``on_uncertain`` allows.
    :param is_overwritten: an earlier try has modified a schedule after a later one had begun.
    """

    setting: Setting
    number: int = 0
    is_cleared: bool = False
    arguments: str = FIRST
    state: Ended = RUNNING
    tries: tuple[Try, ...] = ()
    running: int = 0
    requests: tuple[Request, ...] = ()
    records: tuple[tuple[str, str], ...] = ()
    schedules: tuple[Schedule, ...] = (OF_ANOTHER_TASK,)
    excused: int = 0
    is_overwritten: bool = False

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING

    @property
    def may_still_text(self) -> bool:
        """Whether JSMS may get one more request of an earlier try, which no fence can stop."""
        sent = {it.owner for it in self.requests}
        frozen = [it for it in self.tries if it.number != self.number and it.number not in sent]
        is_under_way = any(it.reply is None for it in self.requests)
        return is_under_way or any(_is_about_to_send(it) for it in frozen)


class Move(NamedTuple):
    """Something that happens: ``cost`` counts what disturbs the usual course."""

    event: Event
    cost: int
    world: World

    @property
    def label(self) -> str:
        return self.event.label


def begin(setting: Setting) -> World:
    """Return the world in which the first try has begun."""
    return _started(World(setting))


def first_event(world: World) -> Event:
    """Return what has led to the world that ``begin`` returns."""
    return _begins("try 1 begins", world)


def moves(world: World, most_tries: int) -> Iterator[Move]:
    """Yield all that may happen next; the usual course comes first."""
    yield from usual_moves(world)
    for it in reversed(world.tries):
        if it.number != world.running:
            yield from _advanced(world, it)
    if world.state.state == "waiting":
        yield from answers(world)
        if not world.setting.is_in_table:
            yield _without_records(world)
    if world.number < most_tries:
        for arguments in ARGUMENTS:
            yield from next_tries(world, arguments)


def usual_moves(world: World) -> Iterator[Move]:
    """Yield the steps of the try that runs and of JSMS."""
    for it in world.tries:
        if it.number == world.running:
            yield from _advanced(world, it)
    for request in world.requests:
        if request.reply is None:
            yield from _delivered(world, request)


def usual_move(world: World) -> Move:
    """Return what happens next if nothing disturbs it."""
    return next(move for move in usual_moves(world) if move.cost == 0)


# The steps of a try.


def _advanced(world: World, it: Try) -> Iterator[Move]:
    cost = 0 if it.number == world.running else 1
    who = f"try {it.number}" if cost == 0 else f"try {it.number} (runs again)"
    world = world._replace(running=it.number)
    if it not in steps:
        _take_steps(world)
    step = steps[it]
    if isinstance(step, Ended):
        yield _ended(world, it, step, who, cost)
    elif step.what == "read":
        content = _read(world, it, step.key)
        label = f"{who} reads {step.key}: {_state(content)}"
        yield _happens(label, cost, _replied(world, it, content))
    elif step.what == "write":
        yield _written(world, it, step, who, cost)
    elif step.what == "GET":
        found = next((s for s in world.schedules if s.schedule_id == step.key), UNKNOWN)
        yield _happens(f"{who} queries {step.key}", cost, _replied(world, it, found))
    else:
        yield from _requested(world, it, step, who, cost)


def _take_steps(world: World) -> None:
    """Execute the try that runs to its end once, for all the steps of its usual course."""

    def reply_to(step: Step) -> Any:
        nonlocal world
        it = _running(world)
        steps[it] = step
        while _running(world) == it:
            world = usual_move(world).world
        return _running(world).replies[-1]

    end = execute(_running(world), reply_to)
    steps[_running(world)] = end


def _running(world: World) -> Try:
    return next(it for it in world.tries if it.number == world.running)


def _read(world: World, it: Try, key: str) -> str | None:
    # Airflow no longer knows a try that another one has replaced, which reads as no record.
    is_known = it.number == world.number or world.setting.is_in_table
    return dict(world.records).get(key) if is_known else None


def _written(world: World, it: Try, step: Step, who: str, cost: int) -> Move:
    if world.setting.is_in_table:
        if dict(world.records).get(step.key) != step.expected:
            label = f"{who} cannot write {step.key}, because another try has"
            return _happens(label, cost, _replied(world, it, TAKEN))
    elif it.number != world.number:
        label = f"{who} cannot write {step.key}, because it is replaced"
        return _happens(label, cost, _replied(world, it, REPLACED))
    records = tuple(sorted({**dict(world.records), step.key: step.content}.items()))
    state = _state(step.content)
    event = Writes(f"{who} writes {step.key}: {state}", it.number, step.key, state)
    return Move(event, cost, _replied(world, it, WRITTEN)._replace(records=records))


def _requested(world: World, it: Try, step: Step, who: str, cost: int) -> Iterator[Move]:
    request = next((r for r in world.requests if r.owner == it.number), None)
    if request is None:
        sent = (*world.requests, Request(it.number, step))
        to = f"{_people(step.content)} with temp_id {step.content.temp_id}"
        event = Sends(f"{who}: its {step.what} to {to} leaves", it.number, step.what)
        yield Move(event, cost, world._replace(requests=sent))
        return
    others = tuple(r for r in world.requests if r is not request)
    if request.reply is not None:
        answered = _replied(world, it, request.reply)._replace(requests=others)
        yield _happens(f"{who} gets the answer {request.reply}", cost, answered)
        if cost == 0:
            lost = _replied(world, it, LOST)._replace(requests=others)
            yield _happens(f"{who} loses the answer {request.reply}", 1, lost)
    elif cost == 0:
        late = _replied(world, it, LOST)._replace(requests=(*others, request._replace(owner=0)))
        yield _happens(f"{who} gets no answer, and its request is still on its way", 1, late)


def _happens(label: str, cost: int, world: World) -> Move:
    return Move(Happens(label), cost, world)


def _replied(world: World, it: Try, reply: Any) -> World:
    advanced = it._replace(replies=(*it.replies, reply))
    return world._replace(tries=tuple(advanced if each is it else each for each in world.tries))


def _ended(world: World, it: Try, end: Ended, who: str, cost: int) -> Move:
    label = f"{who} ends: {_outcome(end)}"
    tries = tuple(each for each in world.tries if each is not it)
    if it.number != world.number:  # nobody hears how it ended
        return _happens(label, cost, world._replace(tries=tries, running=world.number))
    event = Ends(label, end.state, end.text, end.schedule_ids, end.uncertain)
    return Move(event, cost, world._replace(tries=tries, state=end))


def _is_about_to_send(it: Try) -> bool:
    step = next_step(it)
    return isinstance(step, Step) and step.what in ("POST", "PUT")


# JSMS.


def _delivered(world: World, request: Request) -> Iterator[Move]:
    what, owner = request.step.what, request.owner
    name = f"the {what} of try {owner}" if owner else f"the late {what}"
    cost = 0 if owner in (0, world.running) else 1
    made = _made(world, request.step)
    label = f"JSMS answers {name}: {made.schedule_id if made else UNKNOWN}"
    if made:
        accepted = _answered(_accepted(world, request, made), request, made.schedule_id)
        yield Move(Accepts(label, owner, made), cost, accepted)
    else:
        yield _happens(label, cost, _answered(world, request, UNKNOWN))
    yield _happens(f"JSMS refuses {name}", cost + 1, _answered(world, request, REFUSED))
    yield _happens(f"{name} never arrives", cost + 1, _answered(world, request, LOST))


def _made(world: World, step: Step) -> Schedule | None:
    """Return the schedule that a request makes or modifies, None if JSMS does not know it."""
    content: Schedule = step.content
    if step.what == "POST":
        return content._replace(schedule_id=f"schedule-{len(world.schedules)}")
    return content if step.key in {it.schedule_id for it in world.schedules} else None


def _accepted(world: World, request: Request, made: Schedule) -> World:
    if request.step.what == "POST":
        return world._replace(schedules=(*world.schedules, made))
    changed = (made if it.schedule_id == made.schedule_id else it for it in world.schedules)
    is_late = request.owner != world.number
    return world._replace(schedules=tuple(changed), is_overwritten=world.is_overwritten or is_late)


def _answered(world: World, request: Request, reply: str) -> World:
    others = tuple(each for each in world.requests if each is not request)
    waits = request.owner in {it.number for it in world.tries}
    kept = (request._replace(reply=reply),) if waits else ()
    return world._replace(requests=(*others, *kept))


# Airflow.


def next_tries(world: World, arguments: str) -> Iterator[Move]:
    """Yield the ways in which Airflow begins another try; one that is running stops where it is."""
    cost = 1 if arguments == world.arguments else 2
    stops = f"try {world.number} stops here, frozen or dead; " if world.is_running else ""
    what = f" with {arguments}" if arguments != world.arguments else ""
    begun = world._replace(arguments=arguments)
    if world.is_running or world.state.state == "failed":
        yield _next_try(f"{stops}Airflow retries{what}", cost, begun)
    # So does the clear of a whole Dag run.
    cleared = begun._replace(is_cleared=True)
    yield _next_try(f"{stops}a clear keeps the records{what}", cost, cleared)
    if world.setting.is_in_table:
        return
    again = _resubmitted_again(world)
    discarded = cleared._replace(records=(), excused=world.excused + again)
    label = f"{stops}a clear discards the records{what}"
    yield _next_try(label, cost, discarded, excused=again)


def _resubmitted_again(world: World) -> int:
    """Return how often it is submitted again after its records are gone: once per record."""
    return 1 if world.setting.on_uncertain == "resubmit" else 0


def _next_try(label: str, cost: int, world: World, *, excused: int = 0) -> Move:
    started = _started(world)
    return Move(_begins(label, started, excused), cost, started)


def _begins(label: str, world: World, excused: int = 0) -> Begins:
    setting, arguments = world.setting, world.arguments
    mobiles, temp_id = setting.mobiles(arguments), setting.temp_id(arguments)
    return Begins(label, world.number, mobiles, temp_id, excused)


def _started(world: World) -> World:
    number = world.number + 1
    it = Try(world.setting, number, world.is_cleared, world.arguments)
    return world._replace(number=number, running=number, state=RUNNING, tries=(*world.tries, it))


# A person.


def _without_records(world: World) -> Move:
    again = _resubmitted_again(world)
    event = Happens("a person deletes the records", again)
    return Move(event, 1, world._replace(records=(), excused=world.excused + again))


def answers(world: World) -> Iterator[Move]:
    """Yield the answers of a person to the question that the task waits with."""
    found = schedules_found(world)
    is_one = len(json.loads(world.state.about)) == 1
    there = question.ONE_THERE if is_one else question.SEVERAL_THERE
    submit = question.ONE_SUBMIT if is_one else question.SEVERAL_SUBMIT
    if is_truthful_answer_there(world):
        yield _answer(world, "truthfully", there, found)
    elif may_say_not_there(world):
        yield _answer(world, "truthfully", submit, found)
    for some in _smaller(found):
        yield _answer(world, "untruthfully", submit, some)
    for key in json.loads(world.state.about):
        yield _answer(world, "wrongly", there, {**found, key: OF_ANOTHER_TASK.schedule_id})
    if len(found) > 1:
        swapped = dict(zip(found, reversed(found.values()), strict=True))
        yield _answer(world, "wrongly", there, swapped)
    yield _answer(world, "wrongly", there, {})
    yield _answer(world, "undecided", question.LEAVE, {})
    yield _answer(world, "too late", "", {})


def is_truthful_answer_there(world: World) -> bool:
    return len(schedules_found(world)) == len(json.loads(world.state.about))


def may_say_not_there(world: World) -> bool:
    """Return whether that is true, and stays so."""
    is_final = world.setting.limit == "late POST" or not world.may_still_text
    return is_final and (world.setting.limit == "other person" or not overlooked(world))


def overlooked(world: World) -> list[Schedule]:
    """Return the schedules of this task for people that its arguments no longer name."""
    mobiles = {*world.setting.mobiles(world.arguments), *OF_ANOTHER_TASK.mobiles}
    return [it for it in world.schedules if not mobiles.intersection(it.mobiles)]


def schedules_found(world: World) -> dict[str, str]:
    """Return the schedules that a person finds, by the record that the question is about."""
    found = {}
    for key in json.loads(world.state.about):
        mobiles = mobiles_of(world, key)
        for schedule in world.schedules:
            if mobiles.intersection(schedule.mobiles):
                found[key] = schedule.schedule_id
    return found


def mobiles_of(world: World, key: str) -> set[str]:
    """Return whom the submission of a record may have texted, by the words of the question."""
    number = key.rpartition("_")[2]
    at = int(number) - 1 if number.isdigit() else 0
    is_told = world.setting.limit == "other person"
    arguments = ARGUMENTS if is_told else (world.arguments,)
    return {world.setting.mobiles(each)[at] for each in arguments}


def _smaller(found: dict[str, str]) -> Iterator[dict[str, str]]:
    sizes = (combinations(found.items(), size) for size in range(len(found)))
    return (dict(some) for some in chain.from_iterable(sizes))


def _answer(world: World, how: str, option: str, ids: dict[str, str]) -> Move:
    answer = Answer(option, tuple(ids.items()), world.state.about)
    it = Try(world.setting, world.number, world.is_cleared, world.arguments, answer)
    more = 0
    if how == "untruthfully":
        more = 2 if world.setting.on_uncertain == "resubmit" else 1
    resumed = world._replace(
        state=RUNNING,
        running=world.number,
        tries=(*world.tries, it),
        excused=world.excused + more,
    )
    named = f" ({', '.join(ids.values())})" if ids else ""
    label = f"a person answers {how}: {option}{named}" if option else "a person does not answer"
    return Move(Answers(label, more, option == question.LEAVE), 1, resumed)


# Words.


def _state(content: str | None) -> str:
    if content is None:
        return "nothing"
    record = json.loads(content)
    modifying = ", modifying" if "modifying" in record else ""
    return f"{record['state']}{modifying}"


def _people(content: Schedule) -> str:
    return " and ".join(_NAMES[mobile] for mobile in content.mobiles)


def _outcome(end: Ended) -> str:
    if end.state != "success":
        return f"{end.state}. {end.text}".strip()
    uncertain = f", {end.uncertain} uncertain" if end.uncertain else ""
    return f"success ({', '.join(end.schedule_ids)}{uncertain})"


_NAMES = {
    number: name.title()
    for name, number in vars(people).items()
    if name in ("ANNA", "BEN", "CARA", "DAN")
}
