"""The calls that only read: templates, signatures, reports, replies and balances."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.statuses import STATUSES
from tests.people import ANNA, BEN, CANARY, number
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client


def rows(response: Response) -> list[dict[str, Any]]:
    """Return the rows of a page."""
    assert response.status_code == 200, response.text
    page: list[dict[str, Any]] = response.json()
    return page


def test_a_template(client: Client, control: SandboxControl) -> None:
    control.template(88, text="{{who}}", type=3, status=0)
    assert ok(client.get_template(88)) == {
        "temp_id": 88,
        "template": "{{who}}",
        "type": 3,
        "ttl": None,
        "remark": "",
        "status": 0,
    }
    assert ok(client.get_template(5))["ttl"] == 300


def test_a_signature(client: Client, control: SandboxControl) -> None:
    control.sign(2, status=2)
    assert ok(client.get_sign(1)) == {
        "sign_id": 1,
        "sign": "沙盒诊所",
        "status": 1,
        "is_default": 1,
        "use_status": 1,
    }
    assert ok(client.get_sign(2))["status"] == 2


def test_balances(client: Client, control: SandboxControl) -> None:
    control.account(balance=1, voice_balance=22, industry_balance=44, market_balance=14)
    control.account(developer_balance=9)
    assert ok(client.balance()) == {
        "app_balance": 1,
        "app_voice": 22,
        "app_industry": 44,
        "app_market": 14,
    }
    assert ok(client.developer_balance())["dev_balance"] == 9


def test_the_developer_has_other_credentials(client: Client) -> None:
    assert refusal(client.ask("GET", "/v1/accounts/dev")) == (401, 50002)


def test_a_sent_text_is_reported_once(client: Client, control: SandboxControl) -> None:
    send_time = client.in_seconds(3600)
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN}, send_time=send_time)
    control.delivery(BEN, 4003)
    assert rows(client.reports()) == []
    control.advance(3601)
    anna, ben = rows(client.reports())
    assert anna.keys() == {"msgId", "phone", "receiveTime", "status"}
    assert anna["msgId"] == control.messages()[0]["msg_id"]
    sent_at = datetime.fromisoformat(control.messages()[0]["sent_at"])
    assert anna["receiveTime"] == sent_at.timestamp() * 1000
    assert [(row["phone"], row["status"]) for row in (anna, ben)] == [(ANNA, 4001), (BEN, 4003)]
    control.advance(5)
    assert rows(client.reports()) == []


def test_a_deleted_schedule_is_not_reported(client: Client, control: SandboxControl) -> None:
    client.delete(client.submitted())
    control.advance(3601)
    assert rows(client.reports()) == []


@pytest.mark.parametrize("status", STATUSES)
def test_every_status(client: Client, control: SandboxControl, status: int) -> None:
    assert control.delivery(ANNA, status) == {"mobile": ANNA, "status": status}
    client.submitted()
    control.advance(3601)
    assert [row["status"] for row in rows(client.reports())] == [status]


def test_a_number_can_be_reached_again(client: Client, control: SandboxControl) -> None:
    control.delivery(ANNA, 4003)
    assert control.state()["deliveries"] == {ANNA: 4003}
    control.delivery(ANNA, 4001)
    assert control.state()["deliveries"] == {}


def test_replies(client: Client, control: SandboxControl) -> None:
    reply = control.reply(ANNA, f"{CANARY}-1")
    assert reply == {"phone": ANNA, "replyTime": reply["replyTime"], "content": f"{CANARY}-1"}
    assert rows(client.replies()) == [reply]
    control.advance(5)
    assert rows(client.replies()) == []


def test_a_page_has_500_rows(client: Client, control: SandboxControl) -> None:
    client.submitted_batch(*({"mobile": number(index)} for index in range(501)))
    control.advance(3601)
    first = rows(client.reports())
    control.advance(5)
    second = rows(client.reports())
    assert (len(first), len(second)) == (500, 1)
    assert len({row["msgId"] for row in (*first, *second)}) == 501


def test_a_refused_pull_loses_nothing(client: Client, control: SandboxControl) -> None:
    client.submitted()
    ok(client.ask("GET", "/v1/accounts/app"))
    rows(client.reports())
    control.advance(3601)
    rows(client.reports())
    client.submitted()
    control.advance(3601)
    control.account(callback=True)
    assert refusal(client.reports()) == (403, 50202)
    control.account(callback=False)
    assert len(rows(client.reports())) == 1
    control.reply(ANNA, CANARY)
    rows(client.replies())
    control.reply(ANNA, CANARY)
    assert refusal(client.replies()) == (403, 50201)
    control.advance(5)
    assert len(rows(client.replies())) == 1


@pytest.mark.parametrize("limit", ["per_call", "per_app_key"])
def test_reports_and_replies_may_share_their_limit(
    client: Client, control: SandboxControl, limit: str
) -> None:
    control.switch(pull_limit=limit)
    rows(client.reports())
    if limit == "per_call":
        assert rows(client.replies()) == []
    else:
        assert refusal(client.replies()) == (403, 50201)


@pytest.mark.parametrize(
    ("pull", "days"),
    [(lambda client: client.reports(), 3), (lambda client: client.replies(), 7)],
)
def test_unread_rows_expire(
    client: Client, control: SandboxControl, pull: Callable[[Client], Response], days: int
) -> None:
    for kept in (1, 0):
        client.submitted()
        control.advance(3600)
        control.reply(ANNA, CANARY)
        control.advance(days * 86_400 - 60 if kept else days * 86_400 + 60)
        assert len(rows(pull(client))) == kept


def test_a_response_of_wrong_types(client: Client, control: SandboxControl) -> None:
    control.reply(ANNA, CANARY)
    control.fault("fetch_replies", "wrong_types")
    [row] = rows(client.replies())
    assert row["content"] == {"value": CANARY}
