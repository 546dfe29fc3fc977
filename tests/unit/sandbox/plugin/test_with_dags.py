"""The fixture in a project of DAGs that are tested with ``dag.test()``, as its page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.unit.sandbox.plugin.conftest import PAGE, block
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.sandbox.plugin.conftest import Running


def outcomes(report: Path) -> dict[str, str]:
    """Return the outcome of every test, from the XML report of pytest."""
    ends = {"failure", "error", "skipped"}
    return {
        case.attrib["name"]: next((part.tag for part in case if part.tag in ends), "passed")
        for case in ET.parse(report).iter("testcase")  # noqa: S314 - written by pytest
    }


def test_every_test_of_the_project_ends_as_it_should(running_project: Running) -> None:
    output = running_project.process.communicate(timeout=300)[0]
    assert running_project.report.exists(), output
    assert outcomes(running_project.report) == {
        "test_the_patient_is_reminded_at_eight_in_china": "passed",
        "test_everybody_is_texted_once": "passed",
        "test_nothing_is_left_of_the_test_before": "passed",
        "test_a_connection_that_was_not_named_leads_nowhere": "passed",
        "test_an_answer_that_is_lost_texts_nobody_twice": "passed",
        "test_a_retry_goes_on_where_the_first_try_has_ended": (
            "passed" if AIRFLOW >= (3, 3) else "skipped"
        ),
        "test_a_wait_of_six_hours": "passed",
    }, output


def test_the_test_of_the_readme_is_short() -> None:
    lines = [line for line in block("python", PAGE).splitlines() if line]
    assert len(lines) == 10
