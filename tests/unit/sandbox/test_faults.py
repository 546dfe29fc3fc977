"""Every fault, as the client sees it and as the state shows it."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.calls import CALLS
from tests.people import ANNA, BEN
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.server import SandboxServer
    from tests.unit.sandbox.client import Client


def test_slow_waits_and_then_answers(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "slow", seconds=0.3)
    body = client.single()
    before = time.monotonic()
    assert ok(client.send("POST", "/v1/schedule", body))
    assert time.monotonic() - before >= 0.3


def test_slow_handles_the_request_of_a_client_that_gave_up(
    client: Client, control: SandboxControl
) -> None:
    control.fault("balance", "slow", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        client.ask("GET", "/v1/accounts/app", timeout=0.1)
    assert control.requests()[0]["status"] is None
    deadline = time.monotonic() + 10
    while control.requests()[0]["status"] is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert control.requests()[0]["status"] == 200


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_status_as_a_proxy_answers(client: Client, control: SandboxControl, status: int) -> None:
    control.fault("submit_schedule", "status", status=status, headers={"Retry-After": "7"})
    response = client.submit()
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["Retry-After"] == "7"
    assert str(status) in response.text
    assert control.state()["schedules"] == []
    assert ok(client.submit())


def test_status_without_a_name(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "status", status=599)
    assert "599 Error" in client.balance().text


def test_status_as_the_service_answers(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "status", status=429, code=50009, headers={"X-Rate-Limit-Reset": "3"})
    response = client.balance()
    assert refusal(response) == (429, 50009)
    assert response.headers["X-Rate-Limit-Reset"] == "3"


@pytest.mark.parametrize(
    ("code", "status"), [(50019, 500), (50026, 403), (50301, 403), (59999, 403)]
)
def test_code(client: Client, control: SandboxControl, code: int, status: int) -> None:
    control.fault("submit_schedule", "code", code=code)
    assert refusal(client.submit()) == (status, code)
    assert control.state()["schedules"] == []


def test_accepted_then_closed(
    client: Client, control: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    control.fault("submit_batch_schedule", "accepted_then_closed")
    with caplog.at_level(logging.INFO), pytest.raises(requests.ConnectionError):
        client.submit_batch({"mobile": ANNA}, {"mobile": BEN})
    state = control.state()
    assert [len(schedule["recipients"]) for schedule in state["schedules"]] == [2]
    recorded = control.requests()[0]
    assert (recorded["status"], recorded["code"]) == (None, None)
    assert recorded["body"]["recipients"] == [{"mobile": ANNA}, {"mobile": BEN}]
    assert ok(client.balance())
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def every_call(client: Client) -> dict[str, requests.Response]:
    return {
        "submit_schedule": client.submit(),
        "submit_batch_schedule": client.submit_batch({"mobile": ANNA}),
        "modify_schedule": client.modify("id"),
        "modify_batch_schedule": client.modify_batch("id", {"mobile": ANNA}),
        "query_schedule": client.query("id"),
        "delete_schedule": client.delete("id"),
        "balance": client.balance(),
    }


@pytest.mark.parametrize("call", CALLS)
def test_a_fault_meets_its_call_only(client: Client, control: SandboxControl, call: str) -> None:
    control.fault(call, "code", code=59999)
    answers = every_call(client)
    assert answers.keys() == set(CALLS)
    met = [
        name for name, answer in answers.items() if answer.content and b"59999" in answer.content
    ]
    assert met == [call]
    assert control.state()["faults"] == []


def test_a_fault_for_every_call_until_it_is_cleared(
    client: Client, control: SandboxControl
) -> None:
    control.fault("*", "code", times=None, code=59999)
    assert {refusal(answer)[1] for answer in every_call(client).values()} == {59999}
    assert refusal(client.ask("GET", "/elsewhere")) == (404, 50016)
    control.clear_faults()
    assert ok(client.balance())


def test_faults_come_in_the_order_they_were_set(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "status", times=2, status=503)
    waiting = control.fault("balance", "code", code=50019)
    assert waiting == [
        {"call": "balance", "kind": "status", "times": 2, "status": 503},
        {"call": "balance", "kind": "code", "times": 1, "code": 50019},
    ]
    assert [client.balance().status_code for _ in range(4)] == [503, 503, 500, 200]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"call": "submit", "kind": "slow", "seconds": 1}, "call must be submit_schedule or"),
        ({"call": "*", "kind": "on_fire"}, "kind must be slow or stalled"),
        ({"call": "*", "kind": ["slow"]}, "kind must be"),
        ({"kind": "accepted_then_closed"}, "call is missing"),
        ({"call": "*", "kind": "slow"}, "seconds is missing"),
        ({"call": "*", "kind": "slow", "seconds": -1}, "seconds must be a number"),
        ({"call": "*", "kind": "slow", "seconds": 1, "code": 1}, "'code' is not known"),
        ({"call": "*", "kind": "slow", "seconds": 1, "times": 0}, "times must be"),
        ({"call": "*", "kind": "status", "status": 200}, "status must be"),
        ({"call": "*", "kind": "status", "status": 500, "headers": {"a b": "c"}}, "headers must"),
        ({"call": "*", "kind": "status", "status": 500, "headers": {"a": "b\r\nc"}}, "headers"),
        ({"call": "*", "kind": "status", "status": 500, "headers": {"a": 1}}, "headers must"),
        ({"call": "*", "kind": "code", "code": "50026"}, "code must be a return code"),
        ({"call": "*", "kind": "slow", "seconds": 3601}, "seconds must be a number"),
        ({"call": "*", "kind": "stalled", "handled": 1}, "handled must be true or false"),
        ({"call": "*", "kind": "stalled", "probability": 0}, "probability must be a number above"),
        ({"call": "*", "kind": "stalled", "probability": 1.01}, "probability must be a number"),
        ({"call": "*", "kind": "stalled", "probability": True}, "probability must be a number"),
        ({"call": "*", "kind": "stalled", "seed": "7"}, "seed must be a whole number"),
        ({"call": "*", "kind": "half_body", "part": "tail"}, "part must be body or headers"),
        ({"call": "*", "kind": "garbage", "size": 0}, "size must be a number of bytes"),
        ({"call": "*", "kind": "wrong_types", "shape": "round"}, "shape must be values or list"),
        ({"call": "*", "kind": "redirect", "status": 304}, "status must be 301 or 302"),
        ({"call": "*", "kind": "redirect", "location": "a b"}, "location must be an address"),
        ({"call": "*", "kind": "endless_body", "form": "foot"}, "form must be chunks or length"),
        ({"call": "balance", "kind": "connection_refused", "seconds": 1}, "call must be *"),
        ({"call": "*", "kind": "connection_refused"}, "seconds is missing"),
        ({"call": "*", "kind": "connection_refused", "seconds": 1, "times": 2}, "times must be 1"),
        (
            {"call": "*", "kind": "connection_refused", "seconds": 1, "probability": 1},
            "'probability' is not known",
        ),
        ({"call": "balance", "kind": "bad_certificate", "reason": "expired"}, "call must be *"),
        ({"call": "*", "kind": "bad_certificate", "reason": "old"}, "reason must be unknown"),
        ({"call": "*", "kind": "bad_certificate", "reason": "expired"}, "needs a sandbox that"),
        ([], "kind must be"),
    ],
)
def test_a_fault_that_is_not_accepted(control: SandboxControl, given: object, named: str) -> None:
    response = requests.post(f"{control.url}/sandbox/faults", json=given, timeout=10)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert control.state()["faults"] == []


def drawn(client: Client, control: SandboxControl, **settings: Any) -> list[bool]:
    """Return which of some requests meet a fault that is set anew."""
    control.clear_faults()
    control.fault("balance", "code", code=59999, **settings)
    return [client.balance().status_code == 403 for _ in range(60)]


def test_a_probability_is_met_now_and_then_and_can_be_repeated(
    client: Client, control: SandboxControl
) -> None:
    first = drawn(client, control, times=None, probability=0.3)
    assert 6 <= sum(first) <= 30
    assert drawn(client, control, times=None, probability=0.3, seed=0) == first
    assert drawn(client, control, times=None, probability=0.3, seed=1) != first
    assert all(drawn(client, control, times=None, probability=1))


def test_times_counts_those_that_met_it(client: Client, control: SandboxControl) -> None:
    met = drawn(client, control, times=3, probability=0.3)
    assert sum(met) == 3
    assert met[:3] != [True] * 3
    assert control.state()["faults"] == []


def test_a_request_that_was_spared_meets_the_next_fault(
    client: Client, control: SandboxControl
) -> None:
    control.fault("balance", "code", times=None, code=59999, probability=0.5)
    control.fault("balance", "status", times=None, status=503)
    assert {client.balance().status_code for _ in range(30)} == {403, 503}


def test_a_fault_by_chance_is_shown_as_it_can_be_set_again(
    client: Client, control: SandboxControl
) -> None:
    settings: dict[str, Any] = {"probability": 0.25, "seed": 7, "code": 59999}
    [shown] = control.fault("balance", "code", times=None, **settings)
    assert shown == {"call": "balance", "kind": "code", "times": None, **settings}
    before = [client.balance().status_code for _ in range(20)]
    control.clear_faults()
    control.fault(**shown)
    assert [client.balance().status_code for _ in range(20)] == before


def test_the_control_client_raises_what_it_is_told(control: SandboxControl) -> None:
    with pytest.raises(NotAcceptedError, match="kind must be"):
        control.fault("*", "on_fire")


def test_a_client_that_leaves_in_the_middle_of_its_body(
    client: Client, control: SandboxControl, server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = "POST /v1/schedule HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 100\r\n\r\n{"
    with caplog.at_level(logging.INFO), socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        deadline = time.monotonic() + 10
        while not control.requests() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert ok(client.balance())
    assert control.requests()[0]["status"] is None
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
