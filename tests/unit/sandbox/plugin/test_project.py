"""The fixture in a project of DAGs that are tested with ``dag.test()``, as the README shows it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tables import README
from tests.unit.sandbox.plugin.conftest import Project, outcomes
from tests.versions import AIRFLOW, as_here

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = README.read_text(encoding="utf-8").partition("\n## Test your own DAGs\n")[2]


def block(language: str, text: str) -> str:
    """Return the first block of code in a text."""
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, str], str]:
    """What came of each test, and all that was printed."""
    folder = tmp_path_factory.mktemp("people") / "project"
    shutil.copytree(
        Path(__file__).parent / "project", folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    project = Project(folder)
    project.write("dags/reminders.py", as_here(block("python", README.read_text("utf-8"))))
    test = block("python", SECTION)
    if AIRFLOW < (3, 0):
        test = test.replace("run_after=", "execution_date=")
    project.write("test_reminders.py", test)
    report = folder / "report.xml"
    said = project.run(
        *("bash", "-ec", block("bash", SECTION)), PYTEST_ADDOPTS=f"--junitxml={report}"
    )
    assert report.exists(), said
    return outcomes(report), said


def test_every_test_of_the_project_ends_as_it_should(
    ended: tuple[Mapping[str, str], str],
) -> None:
    came_of, said = ended
    assert came_of == {
        "test_the_patient_is_reminded_at_eight_in_china": "passed",
        "test_everybody_is_texted_once": "passed",
        "test_nothing_is_left_of_the_test_before": "passed",
        "test_a_connection_that_was_not_named_leads_nowhere": "passed",
        "test_an_answer_that_is_lost_texts_nobody_twice": "passed",
        "test_a_retry_goes_on_where_the_first_try_has_ended": (
            "passed" if AIRFLOW >= (3, 3) else "skipped"
        ),
        "test_a_wait_of_six_hours": "passed",
    }, said


def test_the_test_of_the_readme_is_short() -> None:
    lines = [line for line in block("python", SECTION).splitlines() if line]
    assert len(lines) == 10
