"""A DAG for each sensor that is measured in a triggerer, with a task for each schedule of a run."""

from __future__ import annotations

from typing import Any

from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import dag, task

from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

WAIT = {"task_id": "wait", "pool": "waits", "deferrable": True}


@task
def schedule_ids(params: dict[str, Any]) -> list[str]:
    return params["schedule_ids"]


@task
def endpoints(params: dict[str, Any]) -> list[str]:
    return [f"v1/schedule/{each}" for each in params["schedule_ids"]]


@dag(schedule=None, params={"schedule_ids": []})
def jsms_waits() -> None:
    JsmsScheduleSensor.partial(**WAIT).expand(schedule_id=schedule_ids())


@dag(schedule=None, params={"schedule_ids": []})
def http_waits() -> None:
    HttpSensor.partial(**WAIT).expand(endpoint=endpoints())


jsms_waits()
http_waits()
