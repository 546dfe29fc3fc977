"""An environment for each cell, made with uv and kept until what it is made of changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.matrix.cells import LOWEST, WHEEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.matrix.cells import Cell

REPOSITORY: Final = Path(__file__).parents[2]
FOLDER: Final = REPOSITORY / ".matrix"
PACKAGE: Final = "airflow_provider_jsms"
PROJECT: Final = "airflow-provider-jsms"


class PythonMissingError(Exception):
    """The Python of a cell is not on this machine and cannot be downloaded."""


class CellError(Exception):
    """The environment of a cell cannot be made, or is not what it should be."""


def python_of(cell: Cell) -> Path:
    """Return the Python of the environment of a cell, which is made if it is not there as it is."""
    folder = FOLDER / "environments" / cell.name
    python = folder / "bin" / "python"
    wheel = _build_wheel() if cell.installed == WHEEL else None
    ensure(folder, cell.python, _requirements(cell, wheel))
    if wheel:
        # its version says nothing about what is in it
        _install(python, "--no-deps", "--reinstall-package", PROJECT, str(wheel))
    return python


def ensure(folder: Path, version: str, requirements: Sequence[str]) -> None:
    """Make an environment with these requirements, unless it is there already."""
    stamp, made_of = folder / "made-of.json", _made_of(version, requirements)
    if not stamp.exists() or stamp.read_text() != made_of:
        _make(folder, version)
        _install(folder / "bin" / "python", *requirements)
        stamp.write_text(made_of)


def interpreter(version: str) -> str:
    """Return the newest Python of pyenv, or the version alone, for uv to find or download.

    To uv, the Python of pyenv that is not switched on is one that does not work.
    """
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = root.glob(f"versions/{version}.*/bin/python")
    patches = {path.parts[-3].rpartition(".")[2]: path for path in found}
    released = [patch for patch in patches if patch.isdigit()]
    return str(patches[max(released, key=int)]) if released else version


def _requirements(cell: Cell, wheel: Path | None) -> list[str]:
    lowest = ["--resolution", "lowest-direct"] if cell.installed == LOWEST else []
    # A beta of Airflow needs the betas of its parts.
    beta = ["--prerelease=allow"] if cell.is_beta else []
    airflow = [*lowest, *beta, f"apache-airflow=={cell.airflow}.*"]
    provider = [f"{wheel}[sandbox]"] if wheel else ["--editable", f"{REPOSITORY}[sandbox]"]
    tools = ["--group", f"{REPOSITORY / 'pyproject.toml'}:dev"]
    return [*airflow, *cell.held_back, *provider, *tools]


def _made_of(python: str, requirements: Sequence[str]) -> str:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    parts = {name: project[name] for name in ("project", "dependency-groups")}
    version = (REPOSITORY / PACKAGE / "__init__.py").read_text()
    return json.dumps([python, requirements, parts, version])


def _make(folder: Path, version: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _uv("venv", "--python", interpreter(version), str(folder))
    except CellError as error:
        raise PythonMissingError(f"no Python {version}: {error}") from error


def _install(python: Path, *arguments: str) -> None:
    _uv("pip", "install", "--compile-bytecode", "--python", str(python), *arguments)


def _build_wheel() -> Path:
    folder = FOLDER / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    _uv("build", "--wheel", "--out-dir", str(folder), str(REPOSITORY))
    (wheel,) = folder.glob("*.whl")
    return wheel


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CellError(done.stderr.strip())
