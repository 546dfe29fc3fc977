"""The pictures of the documentation are what a person sees: they are taken again in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from airflow_provider_jsms.submission.uncertain.question import ONE_THERE
from tests import pictures
from tests.e2e.browser.test_connection_form import new_connection
from tests.e2e.browser.test_sandbox_page import Screen, client  # noqa: F401
from tests.e2e.browser.visitor import LONGEST
from tests.people import ANNA, BEN, CARA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Locator, Page

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.e2e.browser.visitor import Visitor
    from tests.stack.rest import AirflowRest
    from tests.stack.sandbox import RunningSandbox
    from tests.unit.sandbox.client import Client

SUBMIT = "jsms_reminder", "submit"


def take(page: Page, name: str, *words: str, part: Locator | None = None) -> None:
    """Take a picture of a page, or of a part, once all that its captions quote is in sight."""
    for each in (*words, *pictures.quoted(name)):
        place = shown(part or page, each)
        expect(place, f"{name} shows {each}").to_be_in_viewport(timeout=LONGEST)
    assert len(pictures.take(part or page, name)) < pictures.LARGEST


def shown(place: Page | Locator, words: str) -> Locator:
    """Return where words are to be seen."""
    return place.get_by_text(words).locator("visible=true").first


def resize(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})


@pytest.fixture
def window(browser: BrowserContext) -> Iterator[Page]:
    with browser.new_page() as page:
        yield page


def test_the_page_of_the_sandbox(
    window: Page,
    running_sandbox: RunningSandbox,
    sandbox: SandboxControl,
    client: Client,  # noqa: F811
) -> None:
    sandbox.delivery(CARA, 4003)
    for mobile, name in ((ANNA, "王芳"), (BEN, "李伟"), (CARA, "张敏")):
        client.submitted(mobile=mobile, temp_id=2, temp_para={"name": name})
    sandbox.advance(86_400)
    sandbox.reply(ANNA, "好的，谢谢")
    appointment = {"name": "王芳", "date": "12月3日 09:00", "place": "二楼 201"}
    soon = client.in_seconds(3600)
    moved = client.submitted(mobile=ANNA, temp_id=3, temp_para=appointment, send_time=soon)
    later = client.in_seconds(7200)
    client.modify(moved, mobile=ANNA, temp_id=3, temp_para=appointment, send_time=later)
    screen = Screen(window, running_sandbox.url)
    screen.choose(ANNA)
    resize(window, 1100, 860)
    take(window, "sandbox-page.png", "Go to next text", "moved from", "undelivered")


def test_the_form_of_the_connection(visitor: Visitor) -> None:
    new_connection(visitor, "jsms_default")
    resize(visitor.page, 1200, 1000)
    take(visitor.page, "connection-form.png", "Connection ID", "App key", "Master secret")


def test_an_uncertain_task_from_its_failure_to_its_record(
    visitor: Visitor, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = rest.trigger(SUBMIT[0], conf={"send_in": 7200})
    run_id = run["dag_run_id"]
    assert rest.wait_for_run(SUBMIT[0], run_id, timeout=120)["state"] == "failed"
    (schedule,) = sandbox.state()["schedules"]
    visitor.open_task(run, "submit")
    visitor.see("Failed")
    visitor.page.keyboard.press("Shift+C")
    take(visitor.page, "clear.png", part=visitor.page.get_by_role("dialog"))

    rest.clear(*(SUBMIT[0], run_id, SUBMIT[1]), keep=True)

    def respond(_: object) -> None:
        visitor.open("/required_actions")
        visitor.see("Has JSMS accepted this text?")
        resize(visitor.page, 1200, 500)
        take(visitor.page, "required-actions.png")
        resize(visitor.page, 1200, 1050)
        visitor.open(f"/dags/jsms_reminder/runs/{run_id}/tasks/submit/required_actions")
        visitor.see("Has JSMS accepted this text?")
        visitor.page.get_by_role("textbox").first.fill(schedule["schedule_id"])
        take(visitor.page, "question.png")
        visitor.page.get_by_role("button", name=ONE_THERE, exact=True).click()

    assert rest.answered(SUBMIT[0], run_id, SUBMIT[1], -1, respond)["state"] == "success"
    visitor.open_task(run, "submit")
    visitor.turn_to("Storage")
    visitor.see("answered at")
