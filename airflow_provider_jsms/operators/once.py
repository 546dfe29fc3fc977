"""What the two submit operators share: the ledger of the task, and the switches of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
    conf,
)

from airflow_provider_jsms.exceptions import JsmsError, JsmsNoRetryError, JsmsStoppedError
from airflow_provider_jsms.ledger import Attempt
from airflow_provider_jsms.operators.submission import Submission
from airflow_provider_jsms.privacy import mask_text
from airflow_provider_jsms.switches import flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.ledger import Store, SubmissionLedger

_STORE: Final = "task_state_store"
# From this version on a clear removes the store of the task.
_CLEARS_STORE: Final = (3, 4)


def attempt_of(context: Context, retries: int) -> Attempt:
    """Return where this try of the task stands."""
    ti: Any = context["ti"]
    is_cleared = (ti.max_tries or 0) > retries
    forgets = conf.getboolean("state_store", "clear_on_success", fallback=False)
    version = tuple(int(part) for part in airflow_version.split(".")[:2])
    return Attempt(
        number=ti.try_number,
        is_cleared=is_cleared,
        is_mapped=(ti.map_index or 0) >= 0 and ti.map_index is not None,
        store_survives_clear=version < _CLEARS_STORE and not forgets,
    )


def store_of(context: Context) -> Store | None:
    """Return the task state store of Airflow 3.3 and newer, None on older versions."""
    return cast("Store | None", context.get(_STORE))


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
        self._submissions: list[Submission] = []

    def on_kill(self) -> None:
        """Stop before the next request; what JSMS has accepted stays scheduled."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def bookkeeping(self, context: Context) -> tuple[Store | None, Attempt]:
        """Return the store that records are kept in, and where this try of the task stands."""
        attempt = attempt_of(context, self.retries or 0)
        if flag("durable", self.durable):
            return store_of(context), attempt
        return None, replace(attempt, number=1)

    def submission(
        self,
        hook: JsmsHook,
        ledger: SubmissionLedger,
        ready: Callable[[], None] = lambda: None,
    ) -> Submission:
        """Return a submission of this task.

        :param ready: as in :class:`~.submission.Submission`, beside whether the task has to stop.
        """

        def may_send() -> None:
            self._stop()
            ready()

        submission = Submission(hook, ledger, on_uncertain=self.on_uncertain, ready=may_send)
        self._submissions.append(submission)
        return submission

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
            raise self._without_retry(error) from error

    def _without_retry(self, error: BaseException) -> JsmsNoRetryError:
        said = _said(error)
        if any(submission.may_have_submitted for submission in self._submissions):
            return JsmsNoRetryError(
                f"The task ended after it had submitted, or may have ({said}); its log names the "
                "schedule_ids. It is not retried, because that would submit again. Mark it as "
                "success, or delete the schedules before you trigger a new run."
            )
        return JsmsNoRetryError(
            f"{said} Nothing is scheduled. This Airflow keeps no record that a retry could read, "
            "so the task is not retried: trigger a new run."
        )

    def _stop(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was told to stop, so nothing more is sent. What JSMS has accepted "
                "before stays scheduled."
            )


def _said(error: BaseException) -> str:
    """Return what an error says; of one that is not ours, or Airflow's, its text may be private."""
    if isinstance(error, JsmsError):
        return str(error)
    name = type(error).__name__
    return (
        f"{name}: {mask_text(error).rstrip('.')}." if isinstance(error, AirflowException) else name
    )
