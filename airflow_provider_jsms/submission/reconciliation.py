"""Carry out a plan: submit, modify and delete until JSMS matches the list of a scope.

Each text has a record of its own in the ledger, so a later try plans again and continues.
"""

from __future__ import annotations

import logging
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsAlreadySentError,
    JsmsAuthError,
    JsmsError,
    JsmsLedgerError,
    JsmsNeverReconciledError,
    JsmsNoAnswerError,
    JsmsNotReconciledError,
    JsmsNotSentError,
    JsmsStateError,
    JsmsStoppedError,
    JsmsThrottledError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.adoption import Adoption, refuse_if_changed
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.decisions import ACCEPTED, DELETING, FINISHED, NEAR, Do
from airflow_provider_jsms.submission.doubt import doubt_about
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.ledger import SubmissionRecord
from airflow_provider_jsms.submission.plan import Action, due
from airflow_provider_jsms.submission.report import in_words
from airflow_provider_jsms.submission.task_try import TaskTry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.doubt import Doubt
    from airflow_provider_jsms.submission.plan import Plan, Step, Text
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.report import Outcome
    from airflow_provider_jsms.submission.stored_record import Store

_MOST_UNREACHED: Final = 3
"""Texts for which JSMS or the ledger cannot be reached before a try leaves the others alone."""
_UNREACHED: Final = (JsmsNotSentError, JsmsThrottledError, JsmsNoAnswerError, JsmsLedgerError)
_FOR_ALL: Final = (JsmsAuthError, JsmsAccountError, JsmsStoppedError)
"""Every other text would fail the same way."""
_ACTING: Final = (Action.SUBMIT, Action.REPLACE, Action.MODIFY, Action.DELETE, Action.UNCERTAIN)
_WHY_UNCERTAIN: Final = (
    "an earlier try ended during its submission, and it is not in the list any more: if it is "
    "there, it is to be deleted, and if not, nothing is sent"
)

_log = logging.getLogger(__name__)


@dataclass(repr=False)
class Reconciliation:
    """Carries out a plan, the next due text first, a few at once.

    :param hook: open; each thread has an HTTP session of its own.
    :param store: returns a store of the ledger for one text.
    :param concurrency: how many requests are in flight at once.
    """

    hook: JsmsHook
    store: Callable[[], Store]
    task_try: TaskTry
    policy: Policy
    concurrency: int
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _unreached: int = field(default=0, init=False)
    _stopped_by: BaseException | None = field(default=None, init=False)
    _doubts: dict[str, Doubt] = field(default_factory=dict, init=False)

    def carry_out(self, plan: Plan, outcome: Outcome) -> None:
        """Follow the plan as far as possible.

        :param outcome: is kept up to date, also if this is interrupted.
        :raises JsmsError: some texts could not be submitted, modified or deleted.
        """
        steps = plan.of(*_ACTING)
        left = iter(steps)
        try:
            if steps:
                self._in_threads(min(self.concurrency, len(steps)), left, outcome)
        finally:
            _log.info("Done: %s", in_words(outcome.counts))
        # In the order of the plan, as people read the error and the question.
        keys = [step.key for step in plan.steps]
        self.task_try.doubts += [self._doubts[key] for key in keys if key in self._doubts]
        if outcome.failed:
            failed = {key: outcome.failed[key] for key in keys if key in outcome.failed}
            raise self._error(failed, in_words(outcome.counts), [*left])

    def _in_threads(self, count: int, left: Iterator[Step], outcome: Outcome) -> None:
        with ThreadPoolExecutor(count) as pool:
            workers = [pool.submit(self._work, left, outcome) for _ in range(count)]
            try:
                for worker in workers:
                    worker.result()
            except BaseException as error:
                # Such as a time limit of Airflow: the requests in flight are the last ones.
                self._stopped_by = error
                raise

    def _work(self, left: Iterator[Step], outcome: Outcome) -> None:
        try:
            while (step := self._next(left)) is not None:
                self._try(step, outcome)
        except BaseException as error:
            self._stopped_by = error
            raise
        finally:
            self.hook.close()

    def _next(self, left: Iterator[Step]) -> Step | None:
        with self._lock:
            return None if self._stopped_by else next(left, None)

    def _try(self, step: Step, outcome: Outcome) -> None:
        try:
            kind, schedule_id = self._do(step)
        except JsmsError as error:
            with self._lock:
                self._fail(step, error, outcome)
        else:
            with self._lock:
                outcome.add(kind, schedule_id)

    def _fail(self, step: Step, error: JsmsError, outcome: Outcome) -> None:
        _log.warning("%s: %s", step.key, error)
        outcome.fail(step, error)
        is_unanswered = isinstance(error.__cause__, JsmsNoAnswerError)
        self._unreached += isinstance(error, _UNREACHED) or is_unanswered
        if isinstance(error, _FOR_ALL) or self._unreached >= _MOST_UNREACHED:
            self._stopped_by = error

    def _do(self, step: Step) -> tuple[str, str | None]:
        """Take one step; return its kind in the result, and the schedule."""
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
        self._delete(replace(step, record=record.content))
        return "deleted", record.schedule_id

    def _uncertain(self, record: SubmissionRecord) -> JsmsUncertainError:
        doubt = doubt_about(record, _WHY_UNCERTAIN, self.hook.settings.zone)
        look = "Look in the JSMS console whether that schedule exists"
        if CAN_ASK and "fingerprint" in (record.content or {}):
            self._doubts[record.key] = doubt
            return doubt.error(f"{look}. Then clear the task: it asks what you found.")
        return doubt.error(
            f"{look}, and delete it there if it does. Then run python -m airflow_provider_jsms "
            f"not-there {shlex.quote(record.key)}, with the --conn-id of this task, and clear the "
            "task."
        )

    def _record(self, key: str) -> SubmissionRecord:
        return SubmissionRecord(self.store(), key, self.task_try.attempt_with_key)

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
                self._doubts[text.key] = submission.doubt
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

    def _error(
        self, failed: Mapping[str, JsmsError], counts: str, untried: Sequence[Step]
    ) -> JsmsError:
        lines = "\n".join(first_ten(f"{key}: {error}" for key, error in failed.items()))
        others = (
            f" {len(untried):,} others were not tried, because they would fail too."
            if untried
            else ""
        )
        text = (
            f"{len(failed):,} texts could not be submitted, modified or deleted."
            f"{others} {counts}.\n{lines}"
        )
        errors = failed.values()
        may_ask = any(map(self.policy.may_ask, self.task_try.doubts))
        is_passing = [each for each in errors if not isinstance(each, AirflowFailException)]
        is_for_all = any(isinstance(each, JsmsAuthError | JsmsAccountError) for each in errors)
        if (is_passing or (untried and not is_for_all)) and not may_ask:
            return JsmsNotReconciledError(f"{text}\nThe next try continues with the others.")
        uncertain = next((each for each in errors if isinstance(each, JsmsUncertainError)), None)
        if uncertain is not None:
            error = JsmsUncertainError.like(uncertain, text)
            error.__cause__ = uncertain
            return error
        return JsmsNeverReconciledError(text)
