"""What is released: the wheel for users, and the sdist that everything can be made of again."""

from __future__ import annotations

import re
import tarfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

import airflow_provider_jsms
from tests import release_check
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).parents[2]
VERSION = airflow_provider_jsms.__version__
NAME = f"airflow_provider_jsms-{VERSION}"
IN_THE_SDIST = {
    *("airflow_provider_jsms", "docs", "example_dags", "tests"),
    *("AGENTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("README.md", "README.zh-CN.md"),
    *("LICENSE", "Makefile", "NOTICE", "pyproject.toml"),
    *("PKG-INFO", ".gitignore"),
}

pytestmark = pytest.mark.skipif(
    AIRFLOW < (3, 3) or not (ROOT / "pyproject.toml").exists(),
    reason="distributions are made of a source tree, with the newest tools",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dist")
    release_check.build(ROOT, made)
    return made


@pytest.fixture(scope="module")
def wheel(folder: Path) -> ZipFile:
    return ZipFile(folder / f"{NAME}-py3-none-any.whl")


@pytest.fixture(scope="module")
def in_the_sdist(folder: Path) -> set[str]:
    with tarfile.open(folder / f"{NAME}.tar.gz") as sdist:
        return {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    return Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())


def tracked(*folders: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_is_the_package_and_nothing_else(wheel: ZipFile) -> None:
    ours = {name for name in wheel.namelist() if not name.startswith(f"{NAME}.dist-info/")}
    assert ours == tracked("airflow_provider_jsms")
    assert "airflow_provider_jsms/py.typed" in ours


def test_the_sdist_has_all_that_the_tests_and_the_examples_need(in_the_sdist: set[str]) -> None:
    assert {name.partition("/")[0] for name in in_the_sdist} == IN_THE_SDIST
    assert tracked("airflow_provider_jsms", "example_dags", "tests") <= in_the_sdist


def test_airflow_finds_the_provider_in_the_wheel(wheel: ZipFile) -> None:
    points = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert "[apache_airflow_provider]" in points
    assert "airflow_provider_jsms.get_provider_info:get_provider_info" in points


def test_what_the_metadata_says(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("airflow-provider-jsms", VERSION)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert "Framework :: Apache Airflow :: Provider" in metadata.get_all("Classifier", [])


def test_the_changelog_gives_the_reason_for_every_dependency(metadata: Message) -> None:
    needed = {re.split(r"[<>= ;]", each)[0] for each in metadata.get_all("Requires-Dist", [])}
    assert {"apache-airflow", "requests", "starlette"} < needed
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert {name for name in needed if not re.search(rf"`{name}[`><=]", changelog)} == set()


def test_the_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [(name, date) for name, date in headings if name != "Unreleased"]
    name, date = released[0]
    assert name == VERSION
    assert re.fullmatch(r" - (\d{4}-\d{2}-\d{2}|Unreleased)", date)
