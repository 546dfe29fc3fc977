"""The common base of both submit operators: records, and the arguments about them."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.compat import fail_without_retry
from airflow_provider_jsms.exceptions import JsmsStoppedError
from airflow_provider_jsms.submission.task_try import store_of, task_try_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.submission.task_try import TaskTry


class SubmitsOnce(BaseOperator):
    """Submits with a record.

    :param on_uncertain: ``"fail"``, ``"resubmit"`` or ``"assume_sent"``.
    :param durable: whether to keep records.
    """

    def __init__(
        self, *, on_uncertain: str = "fail", durable: bool | str = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.on_uncertain = on_uncertain
        self.durable = durable
        self._is_stopped = False

    def on_kill(self) -> None:
        """Stop before the next request; accepted schedules stay."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def task_try(self, context: Context) -> TaskTry:
        """Return this try of the task and its submissions so far."""
        durable = flag("durable", self.durable)
        return task_try_of(context, retries=self.retries or 0, durable=durable)

    def is_task(self, context: Context) -> bool:
        """Return whether the task is this operator, not your own code that executes it."""
        task = context.get("task")
        return task is None or (task.task_id == self.task_id and type(task) is type(self))

    def is_subclass(self, base: type[BaseOperator]) -> bool:
        """Return whether an ``execute`` of your own may submit any number of times."""
        return type(self).execute is not base.execute

    @contextmanager
    def guarding_other_submissions(self, context: Context) -> Iterator[None]:
        """Keep a skip or a retry of this submission from affecting others of the task."""
        has_records = store_of(context) is not None or not flag("durable", self.durable)
        try:
            with nullcontext() if has_records else fail_without_retry(self.task_try(context)):
                yield
        except AirflowSkipException as skip:
            if self.is_task(context):
                raise
            self.log.warning("%s Your code continues without this submission.", skip)

    def _raise_if_stopped(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was stopped, so nothing more is sent. Accepted schedules stay."
            )
