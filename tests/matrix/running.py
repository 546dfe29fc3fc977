"""Running the tests in the environment of a cell."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.quickstart.environment import inherited_environment
from airflow_provider_jsms.quickstart.waiting import tail
from tests.matrix.cells import NOT_HERE, TESTS, WHEEL
from tests.matrix.environment import (
    FOLDER,
    PACKAGE,
    REPOSITORY,
    CellError,
    PythonMissingError,
    python_of,
)
from tests.matrix.results import FAILED, NOT_RUN, PASSED, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.matrix.cells import Cell

LONGEST: Final = 1800.0
ENDING: Final = 60.0

# Says what is there: the versions, and where the provider is imported from.
_LOOK: Final = f"""\
import platform
from importlib.metadata import version
import {PACKAGE}
print(version("apache-airflow"), platform.python_version(), {PACKAGE}.__file__)
"""
# Of the repository, what tests look at beside the package.
_BESIDE: Final = ("tests", "example_dags", "*.md", "LICENSE", "pyproject.toml")


def run(cell: Cell) -> Result:
    """Run the tests in a cell; an error of any kind is its result."""
    started = time.monotonic()
    try:
        python = python_of(cell)
        with _folder(cell) as folder:
            airflow, version = _look(cell, python, folder)
            verdict, said = _test(cell, python, folder)
    except PythonMissingError as error:
        return Result(NOT_RUN, time.monotonic() - started, str(error))
    except (CellError, subprocess.TimeoutExpired) as error:
        return Result(FAILED, time.monotonic() - started, str(error))
    return Result(verdict, time.monotonic() - started, said, airflow, version)


def log_of(cell: Cell) -> Path:
    """Return the file that takes the output of pytest."""
    return FOLDER / "logs" / f"{cell.name}.log"


@contextmanager
def _folder(cell: Cell) -> Iterator[Path]:
    """Return where the tests are: for the wheel, a copy of them without the package beside it."""
    if cell.installed != WHEEL:
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory() as name:
        for path in (each for pattern in _BESIDE for each in REPOSITORY.glob(pattern)):
            _copy(path, Path(name) / path.name)
        yield Path(name)


def _copy(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(path, target)


def _look(cell: Cell, python: Path, folder: Path) -> tuple[str, str]:
    """Return the versions of Airflow and Python that are there, if all is as the cell says."""
    done = subprocess.run(
        [python, "-c", _LOOK], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CellError(done.stderr.strip())
    airflow, version, imported = done.stdout.splitlines()[-1].split(" ", 2)
    expected = python.parents[1] if cell.installed == WHEEL else REPOSITORY / PACKAGE
    if not Path(imported).is_relative_to(expected):
        raise CellError(f"the provider is imported from {imported}, not from {expected}")
    if not (airflow.startswith(f"{cell.airflow}.") and version.startswith(f"{cell.python}.")):
        raise CellError(f"this is Airflow {airflow} on Python {version}")
    return airflow, version


def _test(cell: Cell, python: Path, folder: Path) -> tuple[str, str]:
    """Run pytest and return the verdict and its closing line."""
    log = log_of(cell)
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--numprocesses=2", "-p", "no:cacheprovider", "--color=no"]
    options += [f"--ignore={each}" for each in NOT_HERE]
    command = [python, "-m", "pytest", *options, *TESTS]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited_environment(), "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            # what interrupts this process is handed on, once
            start_new_session=True,
        )
        status = _wait(process)
    said = tail(log, lines=1).splitlines()[-1].strip("= ")
    return (PASSED if status == 0 else FAILED), said


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(LONGEST)
    finally:
        if process.poll() is None:
            # pytest takes this as the end, and stops what it has started
            process.send_signal(signal.SIGINT)
            process.wait(ENDING)
