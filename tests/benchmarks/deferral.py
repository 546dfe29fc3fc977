"""Defer every sensor of a run: ``python -m tests.benchmarks.deferral DAG_ID RUN_ID LOOK_AT``.

On a small machine a thousand workers take many minutes to get there. So each sensor is executed
here, up to its deferral, and what it then asks of Airflow is entered into the database as the API
server enters it for a worker. This is run with the settings of the Airflow in question.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk.serde import serialize
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
from tests.benchmarks.measuring import HTTP, JSMS, POKE_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable


def jsms_sensor(schedule_id: str, look_at: datetime) -> JsmsScheduleSensor:
    """Return a sensor that looks now, at a time before ``send_time``, and at ``send_time``."""
    return JsmsScheduleSensor(
        task_id="wait",
        schedule_id=schedule_id,
        poke_interval=POKE_INTERVAL,
        recheck_interval=look_at - datetime.now(UTC),
        deferrable=True,
    )


def http_sensor(schedule_id: str, look_at: datetime) -> HttpSensor:
    """Return a sensor that looks now, and again and again."""
    return HttpSensor(
        task_id="wait",
        endpoint=f"v1/schedule/{schedule_id}",
        poke_interval=POKE_INTERVAL,
        deferrable=True,
    )


SENSORS: dict[str, Callable[[str, datetime], Any]] = {JSMS: jsms_sensor, HTTP: http_sensor}


def main() -> None:
    """Defer them."""
    dag_id, run_id, look_at = sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3])
    with create_session() as session:
        of_run = {"dag_id": dag_id, "run_id": run_id}
        run = session.scalars(select(DagRun).filter_by(**of_run)).one()
        schedule_ids = run.conf["schedule_ids"]
        waits = session.scalars(select(TaskInstance).filter_by(**of_run, task_id="wait")).all()
        deferrals = [
            _deferral(SENSORS[dag_id](schedule_ids[each.map_index], look_at)) for each in waits
        ]
        for each, deferred in zip(waits, deferrals, strict=True):
            row = Trigger.from_object(deferred.trigger)
            session.add(row)
            session.flush()
            now = datetime.now(UTC)
            each.start_date = now
            each.state = TaskInstanceState.DEFERRED
            each.trigger_id = row.id
            each.trigger_timeout = deferred.timeout and now + deferred.timeout
            each.next_method = deferred.method_name
            each.next_kwargs = serialize(deferred.kwargs or {})


def _deferral(sensor: Any) -> TaskDeferred:
    task_instance = SimpleNamespace(get_first_reschedule_date=lambda context: None)
    try:
        sensor.execute({"ti": task_instance})
    except TaskDeferred as deferred:
        return deferred
    raise RuntimeError("the sensor has ended without a deferral")


if __name__ == "__main__":
    main()
