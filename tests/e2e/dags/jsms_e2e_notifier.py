"""The notifier in every callback that Airflow has, and notifications that fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import airflow
from airflow.providers.common.compat.sdk import DAG, AirflowException, Param, task

from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests import people

try:
    from airflow.sdk.definitions import deadline
except ImportError:  # Airflow before 3.1
    CALLBACKS = {}
else:
    CALLBACKS = {"async": deadline.AsyncCallback}
    # Airflow 3.1 has none, and with sqlite the scheduler of 3.2 ends where it runs one.
    if not airflow.__version__.startswith(("3.1.", "3.2.")):
        CALLBACKS["sync"] = deadline.SyncCallback

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = f"{people.CANARY}-{{{{ ti.task_id if ti is defined else 'run' }}}}"


def notifier(*numbers: str, said: str = NAME, **changed: object) -> JsmsNotifier:
    arguments: dict[str, object] = {
        "mobile": ", ".join(numbers),
        "temp_id": 2,
        "temp_para": {"name": said},
        "delay": 60,
    }
    return JsmsNotifier(**{**arguments, **changed})


def fails() -> None:
    raise AirflowException("this task fails")


with DAG(
    "notify_task",
    schedule=None,
    start_date=START,
    default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
):
    task(
        task_id="fails",
        on_retry_callback=notifier(people.ANNA, said=f"{NAME}-again"),
        on_failure_callback=notifier(people.ANNA, people.BEN),
    )(fails)()

    @task(
        on_execute_callback=notifier(people.CARA, said=f"{NAME}-begins"),
        on_success_callback=notifier(people.CARA, said=f"{NAME}-done"),
    )
    def succeeds() -> None:
        pass

    succeeds()

with DAG(
    "notify_dag",
    schedule=None,
    start_date=START,
    params={"is_broken": Param(default=False, type="boolean")},
    on_failure_callback=notifier(people.ANNA, said=f"{people.CANARY}-failed {{{{ run_id }}}}"),
    on_success_callback=notifier(people.BEN, said=f"{people.CANARY}-good {{{{ run_id }}}}"),
):

    @task
    def works(params: dict[str, object] | None = None) -> None:
        if (params or {}).get("is_broken"):
            fails()

    works()

# Tasks that succeed, whose notifications fail.
with DAG("notify_in_vain", schedule=None, start_date=START):
    for _name, _changed in {
        "uncertain": {},
        "no_number": {"mobile": "1380013"},
        # a batch, so that it does not meet the fault that is meant for the first one
        "no_template": {"temp_id": 99, "mobile": [people.DAN, people.CARA]},
        "undefined_name": {"temp_para": {"name": f"{people.CANARY}-{{{{ nothing.at_all }}}}"}},
        "unreachable": {"jsms_conn_id": "jsms_nowhere"},
        "no_connection": {"jsms_conn_id": "jsms_unknown"},
    }.items():
        task(task_id=_name, on_success_callback=notifier(people.DAN, **_changed))(lambda: None)()

# Airflow logs the arguments of these callbacks at debug level, so they name nobody of the others.
for _kind, _callback in CALLBACKS.items():
    with DAG(
        f"notify_deadline_{_kind}",
        schedule=None,
        start_date=START,
        deadline=deadline.DeadlineAlert(
            reference=deadline.DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(seconds=1),
            callback=_callback(
                JsmsNotifier,
                kwargs={
                    "mobile": people.ON_CALL,
                    "temp_id": 2,
                    "temp_para": {"name": "{{ dag_run.dag_id }}"},
                },
            ),
        ),
    ):

        @task.sensor(poke_interval=1, timeout=60)
        def takes_its_time(dag_run: object = None) -> bool:
            return (datetime.now(UTC) - dag_run.start_date).total_seconds() > 10

        takes_its_time()
