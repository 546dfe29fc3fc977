"""Everything that exists only for Airflow before 3.3: delete this file to drop those versions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.providers.common.compat.sdk import BaseSensorOperator, Context


def first_started_at(context: Context) -> datetime | None:
    """Return the first start of a sensor in reschedule mode: Airflow 2 keeps it as start_date."""
    ti: Any = context["ti"]
    if hasattr(ti, "get_first_reschedule_date"):
        return ti.get_first_reschedule_date(context)  # type: ignore[no-any-return]
    return ti.start_date  # type: ignore[no-any-return]


@contextmanager
def failed_deferral(sensor: BaseSensorOperator, next_method: str) -> Iterator[None]:
    """Fail a sensor whose trigger failed or timed out as Airflow 3.3 does.

    Airflow 2 raises a timeout as a failed trigger and ignores ``never_fail``; 3.0 ignores both
    ``never_fail`` and, after a timeout, ``soft_fail``.
    """
    from airflow.providers.common.compat.sdk import (  # noqa: PLC0415
        AirflowException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )

    try:
        yield
    except AirflowException as error:
        if next_method != "__fail__":
            raise
        failure = error.__cause__ if isinstance(error, AirflowSkipException) else error
        if "timeout" in str(failure):
            failure = AirflowSensorTimeout(str(failure))
        if sensor.soft_fail or sensor.never_fail:
            raise AirflowSkipException(str(failure)) from failure
        raise failure from None  # type: ignore[misc]
