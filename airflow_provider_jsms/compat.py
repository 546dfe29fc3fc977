"""Everything that exists only for Airflow before 3.3: delete this file to drop those versions."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider_jsms.exceptions import JsmsError, JsmsNoRetryError
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, PLACEHOLDERS, RELABELING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.providers.common.compat.sdk import BaseSensorOperator, Context

    from airflow_provider_jsms.submission.task_try import TaskTry


@contextmanager
def fail_without_retry(task_try: TaskTry) -> Iterator[None]:
    """Turn every error into a final one where there is no store: a retry could send twice."""
    try:
        yield
    except (AirflowSkipException, KeyboardInterrupt):
        raise
    except AirflowFailException as error:
        _add_way_on(error, task_try)
        raise
    except BaseException as error:
        if task_try.store is not None:
            raise
        raise _no_retry(error, task_try) from error


def _no_retry(error: BaseException, task_try: TaskTry) -> JsmsNoRetryError:
    cause = str(error) if isinstance(error, JsmsError) else f"{type(error).__name__}."
    if task_try.may_have_submitted:
        return JsmsNoRetryError(
            f"The task ended after it had submitted, or may have ({cause}), and this Airflow keeps "
            "no record for a retry. Mark the task as success, or delete the schedules that its log "
            "names before you trigger a new run."
        )
    return JsmsNoRetryError(
        f"{cause} Nothing is scheduled. This Airflow keeps no record that a retry could read: "
        "trigger a new run."
    )


def _add_way_on(error: AirflowFailException, task_try: TaskTry) -> None:
    """Add what to do where a cleared task could not know that this try has sent nothing."""
    is_first = task_try.store is None and task_try.attempt.number == 1
    is_unsent = is_first and not task_try.may_have_submitted
    if is_unsent and isinstance(error, JsmsError) and not error.ends_run:
        error.add(
            "This Airflow keeps no record for a cleared task: trigger a new run, or clear this one "
            "with on_uncertain='resubmit'."
        )


def first_started_at(context: Context) -> datetime | None:
    """Return the first start of a sensor in reschedule mode: Airflow 2 keeps it as start_date."""
    ti: Any = context["ti"]
    if hasattr(ti, "get_first_reschedule_date"):
        return ti.get_first_reschedule_date(context)  # type: ignore[no-any-return]
    return ti.start_date  # type: ignore[no-any-return]


@contextmanager
def failed_deferral(sensor: BaseSensorOperator, next_method: str) -> Iterator[None]:
    """Fail a sensor whose trigger failed or timed out as Airflow 3.3 does."""
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


def connection_form_widgets() -> dict[str, Any]:
    """Return the extras of the connection as fields of its form, for Airflow before 3.2."""
    # Airflow 3.0 and 3.1 put stand-ins in the place of these libraries.
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # type: ignore[import-not-found] # noqa: PLC0415
    from wtforms import StringField  # type: ignore[import-untyped]  # noqa: PLC0415

    return {
        name: StringField(
            field["label"],
            description=field["description"],
            default=str(field["schema"].get("default", "")),
            widget=BS3TextFieldWidget(),
        )
        for name, field in CONN_FIELDS.items()
    }


def ui_field_behaviour() -> dict[str, Any]:
    """Return the labels and placeholders of the standard fields, for Airflow before 3.2."""
    return {"hidden_fields": [], "relabeling": RELABELING, "placeholders": PLACEHOLDERS}


def mask_secret(secret: str) -> None:
    """Mask a secret in the logs of Airflow: ``common.compat`` knows where only from 1.22 on."""
    # Of Airflow 3.1 and newer, 3.0 and 2.
    homes = ("sdk.log", "sdk.execution_time.secrets_masker", "utils.log.secrets_masker")
    for home in homes:
        with suppress(ImportError, AttributeError):
            mask = import_module(f"airflow.{home}").mask_secret
            break
    mask(secret)


def absolute_path(path: str) -> str:
    """Return the absolute path of a file on the worker, and any other URI as it is."""
    # Before Airflow 3.2 a relative path counts from the root, and 3.0 knows no file: URI.
    if "://" in path and not path.startswith("file:"):
        return path
    local = path.removeprefix("file:").removeprefix("//")
    return str(Path(local).expanduser().absolute())
