"""Ten thousand people, texted by many tasks at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from tests import people

PEOPLE = 10_000
GROUP = 400
AT_ONCE = 16


@task(show_return_value_in_logs=False)
def groups() -> list[list[dict[str, object]]]:
    """Return what each task is given; a person's place is in their text too."""
    everybody = [
        {"mobile": people.number(index), "temp_para": {"name": f"{people.CANARY}-{index}"}}
        for index in range(PEOPLE)
    ]
    return [everybody[first : first + GROUP] for first in range(0, PEOPLE, GROUP)]


with DAG(
    "load",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_tasks=AT_ONCE,
):
    JsmsSubmitBatchScheduleOperator.partial(
        task_id="submit",
        jsms_conn_id="jsms_patient",
        # When a run is cleared it gets another start_date, but is to text at the same time.
        send_time="{{ dag_run.run_after + macros.timedelta(hours=1) }}",
        temp_id=2,
        max_failures=GROUP,
        # A person decides for each task that does not know, once it has failed.
        on_uncertain="{{ var.json.get('load', {}).get(ti.map_index | string, 'fail') }}",
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(recipients=groups())
