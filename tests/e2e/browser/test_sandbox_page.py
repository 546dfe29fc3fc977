"""The page of the sandbox as a person uses it; it needs no Airflow."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY
from airflow_provider_jsms.sandbox.server import SandboxServer
from tests.people import ANNA, BEN, CANARY, CARA, number
from tests.unit.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Locator, Page

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.sandbox import RunningSandbox

COUNTDOWN = re.compile(r"in (\d\d:)?\d\d:\d\d")
SCRIPT = "<script>alert(1)</script>"
IMAGE = '<img src="http://evil.example/" onerror="alert(2)">'
# Turns round what comes after it, if that is not kept apart from it.
RIGHT_TO_LEFT = "\u202eabc"


class Screen:
    """The page in front of a person, and all that went wrong behind it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        self._host = urlsplit(url).netloc
        page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda request: self._note_address(request.url))
        page.on("dialog", self._note_dialog)
        page.goto(url)

    def time(self) -> datetime:
        return datetime.fromisoformat(self.page.locator("#wall").inner_text())

    def move(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def people(self) -> Locator:
        return self.page.locator("#people-list > li")

    def bubbles(self, state: str = "") -> Locator:
        return self.page.locator(f"#bubbles > li{'.' if state else ''}{state}")

    def choose(self, mobile: str) -> None:
        self.page.get_by_role("link", name=mobile).click()
        expect(self.page.get_by_role("heading", name=mobile, exact=True)).to_be_visible()

    def choose_listed(self, mobile: str) -> None:
        """Choose a person in the list of schedules."""
        item = self.page.locator("#schedules-list > li", has_text=mobile)
        item.locator("summary").click()
        item.get_by_role("link", name=mobile).click()
        expect(self.page.get_by_role("heading", name=mobile, exact=True)).to_be_visible()

    def look_twice(self) -> None:
        """Wait until the page has asked twice more what there is, and has shown it."""
        for _ in range(2):
            with self.page.expect_response(lambda response: "/page/view" in response.url):
                pass

    def _note_address(self, url: str) -> None:
        if urlsplit(url).netloc != self._host:
            self.wrong.append(f"request: {url}")

    def _note_dialog(self, dialog: object) -> None:
        self.wrong.append("dialog")
        dialog.dismiss()  # type: ignore[attr-defined]


@pytest.fixture
def client(sandbox: SandboxControl) -> Iterator[Client]:
    with Client(sandbox) as client:
        yield client


@pytest.fixture
def screen(
    browser: BrowserContext, sandbox: SandboxControl, running_sandbox: RunningSandbox
) -> Iterator[Screen]:
    with browser.new_page() as page:
        screen = Screen(page, running_sandbox.url)
        yield screen
        assert screen.wrong == []


@pytest.fixture
def hook(running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[JsmsHook]:
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(running_sandbox.connection))
    with JsmsHook() as hook:
        yield hook


def test_a_text_is_followed_from_the_first_visit_until_it_was_sent(
    screen: Screen, hook: JsmsHook, running_sandbox: RunningSandbox
) -> None:
    empty = screen.page.get_by_role("region", name="No texts yet")
    expect(empty).to_contain_text(running_sandbox.url)
    expect(empty).to_contain_text(DEFAULT_APP_KEY)
    connection = json.loads(screen.page.locator("#connection").inner_text())
    assert connection == running_sandbox.connection
    expect(screen.page.get_by_text("No SMS is ever sent.")).to_be_visible()
    expect(screen.page.get_by_role("button", name="Go to next text")).to_be_disabled()

    send_time = datetime.now(UTC) + timedelta(minutes=45)
    hook.submit_schedule(
        send_time=send_time, mobile=ANNA, temp_id=2, temp_para={"name": f"{CANARY}-安娜"}
    )
    expect(empty).to_be_hidden()
    expect(screen.people()).to_contain_text(ANNA)
    expect(screen.people()).to_contain_text(COUNTDOWN)
    expect(screen.bubbles("scheduled")).to_contain_text(f"【沙盒诊所】{CANARY}-安娜，您好")
    expect(screen.bubbles("scheduled")).to_contain_text(COUNTDOWN)
    screen.move("+1 h")
    expect(screen.bubbles("sent")).to_contain_text(f"{CANARY}-安娜")
    wall = send_time + timedelta(hours=8)
    expect(screen.bubbles("sent").locator("summary")).to_have_text(f"sent {wall:%H:%M:%S}")
    expect(screen.people()).not_to_contain_text(COUNTDOWN)
    expect(screen.page.locator("#requests")).to_contain_text("submit_schedule")


def test_the_countdown_runs_between_two_answers(screen: Screen, client: Client) -> None:
    client.submitted(mobile=ANNA, send_time=client.in_seconds(3600))
    due = screen.bubbles("scheduled").locator("[data-due]")
    expect(due).to_have_text(COUNTDOWN)
    screen.page.route("**/page/view*", lambda route: None)
    with screen.page.expect_request("**/page/view*"):
        pass
    before, then = due.inner_text(), screen.time()
    expect(due).not_to_have_text(before)
    assert screen.time() > then


@pytest.mark.parametrize(("button", "seconds"), [("+1 min", 60), ("+1 h", 3600), ("+1 day", 86400)])
def test_the_clock_is_moved(
    button: str, seconds: int, screen: Screen, sandbox: SandboxControl
) -> None:
    expect(screen.page.locator("#zone")).to_have_text("Asia/Shanghai")
    before = screen.time()
    screen.page.get_by_role("button", name=button, exact=True).focus()
    screen.page.keyboard.press("Enter")
    expect(screen.page.locator("#wall")).not_to_have_text(re.compile(f"^{before:%Y-%m-%d %H:%M}"))
    moved = datetime.fromisoformat(sandbox.state()["clock"]["wall"])
    for time in (moved, screen.time()):
        assert timedelta(seconds) > time - before >= timedelta(seconds=seconds)


def test_to_the_next_text(screen: Screen, client: Client) -> None:
    client.submitted(mobile=ANNA, send_time=client.in_seconds(5 * 86400))
    client.submitted(mobile=ANNA, send_time=client.in_seconds(7 * 86400))
    for sent in (1, 2):
        screen.move("Go to next text")
        expect(screen.bubbles("sent")).to_have_count(sent)
        expect(screen.bubbles("scheduled")).to_have_count(2 - sent)
    expect(screen.page.get_by_role("button", name="Go to next text")).to_be_disabled()


def test_a_journey_goes_forward_only(screen: Screen, sandbox: SandboxControl) -> None:
    when = screen.page.get_by_label("Go to")
    for moment in ("2040-07-01T09:00:00", "2041-01-01T00:00:07"):
        when.fill(moment)
        screen.move("Go")
        expect(screen.page.locator("#wall")).to_have_text(re.compile(moment[:16].replace("T", " ")))
    wall = sandbox.state()["clock"]["wall"]
    assert wall >= "2041-01-01 00:00:07"
    when.fill("2039-07-01T09:00:00")
    screen.move("Go")
    expect(screen.page.get_by_role("alert")).to_contain_text("the clock moves forward only")
    assert sandbox.state()["clock"]["wall"] < "2041-01-02"
    # What the browser says of the 400.
    screen.wrong.clear()


def test_the_clock_is_moved_by_others(
    screen: Screen, client: Client, sandbox: SandboxControl
) -> None:
    client.submitted(mobile=ANNA, send_time=client.in_seconds(2 * 86400))
    expect(screen.bubbles("scheduled")).to_contain_text("in 1 d 23:59")
    before = screen.time()
    sandbox.advance(86400)
    expect(screen.bubbles("scheduled")).to_contain_text("in 23:59")
    assert screen.time() - before >= timedelta(days=1)
    sandbox.advance(86400)
    expect(screen.bubbles("sent")).to_be_visible()


def test_a_reset_by_others(screen: Screen, client: Client, sandbox: SandboxControl) -> None:
    client.submitted(mobile=ANNA)
    sandbox.advance(86400)
    expect(screen.bubbles("sent")).to_be_visible()
    before = screen.time()
    sandbox.reset()
    expect(screen.page.get_by_role("heading", name="No texts yet")).to_be_visible()
    expect(screen.bubbles("sent")).to_be_hidden()
    assert screen.time() < before


def test_what_became_of_texts_is_shown(
    screen: Screen, client: Client, sandbox: SandboxControl
) -> None:
    send_time = client.in_seconds(3600)
    moved = client.submitted(mobile=ANNA, send_time=send_time)
    client.modify(moved, mobile=ANNA, send_time=client.in_seconds(7200))
    deleted = client.submitted(mobile=ANNA, temp_id=2, temp_para={"name": CANARY})
    client.delete(deleted)
    sandbox.number(BEN, "invalid")
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN})
    sandbox.fault("balance", "slow", times=2, seconds=1)
    expect(screen.bubbles("scheduled").last).to_contain_text(f"moved from {send_time}")
    replaced = screen.bubbles("replaced")
    expect(replaced).to_contain_text("replaced, was for")
    expect(replaced.locator(".bubble")).to_have_css("text-decoration-line", "line-through")
    cancelled = screen.bubbles("cancelled")
    expect(cancelled).to_contain_text("cancelled, was for")
    expect(cancelled.locator(".bubble")).to_have_css("text-decoration-line", "line-through")
    cancelled.locator("summary").click()
    expect(cancelled.get_by_text(f"schedule_id {deleted}")).to_be_visible()
    screen.choose(BEN)
    expect(screen.bubbles("refused")).to_contain_text("refused 50006 invalid mobile")
    expect(screen.page.get_by_label("Number", exact=True)).to_have_value("invalid")
    expect(screen.page.get_by_text('balance: slow, 2 left, {"seconds": 1}')).to_be_visible()


def test_a_phone_is_set_and_replies(
    screen: Screen, client: Client, sandbox: SandboxControl
) -> None:
    client.submitted(mobile=ANNA)
    screen.page.get_by_label("Next texts").select_option("4003 phone off or out of service")
    screen.page.get_by_label("Number", exact=True).select_option("unsubscribed")
    screen.page.get_by_label("Reply", exact=True).fill(f"{CANARY} <b>好的</b>")
    screen.page.keyboard.press("Enter")
    expect(screen.bubbles("reply")).to_contain_text(f"{CANARY} <b>好的</b>")
    expect(screen.page.get_by_label("Reply", exact=True)).to_have_value("")
    [reply] = client.replies().json()
    assert (reply["phone"], reply["content"]) == (ANNA, f"{CANARY} <b>好的</b>")
    state = sandbox.state()
    assert (state["numbers"], state["deliveries"]) == ({ANNA: "unsubscribed"}, {ANNA: 4003})
    screen.move("+1 h")
    expect(screen.bubbles("undelivered")).to_contain_text(f"4003 {STATUSES[4003]}")
    expect(screen.page.get_by_label("Next texts")).to_have_value("4003")
    client.submitted(mobile=ANNA)
    expect(screen.people()).to_contain_text(COUNTDOWN)
    expect(screen.people()).to_contain_text("undelivered")


def test_schedules_are_listed_and_deleted(
    screen: Screen, client: Client, sandbox: SandboxControl
) -> None:
    client.submitted(mobile=CARA, send_time=client.in_seconds(60))
    schedule_id = client.submitted_batch(
        *({"mobile": ANNA}, {"mobile": BEN}, {"mobile": "1"}),
        send_time=client.in_seconds(3600),
        tag="<i>tag</i>",
    )
    screen.page.get_by_role("button", name="By schedule").click()
    listed = screen.page.locator("#schedules-list > li")
    expect(listed).to_have_count(2)
    expect(listed.first).to_contain_text("2 people, 1 refused")
    expect(listed.last).to_contain_text("1 person")
    listed.first.locator("summary").click()
    expect(listed.first).to_contain_text("tag <i>tag</i>")
    listed.first.get_by_role("link", name=BEN).click()
    expect(screen.bubbles("scheduled")).to_contain_text("in 59")
    listed.first.get_by_role("button", name="Delete schedule").press("Enter")
    expect(listed.first).to_contain_text("cancelled")
    expect(screen.bubbles("cancelled")).to_be_visible()
    expect(listed.first.get_by_role("button", name="Delete schedule")).to_be_hidden()
    statuses = {each["schedule_id"]: each["status"] for each in sandbox.state()["schedules"]}
    assert statuses[schedule_id] == "deleted"
    screen.choose_listed(CARA)
    screen.bubbles("scheduled").locator("summary").click()
    screen.bubbles("scheduled").get_by_role("button", name="Delete schedule").click()
    expect(screen.bubbles("cancelled")).to_be_visible()
    screen.page.get_by_role("searchbox", name="Search by number").fill(schedule_id)
    expect(listed).to_have_count(1)
    screen.page.get_by_role("button", name="By schedule").click()
    expect(screen.page.get_by_text("No such number.")).to_be_visible()


def test_the_templates_are_listed(screen: Screen, sandbox: SandboxControl) -> None:
    sandbox.template(1250, text="{{who}}，{{when}}", type=3, status=0)
    template = screen.page.locator("#templates > li").last
    expect(template).to_contain_text("1250 marketing, under review")
    expect(template.locator("code")).to_have_text("who when")


def test_the_page_speaks_chinese(screen: Screen, client: Client) -> None:
    client.submitted(mobile=ANNA)
    screen.page.get_by_role("button", name="中文").click()
    expect(screen.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(screen.bubbles("scheduled")).to_contain_text("定于")
    screen.bubbles("scheduled").locator("summary").click()
    screen.page.get_by_role("button", name="删除定时任务").click()
    expect(screen.bubbles("cancelled")).to_contain_text("已取消")
    screen.page.get_by_role("button", name="English").click()
    expect(screen.bubbles("cancelled")).to_contain_text("cancelled, was for")
    expect(screen.page.get_by_role("button", name="Go to next text")).to_be_visible()


def test_hostile_contents_are_texts(
    screen: Screen, client: Client, sandbox: SandboxControl
) -> None:
    lines = "one\ntwo\t'three' \"four\""
    names = [SCRIPT, IMAGE, RIGHT_TO_LEFT, lines, f"{CANARY}{{{{name}}}}"]
    for name in names:
        client.submitted(mobile=ANNA, temp_id=2, temp_para={"name": name}, tag="<b>tag</b>")
    long = "x" * 10_000
    hostile = [f"{IMAGE}{CANARY}", f"'\"><{CANARY}>", "javascript:alert(3)", "#%00%"]
    client.submitted_batch(*({"mobile": one, "temp_para": {SCRIPT: long}} for one in hostile))
    client.ask("GET", f"/{SCRIPT}")
    sandbox.fault("*", "status", status=503, headers={"X-Odd": IMAGE}, times=None)
    sandbox.sign(1, text=f"</b>{SCRIPT}")
    sandbox.clear_faults()
    client.submitted(mobile=ANNA)
    sandbox.fault("*", "status", status=503, headers={"X-Odd": IMAGE}, times=None)

    expect(screen.bubbles()).to_have_count(len(names) + 1)
    shown = [text.inner_text() for text in screen.page.locator(".text").all()]
    expected = [f"【沙盒诊所】{name}，您好，您的预约已确认。" for name in names]
    assert shown == [*expected, f"【</b>{SCRIPT}】您的订单已发货，请注意查收。"]
    screen.bubbles().first.locator("summary").click()
    expect(screen.bubbles().first.get_by_text("<b>tag</b>")).to_be_visible()
    expect(screen.people()).to_have_count(len(hostile) + 1)
    for mobile in hostile:
        screen.page.locator("#people .mobile").get_by_text(mobile, exact=True).click()
        expect(screen.page.locator("#phone-title")).to_have_text(mobile)
        expect(screen.bubbles("refused")).to_contain_text('{"<script>')
        expect(screen.bubbles("refused").locator(".text")).to_contain_text("x…")
    expect(screen.page.get_by_text(IMAGE.replace('"', '\\"'))).to_be_visible()
    expect(screen.page.get_by_text(f"GET /{SCRIPT}")).to_be_visible()
    assert screen.page.locator("script").count() == 1
    assert screen.page.locator("body img").count() == 1


def test_ten_thousand_people(screen: Screen, client: Client) -> None:
    send_time = client.in_seconds(3600)
    for start in range(0, 10_000, 1_000):
        thousand = ({"mobile": number(start + place)} for place in range(1_000))
        client.submitted_batch(*thousand, send_time=send_time)
    expect(screen.page.locator("#everybody")).to_have_text("10,000")
    expect(screen.people()).to_have_count(100)
    expect(screen.page.get_by_text("… and 9,900 more")).to_be_visible()
    search = screen.page.get_by_role("searchbox", name="Search by number")
    search.fill(number(9_999)[-7:])
    expect(screen.people()).to_have_count(1)
    screen.choose(number(9_999))
    expect(screen.bubbles("scheduled")).to_be_visible()
    screen.move("Go to next text")
    expect(screen.bubbles("sent")).to_be_visible()
    search.fill("nobody")
    expect(screen.page.get_by_text("No such number.")).to_be_visible()


def test_nothing_moves_if_nothing_has_happened(screen: Screen, client: Client) -> None:
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN})
    expect(screen.bubbles("scheduled")).to_be_visible()
    screen.page.evaluate("""() => {
        window.changes = [];
        const runs = (node) => node.closest("[data-due], #wall");
        new MutationObserver((found) => {
            changes.push(...found.filter((one) => !runs(one.target)).map((one) => one.target.id));
        }).observe(document.body, { subtree: true, childList: true, attributes: true });
    }""")
    screen.look_twice()
    assert screen.page.evaluate("changes") == []
    client.balance()
    expect(screen.page.locator("#requests")).to_contain_text("balance")
    assert screen.page.evaluate("changes") == ["requests"]


def test_the_focus_stays_while_others_come(screen: Screen, client: Client) -> None:
    for mobile in (ANNA, BEN):
        client.submitted(mobile=mobile, send_time=client.in_seconds(3600))
    expect(screen.people()).to_have_count(2)
    screen.page.get_by_role("link", name=BEN).focus()
    client.submitted(mobile=CARA, send_time=client.in_seconds(60))
    client.submitted(mobile=BEN, send_time=client.in_seconds(30))
    expect(screen.people()).to_have_count(3)
    expect(screen.people().first).to_contain_text(BEN)
    expect(screen.page.get_by_role("link", name=BEN)).to_be_focused()


def test_on_a_narrow_window_one_thing_is_shown_at_a_time(screen: Screen, client: Client) -> None:
    screen.page.set_viewport_size({"width": 360, "height": 740})
    long = "长" * 150 + "x" * 250
    client.submitted_batch({"mobile": ANNA, "temp_para": {"name": long}}, temp_id=2)
    expect(screen.people()).to_be_visible()
    expect(screen.bubbles()).to_be_hidden()
    screen.choose(ANNA)
    expect(screen.people()).to_be_hidden()
    expect(screen.bubbles("scheduled")).to_be_visible()
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 360
    screen.page.get_by_role("link", name="People").click()
    expect(screen.people()).to_be_visible()
    expect(screen.bubbles()).to_be_hidden()


def test_a_sandbox_that_went_away_and_came_back(browser: BrowserContext) -> None:
    with browser.new_page() as page:
        with SandboxServer() as server:
            Screen(page, server.url)
            expect(page.locator("#zone")).to_have_text("Asia/Shanghai")
            port = urlsplit(server.url).port
        words = page.get_by_role("status").filter(has_text="The sandbox does not respond.")
        expect(words).to_be_visible()
        with SandboxServer(port=port or 0):
            expect(words).to_be_hidden()
