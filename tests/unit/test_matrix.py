"""The table of tested versions, and what the runner makes of cells that do not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import tables
from tests.matrix import environment, results
from tests.matrix.__main__ import main, run_all
from tests.matrix.cells import CELLS, TESTS, Cell
from tests.matrix.results import FAILED, NOT_RUN, PASSED, Result
from tests.matrix.running import run

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = CELLS[:2]


def result(verdict: str, cell: Cell) -> Result:
    return Result(verdict, 1.0, "said", f"{cell.airflow}.9", f"{cell.python}.9")


def rows_of(table: list[str]) -> list[tuple[str, str, str]]:
    """Return release series and rest of each row."""
    rows = [[field.strip() for field in line.strip("|").split("|")] for line in table[2:]]
    return [(_series(row[0]), _series(row[1]), row[2]) for row in rows]


def _series(version: str) -> str:
    return version.rpartition(".")[0]


@pytest.mark.parametrize("page", tables.PAGES[results.TABLE], ids=str)
def test_the_pages_name_the_cells_and_no_others(page: Path) -> None:
    table = tables.table_in(page, results.TABLE)
    assert rows_of(table) == [(cell.airflow, cell.python, cell.described) for cell in CELLS]


def test_only_cells_that_passed_are_in_the_table() -> None:
    table = results.table({ONE.name: result(FAILED, ONE), OTHER.name: result(PASSED, OTHER)})
    assert rows_of(table) == [(OTHER.airflow, OTHER.python, OTHER.described)]


def test_the_names_of_cells_differ_and_their_tests_are_there() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    assert [path for path in TESTS if not (environment.REPOSITORY / path).exists()] == []


@pytest.mark.parametrize(
    ("verdicts", "is_good"),
    [((PASSED, PASSED), True), ((FAILED, PASSED), False), ((NOT_RUN, PASSED), False)],
)
def test_a_cell_that_does_not_pass_does_not_stop_the_others(
    verdicts: tuple[str, str],
    is_good: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    came = {
        cell.name: result(verdict, cell)
        for cell, verdict in zip((ONE, OTHER), verdicts, strict=True)
    }
    file = tmp_path / "results.json"
    assert run_all((ONE, OTHER), lambda cell: came[cell.name], file) is is_good
    assert results.read(file) == came
    told = capsys.readouterr().out
    assert all(name in told for name in came)


def test_without_its_python_a_cell_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    came = run(Cell("3.3", "3.99"))
    assert came.verdict == NOT_RUN
    assert "no Python 3.99" in came.said


def test_of_the_pythons_of_pyenv_the_newest_release_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert environment.interpreter("3.13") == "3.13"
    for version in ("3.13.2", "3.13.10", "3.13.11rc1", "3.1.12"):
        python = tmp_path / "versions" / version / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
    assert environment.interpreter("3.13") == str(tmp_path / "versions/3.13.10/bin/python")


def test_an_unknown_cell_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["9.9-py3.12"])
    assert left.value.code == 2
    assert "no such cell: 9.9-py3.12" in capsys.readouterr().err
