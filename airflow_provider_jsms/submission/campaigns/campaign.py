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
from airflow_provider_jsms.submission.campaigns.chunk_records import ChunkRecords
from airflow_provider_jsms.submission.campaigns.tally import Tally
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.lists.chunks import chunks, nobody
from airflow_provider_jsms.submission.lists.refusals import all_refused
from airflow_provider_jsms.submission.records.decisions import REFUSED
from airflow_provider_jsms.submission.records.fingerprint import (
    account_of,
    fingerprint_of,
    list_fingerprint,
)
from airflow_provider_jsms.submission.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.lists.chunks import Survey
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.preflight import Preflight
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
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
        self._records = ChunkRecords(self._records_by_number(), len(known.digests))
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
        if self._records.lead and not self._records.attempt.is_in_code:
            self._records.lead.finished()

    def _with_state(self) -> Iterator[tuple[list[Recipient], bool]]:
        """Yield the chunks, and whether each is still to be submitted."""
        for number, people in enumerate(chunks(self.source, self.known), start=1):
            yield people, not self._records.of(number).is_scheduled_or_unknown

    def _records_by_number(self) -> Callable[[int], SubmissionRecord]:
        account, task_try = account_of(self.hook.settings), self.task_try
        if self.once_key is not None:
            names = (self.hook.require_ledger("once_key"), account.app, self.once_key)
            return partial(task_try.chunk_of_key, *names, is_in_code=self.is_in_code)
        if self.is_in_code:
            return task_try.records_of_batch(account, self._list)
        return task_try.record_of_chunk

    def _submit_chunk(self, number: int, people: Sequence[Recipient]) -> None:
        record = self._records.of(number)
        record.attempt = self._records.attempt
        call = batch_call(self.send_time, self.head, people)
        kind = KeyedSubmission if record.attempt.is_keyed else Submission
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
        begun = self._records.begun
        if not begun or begun.get("list") == self._list:
            return
        count = begun.get("chunks", 1)
        key = begun.get("fingerprint", {}).get("key")
        is_comparable = key == account_of(self.hook.settings).key
        if not is_comparable and count == len(self.known.digests):
            return  # JSMS is asked about each chunk
        is_single = count == len(self.known.digests) == 1
        if is_single and not self._records.attempt.is_one_of_several:
            return
        records = self._records.scheduled_or_unknown(count)
        self.tally.schedule_ids += filter(None, (record.schedule_id for record in records))
        why = "" if is_comparable else " (or cannot be compared: the master secret has changed)"
        raise JsmsChangedListError(self._describe_change(records, count, why))

    def _describe_change(self, records: Sequence[SubmissionRecord], count: int, why: str) -> str:
        unknown = [record.key for record in records if not record.schedule_id]
        refused = sum((record.content or {}).get("failure_count", 0) for record in records)
        parts = [
            f"Scheduled are {', '.join(self.tally.schedule_ids) or 'none that is known'}",
            f"uncertain are the records {', '.join(unknown)}" if unknown else "",
            f"{refused} were refused" if refused else "",
            f"{count - len(records)} of {count} chunks were never submitted",
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
                self.tally.add_record(self._records.of(number), size)

    def _add_progress(self, error: JsmsError) -> None:
        if self._records.attempt.is_part:
            is_known = self._records.has_store or self._records.attempt.number == 1
            progress = self.tally.describe(are_others_known=is_known)
            error.add(f"{progress} {self._next_step(error)}".rstrip())

    def _next_step(self, error: JsmsError) -> str:
        if isinstance(error, JsmsUncertainError | JsmsPastSendTimeError):
            return ""  # the one says it itself, and to the other nothing can be added
        has_store = self._records.has_store
        if not has_store and self._records.attempt.number > 1:
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
