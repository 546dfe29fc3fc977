"""A campaign as a task carries it out: chunk after chunk, each with a record of its own."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.bodies import MOST_RECIPIENTS, batch_head
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsError,
    JsmsLedgerError,
    JsmsNoRetryError,
    JsmsRecipientError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.chunks import NOBODY, chunks
from airflow_provider_jsms.submission.fingerprint import fingerprint, list_fingerprint
from airflow_provider_jsms.submission.ledger import REFUSED, CampaignLedger, SubmissionLedger
from airflow_provider_jsms.submission.orders import order_of_batch
from airflow_provider_jsms.submission.refusals import all_refused, from_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, FailedRecipient
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.chunks import Survey
    from airflow_provider_jsms.submission.submission import Submission
    from airflow_provider_jsms.submission.this_try import Place, ThisTry

_SHOWN_IDS: Final = 10
_SECONDS_BETWEEN_LINES: Final = 10.0

_log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What has come of a campaign so far.

    :param recipients: how many there are in all.
    """

    recipients: int
    schedule_ids: list[str] = field(default_factory=list)
    success_count: int = 0
    failure_count: int = 0
    uncertain_count: int = 0
    failures: list[FailedRecipient] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many of them something has come of."""
        return self.success_count + self.failure_count + self.uncertain_count

    @property
    def ids(self) -> str:
        """The schedule_ids in words, the first ten of many."""
        more = len(self.schedule_ids) - _SHOWN_IDS
        shown = ", ".join(self.schedule_ids[:_SHOWN_IDS])
        return f"{shown} and {more} more (XCom schedule_ids)" if more > 0 else shown

    def as_batch(self) -> BatchResult:
        """Return it in the form of the result of a single batch."""
        return {
            "schedule_id": self.ids or None,
            "success_count": self.success_count,
            "failure_count": self.failure_count,
            "failure_recipients": self.failures,
        }

    def result(self) -> dict[str, Any]:
        """Return what the task returns."""
        result: dict[str, Any] = {
            "schedule_ids": self.schedule_ids,
            "success_count": self.success_count,
            "failure_count": self.failure_count,
        }
        return result | ({"uncertain_count": self.uncertain_count} if self.uncertain_count else {})

    def add(self, outcome: Mapping[str, Any] | None, people: list[Recipient]) -> None:
        """Count what has come of a chunk, None for one that is assumed to have been sent."""
        if outcome is None:
            self.uncertain_count += len(people)
            return
        result = from_record(outcome, people)
        if result["schedule_id"]:
            self.schedule_ids.append(result["schedule_id"])
        self.success_count += result["success_count"]
        self.failure_count += result["failure_count"]
        self.failures += result["failure_recipients"]

    def add_record(self, record: Mapping[str, Any], size: int) -> None:
        """Count what the record of a chunk says, without looking at the recipients themselves."""
        if record["state"] == REFUSED:
            return
        if not record.get("schedule_id"):
            self.uncertain_count += size
            return
        refused = min(record.get("failure_count", 0), size)
        self.schedule_ids.append(record["schedule_id"])
        self.success_count += size - refused
        self.failure_count += refused

    def describe(self, *, are_known: bool) -> str:
        """Return how far the campaign has come, in a sentence.

        :param are_known: whether those that are not counted are known not to be scheduled.
        """
        others = "not scheduled" if are_known else "not looked at by this try"
        parts = [
            f"{self.success_count:,} of {self.recipients:,} recipients are scheduled"
            + (f" under {self.ids}" if self.schedule_ids else ""),
            f"{self.failure_count:,} were refused" if self.failure_count else "",
            f"{self.uncertain_count:,} are uncertain" if self.uncertain_count else "",
            f"{self.recipients - self.done:,} are {others}",
        ]
        return ", ".join(part for part in parts if part) + "."


class Campaign:
    """Submits a list of any length.

    :param hook: open.
    :param source: the recipients.
    :param known: what is known of them.
    :param fields: the other arguments of the call.
    :param this_try: of the task.
    :param is_in_code: code of one's own submits it, which may submit others too.
    :param submission: makes the submission of a chunk from the hook, this try, its record, and
        what is to be done before each request.
    """

    def __init__(
        self,
        hook: JsmsHook,
        source: Source,
        known: Survey,
        fields: Mapping[str, Any],
        *,
        this_try: ThisTry,
        is_in_code: bool,
        submission: Callable[[JsmsHook, ThisTry, SubmissionLedger, Callable[[], None]], Submission],
    ) -> None:
        self._hook = hook
        self._source = source
        self._known = known
        self._fields = fields
        self._this_try = this_try
        self._submission = submission
        self._list = list_fingerprint(known.digests, master_secret=hook.settings.master_secret)
        self._place = self._place_in(this_try) if is_in_code else this_try.place_of_campaign()
        self._store, self._attempt = this_try.store, self._place.attempt
        self._ledger = CampaignLedger(self._store, self._place.campaign)
        self._is_begun = self._ledger.is_of(self._list)
        self._moment = hook.parse_send_time(fields["send_time"])
        self._head = batch_head(**{**fields, "send_time": self._moment})
        self._attempt_at_chunks = replace(
            self._attempt,
            store_survives_clear=self._attempt.store_survives_clear or self._ledger.knows_all,
            is_part=self.has_parts,
            is_over=self._ledger.is_finished,
        )
        self.tally = Tally(known.recipients)
        self._progress = _Progress(self.tally)

    def _place_in(self, this_try: ThisTry) -> Place:
        settings = self._hook.settings
        account = fingerprint(
            {}, [], app_key=settings.app_key, master_secret=settings.master_secret
        )
        return this_try.place_of_batch(account, self._list)

    @property
    def has_parts(self) -> bool:
        """Whether it is of more than one chunk."""
        return len(self._known.digests) > 1

    def carry_out(self) -> None:
        """Submit whatever earlier tries have not submitted.

        :raises AirflowSkipException: there is nobody to text.
        :raises JsmsChangedListError: an earlier try has submitted a part of another list.
        :raises JsmsError: a chunk could not be submitted; the text says how far it has come.
        """
        if not self._is_begun:
            self._refuse_change()
        if not self._known.recipients:
            raise AirflowSkipException(NOBODY)
        number = 0
        try:
            for number, people in enumerate(chunks(self._source, self._known), start=1):
                self._submit_chunk(number, people)
                self._progress.tell()
        except JsmsError as error:
            are_known = self._count_others(number, isinstance(error, JsmsUncertainError))
            if self.has_parts:
                error.add(self._how_far(are_known=are_known))
            raise
        except BaseException:
            # Told to end, by a time limit for instance: what was done is told by the log.
            _log.error("Interrupted: %s", self._how_far(are_known=False))
            raise

    def finish(self) -> None:
        """Write that the task has done everything, if that can be known."""
        if not self._attempt.is_in_code:
            self._ledger.finished()

    def _submit_chunk(self, number: int, people: list[Recipient]) -> None:
        key = self._place.key_of_chunk(number)
        ledger = SubmissionLedger(self._store, key, self._attempt_at_chunks)
        body: Any = {**self._head, "recipients": people}
        digest = self._known.digests[number - 1]
        order = order_of_batch(self._hook, body, people, self._moment, digest=digest)
        order = replace(
            order,
            submit=partial(_submit, order.submit, people),
            # What the record of the campaign says, should somebody delete that.
            extra={"chunks": len(self._known.digests), **asdict(self._list)},
        )
        submission = self._submission(self._hook, self._this_try, ledger, self._begin)
        outcome = submission.carry_out(order)
        self.tally.add(outcome, people)
        is_last = self.tally.done == self.tally.recipients
        if not ledger.catch_up() and not is_last:
            raise _behind(ledger)

    def _begin(self) -> None:
        """Write which list is submitted, before the first request."""
        if not self._is_begun:
            about = {
                "recipients": self._known.recipients,
                "repeated": self._known.repeated,
                "chunks": len(self._known.digests),
            }
            is_one = self._ledger.chunks == len(self._known.digests) == 1
            self._ledger.begin(self._list, about, self._attempt, is_other=not is_one)
            self._is_begun = True

    def _refuse_change(self) -> None:
        """Raise if an earlier try may have submitted something of another list.

        One chunk is an exception: it is modified. If the record of the campaign is not there any
        more or cannot be read, those of its chunks tell what it was about.
        """
        begun = self._begun_before()
        if begun is None or self._list.is_same(begun):
            return
        before, now = begun["chunks"], len(self._known.digests)
        if (before, now) == (1, 1) and not self._attempt.is_one_of_several:
            return
        records = [self._record_of_chunk(number) for number in range(1, before + 1)]
        scheduled = [record for record in records if record and record["state"] != REFUSED]
        if scheduled:
            ids = [record.get("schedule_id") for record in scheduled]
            self.tally.schedule_ids += filter(None, ids)  # to cancel them
            raise JsmsChangedListError(self._change(begun, scheduled))

    def _begun_before(self) -> dict[str, Any] | None:
        """Return what an earlier try has begun: list, key, chunks and recipients."""
        if self._ledger.chunks:
            return dict(self._ledger.record or {})
        for number in range(1, len(self._known.digests) + 2):
            record = self._record_of_chunk(number)
            if record and record["state"] != REFUSED:
                chunks = record.get("chunks")
                return {**record, "chunks": chunks if isinstance(chunks, int) else number}
        return None

    def _record_of_chunk(self, number: int) -> dict[str, Any] | None:
        record = SubmissionLedger(
            self._store, self._place.key_of_chunk(number), self._attempt
        ).record
        return None if record is None else {"state": "unreadable", **record, "number": number}

    def _change(self, begun: Mapping[str, Any], records: list[dict[str, Any]]) -> str:
        ids = [record["schedule_id"] for record in records if record.get("schedule_id")]
        doubtful = [
            self._place.key_of_chunk(each["number"])
            for each in records
            if not each.get("schedule_id")
        ]
        refused = sum(record.get("failure_count", 0) for record in records)
        left = begun["chunks"] - len(records)
        is_comparable = begun.get("key") == self._list.key
        why = "it differs" if is_comparable else "or nobody can tell: the master secret has changed"
        parts = [
            f"Scheduled is a part of that: {', '.join(ids) or 'nothing that is known'}",
            f"uncertain are the records {', '.join(doubtful)}" if doubtful else "",
            f"{refused} recipients were refused" if refused else "",
            f"{left} of its {begun['chunks']} chunks were never submitted" if left else "",
        ]
        return (
            f"The list of recipients is not the one that this task has begun to submit ({why}; now "
            f"it has {self._known.recipients} recipients). {'; '.join(filter(None, parts))}. "
            "Nothing was sent by this try. Ways on: (1) restore the list and clear the task: it "
            "goes on. (2) Mark the task as success, and text those who were never submitted, "
            "refused, corrected or added by a task of their own. (3) To begin anew, delete those "
            "schedules first, then delete all records in the task's Storage tab and clear the task."
        )

    def _count_others(self, current: int, is_doubtful: bool) -> bool:  # noqa: FBT001  private
        """Count what earlier tries have submitted of the chunks that this one has not come to.

        :param current: the chunk at which it stopped, which is counted too if it has not been.
        :param is_doubtful: of that one nobody knows what came of it.
        :returns: whether the records could be read.
        """
        if self._store is None and self._attempt.number > 1:
            return False
        first = self.tally.done // MOST_RECIPIENTS + 1
        for number in range(first, len(self._known.digests) + 1):
            if number == current and is_doubtful:
                self.tally.uncertain_count += self._size(number)
                continue
            try:
                record = self._record_of_chunk(number)
            except JsmsLedgerError:
                return False
            if record:
                self.tally.add_record(record, self._size(number))
        return True

    def _size(self, number: int) -> int:
        before = (number - 1) * MOST_RECIPIENTS
        return min(MOST_RECIPIENTS, self._known.recipients - before)

    def _how_far(self, *, are_known: bool) -> str:
        way_on = (
            "Another try, also of the task when it is cleared, goes on from there."
            if self._store is not None
            else "This Airflow keeps no record: text the others by a new run with them alone."
            if are_known
            else "Look in the JSMS console what earlier tries have scheduled."
        )
        return f"{self.tally.describe(are_known=are_known)} {way_on}"


def _submit(submit: Callable[[], dict[str, Any]], people: list[Recipient]) -> dict[str, Any]:
    try:
        return submit()
    except JsmsRecipientError as error:
        # No document tells how JSMS answers when it refuses every recipient of a batch.
        _log.warning("%s It counts as a refusal of all %d.", error, len(people))
        return all_refused(people, error.code)


def _behind(ledger: SubmissionLedger) -> JsmsNoRetryError:
    """Return the error that stops a campaign if what came of a chunk cannot be written."""
    schedule_id = (ledger.record or {}).get("schedule_id")
    return JsmsNoRetryError(
        f"What came of the last chunk could not be written into the record {ledger.key} "
        f"(schedule_id {schedule_id}), so no further one is submitted, and no other try would "
        "know. To go on, delete that schedule, then delete that record in the task's Storage tab "
        "and clear the task."
    )


class _Progress:
    """Tells the log how far a campaign has come, at a pace that can be read."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._began = self._told = monotonic()

    def tell(self) -> None:
        """Tell it if the last time is some seconds ago, or everything is done."""
        now, left = monotonic(), self._tally.recipients - self._tally.done
        if left and now - self._told < _SECONDS_BETWEEN_LINES:
            return
        self._told = now
        rate = self._tally.done / max(now - self._began, 0.001)
        _log.info(
            "%s of %s recipients done, %s refused; %.0f per second%s",
            f"{self._tally.done:,}",
            f"{self._tally.recipients:,}",
            f"{self._tally.failure_count:,}",
            rate,
            f", about {left / rate:.0f} s left" if left else "",
        )
