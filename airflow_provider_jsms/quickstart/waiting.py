"""Waiting for something to become true, and saying what was the matter when it did not."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

INTERVAL = 0.2

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None], *, timeout: float, otherwise: Callable[[], str]
) -> T:
    """Ask until the answer is truthy, and return it.

    :param condition: asked every 0.2 s; what it raises ends the waiting
    :param timeout: seconds until giving up
    :param otherwise: the text of the :class:`TimeoutError`, made when it is needed
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up after {timeout:g} s: {otherwise()}")
        time.sleep(INTERVAL)
    return answer


def tail(log: Path, lines: int = 40) -> str:
    """The end of a log, under its name, for the text of an error."""
    if not log.exists():
        return f"({log} does not exist)"
    with log.open(errors="replace") as stream:
        return f"--- end of {log}\n" + "".join(deque(stream, maxlen=lines))
