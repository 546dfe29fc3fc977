"""The outcome of a campaign so far, counted chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.submission.lists.refusals import from_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, FailedRecipient
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord


@dataclass
class Tally:
    """The outcome of a campaign so far, of ``recipients`` in all.

    :param excluded: how many more were left out, None without ``exclude``.
    """

    recipients: int
    excluded: int | None = None
    schedule_ids: list[str] = field(default_factory=list)
    success_count: int = 0
    failure_count: int = 0
    uncertain_count: int = 0
    failures: list[FailedRecipient] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many recipients are counted."""
        return self.success_count + self.failure_count + self.uncertain_count

    @property
    def ids(self) -> str:
        """The schedule_ids in words, the first ten of many."""
        return ", ".join(first_ten(self.schedule_ids, " (XCom schedule_ids)"))

    def as_batch(self) -> BatchResult:
        """Return it in the form of the result of a single batch."""
        return {
            "schedule_id": self.ids or None,
            "success_count": self.success_count,
            "failure_count": self.failure_count,
            "failure_recipients": self.failures,
        }

    def result(self) -> dict[str, Any]:
        """Return the result of the task."""
        uncertain = {"uncertain_count": self.uncertain_count} if self.uncertain_count else {}
        return {
            "schedule_ids": self.schedule_ids,
            "success_count": self.success_count,
            "failure_count": self.failure_count,
            **uncertain,
            **({} if self.excluded is None else {"excluded_count": self.excluded}),
        }

    def so_far(self) -> dict[str, Any]:
        """Return the result of a task that fails."""
        return {"failure_recipients": self.failures, "schedule_ids": self.schedule_ids}

    def add(self, outcome: Mapping[str, Any] | None, people: Sequence[Recipient]) -> None:
        """Count the outcome of a chunk, None for one that is assumed to be sent."""
        if outcome is None:
            self.uncertain_count += len(people)
            return
        result = from_record(outcome, people)
        if result["schedule_id"]:
            self.schedule_ids.append(result["schedule_id"])
        self.success_count += result["success_count"]
        self.failure_count += result["failure_count"]
        self.failures += result["failure_recipients"]

    def add_record(self, record: SubmissionRecord, size: int) -> None:
        """Count a chunk by its record alone."""
        if not record.is_scheduled_or_unknown:
            return
        if not record.schedule_id:
            self.uncertain_count += size
            return
        refused = (record.content or {}).get("failure_count", 0)
        self.schedule_ids.append(record.schedule_id)
        self.success_count += size - refused
        self.failure_count += refused

    def describe(self, *, are_others_known: bool) -> str:
        """Return the progress in a sentence.

        :param are_others_known: whether those who are not counted are known not to be scheduled.
        """
        others = "not scheduled" if are_others_known else "not checked by this try"
        parts = [
            f"{self.success_count:,} of {self.recipients:,} recipients are scheduled"
            + (f" under {self.ids}" if self.schedule_ids else ""),
            f"{self.failure_count:,} were refused" if self.failure_count else "",
            f"{self.uncertain_count:,} are uncertain" if self.uncertain_count else "",
            f"{self.recipients - self.done:,} are {others}",
        ]
        return ", ".join(filter(None, parts)) + "."
