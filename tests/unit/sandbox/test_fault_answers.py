"""The faults that answer with something else, as they are on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.people import ANNA, BEN
from tests.unit.sandbox.client import ok

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client


@pytest.mark.parametrize("handled", [True, False])
def test_garbage(client: Client, control: SandboxControl, *, handled: bool) -> None:
    control.fault("submit_schedule", "garbage", handled=handled)
    response = client.submit()
    assert response.status_code == 200
    assert len(response.content) == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert len(control.state()["schedules"]) == handled
    [recorded] = control.requests()
    assert (recorded["status"], recorded["code"]) == (200, None)
    assert recorded["body"]["mobile"] == ANNA


def test_garbage_is_made_from_its_seed(client: Client, control: SandboxControl) -> None:
    def made(**settings: int) -> bytes:
        control.fault("balance", "garbage", **settings)
        return client.balance().content

    first = made(size=1000)
    assert len(first) == 1000
    assert made(size=1000, seed=0) == first
    assert made(size=1000, seed=1) != first


@pytest.mark.parametrize(
    ("shape", "shown"), [("list", []), ("null", None), ("text", "accepted"), ("number", 1)]
)
def test_another_type_in_the_place_of_the_object(
    client: Client, control: SandboxControl, shape: str, shown: object
) -> None:
    control.fault("submit_schedule", "wrong_types", shape=shape)
    response = client.submit()
    assert (response.status_code, response.json()) == (200, shown)
    assert response.headers["Content-Type"] == "application/json"
    assert len(control.state()["schedules"]) == 1


def test_values_of_wrong_types(client: Client, control: SandboxControl) -> None:
    control.fault("submit_batch_schedule", "wrong_types")
    answer = ok(client.submit_batch({"mobile": ANNA}, {"mobile": BEN}))
    [schedule] = control.state()["schedules"]
    assert answer == {
        "schedule_id": {"value": schedule["schedule_id"]},
        "success_count": {"value": 2},
        "failure_count": {"value": 0},
        "failure_recipients": "[]",
    }


def test_a_refusal_of_wrong_types(client: Client, control: SandboxControl) -> None:
    control.fault("query_schedule", "wrong_types")
    response = client.query("nothing")
    assert response.status_code == 403
    assert isinstance(response.json()["error"], str)
    [recorded] = control.requests()
    assert (recorded["status"], recorded["code"]) == (403, None)


def test_an_empty_answer_has_no_values(client: Client, control: SandboxControl) -> None:
    control.fault("delete_schedule", "wrong_types")
    assert client.delete(client.submitted()).content == b""
    assert control.state()["schedules"][0]["status"] == "deleted"


@pytest.mark.parametrize(
    ("settings", "status", "location"),
    [
        ({}, 302, "/v1/schedule"),
        ({"status": 308}, 308, "/v1/schedule"),
        ({"status": 307, "location": "https://other.example/x"}, 307, "https://other.example/x"),
    ],
)
def test_a_redirect(
    client: Client,
    control: SandboxControl,
    settings: dict[str, Any],
    status: int,
    location: str,
) -> None:
    control.fault("submit_schedule", "redirect", **settings)
    body = client.single()
    answer = client.session.post(
        f"{control.url}/v1/schedule", json=body, allow_redirects=False, timeout=10
    )
    assert (answer.status_code, answer.headers["Location"]) == (status, location)
    assert control.state()["schedules"] == []
    assert [request["status"] for request in control.requests()] == [status]


def test_whoever_follows_a_redirect_sends_twice(client: Client, control: SandboxControl) -> None:
    control.fault("submit_schedule", "redirect", status=307)
    assert ok(client.submit())
    assert [request["status"] for request in control.requests()] == [307, 200]
