"""`make release-check`: a tree is built only if nothing is missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from airflow_provider_jsms import __version__ as VERSION  # noqa: N812
from tests import release_check

ROOT = Path(__file__).parents[2]
INSTALL = release_check.INSTALL.removeprefix("$ ")
INIT = "airflow_provider_jsms/__init__.py"

pytestmark = pytest.mark.skipif(not (ROOT / INIT).exists(), reason="no source tree")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that the release check reads, filled in for a release."""
    for name in ("pyproject.toml", "CHANGELOG.md", "README.md", "README.zh-CN.md", INIT):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    edit(tmp_path / "pyproject.toml", r"example\.invalid", "forge.example.org")
    edit(tmp_path / "CHANGELOG.md", r"\A(?s:(.*?))\n## .*", rf"\1\n## [{VERSION}] - 2030-01-31")
    for name in ("README.md", "README.zh-CN.md"):
        edit(tmp_path / name, r"pip install '\.\[sandbox\]'\n", INSTALL)
    monkeypatch.setattr(release_check, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path]]:
    calls: list[tuple[Path, Path]] = []
    monkeypatch.setattr(release_check, "build", lambda *folders: calls.append(folders))
    return calls


def edit(path: Path, pattern: str, replacement: str) -> None:
    path.write_text(re.sub(pattern, replacement, path.read_text("utf-8")), "utf-8")


def test_a_tree_that_is_filled_in_is_built(
    tree: Path,
    built: list[tuple[Path, Path]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAG", f"v{VERSION}")
    release_check.main()
    assert built == [(tree, tree / "dist")]
    assert capsys.readouterr().out == f"Version {VERSION} is in dist, ready to publish.\n"


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "said"),
    [
        ("pyproject.toml", r"(Issues .*)forge\.example\.org", r"\1example.invalid", "Issues."),
        ("CHANGELOG.md", "2030-01-31", "Unreleased", "- Unreleased"),
        ("CHANGELOG.md", r"\n## ", "\n## [Unreleased]\n\n## ", "[Unreleased]"),
        (INIT, re.escape(VERSION), "99.0.0", "[99.0.0]"),
        ("README.md", re.escape(INSTALL), "pip install .\n", "README.md"),
        ("README.zh-CN.md", re.escape(INSTALL), "", "README.zh-CN.md"),
    ],
    ids=["address", "date", "heading", "version", "install", "install-zh"],
)
def test_a_missing_step_is_named(
    tree: Path,
    built: list[tuple[Path, Path]],
    name: str,
    pattern: str,
    replacement: str,
    said: str,
) -> None:
    edit(tree / name, pattern, replacement)
    with pytest.raises(SystemExit, match=r"\ANot ready for a release:\n- .*\Z") as stopped:
        release_check.main()
    assert said in str(stopped.value)
    assert built == []


def test_a_tag_of_another_version_is_named(tree: Path) -> None:
    assert release_check.missing(tree, "v0.9") == [
        f"The tag is v0.9, but the version is {VERSION}: tag v{VERSION}."
    ]
