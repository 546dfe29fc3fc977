"""One submission of a task, carried out with the ledger: one text, or a task that says so."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.exceptions import (
    JsmsForeignRecordError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsStateError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.ledger import (
    DAMAGED,
    REFUSED,
    Decision,
    Do,
    decide_after_asking,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.submission.ledger import SubmissionLedger
    from airflow_provider_jsms.submission.orders import Order, Sender
    from airflow_provider_jsms.submission.this_try import ThisTry

_STOOD_STILL: Final = 2.0
_log = logging.getLogger(__name__)

ON_UNCERTAIN: Final = ("fail", "resubmit", "assume_sent")


class Submission:
    """Carries out one order, whatever earlier tries have left behind.

    :param sender: an open hook.
    :param this_try: of the task that submits.
    :param ledger: of this order.
    :param on_uncertain: ``"fail"``, ``"resubmit"`` or ``"assume_sent"``.
    :param ready: called before each request that changes something; raises if none may be sent.
    :param ways_on: returns what a person can do where the outcome is unknown; is given the ledger,
        and whether the record may be submitted again. Default: what helps with an operator.
    :ivar may_have_submitted: whether JSMS may have taken something from this task.
    """

    def __init__(
        self,
        sender: Sender,
        this_try: ThisTry,
        ledger: SubmissionLedger,
        *,
        on_uncertain: object = "fail",
        ready: Callable[[], None] = lambda: None,
        ways_on: Callable[[SubmissionLedger, bool], str] | None = None,
    ) -> None:
        self._sender = sender
        self._ledger = ledger
        self._on_uncertain = choice("on_uncertain", on_uncertain, ON_UNCERTAIN)
        self._ready = ready
        self._ways_on = ways_on or ways_on_with_an_operator
        self._resubmitted = 0
        self.may_have_submitted = False
        self._this_try = this_try
        this_try.submissions.append(self)

    def carry_out(self, order: Order) -> dict[str, Any] | None:
        """Return the outcome of the order, None if it is assumed to have been sent."""
        self._this_try.uncertain.check(order.text)
        decision = self._ledger.decide(order.request)
        if decision.do is Do.ASK:
            decision = self._ask(order)
        if decision.do is Do.GO_ON and not order.is_told_by(self._ledger.record or {}):
            decision = DAMAGED
        if self._ledger.record is not None:
            level = logging.INFO if decision.do is Do.GO_ON else logging.WARNING
            _log.log(level, "Record %s: %s (%s)", self._ledger.key, decision.why, decision.do.value)
        return self._follow(decision, order)

    @property
    def is_begun(self) -> bool:
        """Whether this try or an earlier one may have submitted something."""
        return bool((self._ledger.record or {}).get("state", REFUSED) != REFUSED)

    def finish(self) -> None:
        """Write that the task has done everything, if that can be known."""
        if not self._ledger.attempt.is_in_code:
            self._ledger.finished()

    def _ask(self, order: Order) -> Decision:
        record = self._ledger.record or {}
        try:
            schedule = self._sender.query_schedule(record.get("schedule_id"))
        except JsmsStateError:
            return Decision(
                Do.DOUBT,
                f"JSMS does not know schedule {record.get('schedule_id')} any more: it was "
                "deleted, or sent and forgotten",
            )
        moment = parse_wire(schedule["send_time"] or "", self._sender.settings.zone)
        return decide_after_asking(record, order.request, moment, datetime.now(UTC))

    def _follow(self, decision: Decision, order: Order) -> dict[str, Any] | None:
        if decision.do is Do.GO_ON:
            return dict(self._ledger.record or {})
        if decision.do is Do.MODIFY:
            return self._modify(order)
        if decision.do is Do.DOUBT:
            # Of a damaged record nobody knows what it said: it may have named a schedule.
            may_resubmit = decision is not DAMAGED
            error = self._uncertain(order, decision.why, may_resubmit=may_resubmit)
            return self._doubt(order, error, may_resubmit=may_resubmit)
        if decision.do in (Do.LEAVE, Do.GIVE_UP):
            if self._ledger.attempt.is_in_code:
                # A text that an earlier try did not submit either, because it was late.
                order.moment.require_future(datetime.now(UTC))
            raise self._untouchable(decision)
        return self._submit(order)

    def _submit(self, order: Order) -> dict[str, Any] | None:
        order.moment.require_future(datetime.now(UTC))
        self._ready()
        self._write_intent(order)
        before = self.may_have_submitted
        try:
            self._ready()
            self.may_have_submitted = True
            outcome = order.submit()
        except JsmsUncertainError as error:
            return self._doubt(order, self._with_ways_on(error))
        except AirflowException as error:
            self.may_have_submitted = before
            self._refuse(getattr(error, "code", None))
            raise
        if outcome["schedule_id"] is not None:
            self._ledger.accepted(outcome)
        elif self._resubmitted:
            why = "the resubmission was refused, which says nothing about the first submission"
            return self._doubt(order, self._uncertain(order, why))
        else:
            self._refuse(outcome.get("code"))
        return outcome

    def _write_intent(self, order: Order) -> None:
        """Write that the order is being sent, twice if the first time took suspiciously long.

        A try that stood still meanwhile may have been replaced by another one, which its next
        write tells.
        """
        began = monotonic()
        self._ledger.sending(order.request, order.about, resubmitted=self._resubmitted)
        if monotonic() - began > _STOOD_STILL:
            self._ledger.sending(order.request, order.about, resubmitted=self._resubmitted)

    def _modify(self, order: Order) -> dict[str, Any] | None:
        schedule_id = str((self._ledger.record or {}).get("schedule_id"))
        stands = f"Schedule {schedule_id}, which an earlier try has submitted, stands as it was."
        try:
            order.moment.require_future(datetime.now(UTC))
        except JsmsPastSendTimeError as error:
            raise JsmsLateChangeError(f"{error} {stands}") from error
        self._ready()
        self._ledger.modifying(order.request, order.about)
        try:
            outcome = order.modify(schedule_id)
        except JsmsStateError as error:
            why = f"schedule {schedule_id} could not be changed ({error.code}), sent or deleted"
            return self._doubt(order, self._uncertain(order, why))
        if outcome["schedule_id"] is None:
            raise JsmsRefusedRecipientsError(
                f"JSMS refused all {len(order.people)} recipients of the modification. {stands} "
                "Delete it if nobody may be texted any more."
            )
        self._ledger.accepted(outcome)
        return outcome

    def _refuse(self, code: int | None) -> None:
        # A refused resubmission says nothing about the first submission, which stays uncertain.
        if not self._resubmitted:
            self._ledger.refused(code)

    def _doubt(
        self,
        order: Order,
        error: JsmsUncertainError,
        *,
        may_resubmit: bool = True,
    ) -> dict[str, Any] | None:
        self.may_have_submitted = True
        if self._on_uncertain == "assume_sent":
            _log.warning("%s on_uncertain is 'assume_sent': going on without a schedule_id.", error)
            return None
        before = max(self._resubmitted, int((self._ledger.record or {}).get("resubmitted", 0)))
        if self._on_uncertain == "resubmit" and before == 0 and may_resubmit:
            _log.warning("%s on_uncertain is 'resubmit': submitting once more.", error)
            self._resubmitted = 1
            try:
                return self._submit(order)
            except JsmsPastSendTimeError:
                raise error from None
        self._this_try.uncertain.add(order.text, error)
        raise error

    def _uncertain(
        self, order: Order, why: str, *, may_resubmit: bool = True
    ) -> JsmsUncertainError:
        record = self._ledger.record or {}
        since = f", since {record['since']}" if "since" in record else ""
        schedule = f" as schedule {record['schedule_id']}" if record.get("schedule_id") else ""
        about = {**order.about, **{key: record[key] for key in order.about if key in record}}
        return self._with_ways_on(
            JsmsUncertainError(
                f"JSMS may have accepted this{since}{schedule}, nobody can tell: {why}. It is "
                f"about {about['recipients']} recipients with temp_id {about['temp_id']} at "
                f"{about['send_time']} (the wall clock of JSMS, {about['send_time_utc']}). "
                "Nothing was sent. Look in the JSMS console whether that schedule exists.",
                call=order.call,
            ),
            may_resubmit=may_resubmit,
        )

    def _with_ways_on(
        self, error: JsmsUncertainError, *, may_resubmit: bool = True
    ) -> JsmsUncertainError:
        again = JsmsUncertainError(
            f"{error.text} {self._ways_on(self._ledger, may_resubmit)}",
            call=error.call,
            code=error.code,
            message=error.message,
            http_status=error.http_status,
        )
        again.__cause__ = error.__cause__
        return again

    def _untouchable(self, decision: Decision) -> JsmsError:
        record = self._ledger.record or {}
        text = (
            f"Record {self._ledger.key}: {decision.why} (schedule {record.get('schedule_id')}). "
            "Nothing was sent."
        )
        if decision.do is Do.GIVE_UP:
            return JsmsLateChangeError(
                f"{text} To send the new text as well, trigger a new run; to keep the old one, "
                "mark the task as success."
            )
        if self._ledger.attempt.is_one_of_several:
            return JsmsForeignRecordError(
                f"{text} What code of your own has submitted is not modified, because another try "
                "may only have asked in another order. To continue: 1. If the recorded schedule is "
                "right, let your code ask for the same text (take send_time from the run, such as "
                "dag_run.run_after, not from the clock), and clear the task. 2. To replace it, "
                "delete the schedule in JSMS and the record in the task's Storage tab, then clear "
                "the task. 3. Or mark the task as success, and text those who are missing by a "
                "task of their own. A task for each text (.expand) can simply be changed."
            )
        if self._ledger.attempt.is_part:
            return JsmsForeignRecordError(
                f"{text} To text others as well, give them to a task of their own; a new run of "
                "this one would text everybody again."
            )
        return JsmsForeignRecordError(
            f"{text} The upstream list may have changed between two runs of the task. Trigger a "
            "new run, or use one batch task for the whole list."
        )


def ways_on_with_an_operator(ledger: SubmissionLedger, may_resubmit: bool) -> str:  # noqa: FBT001  see Submission
    """Return what a person can do with a task whose submission has an unknown outcome."""
    how = (
        f"delete the record {ledger.key} in the task's Storage tab and clear the task"
        if ledger.exists
        else "trigger a new run"
    )
    right = (
        "clear the task with on_uncertain='assume_sent', which goes on with the others"
        if ledger.attempt.is_part
        else "mark the task as success"
    )
    if may_resubmit:
        how += "; or set on_uncertain='resubmit', which submits once more"
    return (
        f"Ways on: (1) if it exists and is right, {right}. "
        f"(2) To send again, delete the schedule there first, then {how}. "
        "(3) on_uncertain='assume_sent' goes on without it."
    )
