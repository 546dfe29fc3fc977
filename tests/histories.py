"""What happened to one task, in order, and the promise that every such history keeps.

The exploration makes histories of a model. The crash tests and the soak collect those of real runs.
Each event has a ``label`` for people.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from airflow_provider_jsms.api.masking import mask_mobile

if TYPE_CHECKING:
    from collections.abc import Iterable

CLEAR: Final = "lear the task"
DECISIONS: Final = ("rigger a new run", "mark the task as success")
ENDS: Final = ("success", "skipped", "waiting", "failed", "failed for good")
"""How a try can end; after ``failed``, Airflow retries."""

_NAMED: Final = re.compile("may have accepted|othing was sent|are scheduled|cheduled are")


class Schedule(NamedTuple):
    """A schedule at JSMS, or the content of a request."""

    schedule_id: str
    mobiles: tuple[str, ...]
    temp_id: int


class Happens(NamedTuple):
    """An event that changes nothing by itself, such as a kill.

    :param excused: the texts per person that it makes inevitable.
    """

    label: str
    excused: int = 0


class Begins(NamedTuple):
    """Airflow begins a try, with arguments that name these people.

    :param excused: the texts per person that a clear has made inevitable, because it discarded
        the records.
    """

    label: str
    number: int
    mobiles: tuple[str, ...]
    temp_id: int
    excused: int = 0


class Writes(NamedTuple):
    """Airflow stores a record of a try; ``state`` ends with ``modifying`` before a PUT."""

    label: str
    number: int
    key: str
    state: str


class Sends(NamedTuple):
    """A POST or PUT of a try leaves."""

    label: str
    number: int
    method: str


class Accepts(NamedTuple):
    """JSMS accepts a request of a try: it has a new schedule, or a known one has new content."""

    label: str
    number: int
    schedule: Schedule


class Deletes(NamedTuple):
    """A schedule is deleted before it is sent."""

    label: str
    schedule_id: str


class Answers(NamedTuple):
    """A person answers the question of the task.

    :param excused: the texts per person that an untrue answer makes inevitable.
    :param is_left: the task continues without knowing.
    """

    label: str
    excused: int = 0
    is_left: bool = False


class Changes(NamedTuple):
    """A person changes an argument of the task, for the tries to come."""

    label: str
    temp_id: int


class Returns(NamedTuple):
    """A try pushes the result of the task."""

    label: str


class Forgets(NamedTuple):
    """Airflow deletes the result of the task, because a try begins."""

    label: str


class Ends(NamedTuple):
    """The current try ends; ``uncertain`` and ``refused`` people are in none of its schedules."""

    label: str
    state: str
    text: str = ""
    schedule_ids: tuple[str, ...] = ()
    uncertain: int = 0
    refused: int = 0


Event = (
    Happens
    | Begins
    | Writes
    | Sends
    | Accepts
    | Deletes
    | Answers
    | Changes
    | Returns
    | Forgets
    | Ends
)


class Facts(NamedTuple):
    """What a history has shown so far.

    :param allowed: how many texts a person may get at most.
    :param judges_overwritten: also judge a task with a modification that was undone by that of an
        earlier try, although JSMS offers no way to prevent it.
    :param fences: the store takes no write of a try that another one has replaced; a table takes
        those that nobody else has written meanwhile.
    :param posts: the number of the try, and its record, of each POST.
    """

    on_uncertain: str
    allowed: int
    judges_overwritten: bool = False
    fences: bool = True
    begun: Begins = Begins("", 0, (), 0)
    writes: tuple[Writes, ...] = ()
    posts: tuple[tuple[int, str], ...] = ()
    schedules: tuple[Schedule, ...] = ()
    is_left: bool = False
    is_overwritten: bool = False
    has_returned: bool = False
    is_forgotten: bool = False


def nothing(on_uncertain: str, *, judges_overwritten: bool = False, fences: bool = True) -> Facts:
    """Return the facts before the first event."""
    return Facts(on_uncertain, 2 if on_uncertain == "resubmit" else 1, judges_overwritten, fences)


def broken(history: Iterable[Event], on_uncertain: str = "fail") -> str:
    """Return how a history breaks the promise, with its events up to there.

    It is empty if the history keeps the promise.
    """
    facts, labels = nothing(on_uncertain), []
    for event in history:
        labels.append(event.label)
        facts, why = after(facts, event)
        if why:
            return told(why, labels)
    return ""


def told(why: str, labels: Iterable[str]) -> str:
    """Return a broken promise with the numbered events that led to it."""
    return "\n".join([why, *(f"{at:3}. {label}" for at, label in enumerate(labels, start=1))])


def after(facts: Facts, event: Event) -> tuple[Facts, str]:
    """Return the facts after one more event, and how it breaks the promise (empty if not)."""
    more = _with(facts, event)
    match event:
        case Writes():
            return more, _stale(more, event)
        case Sends():
            return more, _unannounced(more, event) or _replaced(more, event)
        case Accepts():
            return more, _too_many_texts(more)
        case Ends():
            return more, _untold(more, event) or _dead_end(event)
    return more, ""


def _with(facts: Facts, event: Event) -> Facts:
    match event:
        case Begins():
            facts = facts._replace(
                begun=event, is_left=False, has_returned=False, is_forgotten=False
            )
        case Writes():
            facts = facts._replace(writes=(*facts.writes, event))
        case Sends(method="POST"):
            key = _last_write(facts, event.number).key
            facts = facts._replace(posts=(*facts.posts, (event.number, key)))
        case Accepts():
            facts = _with_schedule(facts, event)
        case Deletes():
            kept = tuple(it for it in facts.schedules if it.schedule_id != event.schedule_id)
            facts = facts._replace(schedules=kept)
        case Answers():
            facts = facts._replace(is_left=event.is_left)
        case Returns():
            facts = facts._replace(has_returned=True)
        case Forgets():
            facts = facts._replace(is_forgotten=facts.has_returned)
    return facts._replace(allowed=facts.allowed + getattr(event, "excused", 0))


def _with_schedule(facts: Facts, event: Accepts) -> Facts:
    schedule = event.schedule
    others = tuple(it for it in facts.schedules if it.schedule_id != schedule.schedule_id)
    is_modified = len(others) < len(facts.schedules)
    is_late = is_modified and event.number != facts.begun.number
    is_overwritten = facts.is_overwritten or is_late
    return facts._replace(schedules=(*others, schedule), is_overwritten=is_overwritten)


def _last_write(facts: Facts, number: int) -> Writes:
    own = (it for it in reversed(facts.writes) if it.number == number)
    return next(own, Writes("", number, "no record", "nothing"))


# A request leaves only after its record was written, and no later try has sent it meanwhile.


def _stale(facts: Facts, event: Writes) -> str:
    if facts.fences and event.number < facts.begun.number:
        return f"try {event.number} writes {event.key} after try {facts.begun.number} has begun"
    return ""


def _unannounced(facts: Facts, event: Sends) -> str:
    intent = "sending" if event.method == "POST" else "modifying"
    state = _last_write(facts, event.number).state
    if not state.endswith(intent):
        return f"try {event.number} sends a {event.method}, but the last that it wrote is {state}"
    return ""


def _replaced(facts: Facts, event: Sends) -> str:
    key = _last_write(facts, event.number).key
    later = [number for number, of in facts.posts if of == key and number > event.number]
    if later and event.method == "POST" and facts.allowed == 1:
        return f"try {event.number} sends a POST for {key} after try {later[0]} has sent one"
    return ""


# Nobody gets more texts than allowed.


def _too_many_texts(facts: Facts) -> str:
    texts = Counter(mobile for schedule in facts.schedules for mobile in schedule.mobiles)
    mobile, count = max(texts.items(), key=lambda it: it[1], default=("", 0))
    if count > facts.allowed:
        return f"{mask_mobile(mobile)} gets {count} texts, and at most {facts.allowed} are allowed"
    return ""


# Whoever is not texted is named, and every end has a way on.


def _untold(facts: Facts, event: Ends) -> str:
    if event.state == "success":
        is_judged = facts.judges_overwritten or not facts.is_overwritten
        return _miscounted(facts, event) if is_judged else ""
    is_named = event.state != "failed for good" or _NAMED.search(event.text)
    if not is_named and (missing := _missing(facts, facts.schedules)):
        return f"a failure that does not name the {len(missing)} people who are not texted"
    return ""


def _miscounted(facts: Facts, event: Ends) -> str:
    if facts.is_forgotten:
        # Airflow 3.3 takes the deletion of an earlier try, frozen at its start, after the success.
        lost = not facts.is_left and _missing(facts, facts.schedules)
        return f"success, but {len(lost)} people are in no schedule" if lost else ""
    named = [it for it in facts.schedules if it.schedule_id in event.schedule_ids]
    missing = _missing(facts, named)
    if len(missing) != event.uncertain + event.refused:
        return f"success, but {len(missing)} people are in none of the schedules that it returned"
    may_be_uncertain = facts.on_uncertain == "assume_sent" or facts.is_left
    return "" if may_be_uncertain or not event.uncertain else "success with uncertain people"


def _missing(facts: Facts, schedules: Iterable[Schedule]) -> set[str]:
    begun = facts.begun
    texted = {it for each in schedules for it in each.mobiles if each.temp_id == begun.temp_id}
    return set(begun.mobiles) - texted


def _dead_end(event: Ends) -> str:
    if event.state not in ENDS:
        return f"the task ends in the state {event.state}, which is no end"
    if event.state == "failed for good" and not has_way_on(event.text):
        return "a failure without a way on"
    return ""


def has_way_on(text: str) -> bool:
    """Return whether an error names the next step of a person."""
    return any(words in text for words in (CLEAR, *DECISIONS))
