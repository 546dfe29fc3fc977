"""One submission of a task, carried out with the ledger: one text, or a task that says so."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import (
    JsmsForeignRecordError,
    JsmsLateChangeError,
    JsmsPastSendTimeError,
    JsmsRefusedRecipientsError,
    JsmsStateError,
    JsmsUncertainError,
)
from airflow_provider_jsms.fingerprint import fingerprint
from airflow_provider_jsms.ledger import (
    DAMAGED,
    REFUSED,
    Decision,
    Do,
    decide_after_asking,
)
from airflow_provider_jsms.send_time import parse_wire
from airflow_provider_jsms.switches import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.fingerprint import Fingerprint
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.ledger import SubmissionLedger
    from airflow_provider_jsms.recipients import People
    from airflow_provider_jsms.send_time import SendTime

_STOOD_STILL: Final = 2.0
_log = logging.getLogger(__name__)

ON_UNCERTAIN: Final = ("fail", "resubmit", "assume_sent")


@dataclass(frozen=True)
class Order:
    """What is to be submitted.

    :param call: the call in words, for errors.
    :param body: what is sent, whose recipients are not looked at; only its fingerprint is kept.
    :param people: the recipients, with their parameters.
    :param moment: its ``send_time``.
    :param extra: what the record keeps beside.
    :param submit: sends it and returns the outcome as the record keeps it.
    :param modify: replaces a schedule by it and returns the outcome.
    :param is_told_by: tells whether a record says what came of it.
    """

    call: str
    body: Mapping[str, Any] = field(repr=False)
    people: People
    moment: SendTime
    submit: Callable[[], dict[str, Any]]
    modify: Callable[[str], dict[str, Any]]
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_told_by: Callable[[Mapping[str, Any]], bool] = bool  # by any record that is not empty

    @property
    def about(self) -> dict[str, Any]:
        """What the record tells people."""
        return {
            "send_time": self.moment.wire,
            "send_time_utc": self.moment.utc,
            "temp_id": self.body["temp_id"],
            "recipients": len(self.people),
            **self.extra,
        }


class Submission:
    """Carries out one order, whatever earlier tries have left behind.

    :param hook: open.
    :param ledger: of this order.
    :param on_uncertain: ``"fail"``, ``"resubmit"`` or ``"assume_sent"``.
    :param ready: called before each request that changes something; raises if none may be sent.
    :ivar may_have_submitted: whether JSMS may have taken something from this task.
    """

    def __init__(
        self,
        hook: JsmsHook,
        ledger: SubmissionLedger,
        *,
        on_uncertain: object,
        ready: Callable[[], None],
    ) -> None:
        self._hook = hook
        self._ledger = ledger
        self._on_uncertain = choice("on_uncertain", on_uncertain, ON_UNCERTAIN)
        self._ready = ready
        self._resubmitted = 0
        self.may_have_submitted = False

    def carry_out(self, order: Order) -> dict[str, Any] | None:
        """Return the outcome of the order, None if it is assumed to have been sent."""
        settings = self._hook.settings
        request = fingerprint(
            order.body,
            order.people,
            app_key=settings.app_key,
            master_secret=settings.master_secret,
        )
        decision = self._ledger.decide(request)
        if decision.do is Do.ASK:
            decision = self._ask(request)
        if decision.do is Do.GO_ON and not order.is_told_by(self._ledger.record or {}):
            decision = DAMAGED
        if self._ledger.record is not None:
            level = logging.INFO if decision.do is Do.GO_ON else logging.WARNING
            _log.log(level, "Record %s: %s (%s)", self._ledger.key, decision.why, decision.do.value)
        return self._follow(decision, order, request)

    @property
    def is_begun(self) -> bool:
        """Whether this try or an earlier one may have submitted something."""
        return bool((self._ledger.record or {}).get("state", REFUSED) != REFUSED)

    def finish(self) -> None:
        """Write that the task has done everything."""
        self._ledger.finished()

    def _ask(self, request: Fingerprint) -> Decision:
        record = self._ledger.record or {}
        try:
            schedule = self._hook.query_schedule(record.get("schedule_id"))
        except JsmsStateError:
            return Decision(
                Do.DOUBT,
                f"JSMS does not know schedule {record.get('schedule_id')} any more: it was "
                "deleted, or sent and forgotten",
            )
        moment = parse_wire(schedule["send_time"] or "", self._hook.settings.zone)
        return decide_after_asking(record, request, moment, datetime.now(UTC))

    def _follow(
        self, decision: Decision, order: Order, request: Fingerprint
    ) -> dict[str, Any] | None:
        if decision.do is Do.GO_ON:
            return dict(self._ledger.record or {})
        if decision.do is Do.MODIFY:
            return self._modify(order, request)
        if decision.do is Do.DOUBT:
            # Of a damaged record nobody knows what it said: it may have named a schedule.
            may_resubmit = decision is not DAMAGED
            error = self._uncertain(order, decision.why, may_resubmit=may_resubmit)
            return self._doubt(order, request, error, may_resubmit=may_resubmit)
        if decision.do in (Do.LEAVE, Do.GIVE_UP):
            raise self._untouchable(decision)
        return self._submit(order, request)

    def _submit(self, order: Order, request: Fingerprint) -> dict[str, Any] | None:
        order.moment.require_future(datetime.now(UTC))
        self._ready()
        self._write_intent(order, request)
        before = self.may_have_submitted
        try:
            self._ready()
            self.may_have_submitted = True
            outcome = order.submit()
        except JsmsUncertainError as error:
            return self._doubt(order, request, self._with_ways_on(error))
        except AirflowException as error:
            self.may_have_submitted = before
            self._refuse(getattr(error, "code", None))
            raise
        if outcome["schedule_id"] is not None:
            self._ledger.accepted(outcome)
        elif self._resubmitted:
            why = "the resubmission was refused, which says nothing about the first submission"
            return self._doubt(order, request, self._uncertain(order, why))
        else:
            self._refuse(outcome.get("code"))
        return outcome

    def _write_intent(self, order: Order, request: Fingerprint) -> None:
        """Write that the order is being sent, twice if the first time took suspiciously long.

        A try that stood still meanwhile may have been replaced by another one, which its next
        write tells.
        """
        began = monotonic()
        self._ledger.sending(request, order.about, resubmitted=self._resubmitted)
        if monotonic() - began > _STOOD_STILL:
            self._ledger.sending(request, order.about, resubmitted=self._resubmitted)

    def _modify(self, order: Order, request: Fingerprint) -> dict[str, Any] | None:
        schedule_id = str((self._ledger.record or {}).get("schedule_id"))
        stands = f"Schedule {schedule_id}, which an earlier try has submitted, stands as it was."
        try:
            order.moment.require_future(datetime.now(UTC))
        except JsmsPastSendTimeError as error:
            raise JsmsLateChangeError(f"{error} {stands}") from error
        self._ready()
        self._ledger.modifying(request, order.about)
        try:
            outcome = order.modify(schedule_id)
        except JsmsStateError as error:
            why = f"schedule {schedule_id} could not be changed ({error.code}), sent or deleted"
            return self._doubt(order, request, self._uncertain(order, why))
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
        request: Fingerprint,
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
                return self._submit(order, request)
            except JsmsPastSendTimeError:
                raise error from None
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
        how = (
            f"delete the record {self._ledger.key} in the task's Storage tab and clear the task"
            if self._ledger.exists
            else "trigger a new run"
        )
        right = (
            "clear the task with on_uncertain='assume_sent', which goes on with the others"
            if self._ledger.attempt.is_part
            else "mark the task as success"
        )
        if may_resubmit:
            how += "; or set on_uncertain='resubmit', which submits once more"
        again = JsmsUncertainError(
            f"{error.text} Ways on: (1) if it exists and is right, {right}. "
            f"(2) To send again, delete the schedule there first, then {how}. "
            "(3) on_uncertain='assume_sent' goes on without it.",
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
        if self._ledger.attempt.is_part:
            return JsmsForeignRecordError(
                f"{text} To text others as well, give them to a task of their own; a new run of "
                "this one would text everybody again."
            )
        return JsmsForeignRecordError(
            f"{text} The upstream list may have changed between two runs of the task. Trigger a "
            "new run, or use one batch task for the whole list."
        )
