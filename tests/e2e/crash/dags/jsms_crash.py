"""Submissions whose workers die; each run has people, and if it says so a connection, of its own.

A run says by a number who its people are, or by a file, so that no phone number is in its
configuration.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from tests import people


def sign_requests(context: Any) -> None:
    """Let the sandbox see which try sends a request."""
    # Parsing the file must not import it.
    from airflow_provider_jsms.hooks import transport  # noqa: PLC0415

    transport.HEADERS = {**transport.HEADERS, "X-Try": str(context["ti"].id)}


COMMON = {
    "task_id": "submit",
    # When a run is cleared it gets another start_date, but is to text its people at the same time.
    "send_time": "{{ dag_run.run_after + macros.timedelta(hours=1) }}",
    # The soak changes it.
    "temp_id": "{{ var.value.get('temp_id_of_%s' % run_id, 2) }}",
    "jsms_conn_id": "{{ dag_run.conf.get('connection', 'jsms_default') }}",
    "retry_delay": timedelta(seconds=1),
    "pre_execute": sign_requests,
}


class Plain(BaseOperator):
    """Has nothing to do with JSMS."""

    def execute(self, context: Any) -> str:
        return "a result"


def person(offset: int) -> dict[str, object]:
    mobile = "{{ number(dag_run.conf['people'] + %d) }}" % offset  # noqa: UP031  braces of a template
    return {"mobile": mobile, "temp_para": {"name": f"{people.CANARY}-{offset}"}}


def dag(dag_id: str) -> DAG:
    return DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        user_defined_macros={"number": people.number},
    )


for purpose, retries in (("crash", 2), ("lost", 3), ("soak", 5)):
    with dag(f"{purpose}_single"):
        JsmsSubmitScheduleOperator(**COMMON, **person(0), retries=retries)

    with dag(f"{purpose}_batch"):
        JsmsSubmitBatchScheduleOperator(
            **COMMON, recipients=[person(0), person(1)], retries=retries
        )

with dag("crash_plain"):
    Plain(task_id="submit", retries=2, retry_delay=timedelta(seconds=1))

with dag("crash_campaign"):
    JsmsSubmitBatchScheduleOperator(
        **COMMON,
        recipients="{{ dag_run.conf['file'] }}",
        max_failures="{{ dag_run.conf['max_failures'] }}",
        on_uncertain="{{ dag_run.conf['on_uncertain'] }}",
        retries=2,
    )
