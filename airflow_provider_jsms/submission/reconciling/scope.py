"""Read and adopt the rows of a scope, many at once: the texts that one list is about."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsLedgerError
from airflow_provider_jsms.submission.records.decisions import NOT_SCHEDULED
from airflow_provider_jsms.submission.records.record_content import sound
from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from airflow_provider_jsms.submission.records.ledger_rows import Place, Row
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger, SqlStore

_SHOWN: Final = 10
_log = logging.getLogger(__name__)


@dataclass
class Scope:
    """The texts of a scope in the ledger.

    :param place: the account, the scope and the task that writes.
    """

    ledger: SqlLedger
    place: Place
    _unscoped: dict[str, Row] = field(default_factory=dict, init=False)

    def read(self, keys: Iterable[str], moment: datetime) -> Mapping[str, Mapping[str, Any]]:
        """Return the records of a list by key, and those of other texts that are still pending.

        :param moment: texts due later are pending (UTC).
        :raises JsmsInputError: a key of the list is in use in another scope, or another mapped
            instance of the task uses the scope.
        """
        app, scope = self.place.app, str(self.place.scope)
        with _explaining():
            rows = self.ledger.rows(app, keys)
            _refuse_other_scopes(rows, scope)
            self._unscoped = {key: row for key, row in rows.items() if row.scope is None}
            pending = self.ledger.pending_in_scope(app, scope, moment)
        self._refuse_siblings([row for key, row in pending.items() if key not in rows])
        rows |= pending
        return {key: sound(row.content) for key, row in rows.items()}

    def _refuse_siblings(self, vanished: Iterable[Row]) -> None:
        """Refuse texts that another map index of this task has just submitted in the same scope."""
        mine = self.place.writer
        siblings = [
            row
            for row in vanished
            if row.state not in NOT_SCHEDULED
            and row.place.writer != mine
            and row.place.writer._replace(map_index=mine.map_index) == mine
        ]
        if siblings:
            raise JsmsInputError(
                "Another mapped instance of this task has submitted texts of the scope "
                f"{mask_text(self.place.scope)!r}, which this list would delete: {len(siblings)}. "
                "Nothing was sent. A scope has one list: give each mapped instance a scope of its "
                "own, or pass all texts in one list."
            )

    def store(self) -> SqlStore:
        """Return a store for one text."""
        return self.ledger.store(self.place)

    def adopt(self) -> None:
        """Take in the texts of the list that an operator has submitted without a scope.

        Otherwise they would stay scheduled once they vanish from the list.
        """
        for key, row in self._unscoped.items():
            if isinstance(row.content, dict):
                store = self.store()
                store.remember(key, row)
                with _explaining():
                    try:
                        store.set(key, row.content)
                    except RecordTakenError:
                        _log.info("Key %s is in use at the moment: the next run adopts it", key)


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except StoreAwayError as error:
        raise JsmsLedgerError(f"The ledger cannot be used: {error}. Nothing was sent.") from error


def _refuse_other_scopes(rows: Mapping[str, Row], scope: str) -> None:
    # A key without a schedule is free for the next list.
    taken = [row for row in rows.values() if row.state not in NOT_SCHEDULED]
    others = [row for row in taken if row.scope not in (None, scope)]
    if others:
        shown = ", ".join(
            f"{mask_text(row.record_key)!r} (scope {mask_text(row.scope)!r})"
            for row in others[:_SHOWN]
        )
        raise JsmsInputError(
            f"{len(others)} keys of the list are in use in another scope, so nothing was sent: "
            f"{shown}. A key names one text in all scopes: give each list keys of its own, such "
            f"as '{mask_text(scope)}/1', or set the scope back."
        )
