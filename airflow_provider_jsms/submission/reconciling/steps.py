"""The steps of a plan: submit, modify or delete one text of a list."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.exceptions import JsmsAlreadySentError, JsmsLedgerError, JsmsStateError
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.reconciling.plan import Action, due
from airflow_provider_jsms.submission.records.decisions import (
    ACCEPTED,
    DELETING,
    FINISHED,
    NEAR,
    Do,
)
from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
from airflow_provider_jsms.submission.task_try import TaskTry
from airflow_provider_jsms.submission.uncertain.adoption import Adoption, refuse_if_changed
from airflow_provider_jsms.submission.uncertain.doubt import doubt_about

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.reconciling.plan import Step, Text
    from airflow_provider_jsms.submission.records.stores import Store
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt

_WHY_UNCERTAIN: Final = (
    "an earlier try ended during its submission, and it is not in the list any more: if it is "
    "there, it is to be deleted, and if not, nothing is sent"
)
_log = logging.getLogger(__name__)


@dataclass(repr=False)
class StepRunner:
    """Carries out the steps of a plan, in any thread.

    :param hook: open; each thread has an HTTP session of its own.
    :param store: returns a store of the ledger for one text.
    :ivar doubts: about texts with an unknown outcome, by key.
    """

    hook: JsmsHook
    store: Callable[[], Store]
    task_try: TaskTry
    policy: Policy
    doubts: dict[str, Doubt] = field(default_factory=dict, init=False)

    def run(self, step: Step) -> tuple[str, str | None]:
        """Carry out one step; return its kind in the result, and the schedule."""
        if step.text is None and step.do is Action.UNCERTAIN:
            return self._settle_vanished(step)
        if step.do in (Action.DELETE, Action.REPLACE):
            self._delete(step)
        if step.text is None:
            return "deleted", step.schedule_id
        return self._submit(step.text)

    def _settle_vanished(self, step: Step) -> tuple[str, str | None]:
        if self.policy.on_uncertain == "assume_sent":
            return "uncertain", None
        record = self._record(step.key)
        answer = self.policy.answer_to(record)
        if answer is None:
            raise self._uncertain(record)
        refuse_if_changed(answer, record)
        decision = Adoption(answer, self.hook, record).decide()
        if decision is None:
            return "uncertain", None
        if decision.do is not Do.REUSE:
            return "absent", None
        self._delete(step._replace(record=record.content))
        return "deleted", record.schedule_id

    def _uncertain(self, record: SubmissionRecord) -> JsmsUncertainError:
        doubt = doubt_about(record, _WHY_UNCERTAIN, self.hook.settings.zone)
        if CAN_ASK and "fingerprint" in (record.content or {}):
            self.doubts[record.key] = doubt
            return doubt.error(
                "Look in the JSMS console whether that schedule exists. Then clear the task: it "
                "asks what you found."
            )
        return doubt.error(doubt.otherwise)

    def _record(self, key: str) -> SubmissionRecord:
        attempt = self.task_try.attempt_with_key._replace(is_listed=True)
        return SubmissionRecord(self.store(), key, attempt)

    def _submit(self, text: Text) -> tuple[str, str | None]:
        record = self._record(text.key)
        before = record.schedule_id
        # Other texts may have the same words, so each has a try of its own.
        own = TaskTry(None, record.attempt)
        submission = KeyedSubmission(self.hook, own, record, text.call, text.request, self.policy)
        try:
            outcome = submission.carry_out()
        finally:
            if submission.doubt:
                self.doubts[text.key] = submission.doubt
        submission.finish()
        if outcome is None:
            return "uncertain", None
        schedule_id = outcome["schedule_id"]
        if submission.result is None:
            return "unchanged", schedule_id
        return "modified" if before == schedule_id else "submitted", schedule_id

    def _delete(self, step: Step) -> None:
        record = self._record(step.key)
        is_scheduled = record.state in (ACCEPTED, FINISHED, DELETING)
        if record.schedule_id != step.schedule_id or not is_scheduled:
            raise JsmsLedgerError(
                f"The record {step.key} has changed since it was planned to delete schedule "
                f"{step.schedule_id}, so nothing was deleted. Another try reads it again."
            )
        self.policy.before_send()
        record.deleting()
        try:
            self.hook.delete_schedule(step.schedule_id)
        except JsmsAlreadySentError:
            record.not_deleted()
            raise
        except JsmsStateError as error:
            self._require_gone(step, record, error)
        record.deleted()

    def _require_gone(self, step: Step, record: SubmissionRecord, error: JsmsStateError) -> None:
        """Raise if a schedule that JSMS could not delete was sent."""
        try:
            self.hook.raise_if_sent(step.schedule_id, error)
            # JSMS may have sent it meanwhile, by its own clock, and forgotten it.
            if due(record.content or {}) <= datetime.now(UTC) + NEAR:
                raise JsmsAlreadySentError.like(error, error.text)
        except JsmsAlreadySentError:
            record.not_deleted()
            raise
        _log.warning("Schedule %s was deleted already", step.schedule_id)
