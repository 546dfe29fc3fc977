"""What Airflow 2 runs with: a webserver, a scheduler that parses, one folder for all DAGs."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from tests.stack.rest_of_2 import AirflowRestOf2 as Rest

__all__ = [
    "COMPONENTS",
    "HEALTH_KEYS",
    "SERVER",
    "WORKERS_SERVER",
    "Rest",
    "airflow_settings",
    "prepare",
]

SERVER = "webserver"
WORKERS_SERVER = ()  # workers write to the database themselves
COMPONENTS = (SERVER, "scheduler", "triggerer")
HEALTH_KEYS = {SERVER: "metadatabase", "scheduler": "scheduler", "triggerer": "triggerer"}


def prepare(home: Path, dags_folders: Sequence[Path]) -> None:
    """Make what no setting can tell: one folder with all DAGs, and that everybody is let in."""
    for number, folder in enumerate(dags_folders, start=1):
        link = _dags_folder(home) / str(number) / folder.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder, target_is_directory=True)
    (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')


def airflow_settings(
    home: Path, dags_folders: Sequence[Path], host: str, port: int, _workers_port: int
) -> dict[str, str]:
    """Everything that only Airflow 2 needs to know."""
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
        "AIRFLOW__CORE__DAGS_FOLDER": str(_dags_folder(home)),
        # the executor that is meant for sqlite holds up the scheduler while a task runs
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        # so that several may write: whoever finds it locked waits
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
        # an unchanged file need not be read again
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "300",
        # a worker would schedule too what comes next; sqlite locks no row, so a task ran twice
        "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
        "AIRFLOW__WEBSERVER__BASE_URL": f"http://{host}:{port}",
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": host,
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        # one that asks itself, as a test of a connection may, needs another one to answer
        "AIRFLOW__WEBSERVER__WORKERS": "2",
    }


def _dags_folder(home: Path) -> Path:
    return home / "dags"
