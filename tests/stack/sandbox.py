"""The JSMS sandbox in a process of its own."""

import re
import sys
from pathlib import Path
from typing import Any

from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.quickstart.processes import GRACE, ProcessFamily
from airflow_provider_jsms.quickstart.settings import (
    free_port,
    sandbox_connection,
)
from airflow_provider_jsms.quickstart.started import Started
from airflow_provider_jsms.quickstart.waiting import tail, wait_until

START_TIMEOUT = 30.0
READY = re.compile(r"^JSMS sandbox listening on (http://\S+)", re.MULTILINE)


class RunningSandbox(Started):
    """The sandbox as a context manager.

    :param log: the file that takes its output
    :param port: the port, if it is free
    """

    def __init__(self, log: Path, *, port: int = 0) -> None:
        self.log = log.resolve()
        self.url = ""
        self.family = ProcessFamily()
        self._port = port

    @property
    def connection(self) -> dict[str, Any]:
        """The connection to it, in Airflow's JSON form."""
        return sandbox_connection(self.url)

    def connections(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The connections of the examples: to it, without and with a ledger, and to that ledger."""
        with_ledger = {**self.connection, "extra": {"ledger_conn_id": "ledger_db"}}
        return {
            "jsms_default": self.connection,
            "jsms_with_ledger": with_ledger,
            "ledger_db": {"conn_type": "sqlite", "host": str(folder / "ledger.db")},
        }

    def start(self) -> None:
        """Start it and wait until it listens; whatever ends this early leaves nothing running."""
        self.log.unlink(missing_ok=True)
        port = free_port(self._port)
        try:
            self.family.start(
                "sandbox",
                [sys.executable, "-m", "airflow_provider_jsms.sandbox", "--port", str(port)],
                log=self.log,
                environment={**inherited_environment(), "PYTHONUNBUFFERED": "1"},
            )
            self.url = wait_until(
                self._address, timeout=START_TIMEOUT, otherwise=lambda: tail(self.log)
            )
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End it, by force after a time of grace."""
        self.family.stop(grace)

    def _address(self) -> str | None:
        self.family.check()
        ready = READY.search(self.log.read_text())
        return ready and ready.group(1)
