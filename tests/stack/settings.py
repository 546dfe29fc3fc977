"""How Airflow is told to run quickly, alone and on loopback.

Everything that differs from one release of Airflow to the next belongs here.
"""

import base64
import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
API = "/api/v2"
API_SERVER = "api-server"

COMPONENTS = (API_SERVER, "scheduler", "dag-processor", "triggerer")

HEALTH_KEYS = {
    API_SERVER: "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}

# Airflow's log servers listen on every interface, and the API server reads logs from the disk
OPTIONS = {
    "scheduler": ["--skip-serve-logs"],
    "triggerer": ["--skip-serve-logs"],
}

FIXED = {
    "AIRFLOW__API__HOST": HOST,
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    # the API server comes up while the database is being made
    "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
    # a changed file is noticed within a second; an unchanged one need not be read again
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
    # the API server asks for the log of a waiting task there too: not those of another Airflow
    "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": "1",
    "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "1",
    "PYTHONUNBUFFERED": "1",
}

NOT_INHERITED = {
    "PYTHONDONTWRITEBYTECODE",  # a component that compiles all of Airflow starts twice as slowly
    *("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY"),  # everything is on loopback
}


def inherited_environment() -> dict[str, str]:
    """The caller's environment without what would make a process here behave differently."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in NOT_INHERITED and not name.lstrip("_").startswith("AIRFLOW_")
    }


def airflow_environment(
    *,
    home: Path,
    dags_folders: Sequence[Path],
    port: int,
    connections: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, str],
) -> dict[str, str]:
    """Everything a component of Airflow needs to know."""
    url = f"http://{HOST}:{port}"
    return {
        **inherited_environment(),
        **FIXED,
        **_secrets(),
        **_dags(dags_folders),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(it) for name, it in connections.items()},
        **settings,
    }


def free_port(preferred: int = 0) -> int:
    """A port on loopback that nobody listens on: the preferred one if possible."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, preferred))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _secrets() -> dict[str, str]:
    return {
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    }


def _dags(folders: Sequence[Path]) -> dict[str, str]:
    bundles = [
        {
            "name": f"{number}-{folder.name}",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder), "refresh_interval": 1},
        }
        for number, folder in enumerate(folders, start=1)
    ]
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folders[0]),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
    }
