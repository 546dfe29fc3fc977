"""One submission, carried out with its record: sent exactly once, or an error that says why."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.calls import modification
from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsForeignRecordError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsStateError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.decisions import DAMAGED, Decision, Do, decide_after_query
from airflow_provider_jsms.submission.refusals import is_complete, to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.replies import BatchResult, Schedule
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.task_try import TaskTry

T = TypeVar("T")

ON_UNCERTAIN: Final = ("fail", "resubmit", "assume_sent")
_SUSPICIOUS_SECONDS: Final = 2.0
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


class Submission:
    """Carries out one call, continuing from the record of earlier tries.

    :param sender: an open hook.
    :param record: of this submission.
    :param on_uncertain: ``"fail"``, ``"resubmit"`` or ``"assume_sent"``.
    :param before_send: called before each request that changes something; raises to prevent it.
    :param about: further fields of the record.
    :param next_steps: returns the options of a person after an unknown outcome, given the record
        and whether it may be submitted again.
    :ivar may_have_submitted: whether JSMS may have accepted something from this task.
    :ivar result: the reply of JSMS, which is more than the record keeps.
    """

    def __init__(
        self,
        sender: Sender,
        task_try: TaskTry,
        record: SubmissionRecord,
        *,
        on_uncertain: object = "fail",
        before_send: Callable[[], None] = lambda: None,
        about: Mapping[str, Any] | None = None,
        next_steps: Callable[[SubmissionRecord, bool], str] | None = None,
    ) -> None:
        self._sender = sender
        self._record = record
        self._on_uncertain = choice("on_uncertain", on_uncertain, ON_UNCERTAIN)
        self._before_send = before_send
        self._about = about or {}
        self._next_steps = next_steps or next_steps_with_an_operator
        self._resubmitted = 0
        self.may_have_submitted = False
        self.result: Any = None
        self._task_try = task_try
        task_try.submissions.append(self)

    @property
    def is_begun(self) -> bool:
        """Whether this or an earlier try may have scheduled something."""
        return self._record.is_scheduled_or_unknown

    def carry_out(
        self, call: Call[str] | Call[BatchResult], request: Fingerprint
    ) -> dict[str, Any] | None:
        """Return the outcome as the record keeps it, None if the text is assumed to be sent.

        :param request: the fingerprint of the call.
        """
        self._task_try.uncertain.check(request.text)
        decision = self._record.decide(request)
        if decision.do is Do.QUERY:
            decision = self._query(request)
        if decision.do is Do.REUSE and not is_complete(self._recorded, call):
            decision = DAMAGED
        if self._record.content is not None:
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

    def _query(self, request: Fingerprint) -> Decision:
        schedule_id = self._record.schedule_id
        try:
            schedule = self._sender.query_schedule(schedule_id)
        except JsmsStateError:
            why = f"JSMS no longer knows schedule {schedule_id}: it was deleted, or sent"
            return Decision(Do.DOUBT, why)
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
            # A damaged record may have named a schedule, so it is never resubmitted.
            may_resubmit = decision is not DAMAGED
            error = self._uncertain(call, decision.why, may_resubmit=may_resubmit)
            return self._doubt(call, request, error, may_resubmit=may_resubmit)
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
            self.may_have_submitted = True
            outcome = self._send(call)
        except JsmsUncertainError as error:
            error.add(self._next_steps(self._record, True))  # noqa: FBT003  see the parameter
            return self._doubt(call, request, error)
        except AirflowException as error:
            if self._resubmitted and isinstance(error, JsmsApiError):
                return self._doubt(call, request, self._refused_again(call, error))
            self.may_have_submitted = before
            self._refuse(getattr(error, "code", None))
            raise
        if outcome["schedule_id"] is not None:
            self._record.accepted(outcome)
        elif self._resubmitted:
            return self._doubt(call, request, self._refused_again(call))
        else:
            self._refuse(None)
        return outcome

    def _refused_again(
        self, call: Call[Any], cause: JsmsApiError | None = None
    ) -> JsmsUncertainError:
        why = "the resubmission was refused, which says nothing about the first submission"
        error = self._uncertain(call, why)
        error.__cause__ = cause
        return error

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
            why = f"schedule {schedule_id} could not be modified ({error.code}), sent or deleted"
            return self._doubt(call, request, self._uncertain(call, why))
        if outcome["schedule_id"] is None:
            raise JsmsRefusedRecipientsError(
                f"JSMS refused all {len(call.recipients)} recipients of the modification. {stands} "
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
        error: JsmsUncertainError,
        *,
        may_resubmit: bool = True,
    ) -> dict[str, Any] | None:
        self.may_have_submitted = True
        if self._on_uncertain == "assume_sent":
            _log.warning("%s Continuing without a schedule_id (on_uncertain='assume_sent').", error)
            return None
        before = max(self._resubmitted, int(self._recorded.get("resubmitted", 0)))
        if self._on_uncertain == "resubmit" and before == 0 and may_resubmit:
            _log.warning("%s Submitting once more (on_uncertain='resubmit').", error)
            self._resubmitted = 1
            try:
                return self._submit(call, request)
            except JsmsPastSendTimeError:
                raise error from None
        self._task_try.uncertain.add(request.text, error)
        raise error

    def _description(self, call: Call[Any]) -> dict[str, Any]:
        """Return the description of a call in the record, for people."""
        return {
            "send_time": call.send_time.wire if call.send_time else None,
            "send_time_utc": call.send_time.utc if call.send_time else None,
            "temp_id": (call.body or {}).get("temp_id"),
            "recipients": len(call.recipients),
            **self._about,
        }

    def _uncertain(
        self, call: Call[Any], why: str, *, may_resubmit: bool = True
    ) -> JsmsUncertainError:
        record = self._recorded
        about = {**self._description(call), **record}
        schedule = f" as schedule {record['schedule_id']}" if record.get("schedule_id") else ""
        since = f", at {record['since']}" if "since" in record else ""
        return JsmsUncertainError(
            f"JSMS may have accepted this{schedule}{since}: {why}. It concerns "
            f"{about['recipients']} recipients with temp_id {about['temp_id']} at "
            f"{about['send_time']} (the wall clock of JSMS, {about['send_time_utc']}). Nothing was "
            "sent. Check in the JSMS console whether that schedule exists. "
            f"{self._next_steps(self._record, may_resubmit)}",
            call=str(call),
        )

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
                "clock) and clear the task. 2. To replace it, delete the schedule in JSMS and the "
                "record in the task's Storage tab, then clear the task. 3. Or mark the task as "
                "success, and text the missing people by another task."
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


def next_steps_with_an_operator(record: SubmissionRecord, may_resubmit: bool) -> str:  # noqa: FBT001  see Submission
    """Return the options of a person after a submission with an unknown outcome."""
    again = (
        f"delete the record {record.key} in the task's Storage tab and clear the task"
        if record.has_store
        else "trigger a new run"
    )
    if may_resubmit:
        again += ", or set on_uncertain='resubmit', which submits once more"
    right = (
        "clear the task with on_uncertain='assume_sent', which continues with the others"
        if record.attempt.is_part
        else "mark the task as success"
    )
    return (
        f"To continue: 1. If it exists and is right, {right}. 2. To send again, delete the "
        f"schedule there first, then {again}. 3. on_uncertain='assume_sent' continues without it."
    )
