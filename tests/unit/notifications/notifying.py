"""A notifier, the contexts that Airflow passes to it, and what it has sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.notifier import BaseNotifier
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests import people

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl

PARAMETERS = {"name": f"{people.CANARY}-{{{{ run_id }}}}"}
has_async = pytest.mark.skipif(
    not hasattr(BaseNotifier, "async_notify"), reason="deadlines came with Airflow 3.1"
)


def context(run_id: str = "r1", **dag: Any) -> Any:
    return {"run_id": run_id, "dag": DAG("d", schedule=None, **dag)}


def notifier(**changed: Any) -> JsmsNotifier:
    arguments = {"mobile": people.ANNA, "temp_id": 2, "temp_para": PARAMETERS}
    return JsmsNotifier(**{**arguments, **changed})


def bodies(sandbox: SandboxControl) -> list[Any]:
    return [each["body"] for each in sandbox.requests() if each["method"] == "POST"]


def names(sandbox: SandboxControl) -> list[str]:
    return [body["temp_para"]["name"].removeprefix(f"{people.CANARY}-") for body in bodies(sandbox)]


def deadline(**changed: object) -> Any:
    """Return what Airflow passes to a callback of a deadline."""
    run = {
        "dag_run_id": "r1",
        "dag_id": "load",
        "logical_date": "2026-03-04T01:00:00Z",
        "data_interval_start": "2026-03-03T01:00:00Z",
        "data_interval_end": "2026-03-04T01:00:00.500000Z",
        "start_date": "2026-03-04T01:05:00Z",
        "end_date": None,
        "state": "running",
        "conf": {"who": "ops"},
    }
    time = datetime(2026, 3, 4, 2, tzinfo=UTC)
    return {"dag_run": {**run, **changed}, "deadline": {"id": "d1", "deadline_time": time}}
