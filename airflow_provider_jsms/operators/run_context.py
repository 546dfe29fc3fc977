"""Checks on the context of a task run, and on its logical date."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Context

# The messages of Jinja and Python for a missing date, or an attribute or operand of one.
_MISSING_DATE: Final = re.compile(
    r"'(logical_date|(prev_)?data_interval_(start|end)(_success)?|[dt]s(_nodash)?(_with_tz)?)'"
    r" is undefined|'None' has no attribute .*|.*'NoneType'.*"
)


def require_task_run(context: Context) -> None:
    """Check that Airflow runs the task.

    :raises JsmsInputError: it does not, as in ``execute({})`` of a unit test.
    """
    if not context or "ti" not in context:
        raise JsmsInputError(
            "execute() was called without the context of a task run (it has no 'ti'). Nothing was "
            "sent. To test a task, run its DAG with dag.test() and the pytest fixture "
            "jsms_sandbox; in your own code use JsmsHook."
        )


@contextmanager
def explaining_missing_dates(field: str, context: Context) -> Iterator[None]:
    """Suggest ``dag_run.run_after`` where a template needs a date that the run does not have.

    Airflow 3 gives no logical date to a run that the API, the command line or an asset starts.

    :raises JsmsInputError: the template of ``field`` needs a missing date.
    """
    try:
        yield
    except AirflowException:
        raise
    except Exception as error:
        dag_run: Any = context.get("dag_run")
        is_dated = dag_run is None or getattr(dag_run, "logical_date", dag_run) is not None
        if is_dated or not _MISSING_DATE.fullmatch(str(error)):
            raise
        raise JsmsInputError(
            f"The field {field} could not be rendered: this run has no logical date, and so no "
            "data_interval_end, ds or ts (the API, the command line or an asset started it). "
            "Nothing was sent. Use the time that every run has, such as "
            "{{ dag_run.run_after + macros.timedelta(hours=6) }}."
        ) from None
