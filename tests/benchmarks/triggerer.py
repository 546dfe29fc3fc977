"""1,000 waits that look in the same second, in a real triggerer, beside HttpSensor.

Each kind gets an Airflow of its own, whole and fresh, and a sandbox that takes 0.1 s to answer. A
DAG run with one sensor for each of 1,000 schedules is brought to where every sensor has deferred
itself, without the 1,000 workers that it takes to get there (see ``deferral``). From then on the
triggerer does what it always does, with a poke_interval of 20 s.

Ours look once before send_time and find nothing, which shows what a poll costs without the event
that ends a wait, and at send_time, when they find their msg_ids and fire. HttpSensor knows no
send_time and polls all the time. Any answer but HTTP 404 would end it, so the sandbox answers that
(at once) until everybody has polled for a while, which is the moment that counts as due; and each
of them it logs, at the cost of the triggerer's supervisor. What an event costs is Airflow's doing:
the supervisor enters it into the database. The pool of the sensors has no slots until the last
event is there, so that no worker competes with the triggerer; scheduler and DAG processor do.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.benchmarks.measuring import HTTP, JSMS, POKE_INTERVAL, tomorrow
from tests.benchmarks.waiting import COUNT, RESUMING, SLOW, WORKERS, Waits, sleep_until, submit
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.waiting import Polls, Usage

CONNECTIONS = 100
LATEST_POLL = 5
MOST_CPU = 1

# From the submission to the first look, in multiples of what Airflow took to start: a busy machine
# is slow with both.
PREPARATION = 5
IDLE = timedelta(seconds=10)
EARLY = timedelta(seconds=1)
TO_SEND_TIME = timedelta(seconds=POKE_INTERVAL + 5)


@dataclass(frozen=True)
class Measured:
    """What 1,000 sensors of one kind have cost."""

    ramp: float
    resident: tuple[float, float]
    fruitless: Polls
    last: Polls
    due: datetime
    last_event: float
    requests: float


def run() -> Iterator[str]:
    """Yield the report."""
    cores = os.cpu_count() or 1
    yield f"before, this machine had work for {os.getloadavg()[0]:.1f} cores, and has {cores}"
    wall, cpu = _bare()
    yield (
        f"a bare aiohttp client, {CONNECTIONS} connections: {COUNT:,} queries in {wall:.1f} s, "
        f"{cpu:.2f} ms of CPU each"
    )
    with Waits.of(JSMS) as waits:
        looked_at, waiting, ours = _measure_ours(waits)
        yield "JsmsScheduleSensor"
        yield f"  all wait:           {_busy(waiting)}"
        yield from _report(ours, waiting, looked_at)
        resumed = waits.resume()
        yield (
            f"  then Airflow's {WORKERS} workers end {resumed} tasks in {RESUMING:.0f} s, so all "
            f"would take them {COUNT / resumed * RESUMING / 60:.0f} minutes"
        )
    with Waits.of(HTTP) as waits:
        others = _measure_others(waits)
        yield "HttpSensor"
        yield from _report(others, waiting)
    yield "HttpSensor, in multiples of JsmsScheduleSensor"
    yield from _ratios(ours, others, waiting)


def _measure_ours(waits: Waits) -> tuple[datetime, Usage, Measured]:
    preparation = timedelta(seconds=PREPARATION * waits.took_to_start)
    look_at = (datetime.now(UTC) + preparation).replace(microsecond=0)
    due = look_at + TO_SEND_TIME
    waits.start(due)
    waits.defer(look_at)
    waits.answer_slowly()
    ramp = waits.wait_until_running()
    sleep_until(look_at - EARLY - IDLE)
    before = waits.usage()
    sleep_until(look_at - EARLY)
    waiting, resident = waits.usage() - before, waits.resident()
    fruitless = waits.polls(POKE_INTERVAL)
    sleep_until(due - EARLY)
    last, last_event = waits.see_end(due)
    requests = waits.requests_of_each()
    return look_at, waiting, Measured(ramp, resident, fruitless, last, due, last_event, requests)


def _measure_others(waits: Waits) -> Measured:
    waits.start(tomorrow())
    waits.answer_404()
    waits.defer(datetime.now(UTC))
    ramp = waits.wait_until_running() + waits.wait_until_all_have_polled()
    resident = waits.resident()
    fruitless = waits.polls(POKE_INTERVAL)
    waits.answer_slowly()
    due = datetime.now(UTC)
    last, last_event = waits.see_end(due)
    requests = waits.requests_of_each()
    return Measured(ramp, resident, fruitless, last, due, last_event, requests)


def _report(it: Measured, waiting: Usage, looked_at: datetime | None = None) -> Iterator[str]:
    supervisor, runner = it.resident
    yield f"  until all run:      {it.ramp:.0f} s"
    yield f"  resident, waiting:  {sum(it.resident):.0f} MB ({supervisor:.0f} and {runner:.0f})"
    yield f"  polls, no events:   {_cpu(it.fruitless, waiting)}, bound {MOST_CPU} ms"
    if looked_at:
        yield f"    last poll:        {_last(it.fruitless, looked_at)}"
    yield f"  polls with events:  {_cpu(it.last, waiting)}"
    yield f"    last poll:        {_last(it.last, it.due)}"
    yield f"    last event:       {it.last_event:.1f} s after due, as the database has it"
    yield f"  requests:           {it.requests:.1f} of each wait, its sensor's own included"


def _ratios(ours: Measured, others: Measured, waiting: Usage) -> Iterator[str]:
    for what, ratio in (
        ("CPU of a poll without an event", _cpu_ratio(others.fruitless, ours.fruitless, waiting)),
        ("CPU of a poll with its event", _cpu_ratio(others.last, ours.last, waiting)),
        ("from due to the last poll", others.last.last(others.due) / ours.last.last(ours.due)),
        ("from due to the last event", others.last_event / ours.last_event),
        ("until all run", others.ramp / ours.ramp),
        ("resident memory", sum(others.resident) / sum(ours.resident)),
    ):
        yield f"  {what:<32}{ratio:6.2f}"


def _busy(usage: Usage) -> str:
    whole, one, other = (
        each / usage.clock for each in (usage.triggerer, usage.supervisor, usage.runner)
    )
    return f"{whole:.0%} of a core (supervisor {one:.0%}, runner {other:.0%})"


def _cpu(polls: Polls, waiting: Usage) -> str:
    count, usage = len(polls.moments), polls.usage
    supervisor, runner, sandbox = (
        1000 * each / count for each in (usage.supervisor, usage.runner, usage.sandbox)
    )
    return (
        f"{_beyond(polls, waiting):.2f} ms of CPU each beyond waiting (all in all supervisor "
        f"{supervisor:.2f}, runner {runner:.2f}, sandbox {sandbox:.2f} ms; {count:,} in "
        f"{usage.clock:.0f} s)"
    )


def _beyond(polls: Polls, waiting: Usage) -> float:
    """Return the milliseconds for a poll, beyond what it costs to hold the waits meanwhile."""
    waited = waiting.triggerer * polls.usage.clock / waiting.clock
    return 1000 * (polls.usage.triggerer - waited) / len(polls.moments)


def _cpu_ratio(one: Polls, other: Polls, waiting: Usage) -> float:
    return _beyond(one, waiting) / _beyond(other, waiting)


def _last(polls: Polls, since: datetime) -> str:
    return f"{polls.last(since):.1f} s after due, bound {LATEST_POLL} s"


def _bare() -> tuple[float, float]:
    """Return the seconds of the same queries with nothing around them, and the CPU of each."""
    with (
        tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder,
        RunningSandbox(Path(folder) / "sandbox.log") as sandbox,
        SandboxControl(sandbox.url) as control,
    ):
        [schedule_id] = submit(sandbox, tomorrow(), 1)
        control.fault("query_schedule", "slow", times=None, seconds=SLOW)
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(_get_all(f"{sandbox.url}/v1/schedule/{schedule_id}"))
        return time.perf_counter() - wall, 1000 * (time.process_time() - cpu) / COUNT


async def _get_all(url: str) -> None:
    credentials = aiohttp.encode_basic_auth(DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)
    async with aiohttp.ClientSession(
        headers={"Authorization": credentials},
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
    ) as session:

        async def get() -> None:
            async with session.get(url) as response:
                response.raise_for_status()
                await response.json()

        await asyncio.gather(*(get() for _ in range(COUNT)))
