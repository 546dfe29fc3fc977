"""What a template can use in a deadline alert: the names that it uses in a task."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pendulum

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

DENIED: Final = "AirflowSecretsBackendAccessDenied"
"""The error of Airflow 3.3 for a SyncCallback that reads its database; older ones have none."""
WHY_DENIED: Final = (
    "Airflow 3.3 lets a SyncCallback read neither connections nor Variables of its database: use "
    "AsyncCallback, or set them in the environment or a secrets backend"
)

_TIMES: Final = (
    *("logical_date", "data_interval_start", "data_interval_end", "run_after", "partition_date"),
    *("queued_at", "start_date", "end_date", "last_scheduling_decision", "deadline_time"),
)


def is_deadline(context: Context) -> bool:
    """Tell whether this is the context of a deadline alert, and not of a task or a DAG."""
    return "deadline" in context


def deadline_context(context: Context) -> Context:
    """Return the context of a deadline alert with the names of a task's context.

    Airflow passes the run as a dictionary in the form of its REST API (``dag_run_id``, times as
    text), the deadline, and nothing else. Any other context is returned as it is.
    """
    given = cast("dict[str, Any]", context)
    if not is_deadline(context) or not isinstance(given.get("dag_run"), Mapping):
        return context
    run = given["dag_run"]
    run = _with_times({"run_id": run.get("dag_run_id"), **run})
    deadline = _with_times(given["deadline"])
    names = {**_of_the_run(run), **_accessors(), **given, "dag_run": run, "deadline": deadline}
    return cast("Context", names)


def _of_the_run(run: Mapping[str, Any]) -> dict[str, object]:
    """Return the names that a task has beside ``dag_run``; a run without a date has no ``ds``."""
    dag_id = run.get("dag_id")
    # Airflow asks a DAG in the context for `render_template_as_native_obj`.
    dag = {"dag_id": dag_id, "dag_display_name": run.get("dag_display_name", dag_id)}
    names = {"dag": SimpleNamespace(**dag, render_template_as_native_obj=False), "dag_id": dag_id}
    for name in ("run_id", "logical_date", "data_interval_start", "data_interval_end"):
        if run.get(name) is not None:
            names[name] = run[name]
    date = names.get("logical_date")
    return names | _texts_of(date) if isinstance(date, datetime) else names


def _texts_of(date: datetime) -> dict[str, str]:
    ds, ts = date.strftime("%Y-%m-%d"), date.isoformat()
    return {
        "ds": ds,
        "ds_nodash": ds.replace("-", ""),
        "ts": ts,
        "ts_nodash": date.strftime("%Y%m%dT%H%M%S"),
        "ts_nodash_with_tz": ts.replace("-", "").replace(":", ""),
    }


def _accessors() -> dict[str, object]:
    # Only Airflow 3.1 and newer have deadline alerts.
    from airflow.sdk.execution_time.context import (  # noqa: PLC0415
        MacrosAccessor,
        VariableAccessor,
    )

    return {
        "macros": MacrosAccessor(),
        "var": {
            "json": VariableAccessor(deserialize_json=True),
            "value": VariableAccessor(deserialize_json=False),
        },
    }


def _with_times(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose times are datetimes, as in a task."""
    return {name: _time(item) if name in _TIMES else item for name, item in values.items()}


def _time(value: object) -> object:
    with suppress(ValueError):
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return pendulum.instance(value) if isinstance(value, datetime) else value
