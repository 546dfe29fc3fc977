"""Reconcile JSMS with 10,000 texts: 500 new ones, then all unchanged, then 1 % of them changed.

The sandbox runs in a process of its own, the ledger is a SQLite file. The rows of the other texts
are written into it as if an earlier run had submitted them. Memory is the peak of
Python's allocations, taken in a further run, because that takes time.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import tracemalloc
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.submission.reconciling.texts import text_of_entry
from airflow_provider_jsms.submission.records.decisions import ACCEPTED
from airflow_provider_jsms.submission.records.fingerprint import account_of
from airflow_provider_jsms.submission.records.ledger_rows import (
    ONCE,
    Place,
    Writer,
    row_id,
    values_of,
)
from airflow_provider_jsms.submission.records.record_content import now
from tests.benchmarks.measuring import TEMPLATE, NotMeasuredError, TaskInstance, people, tomorrow
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.submission.reconciling.plan import Text

COUNT = 10_000
NEW = 500
SCOPE = "appointments"
CHANGED = COUNT // 100
LONGEST = 5.0
MOST_STATEMENTS = 3 * COUNT // 1000


@dataclass
class Cost:
    """The cost of reconciling once."""

    requests: int
    statements: int
    seconds: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return (
            f"{self.requests:>6,} requests   {self.statements:>6,} statements   "
            f"{self.seconds:6.1f} s   {self.cpu:5.1f} s of CPU   {self.megabytes:5.1f} MB"
        )


class Scene:
    """A list, the sandbox and the ledger."""

    def __init__(self, control: SandboxControl) -> None:
        self._control = control
        self._statements = 0
        self._run = 0
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", self._count)
        control.reset()
        control.account(balance=10 * COUNT)
        control.template(TEMPLATE["temp_id"], text=TEMPLATE["text"])

    def cost(self, texts: list[dict[str, Any]], **expected: int) -> Cost:
        """Reconcile once, and check the result."""
        requests, self._statements = len(self._control.requests()), 0
        began, cpu = time.perf_counter(), time.process_time()
        result = self._reconcile(texts)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        statements = self._statements
        requests = len(self._control.requests()) - requests
        done = {kind: count for kind, count in result["counts"].items() if count}
        if done != expected:
            raise NotMeasuredError(f"{done} instead of {expected}")
        return Cost(requests, statements, seconds, cpu, self._memory(texts))

    def fill(self, texts: list[dict[str, Any]]) -> None:
        """Write the rows that an earlier run has left."""
        with JsmsHook() as hook:
            ledger = hook.require_ledger("the benchmark")
            place = Place(account_of(hook.settings).app, ONCE, Writer("bench"), SCOPE)
            rows = [_row(text_of_entry(each, hook.settings), place) for each in texts]
            tables = ledger._tables
            with tables.engine.begin() as connection:
                connection.execute(sa.insert(tables.records), rows)

    def _memory(self, texts: list[dict[str, Any]]) -> float:
        tracemalloc.start()
        self._reconcile(texts)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 1e6

    def _reconcile(self, texts: list[dict[str, Any]]) -> dict[str, Any]:
        """Run the operator as a task does."""
        self._run += 1
        operator = JsmsReconcileSchedulesOperator(
            task_id="reconcile",
            # Results of other tasks are not rendered, and this is not either.
            texts=lambda context, jinja_env: texts,
            scope=SCOPE,
        )
        operator.render_template_fields({})
        return operator.execute({"ti": TaskInstance(str(self._run))})

    def _count(self, *_: object) -> None:
        self._statements += 1


def _row(text: Text, place: Place) -> dict[str, Any]:
    assert text.call.send_time
    content = {
        "state": ACCEPTED,
        "schedule_id": str(uuid4()),
        "send_time": text.call.send_time.wire,
        "send_time_utc": text.call.send_time.utc,
        "fingerprint": asdict(text.request),
        "recipients": 1,
        "try": 1,
    }
    names = {"id": row_id(place.app, ONCE, text.key), "record_key": text.key}
    times = dict.fromkeys(("created_at", "updated_at"), now())
    return {**names, **times, "version": uuid4().hex, **values_of(place, content)}


def run() -> Iterator[str]:
    """Yield the report."""
    with (
        tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder,
        RunningSandbox(Path(folder) / "sandbox.log") as sandbox,
        SandboxControl(sandbox.url) as control,
    ):
        connection = {**sandbox.connection, "extra": {"ledger_conn_id": "ledger"}}
        os.environ["AIRFLOW_CONN_JSMS_DEFAULT"] = json.dumps(connection)
        os.environ["AIRFLOW_CONN_LEDGER"] = f"sqlite:///{folder}/ledger.db"
        scene = Scene(control)
        texts = list(_texts())
        yield f"{'new':<12}{scene.cost(texts[:NEW], submitted=NEW)}"
        scene.fill(texts[NEW:])
        unchanged = scene.cost(texts, unchanged=COUNT)
        bounds = f"bounds: {MOST_STATEMENTS} statements, {LONGEST:.0f} s of CPU"
        yield f"{'unchanged':<12}{unchanged}   {bounds}"
        later = tomorrow() + timedelta(days=1)
        texts[:CHANGED] = [{**each, "send_time": later.isoformat()} for each in texts[:CHANGED]]
        changed = scene.cost(texts, modified=CHANGED, unchanged=COUNT - CHANGED)
        yield f"{'1 % changed':<12}{changed}"
    if unchanged.requests or unchanged.statements > MOST_STATEMENTS or unchanged.cpu > LONGEST:
        raise NotMeasuredError("an unchanged list costs more than it may")


def _texts() -> Iterator[dict[str, Any]]:
    when = tomorrow().isoformat()
    for index, person in enumerate(people(COUNT)):
        yield {
            "key": f"visit-{index}",
            "send_time": when,
            "temp_id": TEMPLATE["temp_id"],
            **person,
        }
