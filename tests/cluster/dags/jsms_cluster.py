"""Submissions on a distributed Airflow: a single text, and a batch of two chunks from a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people

COMMON = {
    "task_id": "submit",
    "send_time": "{{ dag_run.run_after + macros.timedelta(hours=1) }}",
    "temp_id": 2,
    "retries": 1,
    "retry_delay": timedelta(seconds=1),
}


def dag(dag_id: str) -> DAG:
    return DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        user_defined_macros={"number": people.number},
    )


with dag("cluster_single"):
    JsmsSubmitScheduleOperator(
        **COMMON,
        mobile="{{ number(dag_run.conf['people']) }}",
        temp_para={"name": people.CANARY},
    )

with dag("cluster_batch"):
    JsmsSubmitBatchScheduleOperator(**COMMON, recipients="{{ dag_run.conf['file'] }}")
