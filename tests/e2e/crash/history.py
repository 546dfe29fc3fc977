"""The history of a real task: what the proxy and the sandbox have seen, and what was done to it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.api.recipients import noun
from tests.histories import (
    Accepts,
    Begins,
    Changes,
    Deletes,
    Ends,
    Forgets,
    Happens,
    Returns,
    Schedule,
    Sends,
    Writes,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tests.e2e.crash.proxy import HoldingProxy
    from tests.e2e.crash.stage import Run
    from tests.histories import Event

HEADER: Final = "x-try"
"""The header by which a request says which try sends it."""
TEMPLATE: Final = 2
ENDS: Final = {"failed": "failed for good", "awaiting_input": "waiting"}


class Timed(NamedTuple):
    """An event and its time; ``run_id`` is that of its task."""

    at: datetime
    run_id: str
    event: Event


class Seen(NamedTuple):
    """What the sandbox shows.

    :param posts: the submissions that reached it; ``puts`` are the modifications.
    """

    posts: list[dict[str, Any]]
    schedules: list[dict[str, Any]]
    puts: list[dict[str, Any]]

    def of(self, run: Run) -> Seen:
        """Return what concerns the people of a run."""
        numbers = set(run.numbers)
        posts, puts = (
            [each for each in requests if is_for(each["body"], numbers)]
            for requests in (self.posts, self.puts)
        )
        return Seen(posts, [each for each in self.schedules if is_for(each, numbers)], puts)


def is_for(content: Any, numbers: Collection[str]) -> bool:
    """Tell whether a schedule, or the body of a submission, is for one of these numbers."""
    return any(each["mobile"] in numbers for each in content.get("recipients", [content]))


def history_of(
    run: Run, proxy: HoldingProxy, seen: Seen, acts: Iterable[Timed], end: Ends
) -> list[Event]:
    """Return the history of a task that has ended.

    :param seen: of this run.
    :param acts: what was done to this task and to others.
    """
    starts = [it for it in proxy.starts if it.run_id == run.run_id]
    numbers = {it: at for at, it in enumerate(dict.fromkeys(each.try_id for each in starts), 1)}
    own_acts = [(at, event) for at, run_id, event in acts if run_id == run.run_id]
    events = [
        *_of_tries(run, proxy, numbers, own_acts),
        *own_acts,
        *(_of_request(post, numbers) for post in seen.posts),
        *(event for put in seen.puts for event in _of_put(put, numbers)),
        *(timed for schedule in seen.schedules for timed in _of_schedule(schedule)),
    ]
    return [*(event for _, event in sorted(events, key=itemgetter(0))), end]


def end_of(task: Mapping[str, Any], result: Any, log: str) -> Ends:
    """Return how a task ended.

    :param result: its XCom.
    :param log: of its last try.
    """
    state = ENDS.get(task["state"], str(task["state"]))
    label = f"the task ends: {state}"
    if state != "success":
        return Ends(label, state, log)
    if not isinstance(result, dict):
        return Ends(label, state, log, (result,) if result else (), 0 if result else 1)
    uncertain, refused = result.get("uncertain_count", 0), result["failure_count"]
    return Ends(label, state, log, tuple(result["schedule_ids"]), uncertain, refused)


Moment = tuple[datetime, "Event"]


def _of_tries(
    run: Run, proxy: HoldingProxy, numbers: Mapping[str, int], acts: list[Moment]
) -> Iterator[Moment]:
    begun: set[int] = set()
    for start in proxy.starts:
        if number := numbers.get(start.try_id):
            temp_id = _template_at(start.at, acts)
            first = Begins(f"try {number} begins", number, run.numbers, temp_id)
            yield start.at, Happens(f"try {number} goes on") if number in begun else first
            begun.add(number)
    for write in proxy.writes:
        if number := numbers.get(write.try_id):
            what = f"{write.key}: {write.state}"
            stored = Writes(f"try {number} writes {what}", number, write.key, write.state)
            lost = Happens(f"try {number} cannot write {what}")
            yield write.at, stored if write.is_stored else lost
    for report in proxy.reports:
        if number := numbers.get(report.try_id):
            yield report.at, Happens(f"try {number} reports {report.state}")
    for result in proxy.results:
        if result.run_id == run.run_id:
            deleted, pushed = Forgets("its result is deleted"), Returns("its result is pushed")
            yield result.at, deleted if result.is_deleted else pushed


def _template_at(at: datetime, acts: list[Moment]) -> int:
    """Return the template that the arguments of the task have named at a time."""
    changes = [event.temp_id for when, event in acts if isinstance(event, Changes) and when <= at]
    return changes[-1] if changes else TEMPLATE


def _of_request(request: Mapping[str, Any], numbers: Mapping[str, int]) -> Moment:
    number, method = numbers.get(request["headers"].get(HEADER, ""), 0), request["method"]
    label = f"try {number}: its {method} reaches JSMS, {_outcome(request)}"
    return datetime.fromisoformat(request["at"]), Sends(label, number, method)


def _of_put(put: Mapping[str, Any], numbers: Mapping[str, int]) -> Iterator[Moment]:
    at, sent = _of_request(put, numbers)
    yield at, sent
    if put["status"] == HTTPStatus.OK:
        schedule_id, body = put["path"].rpartition("/")[2], put["body"]
        mobiles = tuple(each["mobile"] for each in body.get("recipients", [body]))
        content = Schedule(schedule_id, mobiles, body["temp_id"])
        number = numbers.get(put["headers"].get(HEADER, ""), 0)
        yield at, Accepts(f"JSMS modifies schedule {schedule_id}", number, content)


def _outcome(request: Mapping[str, Any]) -> str:
    if request["status"] is None:
        return "and gets no answer"
    return f"which answers {request['status']} {request['code'] or ''}".rstrip()


def _of_schedule(schedule: Mapping[str, Any]) -> Iterator[Moment]:
    schedule_id = schedule["schedule_id"]
    mobiles = tuple(each["mobile"] for each in schedule["recipients"])
    content = Schedule(schedule_id, mobiles, schedule["temp_id"])
    whom = f"{schedule_id} for {len(mobiles):,} {noun(len(mobiles))}"
    events: dict[str, Event] = {
        "submitted": Accepts(f"JSMS accepts schedule {whom}", 0, content),
        "deleted": Deletes(f"schedule {schedule_id} is deleted", schedule_id),
    }
    for entry in schedule["history"]:
        if event := events.get(entry["event"]):
            yield datetime.fromisoformat(entry["at"]), event
