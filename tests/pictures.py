"""The pictures of the documentation: ``python -m tests.pictures`` writes them into docs/images.

A browser takes them from the pages of a real Airflow and of the sandbox, with a Chinese font such
as that of the Debian package fonts-wqy-microhei. The tests take them again in each run, and check
that each shows the words that its captions quote.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.stack.settings import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

DOCS: Final = REPOSITORY / "docs"
IMAGES: Final = DOCS / "images"
FOLDER: Final = "JSMS_PICTURES"
"""The environment variable that names the folder to write to; by default there is none."""
LARGEST: Final = 180_000
_PICTURE: Final = re.compile(r"!\[(?P<caption>[^\]]*)\]\([\w./]*images/(?P<name>[\w-]+\.png)\)")
_QUOTED: Final = re.compile("“([^”]+)”")
_TESTS: Final = "tests/e2e/browser/test_pictures.py"


def captions() -> Iterator[tuple[str, str]]:
    """Yield the name and the caption of each picture of the pages, in both languages."""
    for page in (*REPOSITORY.glob("README*.md"), *DOCS.rglob("*.md")):
        for found in _PICTURE.finditer(page.read_text(encoding="utf-8")):
            yield found["name"], found["caption"]


def quoted(name: str) -> list[str]:
    """Return the words that a picture has to show, because a caption quotes them."""
    found = (_QUOTED.findall(caption) for each, caption in captions() if each == name)
    return sorted({words for each in found for words in each})


def take(place: Page | Locator, name: str) -> bytes:
    """Take a picture of a page or a part of it, and write it where the environment says so."""
    picture = place.screenshot(animations="disabled", caret="hide")
    if folder := os.environ.get(FOLDER):
        (REPOSITORY / folder / name).write_bytes(picture)
    return picture


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    os.environ[FOLDER] = str(IMAGES)
    sys.exit(pytest.main(["-p", "no:cacheprovider", str(REPOSITORY / _TESTS)]))
