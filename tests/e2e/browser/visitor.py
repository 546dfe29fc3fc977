"""A person in front of a browser: what the pages show, and all that is sent to draw them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from playwright.sync_api import Error, expect

from tests import leaks

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

    from tests.stack.airflow import AirflowStack

LONGEST = 20_000.0


class Visitor:
    """Opens pages of one Airflow and remembers everything that they were told by it."""

    def __init__(self, page: Page, airflow: AirflowStack) -> None:
        self.page = page
        self.told: list[str] = []
        self._url = airflow.url
        page.set_default_timeout(LONGEST)
        page.on("response", self._remember)

    def open(self, path: str) -> None:
        """Go to a page and wait until it has asked for all that it shows."""
        self.told.clear()
        self.page.goto(f"{self._url}{path}")
        self.page.wait_for_load_state("networkidle")

    def open_task(self, run: dict[str, str], task: str) -> None:
        """Go to the log of a task of a run; ``task`` may be ``submit/mapped/0``."""
        self.open(f"/dags/{run['dag_id']}/runs/{run['dag_run_id']}/tasks/{task}")

    def turn_to(self, tab: str) -> None:
        """Click a tab of the page."""
        self.page.get_by_role("link", name=tab, exact=True).first.click()

    def see(self, text: str) -> Locator:
        """Wait until a text is to be seen, and return where."""
        place = self.page.get_by_text(text).first
        expect(place).to_be_visible(timeout=LONGEST)
        return place

    def text(self) -> str:
        """All text of the page, with plain spaces; coloured text is in one piece here too."""
        text = self.page.locator("body").text_content() or ""
        return text.replace("\N{NO-BREAK SPACE}", " ")

    def private(self) -> list[str]:
        """What is private on the page, and in all that was sent to it."""
        return [line for text in (self.text(), *self.told) for line in leaks.found_in(text)]

    def _remember(self, response: Response) -> None:
        if response.request.resource_type in ("fetch", "xhr"):
            # A page that is left while an answer comes has no use for it.
            with suppress(Error):
                self.told.append(response.text())
