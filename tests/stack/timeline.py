"""What the sandbox was told and what it sent, as a timeline that a person can read."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_jsms.api.masking import mask_mobile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

HEADING = "  JSMS clock   UTC        DAG                 what happened"
_VERBS = {
    "submitted": "scheduled for",
    "modified": "moved to",
    "deleted": "cancelled, was due at",
    "sent": "SENT, was due at",
}


class Event(NamedTuple):
    """One line of the timeline."""

    at: datetime
    schedule_id: str
    what: str


def events(state: Mapping[str, Any]) -> list[Event]:
    """Return everything that happened to the schedules of a sandbox, in order."""
    happened = [event for schedule in state["schedules"] for event in _events_of(schedule)]
    return sorted(happened, key=attrgetter("at"))


def line(event: Event, dag_id: str, zone: ZoneInfo) -> str:
    """Return one line, with the wall clock of JSMS and UTC."""
    there = event.at.astimezone(zone)
    here = event.at.astimezone(UTC)
    return f"  {there:%H:%M:%S}     {here:%H:%M:%S}   {dag_id:<19} {event.what}"


def _events_of(schedule: Mapping[str, Any]) -> Iterator[Event]:
    people = ", ".join(mask_mobile(each["mobile"]) for each in schedule["recipients"])
    for entry in schedule["history"]:
        at = datetime.fromisoformat(entry["at"])
        time_of_day = entry["send_time"].split()[-1]
        what = f"{people}: {_VERBS[entry['event']]} {time_of_day}"
        yield Event(at, schedule["schedule_id"], what)
        if entry["event"] == "submitted":
            for refused in schedule["failure_recipients"]:
                reason = f"{refused['error_code']} {refused['error_message']}"
                what = f"{mask_mobile(refused['mobile'])}: refused, {reason}"
                yield Event(at, schedule["schedule_id"], what)
