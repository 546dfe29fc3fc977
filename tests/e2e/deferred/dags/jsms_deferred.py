"""A DAG for each kind of wait, with one sensor for each mode that it is shown in.

What each of them waits for, and on which connection, is in the configuration of the run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

ALL = ("poke", "reschedule", "deferrable")
# A look in reschedule mode is a new process.
MODES: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke", "poke_interval": 2},
    "reschedule": {"mode": "reschedule", "poke_interval": 20},
    "deferrable": {"deferrable": True, "poke_interval": 2},
}
COMMON: dict[str, Any] = {"retries": 1, "retry_delay": timedelta(seconds=1)}
# A wait that looks often before send_time.
WATCHFUL = {"poke": 2, "reschedule": 10, "deferrable": 1}


def dag(
    name: str, *, modes: tuple[str, ...] = ALL, is_watchful: bool = False, **arguments: Any
) -> None:
    with DAG(
        f"wait_{name}",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        render_template_as_native_obj=True,
    ):
        for mode in modes:
            often = {"recheck_interval": timedelta(seconds=WATCHFUL[mode])} if is_watchful else {}
            JsmsScheduleSensor(
                task_id=mode,
                schedule_id="{{ dag_run.conf['wait_for'][task.task_id] }}",
                jsms_conn_id="{{ dag_run.conf['connection'] }}",
                **{**COMMON, **MODES[mode], **often, **arguments},
            )


GRACE = timedelta(seconds=15)

dag("done")
dag("moved_later", grace=timedelta(seconds=5))
dag("moved_earlier", is_watchful=True)
dag("gone", is_watchful=True)
dag("failing", is_watchful=True, poke_interval=3)
dag("nowhere", timeout=15)
dag("held", modes=("deferrable",), is_watchful=True)
dag(
    "execution_timeout",
    modes=("deferrable",),
    execution_timeout=timedelta(seconds=15),
    retries=0,
)
for suffix, soft_fail in (("", False), ("_soft", True)):
    dag(f"overdue{suffix}", grace=GRACE, soft_fail=soft_fail)
    dag(f"timed_out{suffix}", timeout=15, soft_fail=soft_fail)
