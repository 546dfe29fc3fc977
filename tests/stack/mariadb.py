"""A MariaDB server on a socket of its own; ``python -m tests.stack.mariadb`` fetches its programs.

They come from the packages of Debian and are unpacked into ``.venv``, which needs no root. Without
``apt-get``, the server of the system is used, if there is one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from tests.stack.database_server import DatabaseServer
from tests.stack.settings import REPOSITORY

PACKAGE = "mariadb-server-core"
DRIVER = "pymysql"
FETCHED = REPOSITORY / ".venv" / "mariadb"
START_TIMEOUT = 60.0
OPTIONS = (
    "--no-defaults",
    "--skip-networking",
    # Without accounts it needs no tables of its own, so an empty folder will do.
    "--skip-grant-tables",
    # What is lost in a crash of the machine is lost with the tests.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=32M",
    "--max-connections=200",
)


class MariaDB(DatabaseServer):
    """A server without accounts."""

    name = "mariadb"

    @staticmethod
    def is_there() -> bool:
        """Tell whether a server can be started here, and Python can talk to it."""
        return bool(find_spec(DRIVER) and _program())

    def create_database(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        (self._folder / "data" / name).mkdir()  # this is all that CREATE DATABASE does
        return f"mysql+pymysql://root@/{name}?unix_socket={self._socket}"

    @property
    def _socket(self) -> Path:
        return self._folder / "socket"

    def _prepare(self) -> None:
        (self._folder / "data").mkdir()

    def _start_server(self) -> None:
        places = [f"--datadir={self._folder / 'data'}", f"--socket={self._socket}"]
        user = ["--user=root"] if os.geteuid() == 0 else []
        libraries = ":".join(str(it) for it in FETCHED.glob("usr/lib/*-linux-*"))
        log = self._folder / "log"
        self.family.start(
            "mariadb",
            [str(_program()), *OPTIONS, *places, *user],
            log=log,
            environment={**inherited_environment(), "LD_LIBRARY_PATH": libraries},
        )
        wait_until(self._is_ready, timeout=START_TIMEOUT, otherwise=lambda: tail(log))

    def _is_ready(self) -> bool:
        self.family.check()
        with socket.socket(socket.AF_UNIX) as client:
            return not client.connect_ex(str(self._socket))


def fetch() -> None:
    """Fetch the server, and those of its libraries that the system does not have."""
    unpacked = FETCHED.with_suffix(".part")
    unpacked.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # Folders of its own spare it the rights of root, and lists of packages that are old.
        places = {"Dir::State::lists": f"{folder}/lists", "Dir::Cache": folder}
        for name in ("lists", "archives"):
            Path(folder, name, "partial").mkdir(parents=True)
        settings = [f"-o{name}={value}" for name, value in places.items()]
        apt = ["apt-get", "-qq", "-oDebug::NoLocking=1", "-oAPT::Sandbox::User=", *settings]
        subprocess.run([*apt, "update"], check=True)
        options = ["--yes", "--no-install-recommends", "--download-only"]
        subprocess.run([*apt, "install", *options, PACKAGE], check=True)
        for archive in Path(folder, "archives").glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(archive), str(unpacked)], check=True)
    unpacked.rename(FETCHED)


def _program() -> str | None:
    places = [f"{FETCHED}/usr/sbin", os.environ.get("PATH", os.defpath), "/usr/sbin"]
    return shutil.which("mariadbd", path=os.pathsep.join(places))


if __name__ == "__main__":
    if not _program() and shutil.which("apt-get"):
        fetch()
    sys.exit(not _program())
