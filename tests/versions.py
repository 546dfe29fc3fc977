"""What differs between the versions of Airflow, as far as the tests have to know it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tests.stack.settings import AIRFLOW, HAS_STORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

if AIRFLOW >= (3, 3):
    from airflow.sdk import NEVER_EXPIRE
    from airflow.sdk.exceptions import TaskAwaitingInput
else:
    NEVER_EXPIRE = object()  # only the store of the tests is there

    class TaskAwaitingInput(BaseException):
        """Never raised there."""


if AIRFLOW >= (3, 2):
    from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferralError
else:
    from airflow.exceptions import AirflowRescheduleException, TaskDeferralError

if AIRFLOW >= (3, 0):
    from airflow.sdk.io.store import attach
else:
    from airflow.io.store import attach

if AIRFLOW >= (3, 1):
    from airflow.sdk.module_loading import import_string
else:
    from airflow.utils.module_loading import import_string

__all__ = [
    "AIRFLOW",
    "BASE_OF_SENSORS",
    "HAS_STORE",
    "NEVER_EXPIRE",
    "NO_TRIGGER_IN_TIME",
    "AirflowRescheduleException",
    "TaskAwaitingInput",
    "TaskDeferralError",
    "TaskInstance",
    "as_here",
    "attach",
    "import_string",
    "stand_in",
    "without_alembic",
]

BASE_OF_SENSORS: Final = "airflow.sdk.bases.sensor" if AIRFLOW >= (3, 0) else "airflow.sensors.base"
# What a task is told whose trigger has not fired in time.
NO_TRIGGER_IN_TIME: Final = "Trigger timeout" if AIRFLOW >= (3, 0) else "Trigger/execution timeout"


class TaskInstance:
    """As much of one as a sensor in reschedule mode uses.

    :param first_rescheduled_at: when the task was started first; None if it was never rescheduled.
    """

    try_number = 1
    max_tries = 0
    map_index = -1
    dag_id = "dag"
    task_id = "wait"

    def __init__(self, first_rescheduled_at: datetime | None = None) -> None:
        self._first_rescheduled_at = first_rescheduled_at
        # Airflow 2 looks it up in the database, by the names of the task instance.
        self.run_id = first_rescheduled_at.isoformat() if first_rescheduled_at else ""

    if AIRFLOW >= (3, 0):

        def get_first_reschedule_date(self, _: object) -> datetime | None:
            return self._first_rescheduled_at

    else:

        @property
        def start_date(self) -> datetime | None:
            return self._first_rescheduled_at


_ON_AIRFLOW_2 = {
    "from airflow.sdk ": (
        "from datetime import datetime, timezone\n\nfrom airflow.providers.common.compat.sdk "
    ),
    "dag_run.run_after": "data_interval_end",
    'schedule="0 18 * * *")': (
        'schedule="0 18 * * *", '
        "start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False)"
    ),
}


def as_here(code: str) -> str:
    """Return code of the pages as they tell people to change it for their Airflow."""
    if AIRFLOW >= (3, 0):
        return code
    for new, old in _ON_AIRFLOW_2.items():
        code = code.replace(new, old)
    return code


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Set what stands in for something that this Airflow has not, or only with a database."""
    if AIRFLOW < (3, 0):
        patch.setattr(f"{BASE_OF_SENSORS}._orig_start_date", _first_rescheduled_at)


def without_alembic(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines without those that alembic logs where Airflow 3.1 imports it."""
    logs = AIRFLOW == (3, 1)
    return (line for line in lines if not (logs and "[alembic.runtime.plugins]" in line))


def _first_rescheduled_at(*, run_id: str, **_: Any) -> datetime | None:
    return datetime.fromisoformat(run_id) if run_id else None
