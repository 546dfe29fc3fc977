"""One try of a task, and the record of each of its submissions.

An operator that is a task makes one submission: its record is ``jsms_submission``, or for a batch
``jsms_submission_1`` and so on, one for each chunk. Your own code may make any number, in any
order: a hook or operators in a ``@task``, a subclass that executes once per person. Records of its
texts are named after the person (a keyed hash), those of its batches are numbered. A later try
finds each by its text, sends the missing ones, and modifies nothing. The record ``jsms_code``
counts them.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.submission.records.decisions import NOT_SCHEDULED, SENDING
from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, TASK, Place, Writer
from airflow_provider_jsms.submission.records.stored_record import CodeNote
from airflow_provider_jsms.submission.records.stores import MovingStore, own_record
from airflow_provider_jsms.submission.uncertain.advice import CODE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.submission.records.decisions import Attempt
    from airflow_provider_jsms.submission.records.fingerprint import Account, Fingerprint
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger
    from airflow_provider_jsms.submission.records.stores import Store
    from airflow_provider_jsms.submission.submission import Submission
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt

RECORD: Final = "jsms_submission"
"""The key of the record of a task with one text."""
RECORD_OF_CHUNK: Final = "jsms_submission_1"
"""The key of the first record of a task with a list."""
_LENGTH: Final = 12
_NOBODY: Final = Writer()
_log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class TaskTry:
    """One try of a task, and its submissions so far.

    :param store: the task state store, None if there is none.
    :param writer: the task instance.
    :param uncertain: when texts met an error that left their outcome unknown, and that error, by
        fingerprint: code that retries a call must not send them again.
    :ivar submissions: those that have begun; ``doubts`` are about those with an unknown outcome.
    """

    store: Store | None
    attempt: Attempt
    writer: Writer = _NOBODY
    uncertain: dict[str, tuple[float, JsmsUncertainError]] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list, init=False)
    doubts: list[Doubt] = field(default_factory=list, init=False)
    _claimed: set[str] = field(default_factory=set, init=False)
    _found: int = field(default=0, init=False)
    _begun: int = field(default=0, init=False)
    _has_begun: bool = field(default=False, init=False)
    _note: CodeNote | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    @property
    def may_have_submitted(self) -> bool:
        """Whether JSMS may have accepted a submission of this try."""
        return any(each.may_have_submitted for each in self.submissions)

    def keep_in(self, ledger: SqlLedger, app: str) -> None:
        """Keep the records of this task in a table from now on."""
        with self._lock:
            if self.attempt.is_in_table or not self.writer.dag_id:
                return
            rows: Store = ledger.store(Place(app, TASK, self.writer))
            self.store = rows if self.store is None else MovingStore(rows, self.store.get)
            self.attempt = self.attempt._replace(
                is_kept_by_clear=True, is_in_table=True, by=str(self.writer)
            )
            self._has_begun, self._note = False, None

    def record_of_key(
        self, ledger: SqlLedger, app: str, once_key: str, *, instead_of: str | None = None
    ) -> SubmissionRecord:
        """Return the record that a key names.

        :param instead_of: the key of the record that the task has without ``once_key``; None where
            it cannot be known.
        """
        store: Store = ledger.store(Place(app, ONCE, self.writer))
        if instead_of and self.store is not None and self.attempt.number > 1:
            own = partial(own_record, self.store, instead_of, str(self.writer))
            store = MovingStore(store, lambda _: own())
        return SubmissionRecord(store, once_key, self.attempt_with_key)

    def chunk_of_key(
        self, ledger: SqlLedger, app: str, once_key: str, number: int, *, is_in_code: bool
    ) -> SubmissionRecord:
        """Return the record of a chunk under a key; the first has the key itself."""
        key = once_key if number == 1 else f"{once_key}#{number}"
        own = None if is_in_code else f"{RECORD}_{number}"
        return self.record_of_key(ledger, app, key, instead_of=own)

    @property
    def attempt_with_key(self) -> Attempt:
        """The position of this try, as far as it matters to a record that a key names."""
        by = str(self.writer)
        return self.attempt._replace(is_keyed=True, is_in_table=True, by=by, doubt="")

    def begin(self, key: str) -> None:
        """Write, before anything can fail, that this task has sent nothing yet."""
        if not self._has_begun:
            SubmissionRecord(self.store, key, self.attempt).begin()
            self._has_begun = True

    def begin_code(self) -> None:
        """Do the same for a task with code of its own."""
        with self._lock:
            self._read_note().begin(self.attempt)

    def record_of_task(self) -> SubmissionRecord:
        """Return the record of the only text of a task."""
        return SubmissionRecord(self.store, RECORD, self.attempt)

    def record_of_subclass(self, request: Fingerprint) -> SubmissionRecord:
        """Return the record of a text of a subclass, which may execute once per person.

        A subclass that submits a single text, to the same people, may modify it as a task does.
        """
        with self._lock:
            if self._claimed or self._read_note().texts:
                return self.record_of_text(request, RECORD)
            first = SubmissionRecord(self.store, RECORD, self._in_code(request))
            if not first.is_scheduled_or_unknown or first.is_for(request, people=True):
                self._claimed.add(RECORD)
                first.attempt = first.attempt._replace(is_one_of_several=False)
            return first

    def record_of_text(self, request: Fingerprint, *others: str) -> SubmissionRecord:
        """Return the record of a text to one person, as earlier tries left it.

        :param others: keys of further records that may be of these people.
        """
        with self._lock:
            attempt = self._in_code(request)
            chain = self._chain(request, attempt)
            extra = [SubmissionRecord(self.store, key, attempt) for key in others]
            slots = [each for each in extra if each.is_for(request, people=True)] + chain
            record = self._free(slots, lambda each: each.is_for(request))
            if record is None:
                key = _key_of(request, len(chain) + 1)
                record = SubmissionRecord(self.store, key, attempt)
                self._begin_another(request, attempt)
            self._claimed.add(record.key)
            return record

    def record_of_chunk(
        self, number: int, *, batch: int = 1, attempt: Attempt | None = None
    ) -> SubmissionRecord:
        """Return the record of a chunk; it and the batches of this try are counted from 1."""
        key = f"{RECORD}_{number}" if batch == 1 else f"{RECORD}_{batch}_{number}"
        return SubmissionRecord(self.store, key, attempt or self.attempt)

    def records_of_batch(self, account: Account, listed: str) -> Callable[[int], SubmissionRecord]:
        """Return the records of a batch of your own code, by the number of the chunk."""
        with self._lock:
            attempt = self._in_code(account)
            slots: list[SubmissionRecord] = []
            while not slots or slots[-1].content is not None or slots[-1].key in self._claimed:
                slots.append(self.record_of_chunk(1, batch=len(slots) + 1, attempt=attempt))
            slot = self._free(slots[:-1], lambda each: (each.content or {}).get("list") == listed)
            if slot is None:
                slot = slots[-1]
                self._begin_another(account, attempt)
            self._claimed.add(slot.key)
            batch = slots.index(slot) + 1
            return partial(self.record_of_chunk, batch=batch, attempt=attempt)

    def _free(
        self, slots: list[SubmissionRecord], is_same: Callable[[SubmissionRecord], bool]
    ) -> SubmissionRecord | None:
        """Return the record that a submission continues, None for a further one.

        That is its own, or one that scheduled nothing, or one that an earlier try has written and
        this one has not asked for and would replace.
        """
        kinds: tuple[Callable[[SubmissionRecord], bool], ...] = (
            is_same,
            lambda each: each.state in NOT_SCHEDULED,
            lambda each: not each.is_of_this_try,
        )
        reusable = (*NOT_SCHEDULED, SENDING)
        free = [each for each in slots if each.state in reusable or each.key not in self._claimed]
        record = next((each for is_kind in kinds for each in free if is_kind(each)), None)
        self._found += record is not None and not record.is_of_this_try
        return record

    def _chain(self, request: Fingerprint, attempt: Attempt) -> list[SubmissionRecord]:
        """Return the records of all texts to these people."""
        chain: list[SubmissionRecord] = []
        while True:
            key = _key_of(request, len(chain) + 1)
            record = SubmissionRecord(self.store, key, attempt)
            if record.content is None and key not in self._claimed:
                return chain
            chain.append(record)

    def _begin_another(self, account: Account, attempt: Attempt) -> None:
        if attempt.doubt:
            return  # it will not be sent
        note = self._read_note()
        earlier = note.texts - self._begun
        if self._found < earlier:
            _log.warning(
                "Earlier tries of this task submitted %d texts, and this try has asked for %d of "
                "them so far. The others stay scheduled until you delete them: their records are "
                "in the task's Storage tab.",
                *(earlier, self._found),
            )
        note.count(account)
        self._begun += 1

    def _read_note(self) -> CodeNote:
        if self._note is None:
            self._note = CodeNote(self.store, CODE_KEY)
        return self._note

    def _in_code(self, account: Account) -> Attempt:
        note = self._read_note()
        doubt = self.attempt.doubt or note.doubt
        if not doubt and not note.is_comparable(account):
            doubt = "the master secret has changed, so no record can be found"
        return self.attempt._replace(is_in_code=True, is_one_of_several=True, doubt=doubt)


def _key_of(request: Fingerprint, number: int) -> str:
    return f"{RECORD}_{request.people[:_LENGTH]}" + (f"_{number}" if number > 1 else "")
