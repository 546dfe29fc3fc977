"""Two Celery workers, of which one can be made to take all tasks, and be killed with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from celery import Celery
from kombu import pools

from airflow_provider_jsms.quickstart.processes import GRACE, ProcessFamily
from airflow_provider_jsms.quickstart.started import Started
from airflow_provider_jsms.quickstart.waiting import wait_until
from tests.cluster.servers import QUEUE
from tests.stack.processes import kill

if TYPE_CHECKING:
    from tests.stack.airflow import AirflowStack

HOSTNAME = "cluster"
START_TIMEOUT = 120.0


class Workers(Started):
    """The workers as a context manager.

    :param concurrency: how many tasks each of them runs at once
    """

    def __init__(self, airflow: AirflowStack, broker: str, concurrency: int) -> None:
        self.family = ProcessFamily()
        self.names: list[str] = []
        self._airflow = airflow
        self._broker = broker
        self._concurrency = concurrency
        self._count = 0

    def start(self) -> None:
        """Start two of them and wait until they answer."""
        try:
            self.add()
            self.add()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End them."""
        self.family.stop(grace)

    def add(self) -> None:
        """Start one more, with a name that no other had."""
        self._count += 1
        name = f"worker-{self._count}"
        home = self._airflow.home
        options = {
            "--celery-hostname": f"{name}@{HOSTNAME}",
            "--concurrency": str(self._concurrency),
            "--pid": str(home / f"{name}.pid"),
        }
        flat = [each for option in options.items() for each in option]
        self.family.start(
            name,
            [sys.executable, "-m", "airflow", "celery", "worker", "--skip-serve-logs", *flat],
            log=home / "components" / f"{name}.log",
            environment=self._airflow.environment,
            folder=home,
        )
        self.names.append(name)

    def kill(self, name: str) -> None:
        """Kill one with all its tasks, as a machine that loses its power."""
        kill(self.family, name)
        self.names.remove(name)

    def renew(self) -> None:
        """Replace all: a worker that lost its Redis may answer and yet take no more tasks."""
        for name in list(self.names):
            self.kill(name)
            self.add()

    def wait_until_ready(self) -> None:
        """Wait until each of them answers."""
        self._ask("ping", self.names)

    def let_one_take_all(self) -> str:
        """Let all but one take no more tasks, and return the name of that one."""
        chosen, *others = self.names
        self._ask("cancel_consumer", others, QUEUE)
        return chosen

    def let_each_take(self) -> None:
        """Let all of them take tasks again."""
        self._ask("add_consumer", self.names, QUEUE)

    def _ask(self, command: str, names: list[str], *arguments: str) -> None:
        """Send a command until each of these workers has answered it."""
        unanswered = {f"{name}@{HOSTNAME}" for name in names}

        def is_answered() -> bool:
            self.family.check()
            # The connections of a moment ago may be to a Redis that is gone.
            pools.reset()
            with Celery(broker=self._broker, set_as_current=False) as celery:
                send = getattr(celery.control, command)
                reply: dict[str, Any] = {} if command == "ping" else {"reply": True}
                answers = send(*arguments, destination=list(unanswered), timeout=1, **reply)
            unanswered.difference_update(*answers)
            return not unanswered

        wait_until(
            is_answered,
            timeout=START_TIMEOUT,
            otherwise=lambda: f"no answer to {command}: {unanswered}\n{self.family.logs()}",
        )
