"""An environment of its own: the same Airflow and Python, with Celery beside them."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from tests.matrix.environment import REPOSITORY, ensure

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = REPOSITORY / ".cluster" / "environment"


def python() -> Path:
    """Return its Python; it is made at first, and again when what it is made of has changed."""
    requirements = [
        f"apache-airflow=={version('apache-airflow')}",
        *("--editable", f"{REPOSITORY}[sandbox]"),
        *("--group", f"{REPOSITORY / 'pyproject.toml'}:cluster"),
    ]
    print("Preparing the environment ...", flush=True)
    ensure(FOLDER, f"{sys.version_info.major}.{sys.version_info.minor}", requirements)
    return FOLDER / "bin" / "python"
