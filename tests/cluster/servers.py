"""The servers that a distributed Airflow needs: PostgreSQL, and Redis as Celery's broker."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import redis

from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.quickstart.processes import GRACE, ProcessFamily
from airflow_provider_jsms.quickstart.settings import HOST, free_port
from airflow_provider_jsms.quickstart.started import Started
from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from tests.cluster import debian
from tests.stack.postgres import Postgres
from tests.stack.processes import kill

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

QUEUE = "default"
START_TIMEOUT = 30.0


class SystemPostgres(Postgres):
    """PostgreSQL from the packages of the system."""

    @staticmethod
    def is_there() -> bool:
        """Tell whether it is installed."""
        return debian.postgres_programs() is not None

    def _find_programs(self) -> Path:
        programs = debian.postgres_programs()
        assert programs
        return programs


class Redis(Started):
    """A Redis that keeps nothing: a restart loses the queue and all that is unacknowledged."""

    def __init__(self, folder: Path) -> None:
        self.family = ProcessFamily()
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://{HOST}:{self._port}/0"
        self._client = redis.Redis(HOST, self._port)

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self._folder / "redis.log"
        listening = ("--bind", HOST, "--port", str(self._port), "--dir", str(self._folder))
        self.family.start(
            "redis",
            ["redis-server", *listening, "--save", "", "--appendonly", "no"],
            log=log,
            environment=inherited_environment(),
        )
        try:
            wait_until(self._is_ready, timeout=START_TIMEOUT, otherwise=lambda: tail(log))
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End it."""
        self._client.close()
        self.family.stop(grace)

    def restart(self) -> None:
        """Kill it, and start an empty one."""
        kill(self.family, "redis")
        self.start()

    def messages_of(self, run_ids: Iterable[str]) -> list[bytes]:
        """Return the messages of these runs that workers have taken and not acknowledged."""
        taken = [json.loads(each)[0] for each in self._client.hvals("unacked")]
        bodies = {json.dumps(each).encode(): base64.b64decode(each["body"]) for each in taken}
        names = [run_id.encode() for run_id in run_ids]
        return [each for each, body in bodies.items() if any(name in body for name in names)]

    def deliver(self, messages: Iterable[bytes]) -> None:
        """Put messages into the queue, as Redis does by itself after the visibility timeout."""
        for message in messages:
            self._client.lpush(QUEUE, message)

    def wait_until_taken(self) -> None:
        """Wait until workers have taken every message."""
        wait_until(
            lambda: not self.queued(),
            timeout=START_TIMEOUT,
            otherwise=lambda: f"messages in the queue: {self.queued()}",
        )

    def queued(self) -> Any:
        """Return how many messages no worker has taken."""
        return self._client.llen(QUEUE)

    def _is_ready(self) -> Any:
        self.family.check()
        try:
            return self._client.ping()
        except redis.ConnectionError:
            return False
