"""One submission, carried out with its record: sent exactly once, or an error that says why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.calls import modification
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsCallError,
    JsmsForeignRecordError,
    JsmsInputError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsStateError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.advice import with_an_operator, with_code
from airflow_provider_jsms.submission.comparison import (
    differences,
    differences_from_record,
    outcome_of,
    outcome_of_record,
)
from airflow_provider_jsms.submission.decisions import DAMAGED, Decision, Do, decide_after_query
from airflow_provider_jsms.submission.fingerprint import people_fingerprint
from airflow_provider_jsms.submission.ledger import now
from airflow_provider_jsms.submission.question import Doubt
from airflow_provider_jsms.submission.refusals import is_complete, to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.replies import BatchResult, Schedule
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.question import Answer
    from airflow_provider_jsms.submission.task_try import TaskTry

T = TypeVar("T")

ON_UNCERTAIN: Final = ("fail", "ask", "resubmit", "assume_sent")
_SUSPICIOUS_SECONDS: Final = 2.0
_REFUSED_AGAIN: Final = (
    "the resubmission was refused, which says nothing about the first submission"
)
_log = logging.getLogger(__name__)


class Sender(Protocol):
    """The part of the hook that a submission uses."""

    @property
    def settings(self) -> JsmsSettings:
        """The connection's settings."""

    def send_call(self, call: Call[T]) -> T:
        """Send a submit or modify and return its result."""

    def query_schedule(self, schedule_id: object) -> Schedule:
        """Return a schedule."""


@dataclass(frozen=True)
class Policy:
    """What a submission does besides sending.

    :param on_uncertain: ``"fail"``, ``"ask"``, ``"resubmit"`` or ``"assume_sent"``.
    :param before_send: called before each request that changes something; raises to prevent it.
    :param may_ask: returns whether a person can be asked about a submission.
    :param answer: what a person has decided about uncertain submissions of this try.
    """

    on_uncertain: object
    before_send: Callable[[], None]
    may_ask: Callable[[Submission], bool]
    answer: Answer | None = None


_FAIL: Final = Policy("fail", lambda: None, lambda _: False)


class Submission:
    """Carries out one call, continuing from the record of earlier tries.

    :param sender: an open hook.
    :param record: of this submission.
    :param about: further fields of the record.
    :param is_hook: a hook in the user's own code submits.
    :ivar may_have_submitted: whether JSMS may have accepted something from this task.
    :ivar has_sent: whether this try has sent a request that may have been accepted.
    :ivar doubt: what a person has to know, if the outcome is unknown.
    :ivar result: the reply of JSMS, which is more than the record keeps.
    """

    def __init__(
        self,
        sender: Sender,
        task_try: TaskTry,
        record: SubmissionRecord,
        policy: Policy = _FAIL,
        *,
        about: Mapping[str, Any] | None = None,
        is_hook: bool = False,
    ) -> None:
        self._sender = sender
        self._record = record
        self._on_uncertain = choice("on_uncertain", policy.on_uncertain, ON_UNCERTAIN)
        self._before_send = policy.before_send
        self._answer = policy.answer
        self._about = about or {}
        self._is_hook = is_hook
        self._resubmitted = 0
        self._sent_at: str | None = None
        self.may_have_submitted = False
        self.has_sent = False
        self.doubt: Doubt | None = None
        self.result: Any = None
        self._task_try = task_try
        task_try.submissions.append(self)

    @property
    def is_begun(self) -> bool:
        """Whether this or an earlier try may have scheduled something."""
        return self._record.is_scheduled_or_unknown

    @property
    def asks(self) -> bool:
        """Whether a person is to be asked after an unknown outcome."""
        return self._on_uncertain == "ask"

    def carry_out(
        self, call: Call[str] | Call[BatchResult], request: Fingerprint
    ) -> dict[str, Any] | None:
        """Return the outcome as the record keeps it, None if the text is assumed to be sent.

        :param request: the fingerprint of the call.
        """
        if self._answer is None:
            self._task_try.uncertain.check(request.text)
        decision = self._record.decide(request)
        if decision.do is Do.QUERY:
            decision = self._query(call, request)
        if decision.do is Do.REUSE and not is_complete(self._recorded, call):
            decision = DAMAGED
        if self._record.content is not None and not self._record.is_new:
            level = logging.INFO if decision.do is Do.REUSE else logging.WARNING
            _log.log(level, "Record %s: %s (%s)", self._record.key, decision.why, decision.do.value)
        return self._follow(decision, call, request)

    def finish(self) -> None:
        """Write that the task is done, unless its own code may submit more."""
        if not self._record.attempt.is_in_code:
            self._record.finished()

    @property
    def _recorded(self) -> dict[str, Any]:
        return self._record.content or {}

    def _query(self, call: Call[Any], request: Fingerprint) -> Decision:
        schedule_id = self._record.schedule_id
        try:
            schedule = self._sender.query_schedule(schedule_id)
        except JsmsStateError:
            why = f"JSMS no longer knows schedule {schedule_id}: it was deleted, or sent"
            return Decision(Do.DOUBT, why)
        if not request.is_comparable(self._recorded["fingerprint"]):
            if found := differences(schedule, call):
                why = f"the master secret has changed, and schedule {schedule_id} is of another"
                return Decision(Do.DOUBT, f"{why} text: {', '.join(found)}")
            return Decision(Do.REUSE, "JSMS holds a schedule of the same people, time and template")
        send_time = parse_wire(schedule["send_time"] or "", self._sender.settings.zone)
        return decide_after_query(self._recorded, request, send_time, datetime.now(UTC))

    def _follow(
        self, decision: Decision, call: Call[Any], request: Fingerprint
    ) -> dict[str, Any] | None:
        if decision.do is Do.REUSE:
            return dict(self._recorded)
        if decision.do is Do.MODIFY:
            return self._modify(call, request)
        if decision.do is Do.DOUBT:
            return self._doubt(call, request, decision.why)
        if decision.do in (Do.LEAVE, Do.GIVE_UP):
            if self._record.attempt.is_in_code:
                # Your code may ask again for a text that was late in an earlier try too.
                call.require_future()
            raise self._conflict(decision)
        return self._submit(call, request)

    def _submit(self, call: Call[Any], request: Fingerprint) -> dict[str, Any] | None:
        call.require_future()
        self._before_send()
        self._write_intent(call, request)
        before = self.may_have_submitted
        try:
            self._before_send()
            self.may_have_submitted = self.has_sent = True
            self._sent_at = now()
            outcome = self._send(call)
        except JsmsUncertainError as error:
            # The client's error, of which this one is about, says what happened to the request.
            no_answer = error.__cause__ if isinstance(error.__cause__, JsmsCallError) else error
            return self._doubt(call, request, no_answer.text, cause=no_answer)
        except AirflowException as error:
            if self._resubmitted and isinstance(error, JsmsApiError):
                return self._doubt(call, request, _REFUSED_AGAIN, cause=error)
            self.may_have_submitted = self.has_sent = before
            self._refuse(getattr(error, "code", None))
            raise
        if outcome["schedule_id"] is not None:
            self._record.accepted(outcome)
        elif self._resubmitted:
            return self._doubt(call, request, _REFUSED_AGAIN)
        else:
            self._refuse(None)
        return outcome

    def _send(self, call: Call[Any]) -> dict[str, Any]:
        self.result = self._sender.send_call(call)
        return to_record(self.result, call.recipients)

    def _write_intent(self, call: Call[Any], request: Fingerprint) -> None:
        """Write the intent, again if that took suspiciously long.

        A try that was frozen meanwhile may have been replaced: then its next write fails.
        """
        for _ in range(2):
            began = monotonic()
            self._record.sending(request, self._description(call), resubmitted=self._resubmitted)
            if monotonic() - began <= _SUSPICIOUS_SECONDS:
                return

    def _modify(self, call: Call[Any], request: Fingerprint) -> dict[str, Any] | None:
        schedule_id = self._record.schedule_id
        stands = f"Schedule {schedule_id}, which an earlier try submitted, stands as it was."
        try:
            call.require_future()
        except JsmsPastSendTimeError as error:
            raise JsmsLateChangeError(f"{error} {stands}") from error
        self._before_send()
        self._record.modifying(request, self._description(call))
        try:
            outcome = self._send(modification(call, schedule_id))
        except JsmsStateError as error:
            why = f"it could not be modified ({error.code}), because it was sent or deleted"
            return self._doubt(call, request, why, cause=error)
        if outcome["schedule_id"] is None:
            raise JsmsRefusedRecipientsError(
                f"JSMS refused every recipient of the modification. {stands} "
                "Delete it if nobody is to be texted."
            )
        self._record.accepted(outcome)
        return outcome

    def _refuse(self, code: int | None) -> None:
        # A refused resubmission says nothing about the first submission, which stays uncertain.
        if not self._resubmitted:
            self._record.refused(code)

    def _doubt(
        self,
        call: Call[Any],
        request: Fingerprint,
        why: str,
        *,
        cause: JsmsCallError | None = None,
    ) -> dict[str, Any] | None:
        self.may_have_submitted = True
        record = self._record
        if self._answer and record.key in self._answer.versions and not self.has_sent:
            return self._follow_answer(self._answer, call, request)
        doubt = self._doubt_of(call, request, why)
        error = self._uncertain(call, doubt, cause)
        if self._on_uncertain == "assume_sent":
            _log.warning("%s Continuing without a schedule_id (on_uncertain='assume_sent').", error)
            record.note("continued without a schedule_id (on_uncertain='assume_sent')")
            return None
        before = max(self._resubmitted, int(self._recorded.get("resubmitted", 0)))
        if self._on_uncertain == "resubmit" and before == 0 and record.may_be_resubmitted:
            _log.warning("%s Submitting once more (on_uncertain='resubmit').", error)
            self._resubmitted = 1
            try:
                return self._submit(call, request)
            except JsmsPastSendTimeError:
                raise error from None
        self.doubt = doubt
        self._task_try.uncertain.add(request.text, error)
        raise error

    def _follow_answer(
        self, answer: Answer, call: Call[Any], request: Fingerprint
    ) -> dict[str, Any] | None:
        record = self._record
        if answer.versions[record.key] != record.version:
            raise _not_adopted(call, "The answer is to an older question")
        _log.warning("Record %s: %s", record.key, answer.note)
        if answer.leaves():
            record.note(answer.note)
            return None
        if answer.submits(record.key):
            record.not_there(answer.note)
            return self._submit(call, request)
        schedule = self._found(call, answer.schedule_ids.get(record.key))
        if self._is_changed(request):
            return self._adopt_as_recorded(answer, schedule, call, request)
        _require_agreement(call, schedule, differences(schedule, call))
        outcome = outcome_of(schedule, call)
        record.there({**outcome, **self._description(call)}, answer.note, request)
        return outcome

    def _adopt_as_recorded(
        self, answer: Answer, schedule: Schedule, call: Call[Any], request: Fingerprint
    ) -> dict[str, Any] | None:
        """Continue as if the record had been *accepted*: the arguments have changed since."""
        people = partial(people_fingerprint, settings=self._sender.settings)
        found = differences_from_record(schedule, self._recorded, people)
        _require_agreement(call, schedule, found)
        self._record.there(outcome_of_record(schedule, self._recorded), answer.note)
        return self._follow(self._record.decide(request), call, request)

    def _found(self, call: Call[Any], schedule_id: str | None) -> Schedule:
        """Return the schedule that a person has found."""
        if schedule_id is None:
            raise _not_adopted(call, "No schedule_id was entered")
        try:
            return self._sender.query_schedule(schedule_id)
        except JsmsInputError as error:
            raise _not_adopted(call, str(error)) from error
        except JsmsStateError as error:
            why = f"JSMS does not know schedule {schedule_id}, or it was sent ({error.code})"
            raise _not_adopted(call, why) from error

    def _is_changed(self, request: Fingerprint) -> bool:
        """Return whether the record is of other arguments than those of this try."""
        recorded = self._recorded.get("fingerprint")
        return recorded is not None and not request.is_same_request(recorded)

    def _description(self, call: Call[Any]) -> dict[str, Any]:
        """Return the description of a call in the record, for people."""
        return {
            "send_time": call.send_time.wire if call.send_time else None,
            "send_time_utc": call.send_time.utc if call.send_time else None,
            "temp_id": (call.body or {}).get("temp_id"),
            "recipients": len(call.recipients),
            **self._about,
        }

    def _doubt_of(self, call: Call[Any], request: Fingerprint, why: str) -> Doubt:
        """Return what a person has to know; the record knows better what an earlier try sent."""
        record, who = self._recorded, call.who
        about = {**self._description(call), **record}
        zone = self._sender.settings.zone
        if self._is_changed(request) and not self._record.is_for(request, people=True):
            count = about["recipients"]
            who = f"{count} other {noun(count)} than now: the arguments have changed since"
        return Doubt(
            key=self._record.key,
            version=self._record.version,
            why=why,
            since=record.get("since") or self._sent_at,
            number=record.get("try"),
            who=who,
            temp_id=mask_text(about["temp_id"]),
            send_time=f"{about['send_time']} {zone} ({about['send_time_utc']})",
            schedule_id=self._record.schedule_id,
        )

    def _uncertain(
        self, call: Call[Any], doubt: Doubt, cause: JsmsCallError | None
    ) -> JsmsUncertainError:
        schedule = f" as schedule {doubt.schedule_id}" if doubt.schedule_id else ""
        by = f" by try {doubt.number}" if doubt.number else ""
        since = f", submitted at {doubt.since}{by}" if doubt.since else ""
        sent = "It was not sent again." if self.has_sent else "This try sent nothing."
        steps = (with_code if self._is_hook else with_an_operator)(self._record)
        text = (
            f"JSMS may have accepted this{schedule}{since}: {doubt.why.removesuffix('.')}.\n"
            f"It concerns {doubt.who} with temp_id {doubt.temp_id} at {doubt.send_time}. {sent}\n"
            f"{steps}"
        )
        if cause is None:
            return JsmsUncertainError(text, call=str(call))
        error = JsmsUncertainError.like(cause, text)
        error.__cause__ = cause
        return error

    def _conflict(self, decision: Decision) -> JsmsError:
        record = self._record
        text = (
            f"Record {record.key}: {decision.why} (schedule {record.schedule_id}). "
            "Nothing was sent."
        )
        if decision.do is Do.GIVE_UP:
            return JsmsLateChangeError(
                f"{text} To send the new text as well, trigger a new run; to keep the old one, "
                "mark the task as success."
            )
        if record.attempt.is_one_of_several:
            return JsmsForeignRecordError(
                f"{text} Texts of your own code are not modified, because another try may ask in "
                "another order. To continue: 1. If the recorded schedule is right, ask for the "
                "same text (take send_time from the run, such as dag_run.run_after, not from the "
                "clock) and clear the task. 2. To replace it, delete the schedule in JSMS, write "
                '{"state": "begun"} into the record in the task\'s Storage tab, and clear the '
                "task. 3. Or mark the task as success, and text the missing people by another "
                "task."
            )
        if record.attempt.is_part:
            return JsmsForeignRecordError(
                f"{text} To text others as well, use another task; a new run of this one would "
                "text everyone again."
            )
        return JsmsForeignRecordError(
            f"{text} The upstream list may have changed between two runs of the task. Trigger a "
            "new run, or use one batch task for the whole list."
        )


def _require_agreement(call: Call[Any], schedule: Schedule, found: list[str]) -> None:
    if found:
        raise _not_adopted(
            call,
            f"Schedule {schedule['schedule_id']} is of another text: {', '.join(found)}. If the "
            "arguments of the task have changed since, restore the arguments of that time first",
        )


def _not_adopted(call: Call[Any], why: str) -> JsmsUncertainError:
    return JsmsUncertainError(
        f"{why}. Nothing was sent, and the task does not know more than before. To be asked again, "
        "clear the task.",
        call=str(call),
    )
