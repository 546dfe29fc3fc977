"""Submit under one key from many processes at once, round after round.

The connections are set in the environment. Each submission adds a line to a file: its round and its
schedule_id. Each round texts another number, so that whoever looks
at the requests knows which round they are of.
"""

from __future__ import annotations

import multiprocessing
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_jsms.hooks.jsms import JsmsHook

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_FIRST = 13_800_000_000


def main() -> int:
    """Run as many processes and rounds as the command line says; return 1 if one has failed."""
    processes, rounds, results = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    # Forked once Airflow has imported what it needs, which takes seconds.
    JsmsHook().require_ledger("once_key")
    fork = multiprocessing.get_context("fork")
    barrier, send_time = fork.Barrier(processes), datetime.now(UTC) + timedelta(days=1)
    arguments = (barrier, rounds, send_time, results)
    racers = [fork.Process(target=_race, args=arguments) for _ in range(processes)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return int(any(racer.exitcode for racer in racers))


def _race(barrier: Barrier, rounds: int, send_time: datetime, results: Path) -> None:
    try:
        with JsmsHook() as hook:
            for number in range(rounds):
                barrier.wait()
                schedule_id = _submit(hook, number, send_time)
                with results.open("a") as file:
                    file.write(f"{number} {schedule_id}\n")
    except BaseException:
        barrier.abort()
        raise


def _submit(hook: JsmsHook, number: int, send_time: datetime) -> str:
    return hook.submit_schedule(
        send_time=send_time,
        mobile=str(_FIRST + number),
        temp_id=2,
        temp_para={"name": "x"},
        once_key=f"round {number}",
    )


if __name__ == "__main__":
    sys.exit(main())
