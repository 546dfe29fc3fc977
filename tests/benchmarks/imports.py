"""What a DAG file that imports the provider costs the DAG processor at each parse.

Airflow parses every DAG file again and again, each time in a process that knows ``airflow.sdk``
already. So each module is imported in fresh processes, after that, in turn with the operator of the
HTTP provider.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 9
BOUND = 0.25
HTTP = "airflow.providers.http.operators.http"
OURS = {
    "the operators": "airflow_provider_jsms.operators.jsms",
    "the sensor": "airflow_provider_jsms.sensors.jsms",
    "the notifier": "airflow_provider_jsms.notifications.jsms",
}
CODE = """
import json, sys, time
import airflow.sdk
before, began, cpu = len(sys.modules), time.perf_counter(), time.process_time()
for name in sys.argv[1:]:
    __import__(name)
took = time.perf_counter() - began, time.process_time() - cpu
print(json.dumps([*took, len(sys.modules) - before]))
"""


def run() -> Iterator[str]:
    """Yield what was measured."""
    works = {**OURS, "all three": " ".join(OURS.values()), "HTTP": HTTP}
    rounds = [{name: _imported(works[name]) for name in works} for _ in range(ROUNDS)]
    of_http = median(each["HTTP"].seconds for each in rounds)
    for name in works:
        seconds = median(each[name].seconds for each in rounds)
        cpu = median(each[name].cpu for each in rounds)
        bound = f" (bound {BOUND})" if name == "the operators" else ""
        yield (
            f"{name}: {rounds[0][name].modules} modules, {seconds * 1000:.0f} ms, "
            f"{cpu * 1000:.0f} ms of CPU, {seconds / of_http:.2f} of HTTP's time{bound}"
        )


class _Cost(NamedTuple):
    """What an import took, and how many modules it loaded that airflow.sdk had not."""

    seconds: float
    cpu: float
    modules: int


def _imported(modules: str) -> _Cost:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *modules.split()], capture_output=True, text=True, check=True
    )
    return _Cost(*json.loads(done.stdout.splitlines()[-1]))
