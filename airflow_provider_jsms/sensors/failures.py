"""The errors of a failed wait, and when it skips the task instead: the same in every mode."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)

from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import (
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsUnreachableError,
    JsmsWaitError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import BaseSensorOperator

    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.triggers.waiting import Failed, Wait

_SOFT: Final = (JsmsWaitError, AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException)


def error_of(failed: Failed, wait: Wait) -> JsmsError:
    """Return the error for a wait that is gone, overdue or unreachable."""
    if failed.reason == "gone":
        gone = failed.schedules
        lines = [f"Schedule {each.schedule_id} is gone (code {each.gone})." for each in gone]
        return JsmsScheduleGoneError(
            f"{' '.join(first_ten(lines))} {last_poll(wait)} It was deleted, JSMS forgot it after "
            "sending, or it belongs to another application. Check the JSMS console, and that "
            "jsms_conn_id is the connection of the submit."
        )
    if failed.reason == "overdue":
        lines = [f"{each}, due since {utc_text(wait.due_at(each))}" for each in failed.schedules]
        return JsmsOverdueError(
            f"Overdue by more than grace ({wait.grace}): {'; '.join(first_ten(lines))}. Check the "
            "JSMS console: if the text is only late, raise grace and clear the task. If JSMS "
            "refused recipients of a batch, pass the result of the submit as schedule_id."
        )
    since = utc_text(wait.failing_since or wait.started_at)
    return JsmsUnreachableError(
        f"JSMS could not be polled since {since}. {last_poll(wait)} The schedules are unchanged: "
        "once JSMS can be reached again, clear the task."
    )


def last_poll(wait: Wait) -> str:
    """Return the last known progress as a sentence."""
    return f"Last poll: {'; '.join(first_ten(map(str, wait.schedules.values())))}."


@contextmanager
def soft_failing(sensor: BaseSensorOperator) -> Iterator[None]:
    """Let ``soft_fail`` skip only failed waits, and give every skip its reason."""
    try:
        yield
    except AirflowSkipException as skipped:
        cause = skipped.__cause__
        if cause is None:
            raise
        if sensor.soft_fail and not isinstance(cause, _SOFT):
            raise cause from cause.__cause__
        raise AirflowSkipException(str(cause)) from cause
