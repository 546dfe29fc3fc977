"""The Airflow of the tests, which read its REST API, its logs and its database."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow_provider_jsms.quickstart.airflow import START_TIMEOUT, WORKERS_SERVER, RunningAirflow
from airflow_provider_jsms.quickstart.settings import release as components_of
from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from tests.stack import settings
from tests.stack.processes import kill


class DagImportError(Exception):
    """A DAG file cannot be imported; the text carries its stack trace."""


class AirflowStack(RunningAirflow):
    """Airflow as a context manager, with any number of folders of DAGs.

    :param home: the ``AIRFLOW_HOME``; logs of the components are in its folder ``components``
    :param dags: the folder of DAGs, or several
    :param connections: connections by their id, as Airflow's JSON form takes them
    :param extra_settings: environment variables (``AIRFLOW__SECTION__KEY``) over the stack's own
    :param components: what to start; the server is always needed to know about the others
    :param port: the port of the UI and the REST API, if it is free
    :param database: the URL of an empty one, if it is not to be an sqlite file in its home
    :ivar rest: the REST API
    """

    def __init__(
        self,
        home: Path,
        dags: Path | Sequence[Path],
        *,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        extra_settings: Mapping[str, str] | None = None,
        components: Sequence[str] = components_of.COMPONENTS,
        port: int = 0,
        database: str = "",
    ) -> None:
        folders = [dags] if isinstance(dags, Path) else dags
        super().__init__(
            home, folders[0], connections=connections or {}, components=components, port=port
        )
        # Airflow 3.4 identifies a task instance by other columns.
        is_read = not database and settings.AIRFLOW < (3, 4)
        self.rest = settings.release.Rest(self.url, self.home / "airflow.db" if is_read else None)
        self.environment |= {
            # DAGs of the tests import them
            "PYTHONPATH": str(settings.REPOSITORY),
            **settings.release.dag_settings(self.home, [folder.resolve() for folder in folders]),
            **({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database} if database else {}),
            **(extra_settings or {}),
        }

    def restart(self, name: str) -> None:
        """Kill a component with all its children, and start it again."""
        kill(self.family, name)
        if name != WORKERS_SERVER:
            self._start_components([name])
            return
        self._start_workers_server()
        wait_until(
            self.answers_workers,
            timeout=START_TIMEOUT,
            otherwise=self.family.logs,
        )

    def wait_for_dags(self, *dag_ids: str, timeout: float = 60) -> None:
        """Wait until these DAGs can be triggered; fail at once if a file cannot be imported."""
        wait_until(
            lambda: not self._missing_dags(dag_ids),
            timeout=timeout,
            otherwise=lambda: f"no DAG {self._missing_dags(dag_ids)}\n{self.family.logs()}",
        )

    def wait_until_noted(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Wait until the scheduler has noted that a process has ended and left its task in a state.

        A task that goes on before that is taken for one whose process has failed.
        """
        log = self.home / "components" / "scheduler.log"
        noted = re.compile(
            rf"TaskInstance Finished: dag_id={dag_id}, task_id={task_id}, run_id={run_id},"
            rf".* state={state},"
        )
        wait_until(
            lambda: noted.search(log.read_text(errors="replace")),
            timeout=60,
            otherwise=lambda: f"not noted: {noted.pattern}\n{tail(log)}",
        )

    def _missing_dags(self, dag_ids: Sequence[str]) -> list[str]:
        self.family.check()
        missing = [dag_id for dag_id in dag_ids if not self.rest.has_dag(dag_id)]
        if missing and (errors := self.rest.import_errors()):
            broken = "\n".join(f"{it['filename']}\n{it['stack_trace']}" for it in errors)
            raise DagImportError(f"waiting for {missing}, but found\n{broken}")
        return missing
