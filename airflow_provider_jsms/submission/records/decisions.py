"""Decide, by the record that earlier tries left, how a try of a task continues.

Airflow runs a task at least once, and JSMS has no idempotency key. So a record is written when the
first try begins (*begun*), before each request (*sending*) and after it (*accepted*, *refused*):

===============================  ===============================================================
record                           this try
===============================  ===============================================================
*begun*, *refused*, *deleted*    submits
none, on a later try             *unknown*: an earlier try had no store, or its record was removed
*unknown*                        uncertain
*sending*, *deleting*            uncertain: an earlier try died in flight
damaged                          uncertain, and never resubmitted
*accepted*, same request         returns the accepted schedule, without a request
*accepted*, another request      modifies the recorded schedule
*finished*, gone at JSMS         uncertain
*finished*, time ahead           same request: returns it; another: modifies it
*finished*, time reached         same request: returns it; another: fails, because it was sent
a mapped task's, other           fails: it may belong to another text
recipients or application
of your own code                 never modified: another request fails; after a clear JSMS is
                                 asked, as if the record were *finished*
of another master secret         JSMS is asked whether it holds the same text
no store, not the first try      uncertain
of a key, same request           returns the schedule, without a request, also after it was sent
of a key, another request        JSMS is asked, as if the record were *finished*
of a key, another request        fails: the key names two texts
of this run
===============================  ===============================================================

Where it is uncertain and the task may ask, a person decides (the room *uncertain*).

A campaign has a record for each chunk. The first accepted one also stands for the whole: it is
*finished* once every chunk is done.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.api.send_time import utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint

BEGUN: Final = "begun"
UNKNOWN: Final = "unknown"
SENDING: Final = "sending"
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
FINISHED: Final = "finished"
DELETING: Final = "deleting"
DELETED: Final = "deleted"
NOT_SCHEDULED: Final = (BEGUN, REFUSED, DELETED)

LOST: Final = (
    "this task keeps no record of its earlier tries: a clear has removed it, a person has, or they "
    "ran on an Airflow without one"
)
_IN_DOUBT: Final = {
    UNKNOWN: LOST,
    SENDING: "an earlier try ended during its submission",
    DELETING: "an earlier try ended during its deletion",
}
NEAR: Final = timedelta(seconds=60)
"""A modification this close to ``send_time`` may come too late."""


class Do(Enum):
    """The next step of a try."""

    SUBMIT = "submit"
    REUSE = "return the accepted schedule"
    MODIFY = "modify the accepted schedule"
    QUERY = "ask JSMS for the schedule"
    DOUBT = "uncertain"
    LEAVE = "leave it, it belongs to another text"
    GIVE_UP = "too late to change it"


class Decision(NamedTuple):
    """The next step of a try, and the reason for the log."""

    do: Do
    why: str


class Attempt(NamedTuple):
    """The position of a try in the life of its task instance.

    :param number: from 1, counting retries and clears.
    :param is_resumed: this try has waited for a person.
    :param is_cleared: the task was cleared before (``max_tries`` exceeds ``retries``).
    :param is_mapped: it is one of a mapped task (``map_index`` of 0 or more).
    :param is_kept_by_clear: whether every clear keeps the task state store.
    :param is_part: the submission is one of several chunks.
    :param is_over: an earlier try has finished the campaign.
    :param is_in_code: your own code submits, such as a hook in a ``@task``, so it is never known
        whether the task has submitted everything.
    :param is_one_of_several: one of possibly many submissions, so never modified.
    :param is_keyed: ``once_key`` names the record, which tasks and runs share.
    :param is_listed: a list that is reconciled names it, and decides what the text is.
    :param is_in_table: the record is a row of a SQL table, not in Airflow's store.
    :param by: the task instance, where records name it; empty outside a task.
    :param doubt: why nothing is known of earlier tries; empty if the record counts.
    """

    number: int
    is_resumed: bool = False
    is_cleared: bool = False
    is_mapped: bool = False
    is_kept_by_clear: bool = False
    is_part: bool = False
    is_over: bool = False
    is_in_code: bool = False
    is_one_of_several: bool = False
    is_keyed: bool = False
    is_listed: bool = False
    is_in_table: bool = False
    by: str = ""
    doubt: str = ""


DAMAGED: Final = Decision(Do.DOUBT, "the record is damaged or was edited")


def decide(
    record: Mapping[str, Any] | None, request: Fingerprint, attempt: Attempt, *, has_store: bool
) -> Decision:
    """Return the next step of a try that finds ``record``."""
    if attempt.doubt:
        return Decision(Do.DOUBT, attempt.doubt)
    if record is None:
        return _without_record(attempt, has_store=has_store)
    state = record["state"]
    if state in NOT_SCHEDULED:
        return Decision(Do.SUBMIT, "no earlier try has scheduled anything")
    if state in _IN_DOUBT:
        return Decision(Do.DOUBT, _IN_DOUBT[state])
    if state not in (ACCEPTED, FINISHED):
        return DAMAGED
    follow = _with_key if attempt.is_keyed else _with_schedule
    return follow(record, request, attempt)


def decide_when_gone(record: Mapping[str, Any], attempt: Attempt, now: datetime) -> Decision:
    """Return the next step if JSMS no longer knows the schedule of a record."""
    send_time = str(record.get("send_time_utc") or "")
    if attempt.is_keyed and "modifying" not in record and "" < send_time < utc_text(now):
        return Decision(Do.GIVE_UP, "the text was sent, or its schedule was deleted in time")
    gone = f"JSMS no longer knows schedule {record['schedule_id']}: it was deleted, or sent"
    return Decision(Do.DOUBT, gone)


def decide_after_query(
    record: Mapping[str, Any], request: Fingerprint, send_time: datetime | None, now: datetime
) -> Decision:
    """Return the next step for a *finished* record, if JSMS still knows its schedule.

    :param send_time: of the schedule at JSMS, where it may have been moved; None if unreadable.
    """
    decision = _reuse_or_modify(record, request)
    if decision.do is Do.MODIFY and (send_time is None or send_time < now + NEAR):
        return Decision(Do.GIVE_UP, "the text was sent, or is about to be")
    return decision


def _without_record(attempt: Attempt, *, has_store: bool) -> Decision:
    if not has_store and attempt.number > 1:
        return Decision(Do.DOUBT, "this Airflow keeps no record of earlier tries")
    return Decision(Do.SUBMIT, "nothing was submitted before")


def _with_schedule(record: Mapping[str, Any], request: Fingerprint, attempt: Attempt) -> Decision:
    recorded = record["fingerprint"]
    if attempt.is_mapped and recorded.get("app") != request.app:
        return Decision(Do.LEAVE, "the record of this mapped task is of another application")
    if not request.is_comparable(recorded):
        return Decision(Do.QUERY, "the master secret has changed, so requests cannot be compared")
    if not request.is_same_request(recorded) and (why := _why_not_modified(record, attempt)):
        return Decision(Do.LEAVE, why)
    is_other = not request.is_for_same_people(recorded)
    if is_other and (attempt.is_mapped or attempt.is_part):
        of = "part of a campaign" if attempt.is_part else "mapped task"
        return Decision(Do.LEAVE, f"the record of this {of} is of other recipients")
    is_rerun = attempt.is_over or (attempt.is_in_code and attempt.is_cleared)
    if record["state"] == FINISHED or is_rerun:
        return Decision(Do.QUERY, "this task has submitted before")
    return _reuse_or_modify(record, request)


def _with_key(record: Mapping[str, Any], request: Fingerprint, attempt: Attempt) -> Decision:
    recorded = record["fingerprint"]
    if not request.is_comparable(recorded):
        return Decision(Do.QUERY, "the master secret has changed, so requests cannot be compared")
    decision = _reuse_or_modify(record, request)
    if decision.do is Do.REUSE:
        return Decision(Do.REUSE, "the same request was submitted under this key")
    if _is_of_this_run(record, attempt):
        return Decision(Do.LEAVE, "this run has submitted another text under the same key")
    if attempt.is_part and not request.is_for_same_people(recorded):
        return Decision(Do.LEAVE, "the record of this part of a campaign is of other recipients")
    return Decision(Do.QUERY, "another request was submitted under this key")


def _is_of_this_run(record: Mapping[str, Any], attempt: Attempt) -> bool:
    """Return whether this run wrote a record, but no earlier try of this task instance did."""
    by = str(record.get("by") or "")
    if not by or attempt.is_listed or attempt.is_resumed or _run_of(by) != _run_of(attempt.by):
        return False
    return by != attempt.by or record.get("try") == attempt.number


def _run_of(by: str) -> str:
    return by.rsplit("/", 2)[0]


def _why_not_modified(record: Mapping[str, Any], attempt: Attempt) -> str:
    if attempt.is_one_of_several:
        return "an earlier try of this task has submitted another text here"
    if record.get("try") == attempt.number:
        return "this try has submitted another text here"
    return ""


def _reuse_or_modify(record: Mapping[str, Any], request: Fingerprint) -> Decision:
    if "modifying" not in record and request.is_same_request(record["fingerprint"]):
        return Decision(Do.REUSE, "an earlier try has submitted the same request")
    return Decision(Do.MODIFY, "it was accepted with other arguments")
