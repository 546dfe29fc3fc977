"""The records of the chunks of a campaign, as earlier tries left them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.submission.records.decisions import SENDING, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord


class ChunkRecords:
    """The records of all chunks, also those of a longer list that was begun before.

    :param of_chunk: returns the record of a chunk by its number, counted from 1.
    :param count: how many chunks the list has now.
    :ivar begun: the content of the record that stands for the campaign as earlier tries left it,
        empty if they submitted nothing.
    :ivar attempt: the position of this try.
    """

    def __init__(self, of_chunk: Callable[[int], SubmissionRecord], count: int) -> None:
        self._records = _read(of_chunk, count)
        lead = self.lead
        unknown = (record for record in self._records if record.state == SENDING)
        begun = lead or next(unknown, None)
        self.begun: Mapping[str, Any] = dict(begun.content or {}) if begun else {}
        self.attempt = self._records[0].attempt._replace(
            is_part=count > 1,
            # Also while a later run modifies what an earlier one has finished.
            is_over=lead is not None and "finished_at" in self.begun,
        )

    def of(self, number: int) -> SubmissionRecord:
        """Return the record of a chunk."""
        return self._records[number - 1]

    @property
    def lead(self) -> SubmissionRecord | None:
        """The first one with a schedule."""
        return next((record for record in self._records if record.schedule_id), None)

    @property
    def has_store(self) -> bool:
        """Whether they can be kept."""
        return self._records[0].has_store

    def scheduled_or_unknown(self, count: int) -> list[SubmissionRecord]:
        """Return those of the first ``count`` that may have scheduled something."""
        return [record for record in self._records[:count] if record.is_scheduled_or_unknown]


def _read(of_chunk: Callable[[int], SubmissionRecord], count: int) -> list[SubmissionRecord]:
    # One more, because the first record of a longer list may have been deleted by hand.
    records = [of_chunk(number) for number in range(1, count + 2)]
    if records[0].state == UNKNOWN and {each.state for each in records} <= {None, UNKNOWN}:
        for record in records[:-1]:
            record.begin()  # as unknown too
    begun = max((record.content or {}).get("chunks", 1) for record in records)
    return records + [of_chunk(number) for number in range(len(records) + 1, begun + 1)]
