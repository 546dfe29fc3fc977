"""The notifier in every callback that Airflow has, and notifications that fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, AirflowException, Param, task

from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests import people
from tests.stack.settings import AIRFLOW

try:
    from airflow.sdk.definitions import deadline
except ImportError:  # Airflow before 3.1
    CALLBACKS = {}
else:
    CALLBACKS = {"async": deadline.AsyncCallback}
    # Airflow 3.1 has none, and with sqlite the scheduler of 3.2 ends where it runs one.
    if AIRFLOW >= (3, 3):
        CALLBACKS["sync"] = deadline.SyncCallback

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = f"{people.CANARY}-{{{{ ti.task_id if ti is defined else 'run' }}}}"

RUN = (
    "{{ run_id }}{% if dag_run is defined and dag_run.end_date %} in "
    "{{ dag_run.end_date.astimezone(dag.timezone).year }}{% endif %}"
)


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
    on_failure_callback=notifier(people.ANNA, said=f"{people.CANARY}-failed {RUN}"),
    on_success_callback=notifier(people.BEN, said=f"{people.CANARY}-good {RUN}"),
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
        "undefined_name": {"mobile": "{{ dag_run.conf.who }}"},
        "unreachable": {"jsms_conn_id": "jsms_nowhere"},
        "no_connection": {"jsms_conn_id": "jsms_unknown"},
    }.items():
        task(task_id=_name, on_success_callback=notifier(people.DAN, **_changed))(lambda: None)()

IN_A_DEADLINE = (
    "{{ dag.dag_id }}, {{ run_id == dag_run.run_id == dag_run.dag_run_id }}, {{ ds }}, "
    "{{ data_interval_end | ds }}, {{ (deadline.deadline_time - dag_run.queued_at).seconds }} s"
)
ALERTS = {
    "missed": {
        "temp_id": 3,
        "temp_para": {
            "name": IN_A_DEADLINE,
            "place": "{{ dag_run.nothing }}",
            "date": "{{ logical_date.in_timezone('Asia/Shanghai').format('MM-DD HH:mm') }}",
        },
    },
    "in_vain": {"mobile": "{{ dag_run.conf.who }}", "temp_id": 3},
}
# Airflow 3.3 forbids a SyncCallback to read a Variable. It logs the arguments of these callbacks at
# debug level, so they name nobody of the others.
ON_CALL = {"async": "{{ var.value.deadline_on_call }}", "sync": people.ON_CALL}
for _kind, _callback in CALLBACKS.items():
    for _name, _arguments in ALERTS.items():
        with DAG(
            f"notify_{_name}_{_kind}",
            schedule=None,
            start_date=START,
            deadline=deadline.DeadlineAlert(
                reference=deadline.DeadlineReference.DAGRUN_QUEUED_AT,
                interval=timedelta(seconds=1),
                callback=_callback(JsmsNotifier, kwargs={"mobile": ON_CALL[_kind], **_arguments}),
            ),
        ):

            @task.sensor(poke_interval=1, timeout=60)
            def takes_its_time(dag_run: object = None) -> bool:
                return (datetime.now(UTC) - dag_run.start_date).total_seconds() > 10

            takes_its_time()
