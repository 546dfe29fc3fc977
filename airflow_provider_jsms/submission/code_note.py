"""The record of a task with code of its own: it counts the submissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_provider_jsms.submission.decisions import LOST, UNKNOWN
from airflow_provider_jsms.submission.stored_record import StoredRecord, now

if TYPE_CHECKING:
    from airflow_provider_jsms.submission.decisions import Attempt
    from airflow_provider_jsms.submission.fingerprint import Account


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
        count = (self.content or {}).get("texts", 0)
        return count if isinstance(count, int) else 0

    def count(self, account: Account) -> None:
        """Count one more submission, before it is sent."""
        note = {"state": "submitted by code", "texts": self.texts + 1, "since": now()}
        self._write_before({**note, "keys": {**self._keys, account.app: account.key}})

    def is_comparable(self, account: Account) -> bool:
        """Return whether the records were keyed with this master secret."""
        return self.content is None or self._keys.get(account.app, account.key) == account.key

    @property
    def _keys(self) -> dict[str, str]:
        keys = (self.content or {}).get("keys")
        return dict(keys) if isinstance(keys, Mapping) else {}
