"""A campaign: text everybody in a file, see to those whom JSMS refused, follow the rest.

Trigger it in the UI as it is; with `make up` it talks to the sandbox, and nobody is texted.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

with DAG(
    "jsms_campaign",
    description="Text the customers in a file, each by name",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # One task for everybody in the file, however many they are. Yours would rather be in object
    # storage, such as "s3://my_connection@my_bucket/{{ ds }}/customers.csv". A list from an
    # upstream task does as well: recipients=that_task.output. One of these three numbers does not
    # exist, so JSMS will refuse it.
    campaign = JsmsSubmitBatchScheduleOperator(
        task_id="campaign",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        recipients=str(Path(__file__).with_name("customers.csv")),
        temp_id=4,
        tag="winter",
        # Up to half of the list may be refused. With more the task fails, and whatever JSMS has
        # accepted stays scheduled.
        max_failures="50%",
    )

    @task
    def see_to_refused(refused: list[dict[str, object]]) -> dict[str, int]:
        """Count the refusals by code; yours would correct the customers' data."""
        return dict(Counter(str(each["error_code"]) for each in refused))

    see_to_refused(campaign.output["failure_recipients"])

    # The result as a whole says how many msg_ids there will be: those of the accepted ones.
    JsmsScheduleSensor(
        task_id="wait",
        schedule_id=campaign.output,
        deferrable=True,  # in the triggerer, without a worker slot
        poke_interval=3,
        grace=timedelta(minutes=10),
    )
