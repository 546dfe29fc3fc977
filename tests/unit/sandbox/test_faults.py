"""Faults as data: valid settings, the queue of those that are set, and the draw by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox import endpoints
from airflow_provider_jsms.sandbox.fault_acts import ACTS
from airflow_provider_jsms.sandbox.faults import BAD_CERTIFICATE, CALLS, KINDS, REFUSED
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import ANNA
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    import requests

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client


def test_every_kind_has_its_act() -> None:
    assert set(ACTS) == set(KINDS) - {REFUSED, BAD_CERTIFICATE}


def test_every_call_of_the_api_can_meet_a_fault() -> None:
    handlers = {call.__name__ for _, methods in endpoints.PATHS for call in methods.values()}
    assert handlers == set(CALLS)


def every_call(client: Client) -> dict[str, requests.Response]:
    return {
        "submit_schedule": client.submit(),
        "submit_batch_schedule": client.submit_batch({"mobile": ANNA}),
        "modify_schedule": client.modify("id"),
        "modify_batch_schedule": client.modify_batch("id", {"mobile": ANNA}),
        "query_schedule": client.query("id"),
        "delete_schedule": client.delete("id"),
        "get_template": client.get_template(1),
        "get_sign": client.get_sign(1),
        "fetch_reports": client.reports(),
        "fetch_replies": client.replies(),
        "balance": client.balance(),
        "developer_balance": client.developer_balance(),
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
        (
            {"call": "*", "kind": "hold"},
            "moment is missing; it must be request_read or accepted or",
        ),
        ({"call": "submit", "kind": "slow", "seconds": 1}, "call must be submit_schedule or"),
        ({"call": "*", "kind": "on_fire"}, "kind must be slow or stalled"),
        ({"call": "*", "kind": ["slow"]}, "kind must be"),
        ({"kind": "accepted_then_closed"}, "call is missing"),
        ({"call": "*", "kind": "slow"}, "seconds is missing"),
        ({"call": "*", "kind": "slow", "seconds": -1}, "seconds must be a number"),
        ({"call": "*", "kind": "slow", "seconds": 1, "code": 1}, "'code' is unknown"),
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
        ({"call": "*", "kind": "stalled", "seed": "7"}, "seed must be an integer"),
        ({"call": "*", "kind": "half_body", "part": "tail"}, "part must be body or headers"),
        ({"call": "*", "kind": "garbage", "size": 0}, "size must be a number of bytes"),
        ({"call": "*", "kind": "wrong_types", "shape": "round"}, "shape must be values or list"),
        ({"call": "*", "kind": "redirect", "status": 304}, "status must be 301 or 302"),
        ({"call": "*", "kind": "redirect", "location": "a b"}, "location must be an ASCII URL"),
        ({"call": "*", "kind": "endless_body", "form": "foot"}, "form must be chunks or length"),
        ({"call": "balance", "kind": "connection_refused", "seconds": 1}, "call must be *"),
        ({"call": "*", "kind": "connection_refused"}, "seconds is missing"),
        ({"call": "*", "kind": "connection_refused", "seconds": 1, "times": 2}, "times must be 1"),
        (
            {"call": "*", "kind": "connection_refused", "seconds": 1, "probability": 1},
            "'probability' is unknown",
        ),
        ({"call": "balance", "kind": "bad_certificate", "reason": "expired"}, "call must be *"),
        ({"call": "*", "kind": "bad_certificate", "reason": "old"}, "reason must be unknown"),
        ({"call": "*", "kind": "bad_certificate", "reason": "expired"}, "needs a sandbox that"),
        ({"call": "*", "kind": "connection_refused", "seconds": 1}, "needs a running server"),
        ([], "kind must be"),
    ],
)
def test_an_invalid_fault_is_named(given: object, named: str) -> None:
    sandbox = Sandbox()
    with pytest.raises(InvalidInputError) as raised:
        sandbox.faults.add(given)
    assert named in str(raised.value)
    assert sandbox.faults.as_list() == []


def draw(sandbox: Sandbox, **settings: Any) -> list[bool]:
    """Return which of some requests a new fault affects."""
    sandbox.faults.clear()
    sandbox.faults.add({"call": "balance", "kind": "code", "code": 59999, **settings})
    return [sandbox.faults.take("balance") is not None for _ in range(60)]


def test_a_probability_can_be_repeated_by_its_seed() -> None:
    sandbox = Sandbox()
    first = draw(sandbox, times=None, probability=0.3)
    assert 6 <= sum(first) <= 30
    assert draw(sandbox, times=None, probability=0.3, seed=0) == first
    assert draw(sandbox, times=None, probability=0.3, seed=1) != first
    assert all(draw(sandbox, times=None, probability=1))


def test_times_counts_the_affected_requests() -> None:
    sandbox = Sandbox()
    affected = draw(sandbox, times=3, probability=0.3)
    assert sum(affected) == 3
    assert affected[:3] != [True] * 3
    assert sandbox.faults.as_list() == []


def test_a_spared_request_meets_the_next_fault(client: Client, control: SandboxControl) -> None:
    control.fault("balance", "code", times=None, code=59999, probability=0.5)
    control.fault("balance", "status", times=None, status=503)
    assert {client.balance().status_code for _ in range(30)} == {403, 503}


def test_a_fault_by_chance_can_be_set_again() -> None:
    sandbox = Sandbox()
    before = draw(sandbox, times=None, probability=0.25, seed=7)
    [shown] = sandbox.faults.as_list()
    settings: dict[str, Any] = {"times": None, "probability": 0.25, "seed": 7, "code": 59999}
    assert shown == {"call": "balance", "kind": "code", **settings}
    assert draw(sandbox, **shown) == before
