"""Run the tests in each cell, or in those that are named: ``python -m tests.matrix [cell ...]``.

The cells run one after the other, and one that fails does not stop the others. The exit status is
0 if all of them passed. A run of all cells writes the table of the site; so does
``--write-pages``, from the last result of each cell.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.matrix import results
from tests.matrix.cells import CELLS
from tests.matrix.running import log_of, run
from tests.stack.processes import exit_on_sigterm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.matrix.cells import Cell


def run_all(
    cells: Iterable[Cell],
    run_one: Callable[[Cell], results.Result] = run,
    file: Path = results.FILE,
) -> bool:
    """Run cells, tell of each what came of it, and return whether all of them passed."""
    verdicts = []
    for cell in cells:
        print(f"{cell.name:<12} ...", end="\r", flush=True)
        result = run_one(cell)
        results.keep(cell.name, result, file)
        verdicts.append(result.verdict)
        print(f"{cell.name:<12} {result.verdict:<8} {result.seconds:4.0f} s  {result.said}")
        if result.verdict == results.FAILED:
            print(f"{'':<12} see {log_of(cell)}", flush=True)
    return set(verdicts) == {results.PASSED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status."""
    names = [cell.name for cell in CELLS]
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("cells", nargs="*", metavar="cell", help=f"of {', '.join(names)}")
    parser.add_argument("--write-pages", action="store_true", help="write the table of the site")
    given = parser.parse_args(arguments)
    if unknown := set(given.cells) - set(names):
        parser.error(f"no such cell: {', '.join(sorted(unknown))}")
    exit_on_sigterm()
    is_good = True
    if given.cells or not given.write_pages:
        is_good = run_all(cell for cell in CELLS if not given.cells or cell.name in given.cells)
    if given.write_pages or not given.cells:
        results.write_pages(results.read())
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
