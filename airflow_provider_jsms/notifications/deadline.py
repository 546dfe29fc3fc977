"""The context of a deadline alert, with the names that a task's context has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pendulum

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context

_NAMES: Final = ("run_id", "dag_id", "logical_date", "data_interval_start", "data_interval_end")
_DATES: Final = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
_TIMES: Final = (
    *("logical_date", "data_interval_start", "data_interval_end", "run_after", "partition_date"),
    *("queued_at", "start_date", "end_date", "last_scheduling_decision", "deadline_time"),
)


def is_deadline(context: Context) -> bool:
    """Return whether this is the context of a deadline alert, not of a task or a DAG."""
    return "deadline" in context


def deadline_context(context: Context, filters: Mapping[str, Callable[..., Any]]) -> Context:
    """Return the context of a deadline alert with the names of a task's context.

    Airflow passes the run as a dictionary in the form of its REST API (``dag_run_id``, times as
    text), the deadline, and nothing else. Any other context is returned as it is.

    :param filters: of Jinja, among them Airflow's ``ds`` and ``ts``.
    """
    given = cast("dict[str, Any]", context)
    if not is_deadline(context) or not isinstance(given.get("dag_run"), Mapping):
        return context
    run = _with_times(given["dag_run"])
    run.setdefault("run_id", run.get("dag_run_id"))
    names: dict[str, Any] = {name: run[name] for name in _NAMES if run.get(name) is not None}
    if date := names.get("logical_date"):
        names |= {name: filters[name](date) for name in _DATES}
    names |= {"dag": _dag_of(run), **_accessors(), **given}
    return cast("Context", {**names, "dag_run": run, "deadline": _with_times(given["deadline"])})


def _dag_of(run: Mapping[str, Any]) -> SimpleNamespace:
    dag_id = run.get("dag_id")
    return SimpleNamespace(
        dag_id=dag_id,
        dag_display_name=run.get("dag_display_name", dag_id),
        render_template_as_native_obj=False,  # Airflow reads it
    )


def _accessors() -> dict[str, object]:
    # Only Airflow 3.1 and newer have deadline alerts.
    from airflow.sdk.execution_time.context import (  # noqa: PLC0415
        MacrosAccessor,
        VariableAccessor,
    )

    variables = {
        "json": VariableAccessor(deserialize_json=True),
        "value": VariableAccessor(deserialize_json=False),
    }
    return {"macros": MacrosAccessor(), "var": variables}


def _with_times(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose times are datetimes, as in a task."""
    return {name: _time(item) if name in _TIMES else item for name, item in values.items()}


def _time(value: object) -> object:
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return pendulum.instance(value) if isinstance(value, datetime) else value
