"""The site builds without a warning, in both languages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.settings import HAS_STORE

ROOT = Path(__file__).parents[2]

# The Python API is imported, and described for the Airflow that has everything.
pytestmark = pytest.mark.skipif(not HAS_STORE, reason="the site is built with a newer Airflow")


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "docs" / "build.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {page.relative_to(tmp_path).as_posix() for page in tmp_path.glob("*/*.html")}
    assert {"en/quickstart.html", "zh/quickstart.html"} <= pages
    assert "en/_sources/quickstart.md.txt" in (tmp_path / "llms.txt").read_text()
    for language in ("en", "zh"):
        # a code of JSMS, and how a query for it is split
        assert '"n50013"' in (tmp_path / language / "searchindex.js").read_text(encoding="utf-8")
        assert "splitQuery" in (tmp_path / language / "_static/language_data.js").read_text()
