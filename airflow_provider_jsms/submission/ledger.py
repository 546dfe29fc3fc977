"""What a task instance has already submitted, written down before each request.

Airflow runs a task at least once, and JSMS has no idempotency key. So the intent is written into
Airflow's task state store (3.3 and newer) before a request leaves, and what came of it afterwards:
a later try finds either what was accepted, or an intent whose outcome nobody knows.

===============================  ===============================================================
the record says                  a later try
===============================  ===============================================================
nothing, or *refused*            writes *sending* and submits
*sending*                        does not know (uncertain)
what nobody has written so       the same, and submits in no case
*accepted*, same request         goes on with it, without a request
*accepted*, another request      modifies the recorded schedule
*finished*, gone at JSMS         does not know (uncertain)
*finished*, time ahead           same request: goes on; another: modifies
*finished*, time reached         same request: goes on; another: fails, it was sent
either, mapped task, other       fails: it may be another message's record
people or app
either, of code of your own:     fails for another request; asks JSMS, as if it were
never modified                   *finished*, once the task was cleared
no store and not the first try   does not know (uncertain)
===============================  ===============================================================

A campaign has a record for each of its chunks, and one for the whole: of how many recipients it
consists, a fingerprint of the list, and whether it is finished, which then holds for every chunk.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from airflow_provider_jsms.exceptions import JsmsLedgerError
from airflow_provider_jsms.submission.records import sound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.submission.fingerprint import Fingerprint, ListFingerprint

BEGUN: Final = "begun"
SENDING: Final = "sending"
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
FINISHED: Final = "finished"

# Nearer than this, a modification may come too late.
_NEAR: Final = timedelta(seconds=60)

_log = logging.getLogger(__name__)


class Store(Protocol):
    """As much of Airflow's task state store as the ledger uses."""

    def get(self, key: str) -> object:
        """Return the value under a key, None if there is none."""
        ...

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write a value; raises for a try that another one has replaced."""
        ...


class Do(Enum):
    """What a try does."""

    SUBMIT = "submit"
    GO_ON = "go on with what was accepted"
    MODIFY = "modify what was accepted"
    ASK = "ask JSMS what became of it"
    DOUBT = "it is uncertain"
    LEAVE = "it is another message's"
    GIVE_UP = "it is too late to change it"


@dataclass(frozen=True)
class Decision:
    """What a try does, and why, in words for the log."""

    do: Do
    why: str


@dataclass(frozen=True)
class Attempt:
    """Where in the life of a task instance a try stands.

    :param number: from 1, counting retries and clears.
    :param is_cleared: the task was cleared before (``max_tries`` is more than ``retries``).
    :param is_mapped: it is one of a mapped task (``map_index`` of 0 or more).
    :param store_survives_clear: whether a clear leaves the store as it was.
    :param is_part: it is about one of several chunks of a campaign.
    :param is_over: the campaign that it is about has been finished by an earlier try.
    :param is_in_code: the submission is made by code of one's own, such as a hook in a ``@task``,
        and nobody can tell when the task has done everything.
    :param is_one_of_several: it may be one of several submissions, so it is not modified.
    :param doubt: why nothing can be known of earlier tries; empty where the record counts.
    """

    number: int
    is_cleared: bool
    is_mapped: bool
    store_survives_clear: bool
    is_part: bool = False
    is_over: bool = False
    is_in_code: bool = False
    is_one_of_several: bool = False
    doubt: str = ""


DAMAGED: Final = Decision(Do.DOUBT, "the record was damaged or edited, and cannot be read")


def decide(
    record: Mapping[str, Any] | None, request: Fingerprint, attempt: Attempt, *, has_store: bool
) -> Decision:
    """Return what a try does that finds ``record``."""
    if attempt.doubt:
        return Decision(Do.DOUBT, attempt.doubt)
    if record is None:
        return _without_record(attempt, has_store=has_store)
    state = record.get("state")
    if state == REFUSED:
        return Decision(Do.SUBMIT, "an earlier try was refused, so nothing is scheduled")
    if state == SENDING:
        return Decision(Do.DOUBT, "an earlier try ended while its submission was under way")
    is_told = record.get("schedule_id") and record.get("fingerprint")
    if state not in (ACCEPTED, FINISHED) or not is_told:
        return DAMAGED
    return _with_schedule(record, request, attempt)


def _with_schedule(record: Mapping[str, Any], request: Fingerprint, attempt: Attempt) -> Decision:
    recorded = record.get("fingerprint", {})
    if attempt.is_mapped and recorded.get("app") != request.app:
        return Decision(Do.LEAVE, "the record of this mapped task is of another application")
    if not request.is_comparable(recorded):
        return Decision(Do.DOUBT, "the master secret was changed since: nothing can be compared")
    if why := _why_it_is_not_modified(record, request, attempt):
        return Decision(Do.LEAVE, why)
    is_again = attempt.is_over or (attempt.is_in_code and attempt.is_cleared)
    if record["state"] == FINISHED or is_again:
        return Decision(Do.ASK, "this task has submitted before")
    return _go_on_or_modify(record, request)


def _why_it_is_not_modified(
    record: Mapping[str, Any], request: Fingerprint, attempt: Attempt
) -> str:
    """Return why a record must not lead to a modification, empty if it may."""
    recorded = record.get("fingerprint", {})
    if request.is_same_request(recorded):
        return ""
    if attempt.is_one_of_several:
        return "an earlier try of this task has submitted another text here"
    if record.get("try") == attempt.number:
        return "this try has submitted another text here"
    if (attempt.is_mapped or attempt.is_part) and not request.is_for_same_people(recorded):
        what = "part of a campaign" if attempt.is_part else "mapped task"
        return f"the record of this {what} is of other recipients"
    return ""


def decide_after_asking(
    record: Mapping[str, Any], request: Fingerprint, send_time: datetime | None, now: datetime
) -> Decision:
    """Return what a try does with a *finished* record whose schedule JSMS knows.

    :param send_time: what JSMS says, because somebody may have moved the schedule; None if it
        says nothing that can be read.
    """
    decision = _go_on_or_modify(record, request)
    if decision.do is Do.MODIFY and (send_time is None or send_time < now + _NEAR):
        return Decision(Do.GIVE_UP, "the text was sent, or is about to be, and cannot be changed")
    return decision


def _without_record(attempt: Attempt, *, has_store: bool) -> Decision:
    if not has_store and attempt.number > 1:
        return Decision(Do.DOUBT, "this Airflow keeps no record of what an earlier try has sent")
    if has_store and attempt.is_cleared and not attempt.store_survives_clear:
        return Decision(Do.DOUBT, "the task was cleared, and clearing has removed its record")
    return Decision(Do.SUBMIT, "nothing was submitted before")


def _go_on_or_modify(record: Mapping[str, Any], request: Fingerprint) -> Decision:
    is_settled = "modifying" not in record
    if is_settled and request.is_same_request(record.get("fingerprint", {})):
        return Decision(Do.GO_ON, "an earlier try has submitted the same")
    return Decision(Do.MODIFY, "an earlier try has submitted something else")


class _Record:
    """One record in the task state store of this task instance.

    :param store: Airflow's accessor, or None where there is none.
    :param key: the key of the record, which people see in the Storage tab of the task.
    :ivar record: what it says, None if there is none.
    """

    def __init__(self, store: Store | None, key: str) -> None:
        self.key = key
        self._store = store
        self.record: dict[str, Any] | None = self._read()

    @property
    def exists(self) -> bool:
        """Whether there is a store at all."""
        return self._store is not None

    def _read(self) -> dict[str, Any] | None:
        if self._store is None:
            return None
        try:
            record = self._store.get(self.key)
        except Exception as error:
            raise JsmsLedgerError(
                f"The record {self.key} of what this task has submitted could not be read "
                f"({type(error).__name__}). Nothing was sent."
            ) from error
        return sound(record)

    def _write_before(self, record: dict[str, Any]) -> None:
        """Write before a request: if that fails, nothing may be sent."""
        try:
            self._write(record)
        except Exception as error:
            raise JsmsLedgerError(
                f"The record {self.key} could not be written ({type(error).__name__}), so nothing "
                "was sent. Either Airflow's API server cannot be reached, or another try of this "
                "task runs."
            ) from error

    def _write(self, record: dict[str, Any]) -> None:
        if self._store is not None:
            self._store.set(self.key, record, retention=_never())
            self.record = record


class SubmissionLedger(_Record):
    """The record of one request, in the task state store of this task instance.

    The first write of a try is also a fence: a try that another one has replaced (its worker was
    thought dead) gets an error from it and stops before it sends.

    :param attempt: where this try stands.
    :ivar is_behind: what came of the request could not be written.

    The other parameters are those of every record.
    """

    def __init__(self, store: Store | None, key: str, attempt: Attempt) -> None:
        super().__init__(store, key)
        self.attempt = attempt
        self.is_behind = False

    @property
    def is_refused(self) -> bool:
        """Whether nothing is scheduled by it."""
        return (self.record or {}).get("state") == REFUSED

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows if it was accepted."""
        return (self.record or {}).get("state") == SENDING

    @property
    def is_of_this_try(self) -> bool:
        """Whether this very try has written it."""
        return (self.record or {}).get("try") == self.attempt.number

    def is_for(self, request: Fingerprint, *, people: bool = False) -> bool:
        """Return whether it is of this request, or at least to the same people."""
        recorded = (self.record or {}).get("fingerprint", {})
        if people:
            return request.is_for_same_people(recorded)
        return request.is_same_request(recorded)

    def decide(self, request: Fingerprint) -> Decision:
        """Return what this try does."""
        return decide(self.record, request, self.attempt, has_store=self.exists)

    def sending(self, request: Fingerprint, about: Mapping[str, Any], *, resubmitted: int) -> None:
        """Write the intent to submit.

        :param about: what the record tells people about the request.
        :param resubmitted: how often this record was submitted again although it was uncertain.
        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        self._write_before(
            {
                "state": SENDING,
                **about,
                "since": _now(),
                "try": self.attempt.number,
                "resubmitted": resubmitted,
                "fingerprint": asdict(request),
            }
        )

    def modifying(self, request: Fingerprint, about: Mapping[str, Any]) -> None:
        """Write the intent to modify what was accepted.

        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        intent = {**about, "since": _now(), "fingerprint": asdict(request)}
        self._write_before({**(self.record or {}), "modifying": intent})

    def accepted(self, outcome: Mapping[str, Any]) -> None:
        """Write what was accepted, by a submission or by a modification."""
        record = dict(self.record or {})
        record.update(record.pop("modifying", {}))
        # What a person looks for stands first: the Storage tab cuts a long record off.
        first = dict.fromkeys(("state", *outcome))
        self._write_after({**first, **record, "state": ACCEPTED, **outcome})

    def refused(self, code: int | None) -> None:
        """Write that nothing is scheduled: JSMS refused it, or nothing left this machine."""
        self._write_after({**(self.record or {}), "state": REFUSED, "code": code})

    def finished(self) -> None:
        """Write that the task has done everything; from now on a further try is a new run of it."""
        if self.record and self.record.get("state") == ACCEPTED:
            self._write_after({**self.record, "state": FINISHED, "finished_at": _now()})

    def catch_up(self) -> bool:
        """Write again what could not be written, and return whether it stands now."""
        if self.is_behind and self.record:
            self._write_after(self.record)
        return not self.is_behind

    def _write_after(self, record: dict[str, Any]) -> None:
        """Write after a request: if that fails, what was done stays done and is told."""
        try:
            self._write(record)
            self.is_behind = False
        except Exception:  # noqa: BLE001  whatever it is, what was sent must not be sent again
            self.record, self.is_behind = record, True
            _log.exception(
                "The record %s could not be written: %s %s. Nothing is sent again because of it; "
                "a later try may find its outcome uncertain.",
                self.key,
                record["state"],
                record.get("schedule_id") or "",
            )


class CodeNote(_Record):
    """The note that code of one's own submits in this task, and how often it has."""

    @property
    def texts(self) -> int:
        """How many submissions the tries of the task have begun."""
        count = (self.record or {}).get("texts", 0)
        return count if isinstance(count, int) else 0

    def count(self, request: Fingerprint) -> None:
        """Count one more submission, before it is sent.

        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        note = {"state": "submitted by code", "texts": self.texts + 1, "since": _now()}
        keys = {**self._keys, request.app: request.key}
        self._write_before({**note, "keys": keys})

    def is_comparable(self, request: Fingerprint) -> bool:
        """Return whether the keys of the records were made with this master secret."""
        return self.record is None or self._keys.get(request.app, request.key) == request.key

    @property
    def _keys(self) -> dict[str, str]:
        keys = (self.record or {}).get("keys")
        return dict(keys) if isinstance(keys, dict) else {}


class CampaignLedger(_Record):
    """The record of a whole campaign, beside those of its chunks."""

    @property
    def chunks(self) -> int:
        """Of how many chunks it consists; 0 if there is no record that can be read."""
        return int((self.record or {}).get("chunks", 0))

    @property
    def is_finished(self) -> bool:
        """Whether an earlier try has done everything."""
        return (self.record or {}).get("state") == FINISHED

    @property
    def knows_all(self) -> bool:
        """Whether a chunk without a record was never submitted."""
        return self.chunks > 0 and not (self.record or {}).get("earlier_unknown")

    def is_of(self, request: ListFingerprint) -> bool:
        """Tell whether it is about the same list."""
        return request.is_same(self.record or {})

    def begin(
        self,
        request: ListFingerprint,
        about: Mapping[str, Any],
        attempt: Attempt,
        *,
        is_other: bool,
    ) -> None:
        """Write which list is going to be submitted.

        :param is_other: it takes the place of another list, instead of being a change of it.
        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        forgotten = attempt.is_cleared and not attempt.store_survives_clear
        is_unknown = not self.knows_all if self.record else forgotten
        self._write_before(
            {
                "state": FINISHED if self.is_finished and not is_other else BEGUN,
                **about,
                "since": _now(),
                **({"earlier_unknown": True} if is_unknown else {}),
                **asdict(request),
            }
        )

    def finished(self) -> None:
        """Write that the task has done everything; from now on a further try is a new run of it."""
        if not self.record:
            return
        try:
            self._write({**self.record, "state": FINISHED, "finished_at": _now()})
        except Exception:  # noqa: BLE001  everything was submitted, which is what counts
            _log.exception("The record %s could not be written: finished.", self.key)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _never() -> Any:  # noqa: ANN401  an object of Airflow 3.3 and newer
    # Only there, and only with a store.
    from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # noqa: PLC0415

    return NEVER_EXPIRE
