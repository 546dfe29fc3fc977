"""A campaign: a list of any length, submitted chunk by chunk, each with a record of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.api.calls import MAX_RECIPIENTS, batch_call
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsError,
    JsmsNoRetryError,
    JsmsPastSendTimeError,
    JsmsRecipientError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.chunks import chunks, nobody
from airflow_provider_jsms.submission.decisions import REFUSED, SENDING, UNKNOWN
from airflow_provider_jsms.submission.fingerprint import (
    account_of,
    fingerprint_of,
    list_fingerprint,
)
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.refusals import all_refused
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.chunks import Survey
    from airflow_provider_jsms.submission.decisions import Attempt
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.preflight import Preflight
    from airflow_provider_jsms.submission.task_try import TaskTry

_MOST_UNANSWERED: Final = 3
"""Chunks that a try sends without getting an answer before it stops to ask."""

_log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class Campaign:
    """Submits a list.

    :param source: the recipients; ``known`` is the survey of them.
    :param is_in_code: your own code submits it, which may submit others too.
    :param once_key: names the list, None if the task does.
    :param policy: where a person can be asked about a chunk, the others go out first.
    :param preflight: checks the list before the first chunk that this try submits.
    """

    hook: JsmsHook
    source: Source
    known: Survey
    send_time: SendTime
    head: Mapping[str, Any]
    task_try: TaskTry
    is_in_code: bool
    policy: Policy
    preflight: Preflight
    once_key: str | None = None

    def __post_init__(self) -> None:
        known = self.known
        self.policy = replace(
            self.policy,
            preflight=lambda: self.preflight.check(self._with_state(), known.recipients),
        )
        self._uncertain: list[JsmsUncertainError] = []
        self._unanswered = 0
        self._list = list_fingerprint(known.digests, self.hook.settings)
        self._records = self._read_records()
        self._begun, self._attempt = self._earlier_tries()
        self.tally = Tally(known.recipients, None if known.exclude is None else known.excluded)

    def carry_out(self) -> None:
        """Submit the chunks that earlier tries have not submitted.

        :raises AirflowSkipException: there is nobody to text.
        :raises JsmsChangedListError: an earlier try has submitted a part of another list.
        :raises JsmsError: a chunk could not be submitted; the text reports the progress.
        """
        self._refuse_change()
        if not self.known.recipients:
            raise AirflowSkipException(nobody(self.known.excluded))
        number = 0
        try:
            for number, people in enumerate(chunks(self.source, self.known), start=1):
                self._submit_chunk(number, people)
                if self._unanswered == _MOST_UNANSWERED:
                    break  # JSMS may be down; the rest follows after the answer
                _log.info(
                    "%s of %s recipients done", f"{self.tally.done:,}", f"{self.tally.recipients:,}"
                )
        except JsmsError as error:
            self._count_others(number, is_uncertain=isinstance(error, JsmsUncertainError))
            self._add_progress(error)
            raise
        except BaseException:
            # Interrupted, for instance by a time limit.
            _log.error("Interrupted: %s", self.tally.describe(are_others_known=False))
            raise
        if self._uncertain:
            self._add_progress(self._uncertain[0])
            raise self._uncertain[0]

    def finish(self) -> None:
        """Write that the campaign is done, unless its own code may submit more."""
        lead = next((record for record in self._records if record.schedule_id), None)
        if lead and not self._attempt.is_in_code:
            lead.finished()

    def _with_state(self) -> Iterator[tuple[list[Recipient], bool]]:
        """Yield the chunks, and whether each is still to be submitted."""
        for people, record in zip(chunks(self.source, self.known), self._records, strict=False):
            yield people, not record.is_scheduled_or_unknown

    def _records_by_number(self) -> Callable[[int], SubmissionRecord]:
        account, task_try = account_of(self.hook.settings), self.task_try
        if self.once_key is not None:
            names = (self.hook.require_ledger("once_key"), account.app, self.once_key)
            return partial(task_try.chunk_of_key, *names, is_in_code=self.is_in_code)
        if self.is_in_code:
            return task_try.records_of_batch(account, self._list)
        return task_try.record_of_chunk

    def _read_records(self) -> list[SubmissionRecord]:
        """Return the records of all chunks, also those of a longer list that was begun before."""
        of_chunk = self._records_by_number()
        # One more, because the first record of a longer list may have been deleted by hand.
        numbers = range(1, len(self.known.digests) + 2)
        records = [of_chunk(number) for number in numbers]
        if records[0].state == UNKNOWN and {each.state for each in records} <= {None, UNKNOWN}:
            for record in records[:-1]:
                record.begin()  # as unknown too
        count = max((record.content or {}).get("chunks", 1) for record in records)
        return records + [of_chunk(n) for n in range(len(records) + 1, count + 1)]

    def _earlier_tries(self) -> tuple[Mapping[str, Any], Attempt]:
        """Return the record that stands for the campaign as earlier tries left it."""
        lead = next((record for record in self._records if record.schedule_id), None)
        unknown = (record for record in self._records if record.state == SENDING)
        begun = lead or next(unknown, None)
        content = dict(begun.content or {}) if begun else {}
        return content, replace(
            self._records[0].attempt,
            is_part=len(self.known.digests) > 1,
            # Also while a later run modifies what an earlier one has finished.
            is_over=lead is not None and "finished_at" in content,
        )

    def _submit_chunk(self, number: int, people: Sequence[Recipient]) -> None:
        record = self._records[number - 1]
        record.attempt = self._attempt
        call = batch_call(self.send_time, self.head, people)
        kind = KeyedSubmission if self._attempt.is_keyed else Submission
        submission = kind(
            *(self.hook, self.task_try, record, call),
            fingerprint_of(call, self.hook.settings, self.known.digests[number - 1]),
            self.policy,
            about={"chunks": len(self.known.digests), "list": self._list},
        )
        try:
            outcome = submission.carry_out()
        except JsmsRecipientError as error:
            # No document says how JSMS answers if it refuses every recipient of a batch.
            if record.has_store and record.state != REFUSED:
                raise  # of a modification, or of a resubmission
            _log.warning("%s It counts as a refusal of all %d.", error, len(people))
            outcome = all_refused(people, error.code)
        except JsmsUncertainError as error:
            if not submission.doubt or not self.policy.may_ask(submission.doubt):
                raise
            self._uncertain.append(error)
            self._unanswered += submission.doubt.has_sent
            outcome = None
        self.tally.add(outcome, people)
        is_last = self.tally.done == self.tally.recipients
        if not record.catch_up() and not is_last:
            raise _behind(record)

    def _refuse_change(self) -> None:
        """Raise if an earlier try submitted a part of another list, or may have.

        A list that was and is of one chunk is modified instead.
        """
        if not self._begun or self._begun.get("list") == self._list:
            return
        count = self._begun.get("chunks", 1)
        key = self._begun.get("fingerprint", {}).get("key")
        is_comparable = key == account_of(self.hook.settings).key
        if not is_comparable and count == len(self.known.digests):
            return  # JSMS is asked about each chunk
        if (count, len(self.known.digests)) == (1, 1) and not self._attempt.is_one_of_several:
            return
        begun = [record for record in self._records[:count] if record.is_scheduled_or_unknown]
        self.tally.schedule_ids += filter(None, (record.schedule_id for record in begun))
        why = "" if is_comparable else " (or cannot be compared: the master secret has changed)"
        raise JsmsChangedListError(self._describe_change(begun, count, why))

    def _describe_change(self, begun: Sequence[SubmissionRecord], count: int, why: str) -> str:
        unknown = [record.key for record in begun if not record.schedule_id]
        refused = sum((record.content or {}).get("failure_count", 0) for record in begun)
        parts = [
            f"Scheduled are {', '.join(self.tally.schedule_ids) or 'none that is known'}",
            f"uncertain are the records {', '.join(unknown)}" if unknown else "",
            f"{refused} were refused" if refused else "",
            f"{count - len(begun)} of {count} chunks were never submitted",
        ]
        return (
            "The list of recipients differs from the one that this task began to submit"
            f"{why}; now it has {self.known.recipients} {noun(self.known.recipients)}. "
            f"{'; '.join(filter(None, parts))}. "
            "Nothing was sent. To continue: 1. Restore the list and clear the task. 2. Or mark the "
            "task as success, and text those who were never submitted, refused, corrected or added "
            "by another task. 3. Or start again: delete those schedules, and trigger a new run."
        )

    def _count_others(self, current: int, *, is_uncertain: bool) -> None:
        """Count the chunks that this try did not reach, by the records of earlier tries.

        :param is_uncertain: whether the chunk at which this try stopped has an unknown outcome.
        """
        for number in range(self.tally.done // MAX_RECIPIENTS + 1, len(self.known.digests) + 1):
            size = min(MAX_RECIPIENTS, self.known.recipients - (number - 1) * MAX_RECIPIENTS)
            if number == current and is_uncertain:
                self.tally.uncertain_count += size
            else:
                self.tally.add_record(self._records[number - 1], size)

    def _add_progress(self, error: JsmsError) -> None:
        if self._attempt.is_part:
            is_known = self._records[0].has_store or self._attempt.number == 1
            progress = self.tally.describe(are_others_known=is_known)
            error.add(f"{progress} {self._next_step(error)}".rstrip())

    def _next_step(self, error: JsmsError) -> str:
        if isinstance(error, JsmsUncertainError | JsmsPastSendTimeError):
            return ""  # the one says it itself, and to the other nothing can be added
        has_store = self._records[0].has_store
        if not has_store and self._attempt.number > 1:
            return "Check the schedules of earlier tries in the JSMS console."
        if not has_store:
            error.ends_run = True
            return "This Airflow keeps no record: text the others by a new run with them alone."
        if isinstance(error, AirflowFailException):
            return "To continue from there, clear the task."
        return "The next try continues from there. After the last one, clear the task."


def _behind(record: SubmissionRecord) -> JsmsNoRetryError:
    return JsmsNoRetryError(
        f"The outcome of the last chunk could not be written into the record {record.key} "
        f"(schedule_id {record.schedule_id}), so no further chunk is submitted. To continue, "
        f"clear the task: it asks about that chunk."
    )
