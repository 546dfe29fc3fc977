"""What came of the cells, kept in a file, and the table of it on the site."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tests import tables
from tests.matrix.cells import CELLS
from tests.matrix.environment import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE: Final = FOLDER / "results.json"
TABLE: Final = "tested versions"
HEADING: Final = ("Airflow", "Python", "installed with")

PASSED: Final = "passed"
FAILED: Final = "FAILED"
NOT_RUN: Final = "NOT RUN"


@dataclass(frozen=True)
class Result:
    """What came of one cell.

    :param airflow: the version that was there, and so with ``python``.
    :param said: the closing line of pytest, or why there is none.
    """

    verdict: str
    seconds: float
    said: str
    airflow: str = ""
    python: str = ""


def read(file: Path = FILE) -> dict[str, Result]:
    """Return the last result of each cell that was ever run."""
    if not file.exists():
        return {}
    return {name: Result(**each) for name, each in json.loads(file.read_text()).items()}


def keep(name: str, result: Result, file: Path = FILE) -> None:
    """Write down the result of a cell beside those of the others."""
    kept = {**read(file), name: result}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({name: asdict(each) for name, each in kept.items()}, indent=2))


def table(results: Mapping[str, Result]) -> list[str]:
    """Return the table of the cells that passed, as the lines of a Markdown table."""
    rows = [HEADING, ("---",) * len(HEADING), *_rows(results)]
    return [f"| {' | '.join(row)} |" for row in rows]


def write_pages(results: Mapping[str, Result]) -> None:
    """Write the table into the page of each language."""
    tables.write_table(TABLE, table(results))


def _rows(results: Mapping[str, Result]) -> Iterator[tuple[str, ...]]:
    for cell in CELLS:
        result = results.get(cell.name)
        if result and result.verdict == PASSED:
            yield result.airflow, result.python, cell.described
