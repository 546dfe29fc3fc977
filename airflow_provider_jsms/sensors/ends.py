"""How a wait ends that comes to nothing: alike in every mode and on every Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
)

from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsWaitError,
)
from airflow_provider_jsms.triggers.waiting import due, duration, has, later

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.triggers.waiting import Gone, Overdue, Wait

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
# What Airflow resumes a deferred task with that it makes fail.
_FAIL: Final = "__fail__"
_NO_TRIGGER: Final = "No trigger has fired in time: see whether a triggerer runs and keeps up."

_MOST_LINES: Final = 10


def first_of(lines: list[str]) -> list[str]:
    """Return the first ten lines, and how many more there are."""
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {more} more schedules"] if more > 0 else lines


def gone_error(step: Gone) -> JsmsScheduleGoneError:
    """Return the error for schedules that JSMS does not know."""
    lines = [
        f"Schedule {each.schedule_id} is gone (JSMS says {each.gone}"
        + (f"; before, {has(each)})." if each.recipients else ").")
        for each in step.schedules
    ]
    return JsmsScheduleGoneError(
        f"{' '.join(first_of(lines))} It was deleted, or belongs to another application, or JSMS "
        "has sent and forgotten it. Look it up in the JSMS console; if it belongs to another "
        "application, set jsms_conn_id to the connection of that one and clear the task."
    )


def overdue_error(step: Overdue, wait: Wait) -> JsmsOverdueError:
    """Return the error for schedules whose msg_ids are missing for too long."""
    lines = [
        f"schedule {each.schedule_id}: {has(each)}, due since {due(each, wait):%Y-%m-%dT%H:%M:%SZ}"
        for each in step.schedules
    ]
    return JsmsOverdueError(
        f"Overdue by more than grace ({wait.grace}): {'; '.join(first_of(lines))}. Look in the "
        "JSMS console whether it was sent. If it is only late, raise grace and clear the task. If "
        "JSMS refused some recipients of a batch, pass the result of the submit as schedule_id, so "
        "that they are not waited for."
    )


class EndsAlike(BaseSensorOperator):
    """A sensor that its own limits end as they end a sensor in poke mode on the newest Airflow.

    Airflow itself tells some ends differently after a deferral, and on older versions.
    """

    deferrable: bool
    has_timeout: bool

    def ends(self, started_at: datetime) -> dict[str, datetime]:
        """Return when the wait ends in any case, by the argument that says so."""
        limits: dict[str, timedelta | None] = {
            "timeout": duration(self.timeout) if self.has_timeout else None,
            # While it runs in a worker Airflow itself sees to it, while it is deferred nobody.
            "execution_timeout": self.execution_timeout if self.deferrable else None,
        }
        ends = {
            name: later(started_at, limit) for name, limit in limits.items() if limit is not None
        }
        return {name: end for name, end in ends.items() if end < _NEVER}

    def time_is_over(self, started_at: datetime, why: str) -> BaseException:
        """Return what the sensor fails with when its first limit is reached."""
        ends = self.ends(started_at)
        name = min(ends, key=lambda each: ends[each], default="timeout")
        kind = AirflowSensorTimeout if name == "timeout" else AirflowTaskTimeout
        or_none = ", or leave it out (grace ends the wait)" if name == "timeout" else ""
        error: BaseException = kind(
            f"The {name} of the sensor is over. {why} To wait longer, give it a longer {name}"
            f"{or_none}, and clear the task."
        )
        return error

    def _end_as_newer_airflow_does(self, error: AirflowException) -> None:
        """Raise what a deferral ends with that Airflow has ended, where ``error`` is not it.

        Airflow 2 tells that time is over as a failed trigger, and below 3.1 it forgets
        ``never_fail`` here, and ``soft_fail`` where time is over.
        """
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(str(error)) from error
        if isinstance(error, AirflowSensorTimeout) or "timeout" in str(error):
            raise self.time_is_over(datetime.now(UTC), _NO_TRIGGER) from error

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:  # noqa: ANN401  as in Airflow
        """Go on after a deferral, with ``soft_fail`` and ``never_fail`` as in the other modes."""
        with self.soft_only_for_waits():
            try:
                return super().resume_execution(next_method, next_kwargs, context)
            except AirflowException as error:
                if next_method == _FAIL and not isinstance(error, AirflowSkipException):
                    self._end_as_newer_airflow_does(error)
                raise

    @contextmanager
    def soft_only_for_waits(self) -> Iterator[None]:
        """Let soft_fail skip a wait that comes to nothing, not one with wrong credentials."""
        try:
            yield
        except AirflowSkipException as skipped:
            cause = skipped.__cause__
            is_wait = isinstance(cause, JsmsWaitError) or not isinstance(cause, JsmsError)
            if self.soft_fail and not is_wait:
                raise cause from cause.__cause__  # type: ignore[misc, union-attr]
            if cause is None:
                raise
            # Airflow says only that soft_fail is set.
            raise AirflowSkipException(str(cause)) from cause
        except AirflowSensorTimeout as error:
            # Where its own clock is the first to end the wait, Airflow forgets never_fail.
            if not self.never_fail:
                raise
            raise AirflowSkipException(str(error)) from error
