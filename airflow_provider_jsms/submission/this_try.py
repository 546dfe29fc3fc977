"""The submissions of one try of a task, each with a place of its own in the task state store.

An operator that is a task makes one submission: its record is ``jsms_submission`` (for a batch,
``jsms_campaign``, ``jsms_submission_1`` and so on). Your own code may make any number of them, in
any order: a hook or operators in a ``@task``, a subclass that executes once per person. Their
records are named after the person (by a keyed hash), or counted if they are batches. A later try
finds each by its text, sends what is missing, and modifies nothing: another text in the place of
one that an earlier try has submitted is refused. The note ``jsms_code`` counts them.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import threading
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowException, conf, get_current_context

from airflow_provider_jsms.submission.ledger import Attempt, CodeNote, SubmissionLedger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.submission.fingerprint import Fingerprint, ListFingerprint
    from airflow_provider_jsms.submission.ledger import Store
    from airflow_provider_jsms.submission.submission import Submission

_STORE: Final = "task_state_store"
# From this version on a clear removes the store of the task.
_CLEARS_STORE: Final = (3, 4)
# Airflow exports it to the processes that a task starts.
_TRY_NUMBER: Final = b"AIRFLOW_CTX_TRY_NUMBER="
_ENVIRONMENT: Final = Path("/proc/self/environ")

KEY: Final = "jsms_submission"
CAMPAIGN: Final = "jsms_campaign"
CODE: Final = "jsms_code"
_LENGTH: Final = 12
_SECONDS_OF_DOUBT: Final = 3600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where the records of one batch are.

    :param number: from 1, counting the batches of this try.
    """

    store: Store | None
    attempt: Attempt
    number: int = 1

    @property
    def campaign(self) -> str:
        """The key of the record of the whole list."""
        return CAMPAIGN if self.number == 1 else f"{CAMPAIGN}_{self.number}"

    def key_of_chunk(self, number: int) -> str:
        """Return the key of the record of a chunk, counted from 1."""
        batch = "" if self.number == 1 else f"{self.number}_"
        return f"{KEY}_{batch}{number}"


class Uncertain:
    """The texts of which nobody knows whether JSMS has accepted them.

    Code that retries a call must not send them again. After an hour it is another text: the same
    words may be due every day.
    """

    def __init__(self) -> None:
        self._errors: dict[str, tuple[float, JsmsUncertainError]] = {}

    def add(self, text: str, error: JsmsUncertainError) -> None:
        """Remember a text (:class:`~.orders.Order`)."""
        self._errors[text] = (monotonic(), error)

    def check(self, text: str) -> None:
        """Raise again what a text has met."""
        met_at, error = self._errors.get(text, (-math.inf, None))
        if error is not None and monotonic() - met_at < _SECONDS_OF_DOUBT:
            raise error

    def clear(self) -> None:
        """Forget them."""
        self._errors.clear()


class ThisTry:
    """One try of a task, and the submissions that it has made so far.

    :param store: the task state store, None where there is none.
    :param attempt: where the try stands in the life of the task.
    :param uncertain: the texts whose outcome is not known.
    :ivar submissions: those that have begun.
    """

    def __init__(
        self,
        store: Store | None,
        attempt: Attempt,
        *,
        uncertain: Uncertain | None = None,
    ) -> None:
        self.store = store
        self.attempt = attempt
        self.submissions: list[Submission] = []
        self.uncertain = Uncertain() if uncertain is None else uncertain
        self._claimed: set[str] = set()
        self._found = self._begun = 0
        self._note: CodeNote | None = None
        self._lock = threading.RLock()

    @property
    def may_have_submitted(self) -> bool:
        """Whether JSMS may have accepted a submission of this try."""
        return any(each.may_have_submitted for each in self.submissions)

    def place_of_task(self) -> SubmissionLedger:
        """Return the record of the only text of a task."""
        return SubmissionLedger(self.store, KEY, self.attempt)

    def place_of_campaign(self) -> Place:
        """Return where the records of the only batch of a task are."""
        return Place(self.store, self.attempt)

    def place_of_subclass(self, request: Fingerprint) -> SubmissionLedger:
        """Return the record of a text of a subclass, which may execute once per person.

        If it has made one submission, to the same people, it may change it as a task does.
        """
        with self._lock:
            first = SubmissionLedger(self.store, KEY, replace(self.attempt, is_in_code=True))
            is_only = not self._claimed and self._read_note().record is None
            is_theirs = not first.record or first.is_for(request, people=True)
            if is_only and (is_theirs or first.is_refused):
                self._claimed.add(KEY)
                return first
            if is_only:
                return SubmissionLedger(self.store, KEY, self._in_code(request))
            return self.place_of_text(request, KEY)

    def place_of_text(self, request: Fingerprint, *others: str) -> SubmissionLedger:
        """Return the record of a text to one person, as earlier tries have left it.

        :param others: keys of further records that may be of these people.
        """
        with self._lock:
            attempt = self._in_code(request)
            chain = self._chain(request, attempt)
            extra = [SubmissionLedger(self.store, key, attempt) for key in others]
            slots = [each for each in extra if each.is_for(request, people=True)] + chain
            place = self._free(slots, lambda each: each.is_for(request))
            if place is None:
                key = _key_of(request, len(chain) + 1)
                place = SubmissionLedger(self.store, key, attempt)
                self._begin_another(request)
            self._claimed.add(place.key)
            return place

    def place_of_batch(self, request: Fingerprint, listed: ListFingerprint) -> Place:
        """Return where the records of a batch of your own code are.

        :param request: of which only the account counts.
        :param listed: stands for its people.
        """
        with self._lock:
            attempt = self._in_code(request)
            places: list[Place] = []
            slots: list[SubmissionLedger] = []
            while not slots or slots[-1].record is not None or slots[-1].key in self._claimed:
                places.append(Place(self.store, attempt, len(places) + 1))
                key = places[-1].key_of_chunk(1)
                slots.append(SubmissionLedger(self.store, key, attempt))
            slot = self._free(slots[:-1], lambda each: listed.is_same(each.record or {}))
            if slot is None:
                slot = slots[-1]
                self._begin_another(request)
            self._claimed.add(slot.key)
            return places[slots.index(slot)]

    def _free(
        self, slots: list[SubmissionLedger], is_same: Callable[[SubmissionLedger], bool]
    ) -> SubmissionLedger | None:
        """Return the record that a submission continues, None if it is a further one.

        That is its own, or one by which nothing is scheduled, or one that an earlier try has
        written and this one has not asked for: it would take the place of that.
        """
        free = [
            each
            for each in slots
            if each.is_refused or each.is_unknown or each.key not in self._claimed
        ]
        kinds: tuple[Callable[[SubmissionLedger], bool], ...] = (
            is_same,
            lambda each: each.is_refused,
            lambda each: not each.is_of_this_try,
        )
        found = (each for is_it in kinds for each in free if is_it(each))
        place = next(found, None)
        self._found += place is not None and not place.is_of_this_try
        return place

    def _chain(self, request: Fingerprint, attempt: Attempt) -> list[SubmissionLedger]:
        """Return the records of all texts to these people."""
        chain: list[SubmissionLedger] = []
        while True:
            key = _key_of(request, len(chain) + 1)
            ledger = SubmissionLedger(self.store, key, attempt)
            if ledger.record is None and key not in self._claimed:
                return chain
            chain.append(ledger)

    def _begin_another(self, request: Fingerprint) -> None:
        note = self._read_note()
        earlier = note.texts - self._begun
        if self._found < earlier:
            _log.warning(
                "Earlier tries of this task have submitted %d texts, and this try has asked for %d "
                "of them so far. Whoever is not asked for any more keeps the schedule until you "
                "delete it: the records are in the task's Storage tab.",
                *(earlier, self._found),
            )
        note.count(request)
        self._begun += 1

    def _read_note(self) -> CodeNote:
        if self._note is None:
            self._note = CodeNote(self.store, CODE)
        return self._note

    def _in_code(self, request: Fingerprint) -> Attempt:
        is_comparable = self._read_note().is_comparable(request)
        doubt = "" if is_comparable else "the master secret was changed since: nothing can be found"
        return replace(
            self.attempt,
            is_in_code=True,
            is_one_of_several=True,
            doubt=self.attempt.doubt or doubt,
        )


def _key_of(request: Fingerprint, number: int) -> str:
    return f"{KEY}_{request.people[:_LENGTH]}" + (f"_{number}" if number > 1 else "")


_tries: dict[int, ThisTry] = {}


def this_try_of(context: Context, *, retries: int = 0, durable: bool = True) -> ThisTry:
    """Return this try of the task whose context it is.

    :param retries: of the task, for a context that does not know its task.
    :param durable: whether records are kept.
    """
    task: Any = context.get("task")
    attempt = attempt_of(context, retries if task is None else task.retries or 0)
    if not durable:
        return ThisTry(None, replace(attempt, number=1))
    ti = context["ti"]
    if id(ti) not in _tries:
        _tries[id(ti)] = ThisTry(store_of(context), attempt)
        weakref.finalize(ti, _tries.pop, id(ti), None)
    return _tries[id(ti)]


def attempt_of(context: Context, retries: int) -> Attempt:
    """Return where this try of the task stands."""
    ti: Any = context["ti"]
    is_cleared = (ti.max_tries or 0) > retries
    forgets = conf.getboolean("state_store", "clear_on_success", fallback=False)
    version = tuple(int(part) for part in airflow_version.split(".")[:2])
    return Attempt(
        number=ti.try_number,
        is_cleared=is_cleared,
        is_mapped=(ti.map_index or 0) >= 0 and ti.map_index is not None,
        store_survives_clear=version < _CLEARS_STORE and not forgets,
    )


def store_of(context: Context) -> Store | None:
    """Return the task state store of Airflow 3.3 and newer, None on older versions."""
    return cast("Store | None", context.get(_STORE))


def running_try() -> ThisTry | None:
    """Return the try of the task that this code runs in, None outside a task.

    A process that a task has started cannot reach the task's records. A submission of the first try
    is not recorded there, one of a later try is uncertain.
    """
    context = _running_context()
    if context is not None and not _is_forked():
        return this_try_of(context)
    number = context["ti"].try_number if context else _try_that_started_this_process()
    if number == 1:
        return None
    attempt = Attempt(
        number=number,
        is_cleared=False,
        is_mapped=False,
        store_survives_clear=False,
        doubt="a process that a task starts cannot read what an earlier try of the task has sent",
    )
    return ThisTry(None, attempt)


def _running_context() -> Context | None:
    try:
        return get_current_context()
    except (AirflowException, RuntimeError):
        return None


def _is_forked() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and parent.pid == os.getppid()


def _try_that_started_this_process() -> int:
    """Return the number of the try that has started this process, 1 if none has.

    Callbacks of a task run in its own process, outside its context, and are none of this: Airflow
    has exported the number there too, but not when that process started.
    """
    try:
        variables = _ENVIRONMENT.read_bytes().split(b"\0")
    except OSError:
        return 1
    numbers = [each.partition(b"=")[2] for each in variables if each.startswith(_TRY_NUMBER)]
    return int(numbers[0]) if numbers and numbers[0].isdigit() else 1
