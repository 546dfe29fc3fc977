"""A database server that runs as long as a ``with`` block lasts, in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from airflow_provider_jsms.quickstart.processes import GRACE, ProcessFamily
from airflow_provider_jsms.quickstart.started import Started


class DatabaseServer(Started):
    """A server as a context manager: nothing is left of it, nor of its databases, outside.

    :cvar name: begins the name of its folder.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.family = ProcessFamily()

    def start(self) -> None:
        """Start it and wait until it answers; whatever ends this early leaves nothing behind."""
        # The path of a socket has to be short, and nobody else may look into a test's folder.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir="/tmp"))
        try:
            self._prepare()
            self._start_server()
        except BaseException:
            self.stop()
            raise

    def stop(self, grace: float = GRACE) -> None:
        """End it, by force after a time of grace, and remove it."""
        self.family.stop(grace)
        shutil.rmtree(self._folder)

    @abstractmethod
    def create_database(self, name: str) -> str:
        """Make an empty database, and return its URL."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make an empty folder of data."""

    @abstractmethod
    def _start_server(self) -> None:
        """Start it with that data, and wait until it answers."""
