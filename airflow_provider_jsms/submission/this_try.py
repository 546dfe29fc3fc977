"""The submissions of one try of a task, each with a place of its own in the task state store.

A task usually makes one submission; its record is ``jsms_submission`` (for a batch,
``jsms_campaign``, ``jsms_submission_1`` and so on). Your own code may make several: operators or a
hook in a loop, a subclass that executes once per person. From the second text on, the key of a
record names the person (by a keyed hash), so that a later try finds each text whatever the order
of the loop; further batches are counted. The note ``jsms_several`` says that there are several.
None of these is modified: a loop that has changed is refused, never mixed up.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import weakref
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowException, conf, get_current_context

from airflow_provider_jsms.ledger import Attempt, SeveralNote, SubmissionLedger

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.fingerprint import Fingerprint
    from airflow_provider_jsms.ledger import Store
    from airflow_provider_jsms.submission.submission import Submission

_STORE: Final = "task_state_store"
# From this version on a clear removes the store of the task.
_CLEARS_STORE: Final = (3, 4)
# Airflow exports it to the processes that a task starts.
_TRY_NUMBER: Final = b"AIRFLOW_CTX_TRY_NUMBER="
_ENVIRONMENT: Final = Path("/proc/self/environ")

KEY: Final = "jsms_submission"
CAMPAIGN: Final = "jsms_campaign"
SEVERAL: Final = "jsms_several"
_LENGTH: Final = 12


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


class ThisTry:
    """One try of a task, and the submissions that it has made so far.

    :param store: the task state store, None where there is none.
    :param attempt: where the try stands in the life of the task.
    :param uncertain: by text (:class:`~.orders.Order`), the errors of those whose outcome is not
        known, which code that retries a call must not send again.
    :ivar submissions: those that have begun.
    """

    def __init__(
        self,
        store: Store | None,
        attempt: Attempt,
        *,
        uncertain: dict[str, JsmsUncertainError] | None = None,
    ) -> None:
        self.store = store
        self.attempt = attempt
        self.submissions: list[Submission] = []
        self._texts: Counter[str] = Counter()
        self._batches = 0
        self._first = ""
        self._several: SeveralNote | None = None
        self.uncertain = {} if uncertain is None else uncertain
        self._lock = threading.RLock()

    @property
    def may_have_submitted(self) -> bool:
        """Whether JSMS may have accepted a submission of this try."""
        return any(each.may_have_submitted for each in self.submissions)

    def place_of_text(self, request: Fingerprint) -> SubmissionLedger:
        """Return the record of the next text to one person, as earlier tries have left it."""
        with self._lock:
            is_next = bool(self._texts)
            earlier = self._texts[request.people]
            self._texts[request.people] += 1
            first = SubmissionLedger(self.store, KEY, self.attempt)
            if not self._are_several(is_next=is_next, key=request.key):
                self._first = request.people
                return first
            attempt = self._one_of_several(request.key)
            if (self._first or first.people) == request.people:
                if not earlier:
                    return SubmissionLedger(self.store, KEY, attempt)
                earlier -= 1
            number = f"_{earlier + 1}" if earlier else ""
            return SubmissionLedger(
                self.store, f"{KEY}_{request.people[:_LENGTH]}{number}", attempt
            )

    def place_of_batch(self, key: str) -> Place:
        """Return where the records of the next batch are.

        :param key: stands for the master secret, as in :class:`~.fingerprint.Fingerprint`.
        """
        with self._lock:
            self._batches += 1
            is_several = self._are_several(is_next=self._batches > 1, key=key)
            attempt = self._one_of_several(key) if is_several else self.attempt
            return Place(self.store, attempt, self._batches)

    def _are_several(self, *, is_next: bool, key: str) -> bool:
        """Return whether the task makes several submissions, and note it before the second."""
        if self._several is None and (is_next or self.attempt.number > 1):
            self._several = SeveralNote(self.store, SEVERAL)
        if is_next and self._several and self._several.record is None:
            self._several.write(key)
        return is_next or bool(self._several and self._several.record is not None)

    def _one_of_several(self, key: str) -> Attempt:
        is_comparable = self._several is None or self._several.is_keyed_with(key)
        doubt = "" if is_comparable else "the master secret was changed since: nothing can be found"
        return replace(self.attempt, is_one_of_several=True, doubt=self.attempt.doubt or doubt)


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
