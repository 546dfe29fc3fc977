"""One record in a store: read once, and written before and after a request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.exceptions import JsmsLedgerError
from airflow_provider_jsms.submission.airflow_version import HAS_STORE
from airflow_provider_jsms.submission.records.decisions import BEGUN, LOST, UNKNOWN
from airflow_provider_jsms.submission.records.record_content import now, unknown
from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState, Retrying

    from airflow_provider_jsms.submission.records.decisions import Attempt
    from airflow_provider_jsms.submission.records.fingerprint import Account
    from airflow_provider_jsms.submission.records.stores import Store

# What Airflow answers to a try that another one has replaced.
_REPLACED: Final = (404, 409, 410)
# As long as Airflow lets a task be silent, by default: then another try begins.
_PATIENCE: Final = 300.0
_LONGEST_WAIT: Final = 15.0
_log = logging.getLogger(__name__)


class StoredRecord:
    """One record. A write after a request never raises.

    :param store: Airflow's, or rows of a table; None if there is none.
    :ivar content: the record, None if there is none.
    :ivar is_behind: the outcome of the request could not be written.
    """

    def __init__(self, store: Store | None, key: str) -> None:
        self.key = key
        self._store = store
        self.is_behind = False
        self.content: dict[str, Any] | None = self._read()

    @property
    def has_store(self) -> bool:
        """Whether the record can be kept."""
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
        self._write_before(unknown() if is_lost else known)

    def _write_before(self, content: dict[str, Any]) -> None:
        """Write before a request: if that fails, nothing may be sent."""
        try:
            self._write(content)
        except Exception as error:
            hint = (
                "Another try may continue."
                if isinstance(error, RecordTakenError | StoreAwayError)
                else "Either Airflow's API server cannot be reached, or another try of this task "
                "is running."
            )
            raise JsmsLedgerError(
                f"The record {self.key} could not be written ({_why(error)}), so nothing was sent. "
                f"{hint}"
            ) from error

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

    def _write(self, content: dict[str, Any]) -> None:
        if self._store is not None:
            self._store.set(self.key, content, retention=_never())
            self.content = content


class CodeNote(StoredRecord):
    """How many submissions the tries of a task with code of its own have begun."""

    def begin(self, attempt: Attempt) -> None:
        """Write that nothing was submitted yet, or that a clear may have removed the records."""
        self._begin({}, is_lost=attempt.is_cleared and not attempt.is_kept_by_clear)

    @property
    def doubt(self) -> str:
        """Why nothing is known of earlier tries, empty if the records count."""
        return LOST if (self.content or {}).get("state") == UNKNOWN else ""

    @property
    def texts(self) -> int:
        """The number of submissions so far."""
        return int((self.content or {}).get("texts", 0))

    def count(self, account: Account) -> None:
        """Count one more submission, before it is sent."""
        note = {"state": "submitted by code", "texts": self.texts + 1, "since": now()}
        self._write_before({**note, "keys": {**self._keys, account.app: account.key}})

    def is_comparable(self, account: Account) -> bool:
        """Return whether the records were keyed with this master secret."""
        return self.content is None or self._keys.get(account.app, account.key) == account.key

    @property
    def _keys(self) -> dict[str, str]:
        return dict((self.content or {}).get("keys", {}))


def _patiently(before_sleep: Callable[[RetryCallState], None]) -> Retrying:
    """Return the way to repeat a write after a request, which must not be lost."""
    # Parsing a DAG file must not import it.
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential  # noqa: PLC0415

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


def _may_pass(error: BaseException) -> bool:
    """Return whether a write may succeed later: Airflow's API server or the database is away."""
    if isinstance(error, StoreAwayError):
        return True
    detail = getattr(getattr(error, "error", None), "detail", None)
    return isinstance(detail, Mapping) and detail.get("status_code") not in _REPLACED


def _never() -> Any:  # noqa: ANN401  an object of Airflow 3.3 and newer
    if not HAS_STORE:
        return None  # only a table keeps records there
    from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # noqa: PLC0415  not before

    return NEVER_EXPIRE
