"""The trigger that waits for msg_ids in Airflow's triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_jsms.api.calls import query_schedule
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsStateError
from airflow_provider_jsms.hooks.async_client import shared
from airflow_provider_jsms.triggers.progress import Progress
from airflow_provider_jsms.triggers.waiting import DONE, POLL, TRANSIENT, Done, Wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_jsms.hooks.async_client import SharedConnection

__all__ = ["JsmsScheduleTrigger"]

_MOST_JITTER: Final = timedelta(seconds=2)
_MOST_AT_ONCE: Final = 10


class JsmsScheduleTrigger(BaseTrigger):
    """Poll schedules until every msg_id is there, or until the sensor has to decide.

    It only reads, and fires once: with the msg_ids, or to resume the sensor, which polls once more
    and fails, ends or defers again. All times are absolute, so another triggerer can continue.

    :param wait: the rules and the progress of the wait, as ``Wait.encode`` returns them.
    :param next_poll: the time of the first poll, ISO 8601.
    :param jsms_conn_id: the Airflow connection.
    """

    def __init__(self, *, wait: dict[str, Any], next_poll: str, jsms_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.wait = wait
        self.next_poll = next_poll
        self.jsms_conn_id = jsms_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments: ids, counts and times, nothing else."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("wait", "next_poll", "jsms_conn_id")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        try:
            wait, next_poll = Wait.decode(self.wait), datetime.fromisoformat(self.next_poll)
        except (TypeError, ValueError) as error:
            raise JsmsInputError(
                f"The arguments of the trigger are invalid ({type(error).__name__}): the worker "
                "may run another version of the provider. Install the same one on all machines, "
                "and clear the task."
            ) from None
        yield TriggerEvent(await self._event(wait, next_poll))  # type: ignore[no-untyped-call]

    async def _event(self, wait: Wait, next_poll: datetime) -> dict[str, Any]:
        logged = wait.status(datetime.now(UTC))  # by the sensor
        async with shared(self.jsms_conn_id) as connection:
            while True:
                await _sleep_until(next_poll, wait.poke_interval)
                now = datetime.now(UTC)
                error = await _poll(connection, wait, now)
                if error and not isinstance(error, TRANSIENT):
                    self.log.warning("Polling failed, the sensor resumes: %s", mask_text(error))
                    break
                step = wait.next_step(now, error)
                if error:
                    self.log.warning(
                        "JSMS could not be polled since %s: %s", wait.failing_since, error
                    )
                if isinstance(step, Done):
                    return {"status": DONE, "msg_ids": step.msg_ids}
                if not isinstance(step, datetime):
                    break
                # A line in a trigger's log costs Airflow more than a poll.
                if (status := wait.status(now)) != logged:
                    for line in status:
                        self.log.info("%s", line)
                next_poll, logged = step, status
        return {"status": POLL, "wait": wait.encode()}


async def _sleep_until(time: datetime, poke_interval: timedelta) -> None:
    # Many waits may be due in the same second.
    most = min(_MOST_JITTER, poke_interval / 10).total_seconds()
    jitter = random.uniform(0, most)  # noqa: S311
    await asyncio.sleep(max(0.0, (time - datetime.now(UTC)).total_seconds()) + jitter)


async def _poll(connection: SharedConnection, wait: Wait, now: datetime) -> Exception | None:
    """Poll every schedule that may change; return an error, preferably a permanent one."""
    semaphore = asyncio.Semaphore(_MOST_AT_ONCE)

    async def poll_one(known: Progress) -> None:
        schedule_id = known.schedule_id
        async with semaphore:
            try:
                answer = await connection.send(query_schedule(schedule_id), max_attempts=1)
            except JsmsStateError as error:
                wait.schedules[schedule_id] = replace(known, gone=error.code or 0)
                return
            zone = (await connection.settings()).zone
            wait.schedules[schedule_id] = Progress.of(schedule_id, answer, zone)

    results = await asyncio.gather(*map(poll_one, wait.unsettled(now)), return_exceptions=True)
    errors = [result for result in results if isinstance(result, Exception)]
    return min(errors, key=lambda error: isinstance(error, TRANSIENT), default=None)
