"""What the two submit operators share: the ledger of the task, and the switches of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
)

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsError, JsmsNoRetryError, JsmsStoppedError
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.this_try import store_of, this_try_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.ledger import SubmissionLedger
    from airflow_provider_jsms.submission.this_try import ThisTry


class SubmitsOnce(BaseOperator):
    """What the two submit operators share: the ledger and the switches of it.

    :param on_uncertain: ``"fail"``, ``"resubmit"`` or ``"assume_sent"``.
    :param durable: whether to use the ledger.
    """

    def __init__(
        self, *, on_uncertain: str = "fail", durable: bool | str = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.on_uncertain = on_uncertain
        self.durable = durable
        self._is_stopped = False

    def on_kill(self) -> None:
        """Stop before the next request; what JSMS has accepted stays scheduled."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def this_try(self, context: Context) -> ThisTry:
        """Return this try of the task, and the submissions that it has made so far."""
        return this_try_of(
            context, retries=self.retries or 0, durable=flag("durable", self.durable)
        )

    def is_task(self, context: Context) -> bool:
        """Return whether the task is this operator, and not code of one's own that executes it."""
        task = context.get("task")
        return task is None or (task.task_id == self.task_id and type(task) is type(self))

    @contextmanager
    def skipping_alone(self, context: Context) -> Iterator[None]:
        """Skip one submission of code of one's own, not the whole task that makes others too."""
        try:
            yield
        except AirflowSkipException as skip:
            if self.is_task(context):
                raise
            self.log.warning("%s Your code goes on without this submission.", skip)

    def is_subclass(self, base: type[BaseOperator]) -> bool:
        """Return whether an ``execute`` of one's own may submit any number of times."""
        return type(self).execute is not base.execute

    def submission(
        self,
        hook: JsmsHook,
        this_try: ThisTry,
        ledger: SubmissionLedger,
        ready: Callable[[], None] = lambda: None,
    ) -> Submission:
        """Return a submission of this task.

        :param ready: as in :class:`~.submission.Submission`, beside whether the task has to stop.
        """

        def may_send() -> None:
            self._stop()
            ready()

        return Submission(hook, this_try, ledger, on_uncertain=self.on_uncertain, ready=may_send)

    @contextmanager
    def no_blind_retry(self, context: Context) -> Iterator[None]:
        """Fail the task for good, whatever went wrong, where a retry could not tell what was sent.

        With a ledger the next try finds the record. Without one Airflow would run the task again,
        and either text people twice or, since it is not the first try, know nothing.
        """
        try:
            yield
        except (AirflowFailException, AirflowSkipException, KeyboardInterrupt):
            raise
        except BaseException as error:
            if store_of(context) is not None or not flag("durable", self.durable):
                raise
            raise _without_retry(error, self.this_try(context)) from error

    def _stop(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was told to stop, so nothing more is sent. What JSMS has accepted "
                "before stays scheduled."
            )


def _without_retry(error: BaseException, this_try: ThisTry) -> JsmsNoRetryError:
    said = _said(error)
    if this_try.may_have_submitted:
        return JsmsNoRetryError(
            f"The task ended after it had submitted, or may have ({said}); its log names the "
            "schedule_ids. It is not retried, because that would submit again. Mark it as "
            "success, or delete the schedules before you trigger a new run."
        )
    return JsmsNoRetryError(
        f"{said} Nothing is scheduled. This Airflow keeps no record that a retry could read, "
        "so the task is not retried: trigger a new run."
    )


def _said(error: BaseException) -> str:
    """Return what an error says; of one that is not ours, or Airflow's, its text may be private."""
    if isinstance(error, JsmsError):
        return str(error)
    name = type(error).__name__
    return (
        f"{name}: {mask_text(error).rstrip('.')}." if isinstance(error, AirflowException) else name
    )
