"""Name what a release still needs; if nothing, build it into ``dist``: ``make release-check``.

``make release-check TAG=v1.0.0`` also compares the tag with the version.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
PLACEHOLDER: Final = "://example.invalid/"
INSTALL: Final = "$ pip install 'airflow-provider-jsms[sandbox]'\n"


def missing(root: Path, tag: str = "") -> list[str]:
    """Return what a release of this tree still needs, a sentence each."""
    version = _version(root)
    found = [*_addresses(root), *_date(root, version), *_install(root)]
    if tag not in ("", f"v{version}"):
        found.append(f"The tag is {tag}, but the version is {version}: tag v{version}.")
    return found


def build(root: Path, folder: Path) -> None:
    """Build the sdist and the wheel into the folder, and check both as a package index does."""
    shutil.rmtree(folder, ignore_errors=True)
    _run("build", "--outdir", str(folder), str(root))
    _run("twine", "--no-color", "check", "--strict", *(str(path) for path in folder.iterdir()))


def main() -> None:
    """Exit with status 1 if something is missing, or if the build or its check fails."""
    if found := missing(ROOT, os.environ.get("TAG", "")):
        sys.exit("\n".join(["Not ready for a release:", *(f"- {each}" for each in found)]))
    build(ROOT, ROOT / "dist")
    print(f"Version {_version(ROOT)} is in dist, ready to publish.")


def _version(root: Path) -> str:
    text = (root / "airflow_provider_jsms" / "__init__.py").read_text(encoding="utf-8")
    return re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]


def _addresses(root: Path) -> Iterator[str]:
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    if names := [name for name, url in urls.items() if PLACEHOLDER in url]:
        yield f"pyproject.toml, [project.urls]: fill in the placeholders {', '.join(names)}."


def _date(root: Path, version: str) -> Iterator[str]:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## .*$", text, re.MULTILINE)[0]
    if not re.fullmatch(rf"## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", newest):
        yield f'CHANGELOG.md: replace "{newest}" with "## [{version}] - <date of the release>".'


def _install(root: Path) -> Iterator[str]:
    for name in ("README.md", "README.zh-CN.md"):
        if INSTALL not in (root / name).read_text(encoding="utf-8"):
            yield f'{name}: replace the installation of the quick start with "{INSTALL.strip()}".'


def _run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed: see above.")


if __name__ == "__main__":
    main()
