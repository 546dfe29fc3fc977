"""A real Airflow on loopback, with a home folder, a database and processes of its own."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.stack import settings
from tests.stack.processes import GRACE, ProcessFamily
from tests.stack.started import Started
from tests.stack.waiting import tail, wait_until

WORKERS_SERVER = "workers-server"
MIGRATION_TIMEOUT = 120.0
START_TIMEOUT = 120.0
# A start allocates much and frees little: with fewer garbage collections it is a tenth faster.
AIRFLOW = (
    "import gc, runpy; gc.set_threshold(100_000, 20, 100);"
    " runpy.run_module('airflow', run_name='__main__', alter_sys=True)"
)


class DagImportError(Exception):
    """A DAG file cannot be imported; the text carries its stack trace."""


class AirflowStack(Started):
    """Airflow as a context manager: all of it is up inside, and nothing is left of it outside.

    :param home: the ``AIRFLOW_HOME``; logs of the components are in its folder ``components``
    :param dags: the folder of DAGs, or several
    :param connections: connections by their id, as Airflow's JSON form takes them
    :param extra_settings: environment variables (``AIRFLOW__SECTION__KEY``) over the stack's own
    :param components: what to start; the server is always needed to know about the others
    :param port: the port of the UI and the REST API, if it is free
    :param database: the URL of an empty one, if it is not to be an sqlite file in its home
    :ivar url: the address of the UI and the REST API
    :ivar workers_url: the address that workers ask, where they do not use the database themselves
    """

    def __init__(
        self,
        home: Path,
        dags: Path | Sequence[Path],
        *,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        extra_settings: Mapping[str, str] | None = None,
        components: Sequence[str] = settings.COMPONENTS,
        port: int = 0,
        database: str = "",
    ) -> None:
        self.home = home.resolve()
        self.components = tuple(components)
        self.port = settings.free_port(port)
        self.url = f"http://{settings.HOST}:{self.port}"
        # Airflow 3.4 identifies a task instance by other columns.
        is_read = not database and settings.AIRFLOW < (3, 4)
        self.rest = settings.release.Rest(self.url, self.home / "airflow.db" if is_read else None)
        self.workers_port = settings.free_port()
        self.workers_url = f"http://{settings.HOST}:{self.workers_port}"
        self.family = ProcessFamily()
        folders = [dags] if isinstance(dags, Path) else dags
        self.dags_folders = [folder.resolve() for folder in folders]
        self.environment = settings.airflow_environment(
            home=self.home,
            dags_folders=self.dags_folders,
            port=self.port,
            workers_port=self.workers_port,
            connections=connections or {},
            database=database,
            settings=extra_settings or {},
        )

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Make the database, start the components and wait until all of them are healthy.

        Whatever ends this early, an error or Ctrl-C, leaves nothing running.
        """
        try:
            self._start_processes()
            self._wait_until_healthy(timeout)
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End every process, by force after a time of grace."""
        self.family.stop(grace)

    def restart(self, name: str) -> None:
        """Kill a component with all its children, and start it again."""
        self.family.kill(name)
        if name != WORKERS_SERVER:
            self._start_components([name])
            return
        self._start_workers_server()
        wait_until(
            lambda: settings.is_listening(self.workers_port),
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

    def _start_processes(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # an empty one, or the processes that start together would all write it at once
        (self.home / "airflow.cfg").touch()
        settings.release.prepare(self.home, self.dags_folders)
        self._start_airflow("migration", ["db", "migrate"])
        # servers are the slowest to start, and need no database before the first request
        early = [name for name in self.components if name == settings.release.SERVER]
        self._start_components(early)
        self._start_workers_server()
        self.family.finish("migration", timeout=MIGRATION_TIMEOUT)
        self._start_components([name for name in self.components if name not in early])

    def _start_components(self, names: Sequence[str]) -> None:
        for name in names:
            self._start_airflow(name, [name, *settings.OPTIONS.get(name, [])])

    def _start_workers_server(self) -> None:
        if command := settings.release.WORKERS_SERVER:
            self._start_airflow(WORKERS_SERVER, [*command, "--port", str(self.workers_port)])

    def _start_airflow(self, name: str, arguments: Sequence[str]) -> None:
        self.family.start(
            name,
            [sys.executable, "-c", AIRFLOW, *arguments],
            log=self.home / "components" / f"{name}.log",
            environment=self.environment,
            folder=self.home,
        )

    def _wait_until_healthy(self, timeout: float) -> None:
        wait_until(
            lambda: not self._unhealthy(),
            timeout=timeout,
            otherwise=lambda: f"not healthy: {self._unhealthy()}\n{self.family.logs()}",
        )

    def _unhealthy(self) -> list[str]:
        self.family.check()
        try:
            health = self.rest.health()
        except requests.RequestException:
            return list(self.components)
        unhealthy = [
            name
            for name in self.components
            if health[settings.release.HEALTH_KEYS[name]]["status"] != "healthy"
        ]
        if settings.release.WORKERS_SERVER and not settings.is_listening(self.workers_port):
            unhealthy.append(WORKERS_SERVER)
        return unhealthy

    def _missing_dags(self, dag_ids: Sequence[str]) -> list[str]:
        self.family.check()
        missing = [dag_id for dag_id in dag_ids if not self.rest.has_dag(dag_id)]
        if missing and (errors := self.rest.import_errors()):
            broken = "\n".join(f"{it['filename']}\n{it['stack_trace']}" for it in errors)
            raise DagImportError(f"waiting for {missing}, but found\n{broken}")
        return missing
