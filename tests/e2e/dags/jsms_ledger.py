"""Submissions whose text, time and people a test changes between two runs of the same task.

What it changes is kept in Airflow Variables, as a user would who mends something and clears.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people
from tests.store import check_contract

COMMON = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "default_args": {"retries": 2, "retry_delay": timedelta(seconds=1)},
}
GIVEN = {
    "send_time": "{{ var.value.send_time }}",
    "temp_id": "{{ var.value.get('temp_id', 2) }}",
    "on_uncertain": "{{ var.value.get('on_uncertain', 'fail') }}",
}
NAME = {"name": f"{people.CANARY}-Anna"}
MOBILE = f"{{{{ var.value.get('mobile', '{people.ANNA}') }}}}"

with DAG("ledger_single", schedule=None, **COMMON):
    JsmsSubmitScheduleOperator(task_id="submit", mobile=MOBILE, temp_para=NAME, **GIVEN)

with DAG("ledger_batch", schedule=None, **COMMON):
    JsmsSubmitBatchScheduleOperator(
        task_id="submit", recipients=[{"mobile": MOBILE, "temp_para": NAME}], **GIVEN
    )

with DAG("ledger_campaign", schedule=None, **COMMON):
    JsmsSubmitBatchScheduleOperator(
        task_id="submit", recipients=[people.number(index) for index in range(1001)], **GIVEN
    )

with DAG("ledger_mapped", schedule=None, **COMMON):

    @task(show_return_value_in_logs=False)
    def numbers(**context: Any) -> list[str]:
        template = context["task"].render_template(MOBILE, context)
        return [template]

    JsmsSubmitScheduleOperator.partial(task_id="submit", temp_para=NAME, **GIVEN).expand(
        mobile=numbers()
    )

with DAG("ledger_contract", schedule=None, **COMMON):

    @task(retries=0)
    def check(**context: Any) -> None:
        from airflow.sdk import NEVER_EXPIRE  # noqa: PLC0415  as the ledger does

        check_contract(context["task_state_store"], NEVER_EXPIRE)

    check()
