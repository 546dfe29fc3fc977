"""What Airflow 3 runs with: an API server, DAGs in bundles, and nobody has to log in."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from tests.stack.rest import AirflowRest as Rest

__all__ = [
    "COMPONENTS",
    "HEALTH_KEYS",
    "SERVER",
    "WORKERS_SERVER",
    "Rest",
    "airflow_settings",
    "prepare",
]

SERVER = "api-server"
# What workers ask has a process of its own. The REST API writes its audit log in the thread of the
# event loop, and waits there for the lock of sqlite; a worker's request that holds the lock needs
# the same loop to commit. In one process all of it stands still until sqlite gives up.
WORKERS_SERVER = ("api-server", "--apps", "execution")
COMPONENTS = (SERVER, "scheduler", "dag-processor", "triggerer")
HEALTH_KEYS = {
    SERVER: "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}


def prepare(home: Path, dags_folders: Sequence[Path]) -> None:
    """Make what no setting can tell: nothing."""


def airflow_settings(
    home: Path, dags_folders: Sequence[Path], host: str, port: int, workers_port: int
) -> dict[str, str]:
    """Everything that only Airflow 3 needs to know."""
    url = f"http://{host}:{port}"
    return {
        "AIRFLOW__API__BASE_URL": url,
        # only 3.0 asks for it
        "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",
        "AIRFLOW__API__HOST": host,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API__WORKERS": "1",
        # 3.0 names none by itself, which the library that makes the tokens refuses
        "AIRFLOW__API_AUTH__JWT_ISSUER": "tests",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folders[0]),
        "AIRFLOW__CORE__EXECUTOR": "tests.stack.executor.WarmExecutor",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{host}:{workers_port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(_bundles(dags_folders)),
        # an unchanged file need not be read again
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "86400",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        # it waits in its executor
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.01",
    }


def _bundles(folders: Sequence[Path]) -> list[dict[str, object]]:
    return [
        {
            "name": f"{number}-{folder.name}",
            "classpath": "tests.stack.bundle.WarmBundle",
            "kwargs": {"path": str(folder), "refresh_interval": 1},
        }
        for number, folder in enumerate(folders, start=1)
    ]
