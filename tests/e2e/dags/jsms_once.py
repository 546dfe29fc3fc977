"""Submissions through a connection with a ledger: two DAGs share the keys of their texts."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people

COMMON = {
    "start_date": datetime(2026, 2, 1, tzinfo=UTC),
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


def die(context: Any) -> None:
    """Let a run die once, when it writes a state into the ledger."""
    # Parsing the file must not import it.
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger  # noqa: PLC0415

    moment, write = context["dag_run"].conf["dies"], SqlLedger.write
    # Not by the number of the try: the first one may not come so far.
    has_died = Path(os.environ["AIRFLOW_HOME"], f"died-{context['run_id']}")

    def die_at(now: str) -> None:
        if now == moment and not has_died.exists():
            has_died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def write_and_die(*arguments: Any) -> str:
        state = arguments[3]["state"]
        die_at(f"before {state}")
        version = write(*arguments)
        die_at(f"after {state}")
        return version

    SqlLedger.write = write_and_die  # type: ignore[method-assign]


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

with DAG("once_killed", schedule=None, user_defined_macros={"number": people.number}, **COMMON):
    JsmsSubmitScheduleOperator(
        task_id="submit",
        mobile="{{ number(dag_run.conf['person']) }}",
        temp_para=NAME,
        send_time="{{ var.value.send_time }}",
        temp_id=2,
        once_key="{{ dag_run.conf['once_key'] }}",
        pre_execute=die,
        # Airflow 2 may notice a dead process twice, and fail the next try too.
        retries=3,
    )

# Its days are over, so it runs only where somebody asks for them.
with DAG(
    "once_a_day",
    schedule="@daily",
    end_date=datetime(2026, 2, 3, tzinfo=UTC),
    catchup=False,
    **COMMON,
):
    JsmsSubmitScheduleOperator(task_id="submit", mobile=MOBILE, temp_para=NAME, **GIVEN, **KEY)
