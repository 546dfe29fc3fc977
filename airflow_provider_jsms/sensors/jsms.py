"""A sensor that follows schedules until JSMS has handed out a msg_id for every recipient."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import (
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsOverdueError,
    JsmsScheduleGoneError,
    JsmsStateError,
    JsmsWaitError,
)
from airflow_provider_jsms.operators.base import DEFAULT_CONN_ID
from airflow_provider_jsms.results import whole_number
from airflow_provider_jsms.schedule import schedule_ids_of
from airflow_provider_jsms.send_time import parse_wire
from airflow_provider_jsms.switches import flag
from airflow_provider_jsms.waiting import Done, Overdue, Seen, Wait, due, is_settled, next_step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.waiting import LookAt

# Airflow's own default ends every wait after seven days; a schedule may lie further ahead, and
# grace after send_time ends the wait anyway.
_NO_TIMEOUT: Final = timedelta(days=36500)


class JsmsScheduleSensor(BaseSensorOperator):
    """Wait until every recipient of one or many schedules has a msg_id.

    Returns ``{schedule_id: [msg_id, ...]}``. A ``msg_id`` names a message that JSMS has taken on
    or dispatched; it never proves that the message was delivered.

    The sensor asks JSMS once. If msg_ids are missing and ``send_time`` is ahead, it sleeps until
    ``send_time``, looking again every ``recheck_interval`` because somebody may move or delete
    the schedule; from ``send_time`` on it asks every ``poke_interval``. For a text at 09:00 and a
    sensor that starts at 06:30 that is 06:30, 07:30, 08:30, 09:00, 09:01 and so on. In
    ``mode="reschedule"`` it holds no worker slot in between.

    ==================================  =====================================================
    what the sensor finds               what it does
    ==================================  =====================================================
    all msg_ids are there               succeeds (with ``wait_for_send_time`` at ``send_time``)
    not yet due                         looks again later
    due, msg_ids missing                looks again after ``poke_interval``
    msg_ids missing after ``grace``     fails as overdue (:class:`JsmsOverdueError`), no retry
    JSMS does not know the schedule     fails as gone (:class:`JsmsScheduleGoneError`), no retry
    JSMS cannot be reached              fails, and Airflow's ``retries`` apply
    ``timeout`` is over                 fails as every sensor does, no retry
    ==================================  =====================================================

    With ``soft_fail`` an overdue, gone or timed out wait skips the task instead; wrong arguments
    or credentials always fail it.

    :param schedule_id: one id, a list of them, or the result of a batch submit, whose
        ``success_count`` then says how many msg_ids there will be: JSMS may list recipients that
        it refused (templated).
    :param wait_for_send_time: succeed only once ``send_time`` has passed too, because JSMS may
        hand out msg_ids early (templated).
    :param grace: how long after ``send_time`` msg_ids may be missing.
    :param recheck_interval: how often to look before ``send_time``.
    :param deferrable: wait without a worker slot. In this version the sensor then waits in
        reschedule mode. Default: Airflow's ``[operators] default_deferrable``.
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
        grace: timedelta = timedelta(hours=1),
        recheck_interval: timedelta = timedelta(hours=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        timeout: timedelta | float | None = None,
        jsms_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        if deferrable:
            kwargs["mode"] = "reschedule"
        super().__init__(timeout=_NO_TIMEOUT if timeout is None else timeout, **kwargs)
        self.schedule_id = schedule_id
        self.wait_for_send_time = wait_for_send_time
        self.grace = _duration("grace", grace)
        self.recheck_interval = _duration("recheck_interval", recheck_interval)
        self.deferrable = deferrable
        self.jsms_conn_id = jsms_conn_id
        self._has_timeout = timeout is not None
        self._started_at: datetime | None = None
        self._seen: dict[str, Seen] = {}
        self._next_look = datetime.min.replace(tzinfo=UTC)

    def execute(self, context: Context) -> Any:  # noqa: ANN401  as in Airflow
        """Wait, in the mode of the sensor."""
        self._started_at = self._first_started_at(context)
        try:
            return super().execute(context)
        except AirflowSkipException as skipped:
            # soft_fail is meant for a wait that comes to nothing, not for wrong credentials.
            cause = skipped.__cause__
            if isinstance(cause, JsmsError) and not isinstance(cause, JsmsWaitError):
                raise cause from None
            raise

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        :raises JsmsInputError: ``timeout`` ends before ``send_time``.
        :raises JsmsScheduleGoneError: JSMS does not know the schedule.
        :raises JsmsOverdueError: ``grace`` is over.
        """
        del context
        now = datetime.now(UTC)
        wait = self._wait(self._started_at or now)
        self._next_look = now + wait.poke_interval  # also where a look fails and silent_fail is set
        self._look(wait, now)
        seen = list(self._seen.values())
        self._refuse_early_timeout(seen, wait)
        step = next_step(seen, wait, now)
        if isinstance(step, Overdue):
            raise JsmsOverdueError(_overdue(step, wait))
        if isinstance(step, Done):
            return PokeReturnValue(is_done=True, xcom_value=step.msg_ids)
        self._tell(seen, step)
        self._next_look = step.time
        return PokeReturnValue(is_done=False)

    def _get_next_poke_interval(
        self,
        started_at: datetime | float,
        run_duration: Callable[[], float],
        poke_count: int,
    ) -> float:
        # Airflow asks this in poke and in reschedule mode alike, on 2.11 and on 3.x.
        del started_at, poke_count
        until_look = (self._next_look - datetime.now(UTC)).total_seconds()
        return max(0.0, min(until_look, self.timeout - run_duration() + 1.0))

    def _wait(self, started_at: datetime) -> Wait:
        result = self.schedule_id if isinstance(self.schedule_id, Mapping) else {}
        return Wait(
            started_at=started_at,
            poke_interval=timedelta(seconds=self.poke_interval),
            recheck_interval=self.recheck_interval,
            grace=self.grace,
            wait_for_send_time=flag("wait_for_send_time", self.wait_for_send_time),
            expected=whole_number(result.get("success_count")),
        )

    def _look(self, wait: Wait, now: datetime) -> None:
        """Ask for every schedule that is not done yet."""
        # The hook brings an HTTP library, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with JsmsHook(self.jsms_conn_id) as hook:
            for schedule_id in self._schedule_ids():
                known = self._seen.get(schedule_id)
                if known is None or not is_settled(known, wait, now):
                    self._seen[schedule_id] = _look_at(hook, schedule_id)

    def _schedule_ids(self) -> list[str]:
        schedule_ids = schedule_ids_of(self.schedule_id)
        if not schedule_ids:
            raise JsmsInputError("schedule_id is an empty list: there is nothing to wait for.")
        return schedule_ids

    def _refuse_early_timeout(self, seen: Sequence[Seen], wait: Wait) -> None:
        if not self._has_timeout:
            return
        ends_at = wait.started_at + timedelta(seconds=self.timeout)
        for each in seen:
            if each.send_time and ends_at < each.send_time:
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

    def _tell(self, seen: Sequence[Seen], step: LookAt) -> None:
        for each in seen:
            self.log.info(
                "Schedule %s: %d of %d recipients have a msg_id; send_time %s",
                each.schedule_id,
                len(each.msg_ids),
                each.recipients,
                f"{each.send_time:%Y-%m-%dT%H:%M:%SZ}" if each.send_time else "is not told",
            )
        self.log.info("Looking again at %s", f"{step.time:%Y-%m-%dT%H:%M:%SZ}")


def _look_at(hook: JsmsHook, schedule_id: str) -> Seen:
    try:
        answer = hook.query_schedule(schedule_id)
    except JsmsStateError as error:
        raise JsmsScheduleGoneError(
            f"Schedule {schedule_id} is gone: {error} It was deleted, or belongs to another "
            "application, or JSMS has forgotten it."
        ) from error
    return Seen(
        schedule_id=schedule_id,
        send_time=parse_wire(answer["send_time"] or "", hook.settings.zone),
        msg_ids=tuple(each["msg_id"] for each in answer["recipients"] if each["msg_id"]),
        recipients=len(answer["recipients"]),
    )


def _overdue(step: Overdue, wait: Wait) -> str:
    lines = [
        f"schedule {each.schedule_id}: {len(each.msg_ids)} of {each.recipients} recipients have "
        f"a msg_id, due since {due(each, wait):%Y-%m-%dT%H:%M:%SZ}"
        for each in step.schedules
    ]
    return (
        f"Overdue by more than grace ({wait.grace}): {'; '.join(lines)}. Look in the JSMS console "
        "whether it was sent. If JSMS refused some recipients of a batch, pass the result of the "
        "submit as schedule_id, so that they are not waited for."
    )


def _duration(name: str, value: object) -> timedelta:
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    raise ValueError(f"{name} is {value!r}: accepted is a timedelta longer than zero.")
