"""The processes and the settings of Airflow 2: a webserver, and a scheduler that parses DAGs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "webserver"
WORKERS_SERVER = ()  # workers write to the database themselves
COMPONENTS = (SERVER, "scheduler", "triggerer")
API = "/api/v1"
HEALTH = f"{API}/health"
HEALTH_KEYS = {SERVER: "metadatabase", "scheduler": "scheduler", "triggerer": "triggerer"}


def prepare(home: Path) -> None:
    """Let everybody in, which no setting can do."""
    (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')


def airflow_settings(home: Path, host: str, port: int, _workers_port: int) -> dict[str, str]:
    """Return the settings that only Airflow 2 has."""
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
        # the executor that is meant for sqlite holds up the scheduler while a task runs
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        # so that several may write: whoever finds it locked waits
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
        # a worker would schedule the next tasks too; sqlite locks no row, so a task ran twice
        "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
        "AIRFLOW__WEBSERVER__BASE_URL": f"http://{host}:{port}",
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": host,
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        # one that asks itself, as a test of a connection may, needs another one to answer
        "AIRFLOW__WEBSERVER__WORKERS": "2",
    }
