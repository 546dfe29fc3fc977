"""The records of submissions, in Airflow's task state store (3.3 and newer) or in a SQL table.

People read them in the Storage tab of the task, and may edit or delete them there, or in the table
(:mod:`.sql_ledger`).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsLedgerError
from airflow_provider_jsms.submission.airflow_version import HAS_STORE
from airflow_provider_jsms.submission.decisions import (
    ACCEPTED,
    BEGUN,
    DELETED,
    DELETING,
    FINISHED,
    LOST,
    NOT_SCHEDULED,
    REFUSED,
    SENDING,
    UNKNOWN,
    decide,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState, Retrying

    from airflow_provider_jsms.submission.decisions import Attempt, Decision
    from airflow_provider_jsms.submission.fingerprint import Account, Fingerprint

_DAMAGED: Final = "damaged"
# What Airflow answers to a try that another one has replaced.
_REPLACED: Final = (404, 409, 410)
# As long as Airflow lets a task be silent, by default: then another try begins.
_PATIENCE: Final = 300.0
_LONGEST_WAIT: Final = 15.0

_log = logging.getLogger(__name__)


class RecordTakenError(Exception):
    """Another try, task or person has written the record since it was read."""

    def __str__(self) -> str:
        return "another try, task or person has written it meanwhile"


class StoreAwayError(Exception):
    """The database of the ledger cannot be used at the moment.

    :param version: of the row that may have been written nevertheless.
    """

    def __init__(self, name: str, kind: str, version: str = "") -> None:
        super().__init__(f"its database {name} cannot be used at the moment: {kind}")
        self.version = version


class Store(Protocol):
    """The part of Airflow's task state store that the ledger uses."""

    def get(self, key: str) -> object:
        """Return the value under a key, None if there is none."""
        ...

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        """Write a value; raises in a try that another one has replaced."""
        ...


class _Record:
    """One record.

    :param store: Airflow's, or rows of a table; None if there is none.
    :ivar content: the record, None if there is none.
    """

    def __init__(self, store: Store | None, key: str) -> None:
        self.key = key
        self._store = store
        self.content: dict[str, Any] | None = self._read()

    @property
    def has_store(self) -> bool:
        return self._store is not None

    def _read(self) -> dict[str, Any] | None:
        if self._store is None:
            return None
        try:
            content = self._store.get(self.key)
        except Exception as error:
            raise JsmsLedgerError(
                f"The record {self.key} of this submission could not be read ({_why(error)}). "
                "Nothing was sent."
            ) from error
        return None if content is None else self._checked(content)

    def _checked(self, content: object) -> dict[str, Any]:
        return dict(content) if isinstance(content, Mapping) else {}

    def _begin(self, about: Mapping[str, Any], *, is_lost: bool) -> None:
        """Write that nothing was sent yet, or that nobody knows, unless there is a record."""
        if self.content is not None or not self.has_store:
            return
        known = {"state": BEGUN, "since": now(), **about}
        self._write_before(_unknown() if is_lost else known)

    def _write_before(self, content: dict[str, Any]) -> None:
        """Write before a request: if that fails, nothing may be sent."""
        try:
            self._write(content)
        except Exception as error:
            raise JsmsLedgerError(
                f"The record {self.key} could not be written ({_why(error)}), so nothing was sent."
                f"{_hint(error)}"
            ) from error

    def _write(self, content: dict[str, Any]) -> None:
        if self._store is not None:
            self._store.set(self.key, content, retention=_never())
            self.content = content


class SubmissionRecord(_Record):
    """The record of one submission.

    The first write of a try is also a fence: a try that another one has replaced (its worker was
    presumed dead) gets an error from it and stops before it sends.

    :param attempt: the position of this try.
    :ivar is_behind: the outcome of the request could not be written.
    """

    def __init__(self, store: Store | None, key: str, attempt: Attempt) -> None:
        super().__init__(store, key)
        self.attempt = attempt
        self.is_behind = False

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
        return self.schedule_id is None and self.state != _DAMAGED

    @property
    def version(self) -> str:
        """Stands for the content: a question is about one version of a record."""
        content = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def schedule_id(self) -> str | None:
        """The accepted schedule."""
        return (self.content or {}).get("schedule_id")

    @property
    def is_of_this_try(self) -> bool:
        """Whether this try has written it."""
        return (self.content or {}).get("try") == self.attempt.number

    @property
    def under_way(self) -> Mapping[str, Any] | None:
        """The intent of a request whose outcome is not recorded yet."""
        return self.content if self.state == SENDING else (self.content or {}).get("modifying")

    def read_again(self) -> None:
        """Read what others have written meanwhile.

        :raises JsmsLedgerError: it could not be read.
        """
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
        return recorded is not None and not request.is_same_request(recorded)

    def decide(self, request: Fingerprint) -> Decision:
        """Return the decision of this try."""
        return decide(self.content, request, self.attempt, has_store=self.has_store)

    def begin(self) -> None:
        """Write that nothing was sent yet; on a later try without a record, that nobody knows.

        :raises JsmsLedgerError: it could not be written.
        """
        self._begin({"try": self.attempt.number}, is_lost=self.attempt.number > 1)

    def lose(self) -> None:
        """Write that nobody knows, if the record was deleted since an earlier part of this try.

        :raises JsmsLedgerError: it could not be written.
        """
        if self.is_new:
            self._write_before(_unknown())

    def not_there(self, note: str) -> None:
        """Write the decision of a person that JSMS has nothing of this submission.

        :raises JsmsLedgerError: it could not be written.
        """
        self._write_before(
            {"state": BEGUN, "note": note, "since": now(), "try": self.attempt.number}
        )

    def there(
        self, outcome: Mapping[str, Any], note: str, request: Fingerprint | None = None
    ) -> None:
        """Write the decision of a person that JSMS has accepted this submission.

        :param request: None if it is the one that the record is of.
        :raises JsmsLedgerError: it could not be written.
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
        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        self._write_before(
            {
                "state": SENDING,
                **about,
                **self._by(),
                "since": now(),
                "try": self.attempt.number,
                "resubmitted": resubmitted,
                **self._note(),
                "fingerprint": asdict(request),
            }
        )

    def _write_before(self, content: dict[str, Any]) -> None:
        # Airflow's store refuses a try that another one has replaced, a table does not.
        if self.attempt.is_in_table and self._is_of_later_try:
            raise JsmsLedgerError(
                f"A later try of this task has written the record {self.key}, so this one stops, "
                "and nothing was sent."
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

    def _note(self) -> dict[str, Any]:
        return {"note": self.content["note"]} if self.content and "note" in self.content else {}

    def modifying(self, request: Fingerprint, about: Mapping[str, Any]) -> None:
        """Write the intent to modify the accepted schedule.

        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
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
        """Write the intent to delete the accepted schedule.

        :raises JsmsLedgerError: it could not be written, so nothing may be deleted.
        """
        self._write_before({**(self.content or {}), "state": DELETING, "since": now()})

    def deleted(self) -> None:
        """Write that JSMS does not have the schedule any more."""
        self._write_after({**(self.content or {}), "state": DELETED})

    def not_deleted(self) -> None:
        """Write that the schedule was sent before it could be deleted."""
        self._write_after({**(self.content or {}), "state": ACCEPTED})

    def catch_up(self) -> bool:
        """Repeat a failed write; return whether the record is up to date."""
        if self.is_behind and self.content:
            self._write_after(self.content)
        return not self.is_behind

    def _write_after(self, content: dict[str, Any]) -> None:
        """Write after a request, which cannot be undone: patiently, and a failure is logged."""
        what = f"{content['state']} {content.get('schedule_id') or ''}".rstrip()

        def log_first(tried: RetryCallState) -> None:
            # A worker that Airflow gives up meanwhile leaves the schedule_id in its log.
            if tried.attempt_number == 1:
                _log.warning("The record %s could not be written yet: %s", self.key, what)

        try:
            _patiently(log_first)(self._write, content)
            self.is_behind = False
        except Exception:  # noqa: BLE001  it was sent and must not be sent again
            self.content, self.is_behind = content, True
            _log.exception(
                "The record %s could not be written: %s. Nothing is sent again because of it; a "
                "later try may find the outcome uncertain.",
                *(self.key, what),
            )


class CodeNote(_Record):
    """How many submissions the tries of a task with code of its own have begun."""

    def begin(self, attempt: Attempt) -> None:
        """Write that nothing was submitted yet, or that a clear may have removed the records.

        :raises JsmsLedgerError: it could not be written.
        """
        self._begin({}, is_lost=attempt.is_cleared and not attempt.is_kept_by_clear)

    @property
    def doubt(self) -> str:
        """Why nothing is known of earlier tries, empty if the records count."""
        return LOST if (self.content or {}).get("state") == UNKNOWN else ""

    @property
    def texts(self) -> int:
        """The number of submissions so far."""
        count = (self.content or {}).get("texts", 0)
        return count if isinstance(count, int) else 0

    def count(self, account: Account) -> None:
        """Count one more submission, before it is sent.

        :raises JsmsLedgerError: it could not be written, so nothing may be sent.
        """
        note = {"state": "submitted by code", "texts": self.texts + 1, "since": now()}
        self._write_before({**note, "keys": {**self._keys, account.app: account.key}})

    def is_comparable(self, account: Account) -> bool:
        """Return whether the records were keyed with this master secret."""
        return self.content is None or self._keys.get(account.app, account.key) == account.key

    @property
    def _keys(self) -> dict[str, str]:
        keys = (self.content or {}).get("keys")
        return dict(keys) if isinstance(keys, Mapping) else {}


def _unknown() -> dict[str, Any]:
    return {"state": UNKNOWN, "why": LOST, "found_at": now()}


def sound(content: object) -> dict[str, Any]:
    """Return the content of a record; of one that was damaged or edited, nothing is used."""
    if isinstance(content, Mapping) and _is_sound(content):
        return dict(content)
    return {"state": _DAMAGED}


def _is_sound(content: Mapping[str, Any]) -> bool:
    state = content.get("state")
    if state in (BEGUN, UNKNOWN, REFUSED, DELETED):
        return True
    if state == SENDING:
        return isinstance(content.get("fingerprint"), Mapping)
    if state not in (ACCEPTED, FINISHED, DELETING) or not isinstance(
        content.get("fingerprint"), Mapping
    ):
        return False
    try:
        schedule_id_of(content.get("schedule_id"))
    except JsmsInputError:
        return False
    return _are_sound(content)


def _are_sound(outcome: Mapping[str, Any]) -> bool:
    """Return whether the counts of a batch are numbers, and its refusals positions and codes."""
    if "refused" not in outcome:
        return True
    counts = [outcome.get(name) for name in ("success_count", "failure_count", "recipients")]
    is_list = isinstance(outcome["refused"], list)
    return all(type(count) is int for count in counts) and is_list


def _patiently(before_sleep: Callable[[RetryCallState], None]) -> Retrying:
    # Parsing a DAG file must not import it.
    from tenacity import (  # noqa: PLC0415
        Retrying,
        retry_if_exception,
        stop_after_delay,
        wait_exponential,
    )

    return Retrying(
        stop=stop_after_delay(_PATIENCE),
        wait=wait_exponential(min=1, max=_LONGEST_WAIT),
        retry=retry_if_exception(_may_pass),
        before_sleep=before_sleep,
        reraise=True,
    )


def _why(error: Exception) -> str:
    is_ours = isinstance(error, RecordTakenError | StoreAwayError)
    return str(error) if is_ours else type(error).__name__


def _hint(error: Exception) -> str:
    if isinstance(error, RecordTakenError | StoreAwayError):
        return " Another try may continue."
    return " Either Airflow's API server cannot be reached, or another try of this task is running."


def _may_pass(error: BaseException) -> bool:
    """Return whether a write may succeed later: Airflow's API server or the database is away."""
    if isinstance(error, StoreAwayError):
        return True
    detail = getattr(getattr(error, "error", None), "detail", None)
    return isinstance(detail, Mapping) and detail.get("status_code") not in _REPLACED


def now() -> str:
    """Return the time (UTC) as records have it."""
    return utc_text(datetime.now(UTC))


def utc_text(moment: datetime) -> str:
    """Return a moment (UTC) as records have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _never() -> Any:  # noqa: ANN401  an object of Airflow 3.3 and newer
    if not HAS_STORE:
        return None  # only a table keeps records there
    from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # noqa: PLC0415  not before

    return NEVER_EXPIRE
