"""Settings of the tests on Airflow 2: one folder for all DAGs."""

from collections.abc import Sequence
from pathlib import Path

from tests.stack.rest_of_2 import AirflowRestOf2 as Rest

__all__ = ["Rest", "dag_settings"]


def dag_settings(home: Path, dags_folders: Sequence[Path]) -> dict[str, str]:
    """Link all DAGs into one folder, and return the settings that name it."""
    for number, folder in enumerate(dags_folders, start=1):
        link = home / "dags" / str(number) / folder.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder, target_is_directory=True)
    return {"AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags")}
