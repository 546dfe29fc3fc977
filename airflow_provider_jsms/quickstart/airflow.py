"""A real Airflow on loopback, with a home folder, a database and processes of its own."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_jsms.quickstart import settings
from airflow_provider_jsms.quickstart.processes import GRACE, ProcessFamily
from airflow_provider_jsms.quickstart.started import Started
from airflow_provider_jsms.quickstart.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MIGRATION_TIMEOUT = 300.0
START_TIMEOUT = 300.0
WORKERS_SERVER = "workers-server"
# A start allocates much and frees little: with fewer garbage collections it is a tenth faster.
AIRFLOW = (
    "import gc, runpy; gc.set_threshold(100_000, 20, 100);"
    " runpy.run_module('airflow', run_name='__main__', alter_sys=True)"
)


class RunningAirflow(Started):
    """Airflow as a context manager: all of it is up inside, and nothing is left of it outside.

    :param home: the ``AIRFLOW_HOME``; logs of the components are in its folder ``components``
    :param dags_folder: the folder of DAGs
    :param connections: connections by their id, as Airflow's JSON form takes them
    :param components: those to start; the health of all of them is known to the server alone
    :param port: the port of the UI and the REST API, if it is free
    :ivar url: the address of the UI and the REST API
    :ivar workers_url: the address that workers ask, where they do not use the database themselves
    :ivar environment: that of every process, to be changed before the start
    """

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        *,
        connections: Mapping[str, Mapping[str, Any]],
        components: Sequence[str] = settings.release.COMPONENTS,
        port: int = 0,
    ) -> None:
        self.home = home.resolve()
        self.components = tuple(components)
        self.port = settings.free_port(port)
        self.url = f"http://{settings.HOST}:{self.port}"
        self.workers_port = settings.free_port()
        self.workers_url = f"http://{settings.HOST}:{self.workers_port}"
        self.family = ProcessFamily()
        self.environment = settings.airflow_environment(
            home=self.home,
            dags_folder=dags_folder.resolve(),
            port=self.port,
            workers_port=self.workers_port,
            connections=connections,
        )

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Make the database, start the components and wait until all of them are healthy.

        An error or a signal during the start leaves nothing running.

        :raises ProcessFailedError: a component has ended.
        :raises TimeoutError: the migration or the start takes too long.
        """
        try:
            self._start_processes()
            wait_until(
                lambda: not self._unhealthy(),
                timeout=timeout,
                otherwise=lambda: f"not healthy: {self._unhealthy()}\n{self.family.logs()}",
            )
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End every process, by force after a time of grace."""
        self.family.stop(grace)

    def answers_workers(self) -> bool:
        """Whether the server of the workers answers: its first answer takes seconds of CPU time."""
        try:
            self._get(f"{self.workers_url}/execution/health")
        except requests.RequestException:
            return False
        return True

    def has_dag(self, dag_id: str) -> bool:
        """Whether a DAG has been parsed and can be triggered."""
        address = f"{self.url}{settings.release.API}/dags/{dag_id}"
        reply = self._get(address)
        if reply.status_code == HTTPStatus.UNAUTHORIZED:
            # Airflow 3.1 lets everybody in by giving everybody a token.
            token = self._get(f"{self.url}/auth/token").json()["access_token"]
            reply = self._get(address, Authorization=f"Bearer {token}")
        return reply.ok

    def _start_processes(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # an empty one, or the processes that start together would all write it at once
        (self.home / "airflow.cfg").touch()
        settings.release.prepare(self.home)
        self._start_airflow("migration", ["db", "migrate"])
        # servers are the slowest to start, and need no database before the first request
        early = [name for name in self.components if name == settings.release.SERVER]
        self._start_components(early)
        if command := settings.release.WORKERS_SERVER:
            self._start_airflow(WORKERS_SERVER, [*command, "--port", str(self.workers_port)])
        self.family.finish("migration", timeout=MIGRATION_TIMEOUT)
        self._start_components([name for name in self.components if name not in early])

    def _start_components(self, names: Sequence[str]) -> None:
        for name in names:
            self._start_airflow(name, [name, *settings.OPTIONS.get(name, [])])

    def _start_airflow(self, name: str, arguments: Sequence[str]) -> None:
        self.family.start(
            name,
            [sys.executable, "-c", AIRFLOW, *arguments],
            log=self.home / "components" / f"{name}.log",
            environment=self.environment,
            folder=self.home,
        )

    def _unhealthy(self) -> list[str]:
        self.family.check()
        try:
            health = self._get(self.url + settings.release.HEALTH).json()
        except requests.RequestException:
            return list(self.components)
        unhealthy = [
            name
            for name in self.components
            if health[settings.release.HEALTH_KEYS[name]]["status"] != "healthy"
        ]
        if settings.release.WORKERS_SERVER and not self.answers_workers():
            unhealthy.append(WORKERS_SERVER)
        return unhealthy

    def _get(self, address: str, **headers: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # a proxy does not reach loopback
            return session.get(address, headers=headers, timeout=30)
