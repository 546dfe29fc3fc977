"""What the pages show is what there is."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api import mobile
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, RELABELING
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators import jsms as operators
from airflow_provider_jsms.sandbox import account
from tests import tables
from tests.pages import (
    PAGES,
    REPOSITORY,
    fences,
    links_of,
    sections,
    target_of,
    text,
    the_block,
)
from tests.people import ANNA, BEN, CARA
from tests.versions import as_here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.pages import Fence

TOP = ("AGENTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
CONNECTION = text("docs/en/reference/connection.md")
OPERATORS = text("docs/en/reference/operators.md")
ERRORS = text("docs/en/reference/errors.md")


def compiles(source: str) -> None:
    compile(source, "page", "exec")


def is_a_command(source: str) -> None:
    subprocess.run(["bash", "-n"], input=source, text=True, check=True, capture_output=True)


def is_a_session(source: str) -> None:
    """Validate the commands of a console, which may go on in the next lines."""
    lines = source.splitlines()
    assert lines[0].startswith("$ "), "a session begins with a command"
    is_a_command("\n".join(line.removeprefix("$ ").removeprefix("> ") for line in lines))


PARSERS: dict[str, Callable[[str], object]] = {
    "python": compiles,
    "bash": is_a_command,
    "console": is_a_session,
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
# They are shown as they are, by GitHub or by the site.
OTHERS = {
    "",
    "csv",
    "dockerfile",
    "sql",
    "text",
    "{eval-rst}",
    "{include}",
    "{literalinclude}",
    "{toctree}",
}


@pytest.mark.parametrize(
    "fence",
    [fence for below in ("README", "docs") for fence in fences(*PARSERS, below=below)],
    ids=lambda fence: fence.where,
)
def test_every_block_of_code_can_be_parsed(fence: Fence) -> None:
    PARSERS[fence.language](fence.content)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_its_language(page: str) -> None:
    infos = {
        token.info.split(" ")[0]
        for each in sections(page)
        for token in each.tokens
        if token.type == "fence"
    }
    assert infos <= {*PARSERS, *OTHERS}


@pytest.mark.parametrize("page", [*PAGES, *TOP])
def test_every_link_leads_to_a_page_and_a_heading(page: str) -> None:
    broken = [
        f"{section.at(token)}: {link}"
        for section in sections(page)
        for token in section.leaves()
        for link in links_of(token)
        if "://" not in link and not leads_somewhere(link, page)
    ]
    assert broken == []


def leads_somewhere(link: str, page: str) -> bool:
    path, anchor = target_of(link, page)
    if anchor and path.endswith(".md") and (REPOSITORY / path).exists():
        return anchor in [section.slug for section in sections(path)]
    return not anchor and (REPOSITORY / path).exists()


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs")])
def test_a_page_links_only_to_the_site(page: str) -> None:
    """Outside a clone there is nothing else."""
    links = {
        target_of(link, page)[0]
        for section in sections(page)
        for token in section.leaves()
        for link in links_of(token)
        if "://" not in link
    }
    language = page.split("/")[1]
    places = (f"docs/{language}/", "docs/images/")
    assert {link for link in links if not link.startswith(places)} == set()


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_readme_is_a_page(page: str) -> None:
    assert len(text(page).splitlines()) <= 200


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_start_page_leads_to_every_page(language: str) -> None:
    folder = REPOSITORY / "docs" / language
    index = text(f"docs/{language}/index.md")
    listed = re.findall(r"(?m)^[a-z-]+(?:/[a-z-]+)?$", index)
    pages = [page.relative_to(folder).with_suffix("").as_posix() for page in folder.rglob("*.md")]
    assert sorted(listed) == sorted({*pages} - {"index"})


def complete_dag(below: str) -> str:
    return the_block("JsmsScheduleSensor(", 'DAG("reminders"', below=below)


def test_the_complete_dag_is_one() -> None:
    names: dict[str, Any] = {}
    exec(as_here(complete_dag("docs/en/index.md")), names)  # noqa: S102  our own
    assert set(names["submit"].dag.task_ids) == {"patients", "submit", "wait"}


def test_the_readme_shows_the_same_dag() -> None:
    assert complete_dag("README.md") == complete_dag("docs/en/index.md")


def test_the_list_that_changes_is_a_task() -> None:
    code = the_block("JsmsReconcileSchedulesOperator(", below="docs/en/how-to/move-and-cancel")
    with DAG("pages", schedule=None):
        exec(as_here(code), {})  # noqa: S102  our own


def test_the_reading_of_reports_is_a_task() -> None:
    code = the_block("JsmsFetchReportsOperator(", below="docs/en/how-to/delivery")
    with DAG("pages", schedule=None):
        exec(as_here(code), {})  # noqa: S102  our own


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_statuses_are_those_of_the_code(language: str) -> None:
    rows = dict(
        re.findall(r"(?m)^\| (4\d{3}) \| (.*) \|$", text(f"docs/{language}/how-to/delivery.md"))
    )
    assert [int(status) for status in rows] == list(STATUSES)
    if language == "en":
        assert list(rows.values()) == list(STATUSES.values())


def test_the_code_of_ones_own_works(sandbox: SandboxControl) -> None:
    sandbox.template(1250, text="without parameters")
    exec(the_block("JsmsHook(", below="docs/en/how-to/own-code"), {})  # noqa: S102  our own
    (schedule,) = sandbox.state()["schedules"]
    assert schedule["status"] == "deleted"


def test_one_person_is_taken_out_of_a_campaign(sandbox: SandboxControl) -> None:
    people = [{"mobile": mobile, "temp_para": {"name": mobile[-1]}} for mobile in (ANNA, BEN, CARA)]
    with JsmsHook() as hook:
        schedule_ids = [
            hook.submit_batch_schedule(send_time="2030-12-01 10:00:00", recipients=some, temp_id=2)[
                "schedule_id"
            ]
            for some in (people[:2], people[2:])
        ]
    names: dict[str, Any] = {}
    code = the_block("def cancel_one", below="docs/en/how-to/move-and-cancel")
    exec(code, names)  # noqa: S102  our own
    names["cancel_one"](schedule_ids, ANNA)
    names["cancel_one"](schedule_ids[1:], CARA)
    left, gone = sandbox.state()["schedules"]
    assert [(each["mobile"], each["temp_para"]) for each in left["recipients"]] == [
        (BEN, {"name": BEN[-1]})
    ]
    assert gone["status"] == "deleted"


def test_the_texts_with_a_key_are_mapped() -> None:
    names: dict[str, Any] = {}
    code = the_block("once_key", "expand_kwargs", below="docs/en/concepts/ledger")
    exec(as_here(code), names)  # noqa: S102  our own
    assert names["appointments"]


def test_the_notifier_of_the_example_is_one() -> None:
    names: dict[str, Any] = {}
    code = the_block("JsmsNotifier(", below="docs/en/how-to/on-call")
    exec(as_here(code), names)  # noqa: S102  our own
    assert names["on_call"].delay.total_seconds() == 30


@pytest.mark.parametrize("name", [name for name in operators.__all__ if name.endswith("Operator")])
def test_every_operator_is_described(name: str) -> None:
    assert f"`{name}`" in OPERATORS
    assert f"`{name}`" in text("README.md")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_field_of_the_connection_is_described_with_its_label(language: str) -> None:
    page = text(f"docs/{language}/reference/connection.md")
    names = [
        *CONN_FIELDS,
        *RELABELING.values(),
        *(field["label"] for field in CONN_FIELDS.values()),
    ]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_credentials_of_the_sandbox_are_shown() -> None:
    page = text("docs/en/reference/sandbox.md")
    assert f'"{account.DEFAULT_APP_KEY}"' in page
    assert f'"{account.DEFAULT_MASTER_SECRET}"' in page


def test_every_error_that_a_task_can_end_with_is_explained() -> None:
    errors = {name for name in vars(exceptions) if re.fullmatch(r"Jsms\w+Error", name)}
    bases = {"JsmsCallError", "JsmsNoAnswerError", "JsmsApiError", "JsmsWaitError"}
    assert {name for name in errors - bases if f"`{name}`" not in ERRORS} == set()


def test_every_form_of_a_number_is_accepted() -> None:
    table = OPERATORS.partition("## Phone numbers")[2].partition("\nAll are")[0]
    numbers = [form for form in re.findall("`([^`]+)`", table) if form != "mobile"]
    assert len(numbers) >= 9
    assert {form: mobile.digits_of(form) for form in numbers} == dict.fromkeys(
        numbers, "13800138000"
    )


def test_the_table_of_codes_is_that_of_the_code() -> None:
    english, _ = tables.PAGES["codes"]
    assert tables.table_in(english, "codes") == tables.codes_table(), WRITE
    assert len(tables.codes_table()) == 2 + len(CODES) - 1


WRITE = "write it: python -m tests.tables"


@pytest.mark.parametrize("page", tables.PAGES["switches"], ids=str)
def test_the_tables_of_the_sandbox_are_those_of_the_code(page: Path) -> None:
    assert tables.table_in(page, "switches") == tables.switches_table(), WRITE
    assert tables.table_in(page, "templates") == tables.templates_table(), WRITE


def test_every_example_is_shown() -> None:
    examples = {path.name for path in (REPOSITORY / "example_dags").glob("*.*")}
    page = text("docs/en/examples.md")
    assert {name for name in examples if f"../../example_dags/{name}" not in page} == set()
