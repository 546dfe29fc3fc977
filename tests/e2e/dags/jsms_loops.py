"""Tasks that make several submissions, and whose first try dies among them or fails after them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from tests import people

COMMON = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "default_args": {"retries": 1, "retry_delay": timedelta(seconds=1)},
}
TEXT = {
    "send_time": "2099-01-01 09:00:00",
    "temp_id": 2,
    "temp_para": {"name": f"{people.CANARY}-Anna"},
}
EVERYBODY = [people.number(index) for index in range(6)]


def die() -> None:
    """Let the whole worker die, as a machine does that is lost."""
    os.kill(os.getpid(), signal.SIGKILL)


def text(number: str) -> str:
    return JsmsHook().submit_schedule(mobile=number, **TEXT)


def fail_first(**context: Any) -> None:
    if context["ti"].try_number == 1:
        raise RuntimeError("as where a database is away")


with DAG("loop_operator", schedule=None, **COMMON):

    @task
    def operator(**context: Any) -> None:
        # The second try goes through the list backwards.
        for at, number in enumerate(EVERYBODY[:: 1 if context["ti"].try_number == 1 else -1]):
            if at == 3 and context["ti"].try_number == 1:
                die()
            JsmsSubmitScheduleOperator(task_id="text", mobile=number, **TEXT).execute(context)

    operator()

with DAG("loop_threads", schedule=None, **COMMON):

    @task
    def threads(**context: Any) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(text, EVERYBODY))
        fail_first(**context)

    threads()

with DAG("loop_processes", schedule=None, **COMMON):

    @task
    def processes(**context: Any) -> None:
        with ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
            list(pool.map(text, EVERYBODY))
        fail_first(**context)

    processes()
