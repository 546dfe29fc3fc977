"""A home for the Airflow of a test run, which goes when the run does, however it ends."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from io import TextIOWrapper

_PREFIX: Final = "airflow-provider-jsms-"
_LOCK: Final = "lock"

# Open as long as the process lives: even a crash lets go of a lock.
_held: list[tuple[tempfile.TemporaryDirectory[str], TextIOWrapper]] = []


def make_home() -> Path:
    """Return a new folder for this process, and remove those of processes that have crashed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), left.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent)
    folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
    home = Path(folder.name)
    lock = (home / "unlocked").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Only now another process may find it.
    (home / "unlocked").rename(home / _LOCK)
    _held.append((folder, lock))
    return home
