"""Submissions through a connection with a ledger: two DAGs share the keys of their texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people

COMMON = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "default_args": {
        "retries": 1,
        "retry_delay": timedelta(seconds=1),
        "jsms_conn_id": "jsms_with_ledger",
    },
}
NAME = {"name": f"{people.CANARY}-Anna"}
MOBILE = f"{{{{ var.value.get('mobile', '{people.ANNA}') }}}}"
GIVEN = {"send_time": "{{ var.value.send_time }}", "temp_id": "{{ var.value.get('temp_id', 2) }}"}
KEY = {"once_key": "{{ var.value.once_key }}"}

for name in ("once_first", "once_other"):
    with DAG(name, schedule=None, **COMMON):
        JsmsSubmitScheduleOperator(task_id="submit", mobile=MOBILE, temp_para=NAME, **GIVEN, **KEY)

with DAG("once_batch", schedule=None, **COMMON):
    JsmsSubmitBatchScheduleOperator(
        task_id="submit", recipients=[{"mobile": MOBILE, "temp_para": NAME}], **GIVEN, **KEY
    ) >> JsmsDeleteScheduleOperator(
        task_id="delete",
        schedule_id="{{ ti.xcom_pull(task_ids='submit')['schedule_ids'] }}",
        missing_ok="{{ var.value.get('missing_ok', 'False') }}",
    )

with DAG("once_without_key", schedule=None, **COMMON):
    JsmsSubmitScheduleOperator(task_id="submit", mobile=MOBILE, temp_para=NAME, **GIVEN)
