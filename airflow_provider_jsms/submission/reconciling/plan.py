"""Compare a list of texts with the ledger: the steps that make JSMS match the list.

A key names a text, also after its time or its words have changed:

===============================  =================  ============================================
the ledger says of the key       in the list        not in the list any more
===============================  =================  ============================================
nothing, *begun*, *refused*,     submit             nothing
*deleted*
*accepted*, same request         unchanged          delete, or nothing once it was sent
*accepted*, another request      modify, or *sent*  the same
*deleting*: it was interrupted   delete, submit     delete
*sending*, *unknown*, damaged    uncertain          uncertain until its time has passed
===============================  =================  ============================================

Where ``send_time`` has passed nothing is submitted or modified: *past*. An uncertain text is
*expired* then, because nothing can be done about it any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.submission.records.decisions import (
    ACCEPTED,
    DELETING,
    FINISHED,
    NEAR,
    NOT_SCHEDULED,
)
from airflow_provider_jsms.submission.records.ledger_rows import due_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint

_FAR: Final = datetime.max.replace(tzinfo=UTC)


class Action(Enum):
    """The next step for a text of the list, or for one that has vanished from it."""

    SUBMIT = "submit"
    REPLACE = "submit again, after its deletion"
    MODIFY = "modify"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SENT = "sent, and changed in the list since"
    PAST = "send_time has passed"
    UNCERTAIN = "uncertain"
    EXPIRED = "uncertain, and its time has passed"


class Text(NamedTuple):
    """One text of the list: its key, its submit, and the fingerprint of that."""

    key: str
    call: Call[str]
    request: Fingerprint

    @property
    def number(self) -> int:
        """The number of its recipient."""
        return int(self.call.recipients[0]["mobile"])

    @property
    def at(self) -> datetime:
        """When it is to be sent (UTC)."""
        return self.call.send_time.instant if self.call.send_time else _FAR


class Step(NamedTuple):
    """One text and its next step.

    :param at: when it is due, the earlier of the times that the list and the ledger name (UTC).
    :param text: None if it has vanished from the list.
    :param record: as the ledger has it, None if there is none.
    """

    do: Action
    key: str
    at: datetime
    text: Text | None
    record: Mapping[str, Any] | None

    @property
    def send_time(self) -> SendTime | None:
        """The time in the list."""
        return self.text.call.send_time if self.text else None

    @property
    def schedule_id(self) -> str | None:
        """The schedule that the ledger names."""
        return (self.record or {}).get("schedule_id")


class Plan(NamedTuple):
    """The steps that make JSMS match a list.

    :param steps: of every text, by the time at which it is due.
    :param excluded: further texts of the list, which ``exclude`` leaves out.
    :param pending: texts of the scope that the ledger knows as scheduled and not yet sent.
    """

    steps: tuple[Step, ...]
    texts: int
    pending: int
    excluded: int = 0

    def of(self, *actions: Action) -> list[Step]:
        """Return the steps with one of these actions."""
        return [step for step in self.steps if step.do in actions]


def plan(
    texts: Iterable[Text],
    records: Mapping[str, Mapping[str, Any]],
    now: datetime,
    exclude: frozenset[int] = frozenset(),
) -> Plan:
    """Return the step of each text.

    :param texts: the list, each key once.
    :param records: of the scope, and those of the keys in the list, by key.
    :param exclude: numbers whose texts count as vanished.
    """
    listed = [*texts]
    wanted = {text.key: text for text in listed if text.number not in exclude}
    steps = [_wanted(text, records.get(key), now) for key, text in wanted.items()]
    vanished = [(key, record) for key, record in records.items() if key not in wanted]
    steps += [step for key, record in vanished if (step := _vanished(key, record, now))]
    steps.sort(key=lambda step: (step.at, step.key))
    pending = sum(_is_scheduled(record) and due(record) > now for record in records.values())
    return Plan(tuple(steps), len(wanted), pending, len(listed) - len(wanted))


def _wanted(text: Text, record: Mapping[str, Any] | None, now: datetime) -> Step:
    at = text.at if record is None else min(text.at, due(record))
    return Step(_action(text, record, now), text.key, at, text, record)


def _action(text: Text, record: Mapping[str, Any] | None, now: datetime) -> Action:
    state = record["state"] if record else None
    is_past = text.at <= now
    if record is None or state in NOT_SCHEDULED:
        return Action.PAST if is_past else Action.SUBMIT
    if state == DELETING:
        return Action.PAST if is_past else Action.REPLACE
    if not _is_scheduled(record):
        is_over = is_past and ("send_time_utc" not in record or due(record) <= now)
        return Action.EXPIRED if is_over else Action.UNCERTAIN
    if _is_same(text, record, now):
        return Action.UNCHANGED
    if due(record) <= now + NEAR:
        return Action.SENT
    return Action.PAST if is_past else Action.MODIFY


def _is_same(text: Text, record: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the ledger has this very request, or has had it sent."""
    recorded = record["fingerprint"]
    if "modifying" in record:
        return False
    if text.request.is_comparable(recorded):
        return text.request.is_same_request(recorded)
    # The master secret has changed. JSMS is asked about a pending text, but forgets sent ones.
    return due(record) <= now and text.at == due(record)


def _vanished(key: str, record: Mapping[str, Any], now: datetime) -> Step | None:
    if due(record) <= now or record["state"] in NOT_SCHEDULED:
        return None
    is_known = _is_scheduled(record) or record["state"] == DELETING
    action = Action.DELETE if is_known else Action.UNCERTAIN
    return Step(action, key, due(record), None, record)


def _is_scheduled(record: Mapping[str, Any]) -> bool:
    return record["state"] in (ACCEPTED, FINISHED)


def due(record: Mapping[str, Any]) -> datetime:
    """Return when a recorded text is sent, the later time if a modification was interrupted.

    A record that names no time may be due at any time.
    """
    try:
        return datetime.fromisoformat(due_text(record) or "").astimezone(UTC)
    except ValueError:  # people may edit a record
        return _FAR
