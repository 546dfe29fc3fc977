"""The servers' programs: those of the system, installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

LIBRARY = Path("/usr/lib/postgresql")


def install_missing() -> None:
    """Install what is missing as root on Debian; elsewhere exit with its name."""
    if (missing := _missing()) and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(missing)
    if missing := _missing():
        raise SystemExit(f"Missing, please install: {', '.join(missing)} (packages of Debian)")


def postgres_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL; Debian keeps it out of the PATH."""
    found = [path.parent for path in LIBRARY.glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def _missing() -> list[str]:
    programs = {"postgresql": postgres_programs(), "redis-server": shutil.which("redis-server")}
    return [package for package, program in programs.items() if not program]


def _install(packages: list[str]) -> None:
    print(f"Installing {' and '.join(packages)} ...", flush=True)
    # In this runlevel no package starts a server of its own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    options = ["-y", "-qq", "--no-install-recommends"]
    for command in (["update", "-qq"], ["install", *options, *packages]):
        subprocess.run(
            ["apt-get", *command], check=True, env=environment, stdout=subprocess.DEVNULL
        )
