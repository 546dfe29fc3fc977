"""A campaign to 100,000 people against the sandbox, beside the package jsms from PyPI.

The sandbox runs in a process of its own. The package has no batches, so it schedules a sample one
by one, and figures are compared per message. At the end the sandbox must hold exactly everybody.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jsms

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.benchmarks.measuring import (
    TEMPLATE,
    NotMeasuredError,
    TaskInstance,
    people,
    tomorrow,
    write_table,
)
from tests.stack.sandbox import RunningSandbox
from tests.store import DictStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 100_000
SAMPLE = 500
ROUNDS = 3


@dataclass
class Cost:
    """What a number of messages has cost."""

    messages: int
    requests: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.messages:>7,} messages   {self.requests / self.messages:5.3f} requests each   "
            f"{self.wall:5.1f} s   {self.cpu:5.2f} s of the client's CPU"
        )

    def beside(self, other: Cost) -> str:
        """Return how many times as much a message costs here."""
        share = other.messages / self.messages
        return (
            f"{share * self.requests / other.requests:,.0f} times the requests, "
            f"{share * self.wall / other.wall:,.0f} times the wall time, "
            f"{share * self.cpu / other.cpu:,.0f} times the client's CPU"
        )


def run() -> Iterator[str]:
    """Yield the report."""
    with (
        tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder,
        RunningSandbox(Path(folder) / "sandbox.log") as sandbox,
        SandboxControl(sandbox.url) as control,
    ):
        os.environ["AIRFLOW_CONN_JSMS_DEFAULT"] = json.dumps(sandbox.connection)
        table = Path(folder) / "people.csv"
        write_table(table, COUNT)
        _cost(control, 1, lambda: _campaign(list(people(1))))  # imports what is imported late
        # It comes first: a list that is only kept would make garbage collection dearer.
        from_table = _least(control, COUNT, lambda: _campaign(str(table)))
        everybody = list(people(COUNT))
        from_list = _least(control, COUNT, lambda: _campaign(everybody))
        package = _least(control, SAMPLE, lambda: _one_by_one(sandbox.url, everybody[:SAMPLE]))
    name = f"jsms {jsms.__version__}"
    yield f"{'from a list':<16}{from_list}"
    yield f"{'from a CSV file':<16}{from_table}"
    yield f"{name:<16}{package}   (one by one; only its BASE_URL was changed)"
    yield f"per message {name} costs, beside the campaign"
    yield f"  from a list:     {package.beside(from_list)}"
    yield f"  from a CSV file: {package.beside(from_table)}"
    yield f"the sandbox held exactly those {COUNT:,} people after each campaign"


def _least(control: SandboxControl, count: int, work: Callable[[], None]) -> Cost:
    """Return the least of what it has cost several times."""
    costs = [_cost(control, count, work) for _ in range(ROUNDS)]
    wall, cpu = min(cost.wall for cost in costs), min(cost.cpu for cost in costs)
    return replace(max(costs, key=lambda cost: cost.requests), wall=wall, cpu=cpu)


def _cost(control: SandboxControl, count: int, work: Callable[[], None]) -> Cost:
    """Do what is to schedule the first ``count`` people, and see whether it has done so."""
    control.reset()
    control.template(TEMPLATE["temp_id"], text=TEMPLATE["text"])
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _check(control, count)
    return Cost(count, len(control.requests()), wall, cpu)


def _check(control: SandboxControl, count: int) -> None:
    scheduled = Counter(
        (each["mobile"], *each["temp_para"].values())
        for schedule in control.state()["schedules"]
        if schedule["status"] == "pending"
        for each in schedule["recipients"]
    )
    wanted = {(each["mobile"], *each["temp_para"].values()) for each in people(count)}
    if scheduled.total() != count or set(scheduled) != wanted:
        missing = len(wanted.difference(scheduled))
        raise NotMeasuredError(
            f"the sandbox holds {scheduled.total():,} recipients instead of {count:,}, of whom "
            f"{missing:,} are missing"
        )


def _campaign(recipients: Any) -> None:
    """Run the operator as a task does, with a store in memory."""
    operator = JsmsSubmitBatchScheduleOperator(
        task_id="campaign",
        send_time=tomorrow(),
        # What comes from another task is not rendered, as this is not.
        recipients=lambda context, jinja_env: recipients,
        temp_id=TEMPLATE["temp_id"],
    )
    operator.render_template_fields({})
    operator.execute({"ti": TaskInstance(), "task_state_store": DictStore()})


def _one_by_one(url: str, recipients: list[dict[str, Any]]) -> None:
    client = jsms.Jsms(DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)
    client.BASE_URL = f"{url}/v1/"
    wall_clock = f"{tomorrow().astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}"
    for each in recipients:
        client.send_teml(each["mobile"], TEMPLATE["temp_id"], each["temp_para"], wall_clock)
