"""A sensor that waits until JSMS has assigned a msg_id to every recipient of some schedules."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_jsms import compat
from airflow_provider_jsms.api.arguments import flag, period
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.references import only_ids, references_in
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsStateError,
    JsmsUnknownEventError,
    JsmsWaitError,
)
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.unknown_arguments import naming_unknown_arguments
from airflow_provider_jsms.triggers.progress import Progress
from airflow_provider_jsms.triggers.waiting import DONE, POLL, TRANSIENT, Done, Failed, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.exceptions import JsmsError

__all__ = ["JsmsScheduleSensor"]

# Stands for "no limit": longer times may leave the calendar.
_CENTURY: Final = timedelta(days=36500)
# The trigger meets the deadline to the second; Airflow ends the deferral if no triggerer runs.
_LATE: Final = timedelta(seconds=60)
_SHORTEST_PAUSE: Final = timedelta(milliseconds=100)
_SOFT: Final = (JsmsWaitError, AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException)


class JsmsScheduleSensor(BaseSensorOperator):
    """Wait until every recipient of one or more schedules has a msg_id.

    Returns ``{schedule_id: [msg_id, ...]}``, or ``{schedule_id: n}`` if there are more than 1,000
    msg_ids in all: query those with :class:`JsmsQueryScheduleOperator`, one schedule at a time. A
    ``msg_id`` names a message that JSMS has accepted or dispatched; it never proves delivery.

    The sensor polls at its start, every ``recheck_interval`` until ``send_time`` (a schedule may
    be moved or deleted), and every ``poke_interval`` from then on: for a text at 09:00 and a start
    at 06:30, at 06:30, 07:30, 08:30, 09:00, 09:01 and so on, in every mode. With
    ``deferrable=True`` it waits in Airflow's triggerer without a worker slot; with
    ``mode="reschedule"`` it holds a slot only while it polls.

    It succeeds when all msg_ids are there (with ``wait_for_send_time``, at ``send_time``). It fails
    without retry if JSMS does not know the schedule, if msg_ids are missing after ``grace``, and
    when ``timeout`` is over. If JSMS cannot be reached for 10 minutes, and ``send_time`` is 10
    minutes ago, it fails with the cause, and Airflow's ``retries`` apply. In reschedule mode such
    an outage ends it even before ``send_time``.

    It is skipped if there is no schedule_id, because the upstream task continued without one. With
    ``soft_fail`` it is also skipped if the wait is overdue, gone or timed out; wrong arguments,
    wrong credentials and an outage still fail it. A retry, or a task cleared while it defers,
    starts over (in reschedule mode Airflow counts ``timeout`` from the first try).

    :param schedule_id: one id or a list, or the results of the tasks that submitted the schedules,
        mapped ones included. The ``success_count`` of batch submits then gives the number of
        msg_ids to expect, because JSMS may list recipients that it refused (templated).
    :param wait_for_send_time: succeed only after ``send_time``, because JSMS may assign msg_ids
        early (templated).
    :param grace: how long after ``send_time`` msg_ids may be missing, a timedelta or seconds.
    :param recheck_interval: how often to poll before ``send_time``, a timedelta or seconds.
    :param deferrable: wait in the triggerer; default: Airflow's ``[operators] default_deferrable``.
    :param timeout: as in every sensor, but with no limit by default. A timeout that ends before
        ``send_time`` is refused at once.
    :param poke_interval: how often to poll from ``send_time`` on; default 60 seconds.
        ``exponential_backoff`` and ``max_wait`` have no effect.
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsScheduleGoneError: JSMS does not know the schedule.
    :raises JsmsOverdueError: msg_ids are missing after ``grace``.
    :raises JsmsUnreachableError: JSMS cannot be reached; a retry may succeed.
    """

    template_fields = ("schedule_id", "wait_for_send_time", "jsms_conn_id")
    ui_color = "#e3f0ff"

    def __init__(
        self,
        *,
        schedule_id: Any,  # noqa: ANN401  or a template or an XComArg
        wait_for_send_time: bool | str = False,
        grace: timedelta | float = timedelta(hours=1),
        recheck_interval: timedelta | float = timedelta(hours=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        timeout: timedelta | float | None = None,
        jsms_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        self.deferrable = deferrable
        if deferrable:
            kwargs["mode"] = "reschedule"
        # Airflow's default of seven days may end before send_time.
        with naming_unknown_arguments(type(self), kwargs):
            super().__init__(timeout=_CENTURY if timeout is None else timeout, **kwargs)
        self.timeout = min(self.timeout, _CENTURY.total_seconds())
        self.schedule_id = schedule_id
        self.wait_for_send_time = wait_for_send_time
        self.grace = min(period("grace", grace), _CENTURY)
        self.recheck_interval = min(period("recheck_interval", recheck_interval), _CENTURY)
        self.jsms_conn_id = jsms_conn_id
        self._wait: Wait | None = None
        self._next_poll = datetime.min.replace(tzinfo=UTC)

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as in Airflow
        super()._do_render_template_fields(parent, *args, **kwargs)
        if parent is self:
            self.schedule_id = only_ids(self.schedule_id)

    def execute(self, context: Context) -> Any:  # noqa: ANN401  as in Airflow
        """Wait, in the mode of the sensor."""
        require_task_run(context)
        started_at = compat.first_started_at(context) if self.reschedule else None
        self._wait = self._new_wait(started_at or datetime.now(UTC))
        if gaps := references_in(self.schedule_id).gaps():
            self.log.warning("The sensor does not wait for every schedule. %s", gaps)
        with self._soft_failing():
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any = None) -> Any:  # noqa: ANN401  as in Airflow
        """Resume after the trigger has fired."""
        if event is None:
            # Airflow resumes a task without an event if it is cleared just before it defers.
            self.log.warning("Resumed without an event of the trigger: the wait starts over")
            return self.execute(context)
        try:
            if event["status"] == DONE:
                return dict(event["msg_ids"])
            self._wait = Wait.decode({POLL: event["wait"]}[event["status"]])
        except (KeyError, TypeError, ValueError):
            status = event.get("status") if isinstance(event, dict) else event
            raise JsmsUnknownEventError(
                f"The event of the trigger is unknown (status {show(status)}): the triggerer may "
                "run another version of the provider. Install the same one on all machines, and "
                "clear the task."
            ) from None
        with self._soft_failing():
            return super().execute(context)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:  # noqa: ANN401  as in Airflow
        """Resume after a deferral, also one that Airflow has ended."""
        with self._soft_failing():
            try:
                with compat.failed_deferral(self, next_method):
                    return super().resume_execution(next_method, next_kwargs, context)
            except AirflowSensorTimeout as error:
                if next_method != "__fail__":
                    raise
                raise self._timed_out(
                    "No trigger has fired in time: check whether a triggerer runs and keeps up."
                ) from error

    @contextmanager
    def _soft_failing(self) -> Iterator[None]:
        """Let ``soft_fail`` skip only failed waits, and give every skip its reason."""
        try:
            yield
        except AirflowSkipException as skipped:
            cause = skipped.__cause__
            if cause is None:
                raise
            if self.soft_fail and not isinstance(cause, _SOFT):
                raise cause from cause.__cause__
            raise AirflowSkipException(str(cause)) from cause

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once, or during an outage until JSMS answers."""
        del context
        while True:
            now = datetime.now(UTC)
            wait = self._wait = self._wait or self._new_wait(now)
            self._next_poll = now + wait.poke_interval  # if it raises and silent_fail is set
            error = self._poll(wait, now)
            step = wait.next_step(now, error)
            if isinstance(step, Done):
                return PokeReturnValue(is_done=True, xcom_value=step.msg_ids)
            self._refuse_early_timeout(wait)
            if isinstance(step, Failed):
                is_late = step.reason == "timed out"
                failure = self._timed_out(wait.last_poll()) if is_late else wait.error_of(step)
                raise failure from error
            self._next_poll = step
            self._log_status(wait, now)
            if self.deferrable:
                self._defer(wait)
            if error is None:
                return False
            # A reschedule would forget the outage.
            time.sleep(self._get_next_poke_interval())

    def _get_next_poke_interval(self, *_: Any, **__: Any) -> float:
        # Airflow calls this in poke and in reschedule mode.
        return max(0.0, (self._next_poll - datetime.now(UTC)).total_seconds())

    def _new_wait(self, started_at: datetime) -> Wait:
        references, limits = references_in(self.schedule_id), self._limits().values()
        if absence := references.absence():
            raise AirflowSkipException(absence)
        return Wait(
            started_at=started_at,
            poke_interval=max(timedelta(seconds=self.poke_interval), _SHORTEST_PAUSE),
            recheck_interval=self.recheck_interval,
            grace=self.grace,
            wait_for_send_time=flag("wait_for_send_time", self.wait_for_send_time),
            expected=references.success_count,
            ends_at=started_at + min(limits) if limits else None,
            schedules={each: Progress(each) for each in references.schedule_ids},
        )

    def _limits(self) -> dict[str, timedelta]:
        limits = {"timeout": timedelta(seconds=self.timeout)}
        # Airflow enforces execution_timeout in a worker, but not during a deferral.
        if self.deferrable and self.execution_timeout:
            limits["execution_timeout"] = self.execution_timeout
        return {name: limit for name, limit in limits.items() if limit < _CENTURY}

    def _poll(self, wait: Wait, now: datetime) -> JsmsError | None:
        """Poll every schedule that may change, up to a transient error, which is returned."""
        # A DAG file must not import an HTTP library when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with JsmsHook(self.jsms_conn_id) as hook:
            for known in wait.unsettled(now):
                schedule_id = known.schedule_id
                try:
                    answer = hook.query_schedule(schedule_id)
                    zone = hook.settings.zone
                    wait.schedules[schedule_id] = Progress.of(schedule_id, answer, zone)
                except JsmsStateError as error:
                    wait.schedules[schedule_id] = replace(known, gone=error.code or 0)
                except TRANSIENT as error:
                    return error
        return None

    def _refuse_early_timeout(self, wait: Wait) -> None:
        ends_at = wait.started_at + timedelta(seconds=self.timeout)
        for each in wait.schedules.values():
            if each.send_time and ends_at < each.send_time:
                raise JsmsInputError(
                    f"timeout ends at {utc_text(ends_at)}, before send_time "
                    f"({utc_text(each.send_time)}) of schedule {each.schedule_id}. Raise timeout, "
                    "or remove it: grace ends the wait."
                )

    def _timed_out(self, reason: str) -> BaseException:
        limits = self._limits()
        name = min(limits, key=limits.__getitem__, default="timeout")
        text = f"The {name} of the sensor is over. {reason} Raise {name} and clear the task."
        return AirflowSensorTimeout(text) if name == "timeout" else AirflowTaskTimeout(text)

    def _log_status(self, wait: Wait, now: datetime) -> None:
        if wait.failing_since:
            self.log.warning("JSMS could not be polled since %s", utc_text(wait.failing_since))
        for line in wait.status(now):
            self.log.info("%s", line)
        self.log.info("Next poll at %s", utc_text(self._next_poll))

    def _defer(self, wait: Wait) -> NoReturn:
        # A DAG file must not import the triggerer's modules when it is parsed.
        from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger  # noqa: PLC0415

        self.defer(
            trigger=JsmsScheduleTrigger(
                wait=wait.encode(),
                next_poll=self._next_poll.isoformat(),
                jsms_conn_id=self.jsms_conn_id,
            ),
            method_name="execute_complete",
            timeout=wait.ends_at + _LATE - datetime.now(UTC) if wait.ends_at else None,
        )
