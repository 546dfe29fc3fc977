"""A campaign: text everybody on a list, see to those whom JSMS refused, follow the rest.

Trigger it in the UI as it is; with `make up` it talks to the sandbox, and nobody is texted.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

# On Airflow 3 alone you would write: from airflow.sdk import DAG, Param, task
from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

with DAG(
    "jsms_campaign",
    description="Text a list of customers, each by name",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={
        "send_in": Param(30, type="integer", minimum=5, description="seconds from the start"),
    },
    tags=["jsms", "example"],
    doc_md=__doc__,
):
    # Airflow logs what a task function returns, and these are people's numbers: not here.
    @task(show_return_value_in_logs=False)
    def customers() -> list[dict[str, object]]:
        """Return whom to text; yours would ask a database."""
        people = {
            "13900139002": "小明",
            "13900139003": "小红",
            "12012345678": "小刚",  # no such number exists: JSMS will refuse it
        }
        return [{"mobile": each, "temp_para": {"name": name}} for each, name in people.items()]

    # One task for the whole list, not a task for each person. `.output` hands the list over as
    # it is; a template would turn it into text.
    campaign = JsmsSubmitBatchScheduleOperator(
        task_id="campaign",
        send_time="{{ dag_run.start_date + macros.timedelta(seconds=params.send_in) }}",
        recipients=customers(),
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
        mode="reschedule",
        retries=3,
        poke_interval=3,
        grace=timedelta(minutes=10),
    )
