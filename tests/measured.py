"""Commands of the package in processes of their own, measured where the tests are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from coverage import Coverage

_ROOT: Final = Path(__file__).parents[1]


def module(name: str) -> list[str]:
    """Return the start of the command that runs a module.

    Its coverage is written where pytest-cov collects that of all processes.
    """
    if Coverage.current() is None:
        return [sys.executable, "-m", name]
    files = [f"--rcfile={_ROOT / 'pyproject.toml'}", f"--data-file={_ROOT / '.coverage'}"]
    return [sys.executable, "-m", "coverage", "run", "--parallel-mode", *files, "-m", name]
