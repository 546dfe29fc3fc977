"""What the README shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.get_provider_info import CONN_FIELDS
from airflow_provider_jsms.operators import jsms as operators
from airflow_provider_jsms.sandbox import account
from tests import tables
from tests.versions import as_here

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_complete_dag_is_one() -> None:
    names: dict[str, Any] = {}
    exec(as_here(PYTHON[0]), names)  # noqa: S102  our own
    assert set(names["submit"].dag.task_ids) == {"patients", "submit", "wait"}


def test_the_list_that_changes_is_a_task() -> None:
    with DAG("readme", schedule=None):
        exec(PYTHON[3], {})  # noqa: S102  our own


def test_the_reading_of_reports_is_a_task() -> None:
    (example,) = (code for code in PYTHON if "JsmsFetchReportsOperator(" in code)
    with DAG("readme", schedule=None):
        exec(as_here(example), {})  # noqa: S102  our own


def test_the_statuses_are_those_of_the_code() -> None:
    rows = re.findall(r"(?m)^\| (4\d{3}) \| (.*) \|$", README)
    assert {int(status): meaning for status, meaning in rows} == STATUSES


def test_the_code_of_ones_own_works(sandbox: SandboxControl) -> None:
    sandbox.template(1250, text="without parameters")
    exec(PYTHON[1], {})  # noqa: S102  our own
    (schedule,) = sandbox.state()["schedules"]
    assert schedule["status"] == "deleted"


def test_the_texts_with_a_key_are_mapped() -> None:
    names: dict[str, Any] = {}
    exec(as_here(PYTHON[2]), names)  # noqa: S102  our own
    assert names["appointments"]


def test_every_relative_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in vars(operators) if re.fullmatch(r"Jsms\w+Schedules?Operator", name)),
        *CONN_FIELDS,
        *(account.DEFAULT_APP_KEY, account.DEFAULT_MASTER_SECRET),
    ],
)
def test_every_public_name_is_there(name: str) -> None:
    assert f"`{name}`" in README or f'"{name}"' in README


def test_every_error_that_a_task_can_end_with_is_explained() -> None:
    errors = {name for name in vars(exceptions) if re.fullmatch(r"Jsms\w+Error", name)}
    bases = {"JsmsCallError", "JsmsNoAnswerError", "JsmsApiError", "JsmsWaitError"}
    assert {name for name in errors - bases if f"`{name}`" not in README} == set()


def test_the_notifier_of_the_example_is_one() -> None:
    names: dict[str, Any] = {}
    (example,) = (code for code in PYTHON if "JsmsNotifier(" in code)
    exec(as_here(example), names)  # noqa: S102  our own
    assert names["on_call"].delay.total_seconds() == 30


def test_the_table_of_codes_is_that_of_the_code() -> None:
    assert tables.table_in(tables.README, "codes") == tables.codes_table(), (
        "write it: python -m tests.tables"
    )
    assert len(tables.codes_table()) == 2 + len(CODES) - 1


@pytest.mark.parametrize("page", [tables.README, tables.CHINESE], ids=lambda page: page.name)
def test_the_table_of_switches_is_that_of_the_code(page: Path) -> None:
    assert tables.table_in(page, "switches") == tables.switches_table(), (
        "write it: python -m tests.tables"
    )


def test_every_example_is_linked() -> None:
    examples = {f"example_dags/{path.name}" for path in (REPOSITORY / "example_dags").glob("*.py")}
    assert {name for name in examples if f"]({name})" not in README} == set()
