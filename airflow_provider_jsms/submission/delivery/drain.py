"""Read delivery reports or replies page by page, until JSMS has no more."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.results import whole_number
from airflow_provider_jsms.api.send_time import parse_wire, utc_text
from airflow_provider_jsms.api.statuses import (
    INTERVAL,
    MAX_ROWS,
    STATUSES,
    UNREADABLE,
    lost_replies,
)
from airflow_provider_jsms.exceptions import JsmsCallError, JsmsLedgerError, JsmsOutputError
from airflow_provider_jsms.submission.delivery.output_file import encoded, explaining
from airflow_provider_jsms.submission.records.stores import StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import tzinfo

    from airflow_provider_jsms.submission.delivery.output_file import LocalFile, ObjectFile
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

_log: Final = logging.getLogger(__name__)


@dataclass(repr=False)
class Drain:
    """Reads all replies into a file, each page durable before the next is read.

    It ends with a page that is not full. Rows that come later are for the next run: to go on until
    a page is empty would cost five more seconds, and never end while texts are being delivered.

    :param fetch: a method of the hook that reads one page.
    """

    fetch: Callable[..., list[dict[str, Any]]]
    output: LocalFile | ObjectFile
    kind: ClassVar = "Replies"
    _counts: Counter[str] = field(
        default_factory=lambda: Counter(rows=0, pages=0, unreadable=0, lost_pages=0), init=False
    )

    def run(self) -> None:
        """Read all pages.

        :raises JsmsOutputError: the output cannot be written; the text says whether rows are lost.
        :raises JsmsCallError: JSMS refused the call, or cannot be reached.
        """
        with explaining(self.output, "Nothing was read."):
            self.output.begin()
        self._prepare()
        try:
            while self._page() >= MAX_ROWS:
                time.sleep(INTERVAL)
        except (JsmsCallError, JsmsLedgerError):
            self._finish()
            raise
        self._finish()

    def result(self) -> dict[str, Any]:
        """Return the counts so far."""
        return {**self._counts, "output": str(self.output)}

    def log(self) -> None:
        """Log the counts, never a row."""
        _log.info(
            "%(kind)s read into %(output)s: %(rows)d; pages: %(pages)d, lost pages: "
            "%(lost_pages)d, unreadable rows, kept as they are: %(unreadable)d",
            {**self._counts, "kind": self.kind, "output": mask_text(self.output)},
        )

    def _prepare(self) -> None:
        """Check everything else before the first page is read, which JSMS hands out once."""

    def _page(self) -> int:
        """Read a page and return the number of its rows."""
        met: list[BaseException] = []
        try:
            found = self.fetch(met=met)
        finally:
            self._counts["lost_pages"] += lost_replies(met)
        if found:
            read_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
            self._keep([{**row, "read_at": read_at} for row in found])
        return len(found)

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        try:
            with explaining(self.output, f"A page of {len(rows)} rows was read and may be lost."):
                self.output.add(encoded(rows))
        except JsmsOutputError:
            self._counts["lost_pages"] += 1
            raise
        unreadable = sum(UNREADABLE in row for row in rows)
        self._counts.update(rows=len(rows), pages=1, unreadable=unreadable)

    def _finish(self) -> None:
        consequence = "No row is lost: the pages are beside it, and a retry merges them."
        with explaining(self.output, consequence):
            self.output.finish()


@dataclass(repr=False)
class ReportDrain(Drain):
    """Reads all delivery reports into a file, and into the ledger if there is one.

    :param ledger: a table of status by msg_id beside this one is written too.
    :param is_retry: an earlier try may have read rows that did not reach the ledger.
    """

    kind = "Delivery reports"

    ledger: SqlLedger | None
    app: str
    zone: tzinfo
    is_retry: bool
    _by_status: Counter[int] = field(default_factory=Counter, init=False)

    def result(self) -> dict[str, Any]:
        """Return the counts so far, also by status."""
        by_status = {str(status): count for status, count in sorted(self._by_status.items())}
        return {**super().result(), "by_status": by_status}

    def log(self) -> None:
        """Log the counts as a table."""
        super().log()
        for status, count in sorted(self._by_status.items()):
            _log.info("%8d  %s", count, f"{status} {STATUSES.get(status, 'unknown')}")

    def _prepare(self) -> None:
        self._save([])
        if self.is_retry and self.ledger:
            rows = _reports_in(self.output.lines())
            while page := list(islice(rows, MAX_ROWS)):
                self._save(page)

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        super()._keep(rows)
        self._by_status.update(row["status"] for row in rows if UNREADABLE not in row)
        self._save(rows)

    def _save(self, rows: Iterable[Mapping[str, Any]]) -> None:
        if self.ledger is None:
            return
        reports = [self._report(row) for row in rows if UNREADABLE not in row]
        try:
            self.ledger.save_reports(self.app, reports)
        except StoreAwayError as error:
            raise JsmsLedgerError(
                f"The status of {len(reports)} texts could not be written: {error}. They are in "
                f"the output {mask_text(self.output)}, from which a retry writes them."
            ) from error

    def _report(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "msg_id": row["msgId"],
            "status": row["status"],
            "received_at": _received_at(row.get("receiveTime"), self.zone),
            "read_at": f"{row['read_at'][:19]}Z",
        }


def _reports_in(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict) and row.keys() >= {"msgId", "status", "read_at"}:
                yield row


def _received_at(value: object, zone: tzinfo) -> str | None:
    """Return a ``receiveTime``, in milliseconds or on the wall clock of JSMS, None if neither."""
    milliseconds = whole_number(value)
    try:
        if milliseconds is not None:
            return utc_text(datetime.fromtimestamp(milliseconds / 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return None
    moment = parse_wire(str(value), zone)
    return utc_text(moment) if moment else None
