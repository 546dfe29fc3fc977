"""The trigger that waits for msg_ids in Airflow's triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.api.arguments import connection_id_of
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsError, JsmsInputError, JsmsStateError
from airflow_provider_jsms.triggers.deferral import (
    DONE,
    LOOK,
    MALFORMED,
    seen_in,
    state_of,
    wait_of,
)
from airflow_provider_jsms.triggers.waiting import (
    PASSING,
    Done,
    LookAt,
    describe,
    gone,
    is_settled,
    keep_few,
    moment_of,
    next_step,
    seen_of,
    trouble_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import timedelta

    from airflow_provider_jsms.hooks.async_client import SharedConnection
    from airflow_provider_jsms.triggers.waiting import Seen, Wait

# Many waits may fall due in the same second.
_MOST_JITTER: Final = 2.0
_AT_ONCE: Final = 10
_MOST_LINES: Final = 10


class JsmsScheduleTrigger(BaseTrigger):
    """Ask JSMS until every recipient of some schedules has a msg_id, or a worker has to decide.

    It only ever asks. It fires once: with the msg_ids, or so that the sensor looks itself and
    fails, ends or waits on as it does in every mode. All times are absolute, so that another
    triggerer goes on where this one was stopped.

    :param schedules: what was seen of each schedule, in the form of ``deferral.state_of``.
    :param jsms_conn_id: the Airflow connection.
    :param next_look: when to look for the first time, ISO 8601.
    :param rules: the rules of the wait, in the form of ``deferral.rules_of``.
    :param failing_since: since when looks have failed, ISO 8601; None if they do not.
    """

    def __init__(
        self,
        *,
        schedules: Mapping[str, Mapping[str, Any]],
        jsms_conn_id: str,
        next_look: str,
        rules: Mapping[str, Any],
        failing_since: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.schedules = schedules
        self.jsms_conn_id = jsms_conn_id
        self.next_look = next_look
        self.rules = rules
        self.failing_since = failing_since

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments: ids, counts and times, nothing else."""
        names = ("schedules", "jsms_conn_id", "next_look", "rules", "failing_since")
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        from airflow_provider_jsms.hooks.async_client import shared  # noqa: PLC0415  an HTTP library

        wait, time, since, seen = self._given()
        answered: set[str] = set()
        async with shared(connection_id_of(self.jsms_conn_id)) as connection:
            while True:
                await _sleep_until(time, wait.poke_interval)
                now = datetime.now(UTC)
                error = await _look(connection, seen, wait, now, answered)
                if error is None:
                    since = None
                elif not isinstance(error, PASSING):
                    said = error if isinstance(error, JsmsError) else mask_text(error)
                    self.log.warning("A worker has to decide: %s", said)
                    break
                else:
                    since = since or now
                    self.log.warning("JSMS cannot be asked since %s: %s", since, error)
                step = next_step(list(seen.values()), wait, now, trouble_of(error, since))
                if isinstance(step, Done):
                    yield _event(status=DONE, msg_ids=step.msg_ids)
                    return
                if not isinstance(step, LookAt):
                    break
                for known in list(seen.values())[:_MOST_LINES]:
                    self.log.info("%s", describe(known, wait, now))
                time = step.time
        yield _event(
            status=LOOK,
            started_at=self.rules["started_at"],
            schedules=state_of(seen.values()),
            failing_since=since.isoformat() if since else None,
        )

    def _given(self) -> tuple[Wait, datetime, datetime | None, dict[str, Seen]]:
        """Return what the arguments say: rules, next look, since when looks fail, what was seen."""
        try:
            return (
                wait_of(self.rules),
                moment_of(self.next_look),
                moment_of(self.failing_since) if self.failing_since else None,
                seen_in(self.schedules),
            )
        except MALFORMED as error:
            raise JsmsInputError(
                f"The arguments of the trigger cannot be used ({type(error).__name__}): the sensor "
                "may have run with another version of the provider than the triggerer. Install "
                "the same one everywhere, and clear the task."
            ) from None


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


async def _sleep_until(time: datetime, poke_interval: timedelta) -> None:
    jitter = random.uniform(0, min(_MOST_JITTER, poke_interval.total_seconds() / 10))  # noqa: S311
    await asyncio.sleep(max(0.0, (time - datetime.now(UTC)).total_seconds()) + jitter)


async def _look(
    connection: SharedConnection,
    seen: dict[str, Seen],
    wait: Wait,
    now: datetime,
    answered: set[str],
) -> Exception | None:
    """Ask for every schedule that is not done yet; return what went wrong, the worst of it.

    :param answered: those that were asked for since a look has failed, so that it is completed
        only, not repeated.
    """
    few = asyncio.Semaphore(_AT_ONCE)

    async def look_at(known: Seen) -> None:
        async with few:
            seen[known.schedule_id] = await _look_at(connection, known)
            answered.add(known.schedule_id)

    looks = [
        look_at(known)
        for known in seen.values()
        if known.schedule_id not in answered and not is_settled(known, wait, now)
    ]
    results = await asyncio.gather(*looks, return_exceptions=True)
    keep_few(seen)
    errors = [result for result in results if isinstance(result, Exception)]
    if not errors:
        answered.clear()
    lasting = [error for error in errors if not isinstance(error, PASSING)]
    return next(iter(lasting or errors), None)


async def _look_at(connection: SharedConnection, known: Seen) -> Seen:
    try:
        answer = await connection.send(protocol.query_schedule(known.schedule_id), max_attempts=1)
    except JsmsStateError as error:
        return gone(known.schedule_id, known, error.code)
    return seen_of(known.schedule_id, answer, (await connection.settings()).zone)
