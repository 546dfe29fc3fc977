"""What the benchmarks share: measuring, and the people."""

from __future__ import annotations

import csv
import gc
import math
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from tests.people import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

# The DAGs of the waits that a triggerer holds, and how often those poll.
JSMS, HTTP = "jsms_waits", "http_waits"
POKE_INTERVAL = 20

CHUNK = 1000
ROUNDS = 5
TEMPLATE = {"temp_id": 21, "text": "{{name}}，您好，提醒您{{date}}有预约，请准时到达。"}
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马"
_NAMES = "秀英敏静丽强磊军洋勇艳杰娟涛明超兰"


class NotMeasuredError(Exception):
    """A benchmark has not done what it measures."""


class TaskInstance:
    """As much of one as the operators use, in the first try of a run."""

    def __init__(self, run_id: str = "run") -> None:
        self.dag_id, self.run_id, self.task_id, self.map_index = "bench", run_id, "task", -1
        self.try_number, self.max_tries = 1, 0

    def xcom_push(self, key: str, value: object) -> None:
        """Keep nothing."""


def least_cpu(*works: Callable[[], object]) -> list[float]:
    """Return the CPU seconds of each work, the least of several times, all in turn."""
    least = [math.inf] * len(works)
    for _ in range(ROUNDS):
        for at, work in enumerate(works):
            gc.collect()
            began = time.process_time()
            work()
            least[at] = min(least[at], time.process_time() - began)
    return least


def people(count: int) -> Iterator[dict[str, Any]]:
    """Yield recipients with two parameters of their own."""
    for index in range(count):
        name, date = _two(index)
        yield {"mobile": number(index), "temp_para": {"name": name, "date": date}}


def write_table(path: Path, count: int) -> None:
    """Write the same recipients as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mobile", "name", "date"])
        writer.writerows([number(index), *_two(index)] for index in range(count))


def _two(index: int) -> tuple[str, str]:
    first, second = _NAMES[index % len(_NAMES)], _NAMES[index // 7 % len(_NAMES)]
    name = f"{_SURNAMES[index % len(_SURNAMES)]}{first}{second}"
    return name, f"{index % 12 + 1}月{index % 28 + 1}日"


def in_chunks(entries: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield entries in lists of what one request carries."""
    rest = iter(entries)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def tomorrow() -> datetime:
    """Return a time at which texts may be scheduled."""
    return (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
