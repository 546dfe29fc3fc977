"""The processes and the settings of Airflow 3: two API servers, and nobody has to log in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "api-server"
# The API of the workers has a process of its own. The REST API writes its audit log in the thread
# of the event loop, and waits there for the lock of sqlite; a worker's request that holds the lock
# needs the same loop to commit. In one process both stand still until sqlite gives up.
WORKERS_SERVER = ("api-server", "--apps", "execution")
COMPONENTS = (SERVER, "scheduler", "dag-processor", "triggerer")
API = "/api/v2"
HEALTH = f"{API}/monitor/health"
HEALTH_KEYS = {
    SERVER: "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}


def prepare(_home: Path) -> None:
    """Do nothing: the settings are enough."""


def airflow_settings(_home: Path, host: str, port: int, workers_port: int) -> dict[str, str]:
    """Return the settings that only Airflow 3 has."""
    return {
        "AIRFLOW__API__BASE_URL": f"http://{host}:{port}",
        "AIRFLOW__API__HOST": host,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API__WORKERS": "1",
        # 3.0 names none by itself, which the library that makes the tokens refuses
        "AIRFLOW__API_AUTH__JWT_ISSUER": "quickstart",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{host}:{workers_port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    }
