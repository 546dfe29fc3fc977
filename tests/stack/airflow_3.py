"""Settings of the tests on Airflow 3: a bundle for each folder of DAGs, and quicker tasks."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.stack.rest import AirflowRest as Rest

__all__ = ["Rest", "dag_settings"]


def dag_settings(_home: Path, dags_folders: Sequence[Path]) -> dict[str, str]:
    """Return the settings that name the bundles, and run their tasks quickly."""
    return {
        # only 3.0 asks for it
        "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",
        "AIRFLOW__CORE__EXECUTOR": "tests.stack.executor.WarmExecutor",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(_bundles(dags_folders)),
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
