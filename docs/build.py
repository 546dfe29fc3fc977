"""Build the site into ``build/docs``: ``python docs/build.py [FOLDER]``, without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parent
LANGUAGES: Final = {"en": "en", "zh": "zh_CN"}
STRICT: Final = ("--fail-on-warning", "--keep-going", "--quiet", "--jobs=auto")
SUMMARY: Final = (
    "Apache Airflow provider for JiGuang SMS (JSMS, 极光短信): text each person once, on time."
)


def build(target: Path) -> None:
    """Build both languages, their common start page and ``llms.txt``."""
    for folder, language in LANGUAGES.items():
        _sphinx(DOCS / folder, target / folder, language)
    shutil.copy(DOCS / "index.html", target)
    (target / "llms.txt").write_text(llms(DOCS / "en"), encoding="utf-8")


def _sphinx(source: Path, target: Path, language: str) -> None:
    settings = (f"--conf-dir={DOCS}", f"--define=language={language}")
    command = [*(sys.executable, "-m", "sphinx"), *STRICT, *settings, source, target]
    # Airflow, which is imported for the Python API, writes files into its home.
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(command, env={**os.environ, "AIRFLOW_HOME": home}, check=False)  # noqa: S603  our own
    if done.returncode:
        sys.exit(f"{source} could not be built: see above.")


def llms(source: Path) -> str:
    """Return the list of all pages for language models, as https://llmstxt.org describes it."""
    lines = ["# airflow-provider-jsms", "", f"> {SUMMARY}"]
    for caption, pages in toctrees(source / "index.md"):
        lines += ["", f"## {caption}", "", *(_entry(source, page) for page in pages)]
    return "\n".join([*lines, ""])


def toctrees(index: Path) -> list[tuple[str, list[str]]]:
    """Return the captions of the start page, each with the names of its pages."""
    blocks = re.findall(
        r"```{toctree}\n:caption: (.+)\n:hidden:\n\n((?:.+\n)+)```", index.read_text()
    )
    return [(caption, pages.split()) for caption, pages in blocks]


def _entry(source: Path, page: str) -> str:
    title = (source / f"{page}.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    return f"- [{title}](en/_sources/{page}.md.txt)"


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS.parent / "build" / "docs")
