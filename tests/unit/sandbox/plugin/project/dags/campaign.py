"""A campaign of two chunks over a connection of its own, and a wait until it is sent."""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.operators.jsms import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor

MEMBERS = [f"139{10_000_000 + number}" for number in range(1_200)]

with DAG("campaign", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
    submit = JsmsSubmitBatchScheduleOperator(
        task_id="submit",
        # the same in every try: another time would modify what an earlier one has submitted
        send_time="{{ dag_run.start_date + macros.timedelta(hours=6) }}",
        recipients=MEMBERS,
        temp_id=1,
        max_failures=1,
        jsms_conn_id="jsms_marketing",
        retries=1,
        retry_delay=timedelta(0),
    )
    JsmsScheduleSensor(
        task_id="wait",
        schedule_id=submit.output,
        wait_for_send_time=True,
        jsms_conn_id="jsms_marketing",
    )
