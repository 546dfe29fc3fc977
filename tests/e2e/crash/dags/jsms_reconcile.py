"""A list that is reconciled by a worker that dies; each run has a scope and people of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator

with DAG("crash_reconcile", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    JsmsReconcileSchedulesOperator(
        task_id="submit",
        texts="{{ dag_run.conf['file'] }}",
        scope="{{ dag_run.conf['scope'] }}",
        max_deletes="{{ dag_run.conf['max_deletes'] }}",
        jsms_conn_id="jsms_ledger",
        retries=2,
        retry_delay=timedelta(seconds=1),
    )
