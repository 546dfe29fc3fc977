"""The try of a task that runs in this process."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from airflow.providers.common.compat.sdk import AirflowException, conf, get_current_context

from airflow_provider_jsms.submission.airflow_version import CLEAR_REMOVES_RECORDS
from airflow_provider_jsms.submission.records.decisions import Attempt
from airflow_provider_jsms.submission.records.ledger_rows import Writer
from airflow_provider_jsms.submission.records.stores import ThreadSafeStore
from airflow_provider_jsms.submission.task_try import TaskTry

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.submission.records.stores import Store

# Airflow exports it to the processes that a task starts.
_TRY_NUMBER: Final = b"AIRFLOW_CTX_TRY_NUMBER="
_ENVIRONMENT: Final = Path("/proc/self/environ")
_tries: dict[int, TaskTry] = {}


def task_try_of(context: Context, *, retries: int = 0, durable: bool = True) -> TaskTry:
    """Return the try that has this context.

    :param retries: of the task, for a context without a task.
    """
    ti: Any = context["ti"]
    writer = Writer(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
    if not durable:
        return TaskTry(None, _attempt_of(context, retries)._replace(number=1), writer)
    if id(ti) not in _tries:
        new = TaskTry(store_of(context), _attempt_of(context, retries), writer)
        _tries.setdefault(id(ti), new)  # another thread may have been faster
        weakref.finalize(ti, _tries.pop, id(ti), None)
    return _tries[id(ti)]


def _attempt_of(context: Context, retries: int) -> Attempt:
    task: Any = context.get("task")
    ti: Any = context["ti"]
    clears_on_success = conf.getboolean("state_store", "clear_on_success", fallback=False)
    return Attempt(
        number=ti.try_number,
        is_resumed=_is_resumed(ti),
        is_cleared=(ti.max_tries or 0) > (retries if task is None else task.retries or 0),
        is_mapped=ti.map_index is not None and ti.map_index >= 0,
        is_kept_by_clear=not CLEAR_REMOVES_RECORDS and not clears_on_success,
    )


def _is_resumed(ti: object) -> bool:
    # Airflow 3.3 and newer have no public name for it, and older ones cannot ask.
    return bool(getattr(getattr(ti, "_ti_context_from_server", None), "next_method", None))


def store_of(context: Context) -> Store | None:
    """Return the task state store of Airflow 3.3 and newer, None on older versions."""
    store = cast("Store | None", context.get("task_state_store"))
    return None if store is None else ThreadSafeStore(store)


def running_try() -> TaskTry | None:
    """Return the try of the task that this code runs in, None outside a task.

    A process that a task starts cannot reach the task's records: there a submission of the first
    try is not recorded, and one of a later try is uncertain.
    """
    # A DAG file needs none of it.
    from multiprocessing import parent_process  # noqa: PLC0415

    context, parent = _running_context(), parent_process()
    is_forked = parent is not None and parent.pid == os.getppid()
    if context is not None and not is_forked:
        return task_try_of(context)
    number = context["ti"].try_number if context else _try_that_started_this_process()
    if number == 1:
        return None
    doubt = "a process that a task starts cannot read the records of earlier tries"
    return TaskTry(None, Attempt(number, doubt=doubt))


def _running_context() -> Context | None:
    try:
        return get_current_context()
    except (AirflowException, RuntimeError):
        return None


def _try_that_started_this_process() -> int:
    """Return the number of the try that started this process, 1 if none did.

    Airflow sets the variable in the task's own process too, where callbacks run outside the
    context; there it is absent from the environment that the process started with.
    """
    try:
        variables = _ENVIRONMENT.read_bytes().split(b"\0")
    except OSError:
        return 1
    numbers = [each.partition(b"=")[2] for each in variables if each.startswith(_TRY_NUMBER)]
    return int(numbers[0]) if numbers and numbers[0].isdigit() else 1
