"""The control API: its views and its controls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import requests

from tests.people import ANNA, BEN, CANARY
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client


def test_state(client: Client, control: SandboxControl) -> None:
    control.number(BEN, "invalid")
    send_time = client.in_seconds(3600)
    temp_para = {"name": f"{CANARY}-Anna"}
    people = [{"mobile": ANNA, "temp_para": temp_para}, {"mobile": BEN}]
    schedule_id = client.submitted_batch(
        *people, temp_id=2, tag="spring", sign_id=2, send_time=send_time
    )
    state = control.state()
    assert state.keys() == {
        "clock",
        "switches",
        "account",
        "templates",
        "signs",
        "numbers",
        "deliveries",
        "faults",
        "schedules",
    }
    assert state["numbers"] == {BEN: "invalid"}
    [schedule] = state["schedules"]
    [submitted] = schedule.pop("history")
    assert (submitted["event"], submitted["send_time"]) == ("submitted", send_time)
    assert isinstance(schedule["recipients"][0].pop("msg_id"), str)
    assert schedule == {
        "schedule_id": schedule_id,
        "status": "pending",
        "kind": "batch",
        "send_time": send_time,
        "temp_id": 2,
        "sign_id": 2,
        "tag": "spring",
        "recipients": [{"mobile": ANNA, "temp_para": temp_para}],
        "failure_recipients": [
            {
                "mobile": BEN,
                "temp_para": None,
                "error_code": 50006,
                "error_message": "invalid mobile",
            }
        ],
    }


def test_default_templates_and_signatures(control: SandboxControl) -> None:
    state = control.state()
    shown = {one["temp_id"]: (one["type"], one["status"]) for one in state["templates"]}
    usable = {1: (2, 1), 2: (2, 1), 3: (2, 1), 4: (3, 1), 8: (2, 1)}
    assert shown == {**usable, 5: (1, 1), 6: (2, 0), 7: (3, 2)}
    assert [(one["sign_id"], one["is_default"]) for one in state["signs"]] == [
        (1, True),
        (2, False),
    ]


def test_requests_are_recorded_without_credentials(client: Client, control: SandboxControl) -> None:
    body = client.single(mobile="1")
    client.send("POST", "/v1/schedule", body)
    client.session.headers["Proxy-Authorization"] = "Basic c2VjcmV0"
    client.ask("PUT", "/v1/schedule/batch/some?a=b", data="no json")
    client.balance()
    client.ask("GET", "/v1/nowhere")
    first, second, third, fourth = control.requests()
    assert [one["number"] for one in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert datetime.fromisoformat(first["at"]) <= datetime.fromisoformat(second["at"])
    assert first["headers"]["content-type"] == "application/json"
    assert {"authorization", "proxy-authorization"}.isdisjoint(
        {*first["headers"], *second["headers"]}
    )
    shown = [
        [one[name] for name in ("call", "method", "path", "body", "status", "code")]
        for one in (first, second, third, fourth)
    ]
    assert shown == [
        ["submit_schedule", "POST", "/v1/schedule", body, 403, 50006],
        ["modify_batch_schedule", "PUT", "/v1/schedule/batch/some", "no json", 403, 50007],
        ["balance", "GET", "/v1/accounts/app", None, 200, None],
        [None, "GET", "/v1/nowhere", None, 404, 50016],
    ]


def test_messages(client: Client, control: SandboxControl) -> None:
    send_time = client.in_seconds(3600)
    temp_para = {"name": f"{CANARY}-Anna"}
    schedule_id = client.submitted(
        temp_id=4, temp_para=temp_para, sign_id=2, tag="spring", send_time=send_time
    )
    assert control.messages() == []
    control.advance(3601)
    [message] = control.messages()
    [recipient] = ok(client.query(schedule_id))["recipients"]
    assert datetime.fromisoformat(message.pop("sent_at")).tzinfo
    assert message == {
        "mobile": ANNA,
        "text": f"【沙盒商城】{CANARY}-Anna，会员日全场八折，期待您的光临。回TD退订",
        "temp_id": 4,
        "temp_para": temp_para,
        "sign_id": 2,
        "tag": "spring",
        "schedule_id": schedule_id,
        "msg_id": recipient["msg_id"],
        "send_time": send_time,
    }


def test_templates_can_be_set_and_changed(client: Client, control: SandboxControl) -> None:
    shown = control.template(88, text="{{who}}", type=3)
    assert shown == {"temp_id": 88, "text": "{{who}}", "type": 3, "status": 1}
    assert ok(client.submit(temp_id=88, temp_para={"who": f"{CANARY}-Anna"}))
    assert control.template(88, status=2)["text"] == "{{who}}"
    assert refusal(client.submit(temp_id=88)) == (403, 50021)


def test_signatures_can_be_set_and_changed(client: Client, control: SandboxControl) -> None:
    signature = {"sign_id": 9, "text": "诊所", "is_default": False, "status": 1}
    assert control.sign(9, text="诊所") == signature
    control.sign(9, is_default=True)
    assert [one["is_default"] for one in control.state()["signs"]] == [False, False, True]
    client.submitted()
    control.advance(3601)
    assert control.messages()[0]["text"].startswith("【诊所】")


def test_reset_forgets_everything(client: Client, control: SandboxControl) -> None:
    fresh = control.state()
    client.submitted()
    control.advance(3601)
    control.switch(query_sent=50029)
    control.account(balance=0, frozen=True)
    control.number(ANNA, "invalid")
    control.delivery(BEN, 4003)
    control.reply(BEN, "R")
    control.template(88, text="x")
    control.sign(9, text="x")
    control.fault("*", "accepted_then_closed", times=None)
    control.reset()
    state = control.state()
    assert state.pop("clock")["wall"] < client.in_seconds(60)
    assert state == {name: value for name, value in fresh.items() if name != "clock"}
    assert control.requests() == control.messages() == []


@pytest.mark.parametrize(
    ("method", "path", "given", "named"),
    [
        ("POST", "clock", {}, "advance and travel_to"),
        ("POST", "clock", {"advance": 1, "travel_to": "2060-01-01T00:00:00Z"}, "one of"),
        ("POST", "clock", {"advance": "soon"}, "advance must be a number of seconds"),
        ("POST", "clock", {"advance": True}, "advance must be a number"),
        ("POST", "clock", {"advance": -1}, "forward"),
        ("POST", "clock", {"travel_to": "soon"}, "2030-07-01T09:00:00+08:00"),
        ("POST", "clock", {"travel_to": "2060-01-01"}, "offset"),
        ("POST", "clock", [], "JSON object with advance, travel_to"),
        ("PATCH", "switches", ["msg_id_when"], "JSON object"),
        ("PATCH", "account", {"money": 1}, "balance, service_open"),
        ("PATCH", "account", {"balance": -1}, "0 or more"),
        ("PATCH", "account", {"frozen": 1}, "true or false"),
        ("PATCH", "account", {"allowed_ips": [1]}, "a list of strings, or null"),
        ("PUT", "templates/88", {"type": 2}, "text is missing"),
        ("PUT", "templates/1", {"type": 4}, "1 or 2 or 3"),
        ("PUT", "templates/1", {"status": True}, "0 or 1 or 2"),
        ("PUT", "signs/88", {}, "text is missing"),
        ("PUT", f"numbers/{ANNA}", {"state": "gone"}, "normal or unsubscribed or invalid"),
        ("PUT", f"numbers/{ANNA}", {}, "state is missing"),
        ("PUT", f"deliveries/{ANNA}", {"status": 4011}, "4001 or 4002"),
        ("POST", "replies", {"mobile": ANNA}, "content is missing"),
        # It would match no text.
        ("PUT", f"numbers/+86 {ANNA}", {"state": "invalid"}, "11 digits"),
        ("PUT", "deliveries/138-0013-8001", {"status": 4003}, "11 digits"),
        ("POST", "replies", {"mobile": f"+86{ANNA}", "content": "1"}, "11 digits"),
    ],
)
def test_invalid_input_is_named(
    control: SandboxControl, method: str, path: str, given: object, named: str
) -> None:
    response = requests.request(method, f"{control.url}/sandbox/{path}", json=given, timeout=10)
    assert response.status_code == 400
    assert named in response.json()["error"]


def test_a_body_that_is_not_json(control: SandboxControl) -> None:
    response = requests.post(f"{control.url}/sandbox/clock", data=b"{", timeout=10)
    assert (response.status_code, response.json()) == (400, {"error": "the body must be JSON"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("PUT", "templates/x", 404), ("GET", "clock", 405)],
)
def test_no_such_control(control: SandboxControl, method: str, path: str, status: int) -> None:
    response = requests.request(method, f"{control.url}/sandbox/{path}", timeout=10)
    assert response.status_code == status
    assert response.json() == {"error": "unknown control"}


def test_control_calls_are_not_recorded(control: SandboxControl) -> None:
    control.state()
    control.advance(1)
    assert control.requests() == []


def test_control_goes_past_the_proxy_of_the_environment(
    control: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert control.state()


def test_a_body_that_is_not_json_is_recorded_as_text(
    client: Client, control: SandboxControl
) -> None:
    client.ask("POST", "/v1/schedule", data='{"ttl": NaN}')
    assert [one["body"] for one in control.requests()] == ['{"ttl": NaN}']
