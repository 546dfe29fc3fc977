"""A headless Chromium, the one of this machine or the one that playwright has downloaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.browser.visitor import Visitor
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import BrowserContext, Playwright

    from tests.stack.airflow import AirflowStack

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    # its sandbox needs rights that a container seldom has; only our own Airflow is visited
    "--no-sandbox",
    # less CPU time, by a fifth
    *("--disable-gpu", "--disable-software-rasterizer"),
    *("--disable-site-isolation-trials", "--renderer-process-limit=1"),
)

_failed = pytest.StashKey[bool]()


def executable(playwright: Playwright) -> str | None:
    """Return the path of a Chromium, None where there is none."""
    of_playwright = playwright.chromium.executable_path
    found = [shutil.which(name) for name in NAMES]
    return next(
        filter(None, [*found, of_playwright if Path(of_playwright).exists() else None]), None
    )


# No longer than a module: while playwright is there, an event loop runs in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    if AIRFLOW < (3, 3):
        pytest.skip("the pages are those of Airflow 3.3")
    with sync_playwright() as playwright:
        path = executable(playwright)
        if path is None:
            pytest.skip("no Chromium: install one, or run `.venv/bin/playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        # One for all tests, so that the pages of Airflow are loaded once.
        yield browser.new_context(viewport={"width": 1400, "height": 1200})
        browser.close()


@pytest.fixture
def visitor(
    browser: BrowserContext, airflow: AirflowStack, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Somebody who has opened a browser; a picture is left of what they saw when a test fails."""
    with browser.new_page() as page:
        yield Visitor(page, airflow)
        if request.node.stash.get(_failed, False):
            page.screenshot(path=tmp_path / "page.png", full_page=True)
            print(f"the page: {tmp_path / 'page.png'}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[_failed] = report.failed
    return report
