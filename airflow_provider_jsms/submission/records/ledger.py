"""The records of submissions, in Airflow's task state store (3.3 and newer) or in a SQL table.

People read them in the Storage tab of the task, and may edit or delete them there, or in the table
(:mod:`.sql_ledger`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import JsmsLedgerError
from airflow_provider_jsms.submission.records.decisions import (
    ACCEPTED,
    BEGUN,
    DELETED,
    DELETING,
    FINISHED,
    NOT_SCHEDULED,
    REFUSED,
    SENDING,
    decide,
)
from airflow_provider_jsms.submission.records.ledger_rows import due_text
from airflow_provider_jsms.submission.records.record_content import (
    DAMAGED,
    not_there,
    now,
    sound,
)
from airflow_provider_jsms.submission.records.stored_record import StoredRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.submission.records.decisions import Attempt, Decision
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.stores import Store


class SubmissionRecord(StoredRecord):
    """The record of one submission.

    The first write of a try is also a fence: a try that another one has replaced (its worker was
    presumed dead) gets :class:`JsmsLedgerError` from it and stops before it sends.
    """

    def __init__(self, store: Store | None, key: str, attempt: Attempt) -> None:
        super().__init__(store, key)
        self.attempt = attempt

    def _checked(self, content: object) -> dict[str, Any]:
        return sound(content)

    @property
    def state(self) -> str | None:
        """As in :mod:`.decisions`, or ``damaged``; None if there is no record."""
        return self.content["state"] if self.content else None

    @property
    def is_new(self) -> bool:
        """Whether it says only that this try has begun."""
        return self.state == BEGUN and self.is_of_this_try

    @property
    def is_scheduled_or_unknown(self) -> bool:
        """Whether an earlier request may have scheduled something."""
        return self.state not in (None, *NOT_SCHEDULED)

    @property
    def may_be_resubmitted(self) -> bool:
        """Whether it is known to name no schedule, which a second text would double."""
        return self.schedule_id is None and self.state != DAMAGED

    @property
    def version(self) -> str:
        """Stands for the content: a question is about one version of a record."""
        content = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def schedule_id(self) -> str | None:
        """The accepted schedule."""
        return (self.content or {}).get("schedule_id")

    def is_sent(self, moment: datetime) -> bool:
        """Return whether it names a schedule whose time has passed."""
        due = due_text(self.content or {})
        return self.state in (ACCEPTED, FINISHED) and due is not None and due < utc_text(moment)

    @property
    def is_of_this_try(self) -> bool:
        """Whether this try has written it."""
        return (self.content or {}).get("try") == self.attempt.number

    @property
    def under_way(self) -> Mapping[str, Any] | None:
        """The intent of a request whose outcome is not recorded yet."""
        return self.content if self.state == SENDING else (self.content or {}).get("modifying")

    def read_again(self) -> None:
        """Read what others have written meanwhile."""
        self.content = self._read()

    def is_for(self, request: Fingerprint, *, people: bool = False) -> bool:
        """Return whether it is of this request, or with ``people`` at least to the same people."""
        recorded = (self.content or {}).get("fingerprint", {})
        if people:
            return request.is_for_same_people(recorded)
        return request.is_same_request(recorded)

    def is_of_other_arguments(self, request: Fingerprint) -> bool:
        """Return whether it is of a request that the arguments of the task have made before."""
        recorded = (self.content or {}).get("fingerprint")
        return recorded is not None and recorded.get("request") != request.request

    def decide(self, request: Fingerprint) -> Decision:
        """Return the decision of this try."""
        return decide(self.content, request, self.attempt, has_store=self.has_store)

    def begin(self) -> None:
        """Write that nothing was sent yet, or that nobody knows, if there should be a record."""
        is_lost = self.attempt.number > 1 or self.attempt.is_resumed
        self._begin({"try": self.attempt.number}, is_lost=is_lost)

    def not_there(self, note: str) -> None:
        """Write the decision of a person that JSMS has nothing of this submission."""
        self._write_before({**not_there(note, self.attempt.number), **self._by()})

    def there(
        self, outcome: Mapping[str, Any], note: str, request: Fingerprint | None = None
    ) -> None:
        """Write the decision of a person that JSMS has accepted this submission.

        :param request: None if it is the one that the record is of.
        """
        first = {"state": ACCEPTED, **outcome, "note": note}
        fingerprint = {"fingerprint": asdict(request)} if request else {}
        self._write_before({**first, **(self.content or {}), **first, **fingerprint})

    def note(self, text: str) -> None:
        """Write, for people, how the task went on."""
        if self.content:
            self._write_after({**self.content, "note": text})

    def sending(self, request: Fingerprint, about: Mapping[str, Any], *, resubmitted: int) -> None:
        """Write the intent to submit.

        :param about: for people who read the record.
        :param resubmitted: how often an uncertain submission was submitted again.
        """
        content = self.content or {}
        self._write_before(
            {
                "state": SENDING,
                **about,
                **self._by(),
                "since": now(),
                "try": self.attempt.number,
                "resubmitted": resubmitted,
                **({"note": content["note"]} if "note" in content else {}),
                "fingerprint": asdict(request),
            }
        )

    def _write_before(self, content: dict[str, Any]) -> None:
        # Airflow's store refuses a try that another one has replaced, a table does not.
        if self.attempt.is_in_table and self._is_of_later_try:
            number = (self.content or {})["try"]
            raise JsmsLedgerError(
                f"A later try of this task has written the record {self.key}, so this one stops, "
                "and nothing was sent. If the run was deleted and created again, clear the task "
                f"until its try is number {number}."
            )
        super()._write_before(content)

    @property
    def _is_of_later_try(self) -> bool:
        record = self.content or {}
        is_mine = not self.attempt.is_keyed or record.get("by") == self.attempt.by
        number = record.get("try")
        return is_mine and isinstance(number, int) and number > self.attempt.number

    def _by(self) -> dict[str, str]:
        # Where others may write the record, they have to know who has.
        return {"by": self.attempt.by} if self.attempt.is_keyed else {}

    def modifying(self, request: Fingerprint, about: Mapping[str, Any]) -> None:
        """Write the intent to modify the accepted schedule."""
        number = {"try": self.attempt.number} if self.attempt.is_in_table else {}
        intent = {
            **about,
            **self._by(),
            **number,
            "since": now(),
            "fingerprint": asdict(request),
        }
        self._write_before({**(self.content or {}), "modifying": intent})

    def accepted(self, outcome: Mapping[str, Any]) -> None:
        """Write that JSMS accepted a submission or a modification."""
        content = dict(self.content or {})
        content.update(content.pop("modifying", {}))
        # The outcome first: the Storage tab truncates a long record.
        first = dict.fromkeys(("state", *outcome))
        self._write_after({**first, **content, "state": ACCEPTED, **outcome})

    def refused(self, code: int | None) -> None:
        """Write that nothing is scheduled: JSMS refused it, or nothing left this machine."""
        self._write_after({**(self.content or {}), "state": REFUSED, "code": code})

    def finished(self) -> None:
        """Write that the task is done: from now on another try is a new run of it.

        The record of a key is of no task, and stays *accepted*.
        """
        if self.content and self.state == ACCEPTED and not self.attempt.is_keyed:
            self._write_after({**self.content, "state": FINISHED, "finished_at": now()})

    def deleting(self) -> None:
        """Write the intent to delete the accepted schedule."""
        self._write_before({**(self.content or {}), "state": DELETING, "since": now()})

    def deleted(self) -> None:
        """Write that JSMS does not have the schedule any more."""
        self._write_after({**(self.content or {}), "state": DELETED})

    def not_deleted(self) -> None:
        """Write that the schedule was sent before it could be deleted."""
        self._write_after({**(self.content or {}), "state": ACCEPTED})
