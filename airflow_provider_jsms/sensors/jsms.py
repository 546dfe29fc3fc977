"""A sensor that follows schedules until JSMS has handed out a msg_id for every recipient."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from airflow.providers.common.compat.sdk import PokeReturnValue, conf

from airflow_provider_jsms.api.arguments import flag, period, reading
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.references import only_ids, references_in
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsStateError,
    JsmsUnknownEventError,
    JsmsUnreachableError,
)
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.operators.run_context import require_task_run
from airflow_provider_jsms.sensors.ends import EndsAlike, first_of, gone_error, overdue_error
from airflow_provider_jsms.triggers.waiting import (
    PASSING,
    Done,
    Gone,
    LookAt,
    Overdue,
    Seen,
    Unreachable,
    Wait,
    describe,
    duration,
    gone,
    has,
    is_settled,
    keep_few,
    later,
    moment_of,
    next_step,
    seen_of,
    trouble_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.references import References
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.triggers.waiting import Step

# Airflow's own default ends every wait after seven days; a schedule may lie further ahead, and
# grace after send_time ends the wait anyway.
_NO_TIMEOUT: Final = timedelta(days=36500)
# How much later than the trigger Airflow ends a deferral, if the trigger has not.
_LATEST: Final = timedelta(seconds=60)
# More seconds than some machines can sleep are cut to a year.
_LONGEST_SLEEP: Final = 365 * 86400.0
# Those of Airflow's sensors, which take the text "False" for true.
_FLAGS: Final = ("soft_fail", "never_fail", "silent_fail")


class JsmsScheduleSensor(EndsAlike):
    """Wait until every recipient of one or many schedules has a msg_id.

    Returns ``{schedule_id: [msg_id, ...]}``, or ``{schedule_id: n}`` with the number of msg_ids
    where there are more than 1,000 in all: ask for them by :class:`JsmsQueryScheduleOperator`, or
    by the hook, one schedule at a time. A ``msg_id`` names a message that JSMS has taken on
    or dispatched; it never proves that the message was delivered.

    The sensor asks JSMS once. If msg_ids are missing and ``send_time`` is ahead, it sleeps until
    ``send_time``, looking again every ``recheck_interval`` because somebody may move or delete
    the schedule; from ``send_time`` on it asks every ``poke_interval``. For a text at 09:00 and a
    sensor that starts at 06:30 that is 06:30, 07:30, 08:30, 09:00, 09:01 and so on, in every mode.
    With ``deferrable=True`` it waits in Airflow's triggerer and holds no worker slot, and with
    ``mode="reschedule"`` it holds none between two looks.

    ==================================  =====================================================
    what the sensor finds               what it does
    ==================================  =====================================================
    all msg_ids are there               succeeds (with ``wait_for_send_time`` at ``send_time``)
    not yet due                         looks again later
    due, msg_ids missing, or some       looks again after ``poke_interval``
    msg_ids missing after ``grace``     fails as overdue (:class:`JsmsOverdueError`), no retry
    JSMS does not know the schedule     fails as gone (:class:`JsmsScheduleGoneError`), no retry
    JSMS cannot be asked                looks again after ``poke_interval``
    that for 10 minutes, and also 10    fails as unreachable (:class:`JsmsUnreachableError`),
    minutes after ``send_time``         with its cause; Airflow's ``retries`` apply
    JSMS refuses the query otherwise    fails with what it says, as every task does
    ``timeout`` is over                 fails as every sensor does, no retry
    ``execution_timeout`` is over       fails as every task does, and ``retries`` apply
    ==================================  =====================================================

    With ``soft_fail`` an overdue, gone or timed out wait skips the task instead; wrong arguments
    or credentials, and a JSMS that cannot be asked, always fail it. A retry begins anew
    (in reschedule mode Airflow counts ``timeout`` from the first try). To clear or mark a waiting
    task changes nothing at JSMS: the sensor only ever asks. In reschedule mode it forgets
    between two looks what it has seen, so there an outage ends it after 10 minutes also before
    ``send_time``.

    :param schedule_id: one id or a list of them, or what tasks returned that submitted the
        schedules, also mapped ones. The ``success_count`` of batch submits then says how many
        msg_ids there will be: JSMS may list recipients that it refused (templated).
    :param wait_for_send_time: succeed only once ``send_time`` has passed too, because JSMS may
        hand out msg_ids early (templated).
    :param grace: how long after ``send_time`` msg_ids may be missing, a timedelta or seconds.
    :param recheck_interval: how often to look before ``send_time``, a timedelta or seconds.
    :param deferrable: wait in the triggerer, without a worker slot; the texts "true" and "false"
        are accepted too. Default: Airflow's ``[operators] default_deferrable``.
    :param timeout: as in every sensor, but not given means no limit beside ``grace``. One that
        ends before ``send_time`` is refused at once.
    :param poke_interval: how often to ask from ``send_time`` on; default 60 seconds.
        ``exponential_backoff`` and ``max_wait`` have no effect.
    :param jsms_conn_id: the Airflow connection (templated).
    """

    template_fields: Sequence[str] = ("schedule_id", "wait_for_send_time", "jsms_conn_id")
    ui_color = "#e3f0ff"

    def __init__(
        self,
        *,
        schedule_id: Any,  # noqa: ANN401  or a template or an XComArg
        wait_for_send_time: bool | str = False,
        grace: timedelta | float = timedelta(hours=1),
        recheck_interval: timedelta | float = timedelta(hours=1),
        deferrable: bool | str = conf.getboolean("operators", "default_deferrable", fallback=False),
        timeout: timedelta | float | None = None,
        jsms_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        kwargs |= {name: flag(name, kwargs[name]) for name in _FLAGS if name in kwargs}
        self.deferrable = flag("deferrable", deferrable)
        if self.deferrable:
            kwargs["mode"] = "reschedule"
        self.has_timeout = timeout not in (None, math.inf)
        super().__init__(timeout=timeout if self.has_timeout else _NO_TIMEOUT, **kwargs)
        self.schedule_id = schedule_id
        self.wait_for_send_time = wait_for_send_time
        self.grace = period("grace", grace)
        self.recheck_interval = period("recheck_interval", recheck_interval)
        self.jsms_conn_id = jsms_conn_id
        self._begin()

    def _begin(self, started_at: datetime | None = None) -> None:
        """Forget what was seen: a copy of this sensor may have run in this process before."""
        self._started_at = started_at
        self._failing_since: datetime | None = None
        self._seen: dict[str, Seen] = {}
        # Those that were asked for since a look has failed, so that it is only completed.
        self._answered: set[str] = set()
        self._next_look = datetime.min.replace(tzinfo=UTC)

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as in Airflow
        super()._do_render_template_fields(parent, *args, **kwargs)
        if parent is self:
            self.schedule_id = only_ids(self.schedule_id)

    def execute(self, context: Context) -> Any:  # noqa: ANN401  as in Airflow
        """Wait, in the mode of the sensor."""
        require_task_run(context)
        self._begin(self._first_started_at(context))
        with reading("schedule_id"):
            self.schedule_id = only_ids(self.schedule_id)  # it is read more than once
        if gaps := self._references().gaps():
            self.log.warning("Not every schedule is waited for. %s", gaps)
        return self._wait_on(context)

    def _wait_on(self, context: Context) -> Any:  # noqa: ANN401  as in Airflow
        with self.soft_only_for_waits():
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any = None) -> Any:  # noqa: ANN401  as in Airflow
        """Go on after the trigger has fired.

        :raises JsmsUnknownEventError: the event is not one of this version's trigger.
        """
        if event is None:
            # Airflow resumes so a task that was cleared while its worker was about to defer it.
            self.log.warning("Resumed without an event of the trigger: the wait begins anew")
            return self.execute(context)
        # Of no use to a DAG file that is parsed, as in _defer.
        from airflow_provider_jsms.triggers.deferral import (  # noqa: PLC0415
            DONE,
            LOOK,
            MALFORMED,
            result_in,
            seen_in,
        )

        try:
            if event["status"] == DONE:
                return result_in(event["msg_ids"])
            since = {LOOK: event["failing_since"]}[event["status"]]
            self._begin(moment_of(event["started_at"]))
            self._failing_since = moment_of(since) if since else None
            before = seen_in(event["schedules"])
        except MALFORMED as error:
            status = event.get("status") if isinstance(event, dict) else event
            raise JsmsUnknownEventError(
                f"The trigger of the sensor sent an event with the status {show(status)} that this "
                "version does not know: the triggerer may run another version of the provider. "
                "Install the same one everywhere, and clear the task."
            ) from error
        self._seen = {each: before[each] for each in self._schedule_ids() if each in before}
        return self._wait_on(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once, and where JSMS cannot be asked as often as it takes.

        :raises JsmsInputError: ``timeout`` ends before ``send_time``.
        :raises JsmsScheduleGoneError: JSMS does not know the schedule.
        :raises JsmsOverdueError: ``grace`` is over.
        :raises JsmsUnreachableError: JSMS could not be asked for too long.
        :raises AirflowSensorTimeout: ``timeout`` is over.
        """
        del context
        while True:
            now = datetime.now(UTC)
            wait = self._wait(self._started_at or now)
            # Also where a look fails and silent_fail is set.
            self._next_look = later(now, wait.poke_interval)
            error = self._look(wait, now)
            step = self._step(wait, now, error)
            if isinstance(step, Done):
                return PokeReturnValue(is_done=True, xcom_value=step.msg_ids)
            if not isinstance(step, LookAt):
                raise self._error(step, wait) from error
            self._tell(step, wait, now)
            self._next_look = step.time
            if self.deferrable:
                self._defer(step.time)
            if error is None:
                return PokeReturnValue(is_done=False)
            time.sleep(max(0.0, (step.time - datetime.now(UTC)).total_seconds()))

    def _get_next_poke_interval(
        self,
        started_at: datetime | float,
        run_duration: Callable[[], float],
        poke_count: int,
    ) -> float:
        # Airflow asks this in poke and in reschedule mode alike, on 2.11 and on 3.x.
        del started_at, poke_count
        until_look = (self._next_look - datetime.now(UTC)).total_seconds()
        return max(0.0, min(until_look, self.timeout - run_duration() + 1.0, _LONGEST_SLEEP))

    def _wait(self, started_at: datetime) -> Wait:
        return Wait(
            started_at=started_at,
            poke_interval=duration(self.poke_interval),
            recheck_interval=self.recheck_interval,
            grace=self.grace,
            wait_for_send_time=flag("wait_for_send_time", self.wait_for_send_time),
            expected=self._references().success_count,
            ends_at=min(self.ends(started_at).values(), default=None),
        )

    def _look(self, wait: Wait, now: datetime) -> JsmsError | None:
        """Ask for every schedule that is not done yet; return what time may mend."""
        # The hook brings an HTTP library, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with JsmsHook(self.jsms_conn_id) as hook:
            for schedule_id in self._schedule_ids():
                known = self._seen.get(schedule_id)
                is_done = known is not None and is_settled(known, wait, now)
                if is_done or schedule_id in self._answered:
                    continue
                try:
                    answer = hook.query_schedule(schedule_id)
                    self._seen[schedule_id] = seen_of(schedule_id, answer, hook.settings.zone)
                except JsmsStateError as error:
                    self._seen[schedule_id] = gone(schedule_id, known, error.code)
                except PASSING as error:
                    return error
                self._answered.add(schedule_id)
        self._answered.clear()
        return None

    def _step(self, wait: Wait, now: datetime, error: JsmsError | None) -> Step:
        self._failing_since = None if error is None else self._failing_since or now
        keep_few(self._seen)
        seen = list(self._seen.values())
        step = next_step(seen, wait, now, trouble_of(error, self._failing_since))
        if not isinstance(step, Done):
            self._refuse_early_timeout(seen, wait)
        return step

    def _error(self, step: Step, wait: Wait) -> BaseException:
        """Return what the sensor fails with."""
        if isinstance(step, Gone):
            return gone_error(step)
        if isinstance(step, Overdue):
            return overdue_error(step, wait)
        if isinstance(step, Unreachable):
            return JsmsUnreachableError(
                f"JSMS could not be asked since {self._failing_since:%Y-%m-%dT%H:%M:%SZ}. "
                f"{self._so_far()} What was scheduled stays scheduled. Once JSMS can be reached "
                "again, clear the task: it looks anew."
            )
        return self.time_is_over(wait.started_at, self._so_far())

    def _defer(self, next_look: datetime) -> NoReturn:
        # The triggerer's room, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.triggers.deferral import rules_of, state_of  # noqa: PLC0415
        from airflow_provider_jsms.triggers.jsms import JsmsScheduleTrigger  # noqa: PLC0415

        wait = self._wait(self._started_at or next_look)
        failing_since = self._failing_since
        self.defer(
            trigger=JsmsScheduleTrigger(
                # JSMS may forget what it has sent, and then nobody else knows the msg_ids.
                schedules=state_of(
                    self._seen.get(each) or Seen(each) for each in self._schedule_ids()
                ),
                jsms_conn_id=self.jsms_conn_id,
                next_look=next_look.isoformat(),
                rules=rules_of(wait),
                failing_since=failing_since.isoformat() if failing_since else None,
            ),
            method_name="execute_complete",
            # The trigger itself sees to the end, to the second. This is for the case that no
            # triggerer runs.
            timeout=later(wait.ends_at, _LATEST) - datetime.now(UTC) if wait.ends_at else None,
        )

    def _schedule_ids(self) -> list[str]:
        return self._references().required()

    def _references(self) -> References:
        return references_in(self.schedule_id)

    def _refuse_early_timeout(self, seen: Sequence[Seen], wait: Wait) -> None:
        ends_at = self.ends(wait.started_at).get("timeout")
        for each in seen:
            if ends_at and each.send_time and ends_at < each.send_time:
                raise JsmsInputError(
                    f"timeout ends at {ends_at:%Y-%m-%dT%H:%M:%SZ}, before the send_time of "
                    f"schedule {each.schedule_id}, {each.send_time:%Y-%m-%dT%H:%M:%SZ}. Leave "
                    "timeout out (grace ends the wait), or make it longer."
                )

    def _first_started_at(self, context: Context) -> datetime:
        if not self.reschedule:
            return datetime.now(UTC)
        ti: Any = context["ti"]
        if hasattr(ti, "get_first_reschedule_date"):
            return ti.get_first_reschedule_date(context) or datetime.now(UTC)
        return ti.start_date or datetime.now(UTC)  # Airflow 2: kept over reschedules

    def _tell(self, step: LookAt, wait: Wait, now: datetime) -> None:
        if self._failing_since:
            since = f"{self._failing_since:%Y-%m-%dT%H:%M:%SZ}"
            self.log.warning("JSMS cannot be asked since %s. %s", since, self._so_far())
        for line in first_of([describe(each, wait, now) for each in self._seen.values()]):
            self.log.info("%s", line)
        self.log.info("Looking again at %s", f"{step.time:%Y-%m-%dT%H:%M:%SZ}")

    def _so_far(self) -> str:
        """Return what is known, in words."""
        known = [f"schedule {each.schedule_id}: {has(each)}" for each in self._seen.values()]
        return f"Last seen: {'; '.join(first_of(known)) or 'nothing'}."
