"""One submission, carried out with its record: sent exactly once, or an error that says why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import choice
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
from airflow_provider_jsms.submission.adoption import Adoption, differences, refuse_if_changed
from airflow_provider_jsms.submission.advice import conflict, with_an_operator, with_code
from airflow_provider_jsms.submission.decisions import (
    DAMAGED,
    Decision,
    Do,
    decide_after_query,
    decide_when_gone,
)
from airflow_provider_jsms.submission.doubt import doubt_about, error_of
from airflow_provider_jsms.submission.refusals import is_complete, to_record
from airflow_provider_jsms.submission.stored_record import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.replies import BatchResult
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.doubt import Doubt
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.question import Answer
    from airflow_provider_jsms.submission.task_try import TaskTry

ON_UNCERTAIN: Final = ("fail", "ask", "resubmit", "assume_sent")
_SUSPICIOUS_SECONDS: Final = 2.0
_REFUSED_AGAIN: Final = (
    "the resubmission was refused, which says nothing about the first submission"
)
_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class Policy:
    """What a submission does besides sending.

    :param on_uncertain: ``"fail"``, ``"ask"``, ``"resubmit"`` or ``"assume_sent"``.
    :param before_send: called before each request that changes something; raises to prevent it.
    :param may_ask: returns whether a person can be asked about a submission.
    :param answer: what a person has decided about uncertain submissions of this try.
    :param preflight: called before the intent of a submit or modify is written; raises to prevent
        it.
    """

    on_uncertain: object
    before_send: Callable[[], None]
    may_ask: Callable[[Submission], bool]
    answer: Answer | None = None
    preflight: Callable[[], None] = _nothing


_FAIL: Final = Policy("fail", _nothing, lambda _: False)


class Submission:
    """Carries out one call, continuing from the record of earlier tries.

    :ivar may_have_submitted: whether JSMS may have accepted something from this task.
    :ivar has_sent: whether this try has sent a request that may have been accepted.
    :ivar doubt: what a person has to know, if the outcome is unknown.
    :ivar result: the reply of JSMS, which is more than the record keeps.
    """

    def __init__(
        self,
        hook: JsmsHook,
        task_try: TaskTry,
        record: SubmissionRecord,
        policy: Policy = _FAIL,
        *,
        about: Mapping[str, Any] | None = None,
        is_hook: bool = False,
    ) -> None:
        self._hook = hook
        self._record = record
        self._on_uncertain = choice("on_uncertain", policy.on_uncertain, ON_UNCERTAIN)
        self._policy = policy
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
    def key(self) -> str:
        """The key of its record."""
        return self._record.key

    @property
    def schedule_id(self) -> str | None:
        """The schedule that its record names."""
        return self._record.schedule_id

    @property
    def asks(self) -> bool:
        """Whether a person is to be asked after an unknown outcome."""
        return self._on_uncertain == "ask"

    def carry_out(
        self, call: Call[str] | Call[BatchResult], request: Fingerprint
    ) -> dict[str, Any] | None:
        """Return the outcome as the record keeps it, None if the text is assumed to be sent."""
        self._check_uncertain(request)
        if self._policy.answer:
            refuse_if_changed(self._policy.answer, self._record, call)
        decision = self._settled(self._record.decide(request), call, request)
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

    def _check_uncertain(self, request: Fingerprint) -> None:
        if self._policy.answer is None:
            self._task_try.uncertain.check(request.text)

    @property
    def _recorded(self) -> dict[str, Any]:
        return self._record.content or {}

    def _settled(self, decision: Decision, call: Call[Any], request: Fingerprint) -> Decision:
        return self._query(call, request) if decision.do is Do.QUERY else decision

    def _query(self, call: Call[Any], request: Fingerprint) -> Decision:
        schedule_id = self._record.schedule_id
        try:
            schedule = self._hook.query_schedule(schedule_id)
        except JsmsStateError:
            at = datetime.now(UTC)
            return decide_when_gone(self._recorded, self._record.attempt, schedule_id, at)
        if not request.is_comparable(self._recorded["fingerprint"]):
            if found := differences(schedule, call):
                why = f"the master secret has changed, and schedule {schedule_id} is of another"
                return Decision(Do.DOUBT, f"{why} text: {', '.join(found)}")
            return Decision(Do.REUSE, "JSMS holds a schedule of the same people, time and template")
        send_time = parse_wire(schedule["send_time"] or "", self._hook.settings.zone)
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
            raise conflict(self._record, decision)
        return self._submit(call, request)

    def _submit(self, call: Call[Any], request: Fingerprint) -> dict[str, Any] | None:
        call.require_sendable()
        self._policy.before_send()
        self._policy.preflight()
        self._write_intent(call, request)
        before = self.may_have_submitted
        try:
            self._policy.before_send()
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
        self.result = self._hook.send_call(call)
        return to_record(self.result, call.recipients)

    def _write_intent(self, call: Call[Any], request: Fingerprint) -> None:
        """Write the intent, again if that took suspiciously long.

        A try that was frozen meanwhile may have been replaced: then its next write fails.
        """
        for _ in range(2):
            began = monotonic()
            self._record.sending(
                request, {**call.summary, **self._about}, resubmitted=self._resubmitted
            )
            if monotonic() - began <= _SUSPICIOUS_SECONDS:
                return

    def _modify(self, call: Call[Any], request: Fingerprint) -> dict[str, Any] | None:
        schedule_id = self._record.schedule_id
        stands = f"Schedule {schedule_id}, which an earlier try submitted, stands as it was."
        try:
            call.require_sendable()
        except JsmsPastSendTimeError as error:
            raise JsmsLateChangeError(f"{error} {stands}") from error
        except JsmsSendWindowError as error:
            error.add(stands)
            raise
        self._policy.before_send()
        self._policy.preflight()
        self._record.modifying(request, self._summary(call))
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
        if self._policy.answer and record.key in self._policy.answer.versions and not self.has_sent:
            return self._follow_answer(self._policy.answer, call, request)
        doubt = doubt_about(
            *(call, request, record),
            why=why,
            sent_at=self._sent_at,
            zone=self._hook.settings.zone,
        )
        steps = (with_code if self._is_hook else with_an_operator)(record)
        error = error_of(doubt, steps, call=call, has_sent=self.has_sent, cause=cause)
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
            except (JsmsPastSendTimeError, JsmsSendWindowError):
                raise error from None
        self.doubt = doubt
        self._task_try.uncertain.add(request.text, error)
        raise error

    def _follow_answer(
        self, answer: Answer, call: Call[Any], request: Fingerprint
    ) -> dict[str, Any] | None:
        summary = self._summary(call)
        adoption = Adoption(answer, self._hook, self._record, call, request, summary)
        decision = adoption.decide()
        if decision is None:
            return None
        return self._follow(self._settled(decision, call, request), call, request)

    def _summary(self, call: Call[Any]) -> dict[str, Any]:
        return {**call.summary, **self._about}
