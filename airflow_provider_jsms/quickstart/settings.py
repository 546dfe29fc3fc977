"""The settings of an Airflow that runs alone on loopback.

Those of one major version are in ``airflow_2`` and ``airflow_3``, which have the same names.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.quickstart import airflow_2, airflow_3
from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST = "127.0.0.1"
# The system hands out higher ones itself, also while an Airflow starts and does not listen yet.
_PORTS = range(20_000, 32_768)

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
"""The installed release of Airflow, such as ``(3, 3)``, without importing it."""

release = airflow_3 if AIRFLOW >= (3, 0) else airflow_2

# Airflow's log servers listen on every interface, and the server reads logs from the disk
OPTIONS = {
    "scheduler": ["--skip-serve-logs"],
    "triggerer": ["--skip-serve-logs"],
}

FIXED = {
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    # the server comes up while the database is being made
    "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
    # a changed file is noticed within a second
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    # an unchanged file need not be read again
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "86400",
    "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "300",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
    # the server asks for the log of a waiting task there too: not those of another Airflow
    "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": "1",
    "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "1",
    # a task fails where a request takes longer, as it does on a busy machine
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    "PYTHONUNBUFFERED": "1",
}


def airflow_environment(
    *,
    home: Path,
    dags_folder: Path,
    port: int,
    workers_port: int,
    connections: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """Return the environment of a component of Airflow."""
    return {
        **inherited_environment(),
        **FIXED,
        **release.airflow_settings(home, HOST, port, workers_port),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(it) for name, it in connections.items()},
    }


def sandbox_connection(url: str) -> dict[str, Any]:
    """Return the connection to a sandbox, in Airflow's JSON form."""
    return {
        "conn_type": "jsms",
        "host": url,
        "login": DEFAULT_APP_KEY,
        "password": DEFAULT_MASTER_SECRET,
    }


def free_port(preferred: int = 0) -> int:
    """Return a port on loopback that nobody listens on: the preferred one if possible."""
    port = preferred or secrets.choice(_PORTS)
    while not _is_free(port):
        port = secrets.choice(_PORTS)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
