"""Appointments: keep the reminders in step with a list that is another one every day.

Monday's list has three appointments. In Tuesday's list one is unchanged, one has moved, one was
cancelled and one is new: only those three are sent to JSMS.

Trigger it in the UI as it is: with `make up` it uses the sandbox, which texts no one.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

# On Airflow 3 alone you would write: from airflow.sdk import DAG, task
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator

BEFORE = timedelta(hours=2)


def text(row: dict[str, str], midnight: datetime) -> dict[str, str | int]:
    """Return the reminder of an appointment, which is sent two hours before."""
    date = datetime.fromisoformat(f"{midnight:%Y-%m-%d} {row['clock']}")
    return {
        # It names the text in all runs: the id of the appointment, never a phone number.
        "key": row["key"],
        "send_time": f"{date - BEFORE:%Y-%m-%d %H:%M:%S}",  # the wall clock of JSMS
        "mobile": row["mobile"],
        "temp_id": 3,
        # All other columns are parameters of the template.
        "name": row["name"],
        "date": f"{date.month}月{date.day}日 {row['clock']}",
        "place": row["place"],
    }


with DAG(
    "jsms_appointments",
    description="Submit, move and cancel reminders as a list of appointments says",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=["jsms", "example"],
    doc_md=__doc__,
):

    @task(show_return_value_in_logs=False)
    def appointments(day: str, today: str) -> list[dict[str, str | int]]:
        """Read the list of a day; yours may query the booking system.

        A file with the columns key, send_time, mobile and temp_id needs no task: pass its path,
        such as texts="s3://my_connection@my_bucket/{{ ds }}.csv".
        """
        first = datetime.fromisoformat(today)
        with Path(__file__).with_name(f"appointments_{day}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [text(row, first + timedelta(days=int(row["days"]))) for row in rows]

    # In your DAG there is one such task, and tomorrow's run brings tomorrow's list.
    monday, tuesday = (
        JsmsReconcileSchedulesOperator(
            task_id=day,
            texts=appointments.override(task_id=f"list_of_{day}")(
                day, "{{ dag_run.start_date.strftime('%Y-%m-%d') }}"
            ),
            # Texts of this scope that are not in the list are cancelled, texts of others never.
            scope="appointments",
            # An empty or truncated list fails, instead of cancelling everything.
            max_deletes="50%",
            # Its extra ledger_conn_id names the database that remembers the texts.
            jsms_conn_id="jsms_with_ledger",
        )
        for day in ("monday", "tuesday")
    )
    monday >> tuesday
