"""The page over HTTP: its files, its guard against other sites, and its data."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.sandbox import page
from airflow_provider_jsms.sandbox.app import FOLDER
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.page import MAX_LINES
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import ANNA, BEN, CANARY, CARA, number
from tests.unit.sandbox.client import SHANGHAI, Client, ok, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (FOLDER / "page.html").read_text()
FILES = sorted(path.name for path in FOLDER.iterdir())
GUARDED = ("/", "/sandbox/page/page.js", "/sandbox/page/view", "/sandbox/state", "/sandbox/nothing")
POLICY = {
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"),
    *("img-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    *("require-trusted-types-for 'script'", "trusted-types 'none'"),
}


def visit(client: Client, **asked: str) -> dict[str, Any]:
    """Return the view of a first visit."""
    view: dict[str, Any] = ok(client.ask("GET", "/sandbox/page/view", params=asked))["view"]
    return view


def bubbles(client: Client, mobile: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = visit(client, mobile=mobile)["phone"]["bubbles"]
    return shown


def people(client: Client, **asked: str) -> list[str]:
    return [person["mobile"] for person in visit(client, **asked)["people"]]


def from_page(client: Client, host: str, **headers: str) -> int:
    """Move the clock as a web page would; return the HTTP status."""
    headers = {"Host": host, **headers}
    return client.ask("POST", "/sandbox/clock", json={"advance": 60}, headers=headers).status_code


def utc(control: SandboxControl) -> datetime:
    return datetime.fromisoformat(control.state()["clock"]["utc"])


# the page and its files


def test_a_visit_is_answered_with_the_page_and_is_no_request_to_the_api(
    client: Client, control: SandboxControl
) -> None:
    answer = client.ask("GET", "/")
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    head = client.ask("HEAD", "/")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(PAGE.encode())
    assert control.requests() == []


def test_other_paths_belong_to_the_api(client: Client, control: SandboxControl) -> None:
    assert refusal(client.ask("POST", "/")) == (404, 50016)
    assert refusal(client.ask("GET", "/favicon.ico")) == (404, 50016)
    assert [one["path"] for one in control.requests()] == ["/", "/favicon.ico"]


def test_every_file_has_its_media_type(client: Client) -> None:
    media_types = {
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
    for name in FILES:
        answer = client.ask("GET", f"/sandbox/page/{name}")
        assert answer.content == (FOLDER / name).read_bytes()
        assert answer.headers["Content-Type"] == media_types[name.rpartition(".")[2]]


def test_the_page_has_all_that_it_names_and_nothing_from_elsewhere() -> None:
    texts = {name: (FOLDER / name).read_text() for name in FILES}
    named = re.findall(r'(?:src|href)="/sandbox/page/([^"]+)"', PAGE)
    for name in FILES:
        named += re.findall(r'from "\./([^"]+)"', texts[name])
    assert {*named, "page.html"} == set(FILES)
    for name, text in texts.items():
        without_comments = re.sub(r"^\s*//.*", "", text, flags=re.MULTILINE)
        addresses = re.findall(r"(?:https?:)?//[\w.]+", without_comments)
        assert addresses == (["http://www.w3.org"] if name == "icon.svg" else []), name


def test_nothing_is_put_into_the_page_as_markup() -> None:
    as_markup = re.compile(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|srcdoc")
    for name in FILES:
        assert not as_markup.search((FOLDER / name).read_text()), name
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=|javascript:", PAGE)


# its guard


@pytest.mark.parametrize("path", GUARDED)
def test_every_answer_has_the_headers(path: str, client: Client) -> None:
    headers = client.ask("GET", path).headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    shown = {name: headers[name] for name in ("Cache-Control", "Referrer-Policy")}
    assert shown == {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8025", "127.0.0.2", "[::1]:80"]
)
def test_a_name_of_this_machine_leads_here(host: str, client: Client) -> None:
    for path in ("/", "/sandbox/state"):
        assert client.ask("GET", path, headers={"Host": host}).status_code == 200
    assert from_page(client, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8025"),
        *("0.0.0.0", "192.168.1.1:8025", "[::]", "localhost@evil.example", ""),  # noqa: S104 - the point of the test
    ],
)
def test_another_name_is_refused(host: str, client: Client, control: SandboxControl) -> None:
    before = utc(control)
    for path in GUARDED:
        answer = client.ask("GET", path, headers={"Host": host})
        assert answer.status_code == 403
        assert "start the sandbox with --name for another" in answer.json()["error"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert from_page(client, host) == 403
    assert utc(control) - before < timedelta(seconds=60)
    assert client.ask("GET", "/v1/accounts/app", headers={"Host": host}).status_code == 200


def test_only_its_own_page_may_do_something(client: Client, control: SandboxControl) -> None:
    host = control.url.removeprefix("http://")
    assert from_page(client, host, Origin=control.url) == 200
    port = host.rpartition(":")[2]
    for origin in (
        *("null", "http://evil.example", f"http://evil.example:{port}", f"https://{host}"),
        *(f"http://localhost:{port}", "http://127.0.0.1", "http://127.0.0.1:1", ""),
    ):
        assert from_page(client, host, Origin=origin) == 403, origin
        answer = client.ask("GET", "/", headers={"Origin": origin})
        assert answer.status_code == 403
        assert "pages of other sites" in answer.json()["error"]
        api = client.ask("GET", "/v1/accounts/app", headers={"Origin": origin})
        assert (api.status_code, api.headers.get("Content-Security-Policy")) == (200, None)


# its data


def test_a_text_is_shown_from_its_submission_until_it_was_sent(
    client: Client, control: SandboxControl
) -> None:
    send_time = client.in_seconds(3600)
    fields = {"temp_id": 2, "sign_id": 2, "temp_para": {"name": f"{CANARY}-Anna"}, "tag": "spring"}
    schedule_id = client.submitted(mobile=ANNA, send_time=send_time, **fields)
    view = visit(client, mobile=ANNA)
    [person], [bubble] = view["people"], view["phone"]["bubbles"]
    text = f"【沙盒商城】{CANARY}-Anna，您好，您的预约已确认。"
    assert (person["mobile"], person["text"], person["state"]) == (ANNA, text, "scheduled")
    assert (bubble["text"], bubble["state"], bubble["wall"]) == (text, "scheduled", send_time)
    assert person["due"] == bubble["due"] == view["next"]
    for detail in (schedule_id, "temp_id 2", "sign_id 2", f"{CANARY}-Anna", "tag spring"):
        assert detail in bubble["details"]
    assert "msg_id" not in bubble["details"]
    control.advance(3600)
    view = visit(client, mobile=ANNA)
    [person], [sent] = view["people"], view["phone"]["bubbles"]
    assert (person["state"], person["due"], view["next"]) == ("sent", None, None)
    [message] = control.messages()
    assert (sent["key"], sent["state"]) == (bubble["key"], "sent")
    assert f"msg_id {message['msg_id']}" in sent["details"]
    assert view["balance"] == 999_999


def test_the_state_of_every_text_is_shown(client: Client, control: SandboxControl) -> None:
    control.number(BEN, "invalid")
    first, second = client.in_seconds(3600), client.in_seconds(7200)
    modified = client.submitted(mobile=ANNA, send_time=first)
    client.modify(modified, mobile=ANNA, send_time=first, temp_id=2, temp_para={"name": CANARY})
    moved = client.submitted(mobile=ANNA, send_time=first)
    client.modify(moved, mobile=ANNA, send_time=second)
    deleted = client.submitted(mobile=ANNA, send_time=second)
    client.delete(deleted)
    shown = [(bubble["state"], bubble["note"]) for bubble in bubbles(client, ANNA)]
    assert shown == [
        ("replaced", ""),
        ("scheduled", "modified"),
        ("replaced", ""),
        ("scheduled", f"moved from {first}"),
        ("cancelled", ""),
    ]
    client.modify(moved, mobile=CARA, send_time=second)
    assert [bubble["state"] for bubble in bubbles(client, ANNA)].count("replaced") == 3
    assert [bubble["state"] for bubble in bubbles(client, CARA)] == ["scheduled"]
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN, "temp_para": {"a": f"{CANARY}-b"}})
    [refused] = bubbles(client, BEN)
    assert (refused["state"], refused["note"]) == ("refused", "50006 invalid mobile")
    assert refused["text"] == f'{{"a": "{CANARY}-b"}}'
    phone = visit(client, mobile=BEN)["phone"]
    assert (phone["state"], phone["delivery"]) == ("invalid", 4001)


def test_an_undelivered_text_shows_why(client: Client, control: SandboxControl) -> None:
    client.submitted(mobile=ANNA)
    control.account(balance=0)
    control.advance(3601)
    [bubble] = bubbles(client, ANNA)
    assert (bubble["state"], bubble["note"]) == ("undelivered", "4005 no money")
    assert f"msg_id {control.undelivered()[0]['msg_id']}" in bubble["details"]
    assert visit(client)["people"][0]["state"] == "undelivered"


def test_the_list_shows_the_last_text_of_a_person_even_if_it_failed(
    client: Client, control: SandboxControl
) -> None:
    client.submitted(mobile=ANNA, send_time=client.in_seconds(60))
    client.submitted(mobile=ANNA, send_time=client.in_seconds(120))
    control.advance(61)
    control.delivery(ANNA, 4003)
    control.advance(60)
    assert visit(client)["people"][0]["state"] == "undelivered"


def test_replies_are_among_the_texts(client: Client, control: SandboxControl) -> None:
    client.submitted(mobile=ANNA)
    control.reply(ANNA, f"{CANARY}-1")
    control.reply(BEN, f"{CANARY}-2")
    shown = [(bubble["state"], bubble["text"]) for bubble in bubbles(client, ANNA)]
    assert shown[0] == ("reply", f"{CANARY}-1")
    assert [state for state, _ in shown] == ["reply", "scheduled"]


def test_schedules_with_what_became_of_their_texts(client: Client, control: SandboxControl) -> None:
    sent = client.submitted_batch({"mobile": ANNA}, {"mobile": BEN}, {"mobile": "1"}, tag="spring")
    control.delivery(BEN, 4003)
    control.advance(3601)
    pending = client.submitted_batch(*({"mobile": number(place)} for place in range(25)))
    assert visit(client)["schedules"] is None
    schedules = visit(client, grouping="schedules")["schedules"]
    first, second = schedules["rows"]
    assert (first["key"], first["state"], len(first["people"])) == (pending, "scheduled", 20)
    assert (first["more"], first["accepted"], first["due"] is None) == (5, 25, False)
    assert (second["key"], second["state"], second["tag"]) == (sent, "sent", "spring")
    assert (second["accepted"], second["refused"], second["undelivered"]) == (2, 1, 1)
    for search in (ANNA, sent):
        found = visit(client, grouping="schedules", search=search)["schedules"]
        assert [row["key"] for row in found["rows"]] == [sent]


def test_a_schedule_is_deleted_as_in_the_console(client: Client, control: SandboxControl) -> None:
    schedule_id = client.submitted()
    assert control.delete(schedule_id)["status"] == "deleted"
    control.advance(3601)
    assert control.messages() == []
    for gone in (schedule_id, "unknown"):
        with pytest.raises(InvalidInputError, match="still to be sent"):
            control.delete(gone)


def test_templates_with_their_variables(client: Client, control: SandboxControl) -> None:
    control.template(1250, text="{{b}} {{a}} {{b}}", type=3, status=2)
    assert visit(client)["templates"][-1] == {
        "key": "1250",
        "type": 3,
        "status": 2,
        "text": "{{b}} {{a}} {{b}}",
        "variables": ["b", "a"],
    }


def test_every_delivery_status_and_state_of_a_number_can_be_chosen() -> None:
    options = re.findall(r'<option value="(\w+)"', PAGE)
    assert options == ["normal", "unsubscribed", "invalid", *map(str, STATUSES)]


def test_every_word_of_the_page_has_its_chinese() -> None:
    chinese = (FOLDER / "texts.js").read_text()
    words = re.findall(r"data-t>([^<]+)<", PAGE)
    for name in ("views.js", "page.js", "time.js"):
        words += re.findall(r'\bt\("([^"]+)"', (FOLDER / name).read_text())
    missing = [
        one for one in words if not re.search(rf'^  "?{re.escape(one)}"?:', chinese, re.MULTILINE)
    ]
    assert missing == []


def test_who_is_texted_next_comes_first_then_who_was_last(
    client: Client, control: SandboxControl
) -> None:
    for mobile, seconds in ((CARA, 100), (ANNA, 200), (number(1), 900), (number(2), 600)):
        client.submitted(mobile=mobile, send_time=client.in_seconds(seconds))
    control.advance(300)
    assert people(client) == [number(2), number(1), ANNA, CARA]
    client.submitted(mobile=CARA, send_time=client.in_seconds(200))
    assert people(client)[0] == CARA
    assert people(client, search="8100") == [number(2), number(1)]
    assert people(client, search=f" {ANNA} ") == [ANNA]
    assert people(client, search="none") == []


def test_of_many_people_only_those_who_fit_are_listed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MAX_PEOPLE", 3)
    client.submitted_batch(*({"mobile": number(place)} for place in range(20)))
    view = visit(client, search="138100000")
    assert (view["everybody"], view["found"], len(view["people"])) == (20, 20, 3)
    assert people(client, search=number(19)) == [number(19)]
    assert len(bubbles(client, number(19))) == 1


def test_of_many_texts_those_near_the_present_are_shown(
    client: Client, control: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MAX_BUBBLES", 3)
    first = datetime.fromisoformat(client.in_seconds(1000))
    for place in range(10):
        client.submitted(mobile=ANNA, send_time=str(first + timedelta(seconds=10 * place)))
    control.travel_to((first + timedelta(seconds=45)).replace(tzinfo=SHANGHAI))
    phone = visit(client, mobile=ANNA)["phone"]
    assert (phone["earlier"], phone["later"]) == (2, 2)
    states = [bubble["state"] for bubble in phone["bubbles"]]
    assert states == ["sent"] * 3 + ["scheduled"] * 3
    dues = [bubble["due"] for bubble in phone["bubbles"]]
    assert {later - due for due, later in pairwise(dues)} == {10_000}


def test_long_values_are_cut(client: Client, control: SandboxControl) -> None:
    long = "9" * 10_000
    client.submitted_batch({"mobile": ANNA, "temp_para": {"a": long}}, {"mobile": "1"})
    client.submitted_batch({"mobile": "2", "temp_para": {"a": long}})
    [bubble] = bubbles(client, "2")
    assert bubble["text"].endswith("9…")
    client.ask("GET", f"/{long}")
    for _ in range(MAX_LINES + 3):
        control.fault("balance", "status", status=503, headers={"X-Long": long})
    answer = client.ask("GET", "/sandbox/page/view", params={"mobile": "2"})
    assert len(answer.content) < 10_000
    faults = answer.json()["view"]["faults"]
    assert (len(faults["lines"]), faults["more"]) == (MAX_LINES, 3)


def test_last_requests_and_faults_are_shown(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "slow", times=2, seconds=0.25)
    control.fault("*", "status", times=None, status=503)
    assert visit(client)["faults"] == {
        "lines": [
            'balance: slow, 2 left, {"seconds": 0.25}',
            '*: status, until cleared, {"status": 503}',
        ],
        "more": 0,
    }
    control.clear_faults()
    control.fault("query_schedule", "accepted_then_closed")
    for _ in range(MAX_LINES):
        client.balance()
    client.ask("GET", "/v1/elsewhere")
    client.submit(mobile="1")
    requests = visit(client)["requests"]
    shown = [(one["name"], one["status"], one["reason"]) for one in requests]
    assert shown[:3] == [
        ("submit_schedule", "403", "50006 invalid mobile"),
        ("GET /v1/elsewhere", "404", "50016 api not found"),
        ("balance", "200", ""),
    ]
    assert len(shown) == MAX_LINES


def test_a_held_call_is_shown(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "hold", moment="accepted")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(client.balance)
        control.wait_for_hold()
        with Client(control) as visitor:
            lines = visit(visitor)["holds"]["lines"]
            [request] = visit(visitor)["requests"]
        control.release()
        assert held.result().status_code == 200
    assert (lines, request["status"]) == (["balance: accepted (request 1)"], "no answer")
    assert visit(client)["holds"]["lines"] == []


def test_the_view_is_sent_only_when_it_changes(client: Client, control: SandboxControl) -> None:
    """A poll returns only the time until something changes."""
    schedule_id = ""

    def submit() -> None:
        nonlocal schedule_id
        schedule_id = client.submitted(mobile=ANNA)

    changes: list[Callable[[], object]] = [
        *(submit, lambda: client.modify(schedule_id), lambda: client.delete(schedule_id)),
        *(submit, lambda: control.advance(3601), lambda: control.number(ANNA, "invalid")),
        *(lambda: control.account(balance=5), lambda: control.fault("*", "code", code=50001)),
        *(control.clear_faults, control.reset, submit),
    ]
    version = ok(client.ask("GET", "/sandbox/page/view"))["version"]
    for place, change in enumerate(changes):
        for _ in range(2):
            asked = {"version": version, "mobile": ANNA}
            answer = ok(client.ask("GET", "/sandbox/page/view", params=asked))
            version = answer["version"]
        assert answer["view"] is None, place
        change()
        asked = {"version": version, "mobile": ANNA}
        assert ok(client.ask("GET", "/sandbox/page/view", params=asked))["view"], place


def test_every_poll_returns_the_time(client: Client, control: SandboxControl) -> None:
    moved = control.advance(86_400)
    clock = ok(client.ask("GET", "/sandbox/page/view"))["clock"]
    assert (clock["wall"][:13], clock["timezone"]) == (moved["wall"][:13], "Asia/Shanghai")
    later = control.advance(60)
    again = ok(client.ask("GET", "/sandbox/page/view"))["clock"]
    assert again["now"] - clock["now"] >= 60_000
    assert again["wall"][:13] == later["wall"][:13]


def test_the_connection_is_shown_without_a_secret_of_ones_own(client: Client) -> None:
    assert visit(client)["connection"] == {
        "conn_type": "jsms",
        "login": "sandboxAppKey00000000000",
        "password": "sandboxMasterSecret00000",
    }
    own = Sandbox(app_key="mine", master_secret="onlyMine")
    with SandboxServer(own) as server, SandboxControl(server.url) as control:
        answer = Client(control).ask("GET", "/sandbox/page/view")
    assert answer.json()["view"]["connection"]["login"] == "mine"
    assert "onlyMine" not in answer.text
