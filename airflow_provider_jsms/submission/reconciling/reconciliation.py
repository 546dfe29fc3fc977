"""Carry out a plan: submit, modify and delete until JSMS matches the list of a scope.

Each text has a record of its own in the ledger, so a later try plans again and continues.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsAuthError,
    JsmsError,
    JsmsLedgerError,
    JsmsNeverReconciledError,
    JsmsNoAnswerError,
    JsmsNotReconciledError,
    JsmsNotSentError,
    JsmsStoppedError,
    JsmsThrottledError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.reconciling.plan import Action
from airflow_provider_jsms.submission.reconciling.report import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_jsms.submission.reconciling.plan import Plan, Step
    from airflow_provider_jsms.submission.reconciling.report import Outcome
    from airflow_provider_jsms.submission.reconciling.steps import StepRunner

_MOST_UNREACHED: Final = 3
"""Texts for which JSMS or the ledger cannot be reached before a try leaves the others alone."""
_UNREACHED: Final = (JsmsNotSentError, JsmsThrottledError, JsmsNoAnswerError, JsmsLedgerError)
_FOR_ALL: Final = (JsmsAuthError, JsmsAccountError, JsmsStoppedError)
"""Every other text would fail the same way."""
_ACTING: Final = (Action.SUBMIT, Action.REPLACE, Action.MODIFY, Action.DELETE, Action.UNCERTAIN)

_log = logging.getLogger(__name__)


@dataclass(repr=False)
class Reconciliation:
    """Carries out a plan, the next due text first, a few at once.

    :param concurrency: how many requests are in flight at once.
    """

    runner: StepRunner
    concurrency: int
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _unreached: int = field(default=0, init=False)
    _stopped_by: BaseException | None = field(default=None, init=False)

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
        doubts = self.runner.doubts
        self.runner.task_try.doubts += [doubts[key] for key in keys if key in doubts]
        if outcome.failed:
            failed = {key: outcome.failed[key] for key in keys if key in outcome.failed}
            raise self._error(failed, len(steps), in_words(outcome.counts), [*left])

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
            self.runner.hook.close()

    def _next(self, left: Iterator[Step]) -> Step | None:
        with self._lock:
            return None if self._stopped_by else next(left, None)

    def _try(self, step: Step, outcome: Outcome) -> None:
        try:
            kind, schedule_id = self.runner.run(step)
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

    def _error(
        self, failed: Mapping[str, JsmsError], count: int, counts: str, untried: Sequence[Step]
    ) -> JsmsError:
        lines = "\n".join(first_ten(f"{key}: {error}" for key, error in failed.items()))
        others = f" Not tried, because they would fail too: {len(untried):,}." if untried else ""
        text = (
            f"{len(failed):,} of {count:,} texts could not be submitted, modified or deleted."
            f"{others} {counts}.\n{lines}"
        )
        errors = failed.values()
        may_ask = any(map(self.runner.policy.may_ask, self.runner.task_try.doubts))
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
