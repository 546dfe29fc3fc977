"""Everything that exists only for Airflow before 3.3: delete this file to drop those versions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsError, JsmsNoRetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.submission.task_try import TaskTry


@contextmanager
def fail_without_retry(task_try: TaskTry) -> Iterator[None]:
    """Turn every error into a final one: without a store a retry could send twice."""
    try:
        yield
    except (AirflowFailException, AirflowSkipException, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _no_retry(error, task_try) from error


def _no_retry(error: BaseException, task_try: TaskTry) -> JsmsNoRetryError:
    cause = type(error).__name__
    if isinstance(error, JsmsError):
        cause = str(error)
    elif isinstance(error, AirflowException):
        cause = f"{cause}: {mask_text(error).rstrip('.')}."
    if task_try.may_have_submitted:
        return JsmsNoRetryError(
            f"The task ended after it had submitted, or may have ({cause}); its log names the "
            "schedule_ids. It is not retried, because that would submit again. Mark it as "
            "success, or delete the schedules before you trigger a new run."
        )
    return JsmsNoRetryError(
        f"{cause} Nothing is scheduled. This Airflow keeps no record that a retry could read, "
        "so the task is not retried: trigger a new run."
    )
