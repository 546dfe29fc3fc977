"""One submission, carried out with its record: sent exactly once, or an error that says why."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.calls import modification
from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsCallError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsSendWindowError,
    JsmsStateError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.lists.refusals import is_complete, to_record
from airflow_provider_jsms.submission.policy import FAIL
from airflow_provider_jsms.submission.records.decisions import (
    DAMAGED,
    Decision,
    Do,
    decide_after_query,
    decide_when_gone,
)
from airflow_provider_jsms.submission.records.record_content import now
from airflow_provider_jsms.submission.uncertain.adoption import (
    Adoption,
    differences,
    refuse_if_changed,
)
from airflow_provider_jsms.submission.uncertain.advice import conflict, with_an_operator, with_code
from airflow_provider_jsms.submission.uncertain.doubt import doubt_about

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.task_try import TaskTry
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt
    from airflow_provider_jsms.submission.uncertain.question import Answer

_SUSPICIOUS_SECONDS: Final = 2.0
_UNCERTAIN_FOR: Final = 3600.0  # seconds; then another text: the same words may be due every day
_REFUSED_AGAIN: Final = (
    "the resubmission was refused, which says nothing about the first submission"
)
_log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class Submission:
    """Carries out one call, continuing from the record of earlier tries.

    :param request: the fingerprint of the call.
    :param about: what the record says besides, for people who read it.
    :param is_hook: the hook submits it, in your own code.
    :ivar may_have_submitted: whether JSMS may have accepted something from this task.
    :ivar doubt: what a person has to know, if the outcome is unknown.
    :ivar result: the reply of JSMS, which is more than the record keeps.
    """

    hook: JsmsHook
    task_try: TaskTry
    record: SubmissionRecord
    call: Call[Any]
    request: Fingerprint
    policy: Policy = FAIL
    about: Mapping[str, Any] = field(default_factory=dict)
    is_hook: bool = False
    may_have_submitted: bool = field(default=False, init=False)
    doubt: Doubt | None = field(default=None, init=False)
    result: Any = field(default=None, init=False)
    _resubmitted: int = field(default=0, init=False)
    _sent_at: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.task_try.submissions.append(self)

    def carry_out(self) -> dict[str, Any] | None:
        """Return the outcome as the record keeps it, None if the text is assumed to be sent."""
        self._check_uncertain()
        if self.policy.answer:
            refuse_if_changed(self.policy.answer, self.record, self.call)
        decision = self._settled(self.record.decide(self.request))
        if decision.do is Do.REUSE and not is_complete(self._recorded, self.call):
            decision = DAMAGED
        if self.record.content is not None and not self.record.is_new:
            level = logging.INFO if decision.do is Do.REUSE else logging.WARNING
            _log.log(level, "Record %s: %s (%s)", self.record.key, decision.why, decision.do.value)
        return self._follow(decision)

    def finish(self) -> None:
        """Write that the task is done, unless its own code may submit more."""
        if not self.record.attempt.is_in_code:
            self.record.finished()

    def _check_uncertain(self) -> None:
        met_at, error = self.task_try.uncertain.get(self.request.text, (0.0, None))
        if error and self.policy.answer is None and monotonic() - met_at < _UNCERTAIN_FOR:
            raise error

    @property
    def _recorded(self) -> dict[str, Any]:
        return self.record.content or {}

    def _settled(self, decision: Decision) -> Decision:
        return self._query() if decision.do is Do.QUERY else decision

    def _query(self) -> Decision:
        schedule_id = self.record.schedule_id
        try:
            schedule = self.hook.query_schedule(schedule_id)
        except JsmsStateError:
            return decide_when_gone(self._recorded, self.record.attempt, datetime.now(UTC))
        if not self.request.is_comparable(self._recorded["fingerprint"]):
            if found := differences(schedule, self.call):
                why = f"the master secret has changed, and schedule {schedule_id} is of another"
                return Decision(Do.DOUBT, f"{why} text: {', '.join(found)}")
            return Decision(Do.REUSE, "JSMS holds a schedule of the same people, time and template")
        send_time = parse_wire(schedule["send_time"] or "", self.hook.settings.zone)
        return decide_after_query(self._recorded, self.request, send_time, datetime.now(UTC))

    def _follow(self, decision: Decision) -> dict[str, Any] | None:
        if decision.do is Do.REUSE:
            return dict(self._recorded)
        if decision.do is Do.MODIFY:
            return self._modify()
        if decision.do is Do.DOUBT:
            return self._doubt(decision.why)
        if decision.do in (Do.LEAVE, Do.GIVE_UP):
            if self.record.attempt.is_in_code:
                # Your code may ask again for a text that was late in an earlier try too.
                self.call.require_future()
            raise conflict(self.record, decision)
        return self._submit()

    def _submit(self) -> dict[str, Any] | None:
        self.call.require_sendable()
        self.policy.before_send()
        self.policy.preflight()
        self._write_intent()
        before = self.may_have_submitted
        try:
            self.policy.before_send()
            self.may_have_submitted = True
            self._sent_at = now()
            outcome = self._send(self.call)
        except JsmsUncertainError as error:
            # The client's error, of which this one is about, says what happened to the request.
            no_answer = error.__cause__ if isinstance(error.__cause__, JsmsCallError) else error
            return self._doubt(no_answer.text, no_answer)
        except AirflowException as error:
            if self._resubmitted and isinstance(error, JsmsApiError):
                return self._doubt(_REFUSED_AGAIN, error)
            self.may_have_submitted = before
            # A refused resubmission says nothing about the first one, which stays uncertain.
            if not self._resubmitted:
                self.record.refused(getattr(error, "code", None))
            raise
        if outcome["schedule_id"] is not None:
            self.record.accepted(outcome)
        elif self._resubmitted:
            return self._doubt(_REFUSED_AGAIN)
        else:
            self.record.refused(None)
        return outcome

    def _send(self, call: Call[Any]) -> dict[str, Any]:
        self.result = self.hook.send_call(call)
        return to_record(self.result, call.recipients)

    def _write_intent(self) -> None:
        """Write the intent, again if that took suspiciously long.

        A try that was frozen meanwhile may have been replaced: then its next write fails.
        """
        for _ in range(2):
            began = monotonic()
            self.record.sending(self.request, self._summary, resubmitted=self._resubmitted)
            if monotonic() - began <= _SUSPICIOUS_SECONDS:
                return

    def _modify(self) -> dict[str, Any] | None:
        schedule_id = self.record.schedule_id
        stands = f"Schedule {schedule_id}, which an earlier try submitted, stands as it was."
        try:
            self.call.require_sendable()
        except JsmsPastSendTimeError as error:
            raise JsmsLateChangeError(f"{error} {stands}") from error
        except JsmsSendWindowError as error:
            error.add(stands)
            raise
        self.policy.before_send()
        self.policy.preflight()
        self.record.modifying(self.request, self._summary)
        try:
            outcome = self._send(modification(self.call, schedule_id))
        except JsmsStateError as error:
            why = f"it could not be modified ({error.code}), because it was sent or deleted"
            return self._doubt(why, error)
        if outcome["schedule_id"] is None:
            raise JsmsRefusedRecipientsError(
                f"JSMS refused every recipient of the modification. {stands} "
                "Delete it if nobody is to be texted."
            )
        self.record.accepted(outcome)
        return outcome

    def _doubt(self, why: str, cause: JsmsCallError | None = None) -> dict[str, Any] | None:
        self.may_have_submitted = True
        record = self.record
        if (answer := self.policy.answer_to(record)) and not self._sent_at:
            return self._follow_answer(answer)
        zone = self.hook.settings.zone
        doubt = doubt_about(record, why, zone, self.call, self.request, sent_at=self._sent_at)
        error = doubt.error((with_code if self.is_hook else with_an_operator)(record), cause)
        if self.policy.on_uncertain == "assume_sent":
            _log.warning("%s Continuing without a schedule_id (on_uncertain='assume_sent').", error)
            record.note("continued without a schedule_id (on_uncertain='assume_sent')")
            return None
        before = max(self._resubmitted, int(self._recorded.get("resubmitted", 0)))
        if self.policy.on_uncertain == "resubmit" and before == 0 and record.may_be_resubmitted:
            _log.warning("%s Submitting once more (on_uncertain='resubmit').", error)
            self._resubmitted = 1
            try:
                return self._submit()
            except (JsmsPastSendTimeError, JsmsSendWindowError):
                raise error from None
        self.doubt = doubt
        self.task_try.doubts.append(doubt)
        self.task_try.uncertain[self.request.text] = (monotonic(), error)
        raise error

    def _follow_answer(self, answer: Answer) -> dict[str, Any] | None:
        adoption = Adoption(answer, self.hook, self.record, self.call, self.request, self._summary)
        decision = adoption.decide()
        return None if decision is None else self._follow(self._settled(decision))

    @property
    def _summary(self) -> dict[str, Any]:
        return {**self.call.summary, **self.about}
