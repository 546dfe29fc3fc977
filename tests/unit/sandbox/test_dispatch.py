"""Texts that are accepted and fail at their time, and the reports about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.sandbox.switches import VALUES
from tests.people import ANNA, BEN, CANARY
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client

NAME = {"name": f"{CANARY}-Anna"}
MARKETING: dict[str, Any] = {"temp_id": 4, "temp_para": NAME}


def account(**fields: Any) -> Callable[[SandboxControl], object]:
    return lambda control: control.account(**fields)


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (account(balance=0), 4005, "no money"),
        (account(frequency_limit=0), 4006, "out of freq"),
        (account(black_words=["八折"]), 4010, "has black word"),
        (account(frozen=True), 4100, "the developer account is frozen"),
        (account(blacklisted=True), 4100, "app in black"),
        (account(service_open=False), 4100, "no sms code auth"),
        (lambda control: control.number(ANNA, "invalid"), 4004, "invalid mobile"),
        (lambda control: control.number(ANNA, "unsubscribed"), 4100, "unsubscribed mobile"),
        (lambda control: control.template(4, status=2), 4100, "template not pass"),
        (lambda control: control.template(4, status=0), 4100, "template auditing"),
        (lambda control: control.sign(1, status=2), 4100, "invalid sign id"),
    ],
)
@pytest.mark.parametrize("form", VALUES["dispatch_failure_report"])
def test_a_text_is_not_dispatched(
    client: Client,
    control: SandboxControl,
    change: Callable[[SandboxControl], object],
    status: int,
    reason: str,
    form: str,
) -> None:
    control.switch(dispatch_failure_report=form)
    schedule_id = client.submitted(**MARKETING)
    change(control)
    before = control.state()["account"]["balance"]
    control.advance(3601)
    assert control.messages() == []
    [text] = control.undelivered()
    assert (text["mobile"], text["schedule_id"]) == (ANNA, schedule_id)
    assert (text["status"], text["reason"]) == (status, reason)
    assert control.state()["schedules"][0]["status"] == "sent"
    control.account(frozen=False, blacklisted=False, service_open=True)
    assert control.state()["account"]["balance"] == before
    rows = client.reports().json()
    expected = [(text["msg_id"], status)] if form == "row" else []
    assert [(row["msgId"], row["status"]) for row in rows] == expected


def test_a_text_is_not_delivered(client: Client, control: SandboxControl) -> None:
    control.delivery(ANNA, 4003)
    control.switch(dispatch_failure_report="none")
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN})
    control.advance(3601)
    [text] = control.undelivered()
    assert (text["status"], text["reason"]) == (4003, STATUSES[4003])
    assert [message["mobile"] for message in control.messages()] == [BEN]
    assert [row["status"] for row in client.reports().json()] == [4003, 4001]
    assert ok(client.balance())["app_balance"] == 999_998, "the carrier has taken both"


def test_a_balance_that_is_used_up_fails_the_rest_of_a_batch(
    client: Client, control: SandboxControl
) -> None:
    client.submitted_batch({"mobile": ANNA}, {"mobile": BEN})
    control.account(balance=1)
    control.advance(3601)
    assert [message["mobile"] for message in control.messages()] == [ANNA]
    assert [text["mobile"] for text in control.undelivered()] == [BEN]
    assert ok(client.balance())["app_balance"] == 0


def test_texts_are_charged_to_the_balance_of_their_type_first(
    client: Client, control: SandboxControl
) -> None:
    control.account(balance=1, market_balance=1, industry_balance=0)
    assert refusal(client.submit_batch({"mobile": ANNA}, {"mobile": BEN})) == (403, 50014)
    people = [{"mobile": ANNA, "temp_para": NAME}, {"mobile": BEN, "temp_para": NAME}]
    client.submitted_batch(*people, temp_id=4)
    control.advance(3601)
    shown = ok(client.balance())
    assert (shown["app_balance"], shown["app_market"], shown["app_industry"]) == (0, 0, 0)


def test_the_frequency_limit_counts_dispatched_texts_of_24_hours(
    client: Client, control: SandboxControl
) -> None:
    control.account(frequency_limit=1)
    for seconds in (60, 120, 86_400 + 30, 86_400 + 90):
        client.submitted(send_time=client.in_seconds(seconds))
    control.advance(2 * 86_400)
    sent = [message["send_time"] for message in control.messages()]
    failed = [message["send_time"] for message in control.undelivered()]
    assert (len(sent), len(failed)) == (2, 2)
    assert sent[0] < failed[0] < failed[1] < sent[1]


def test_a_modified_text_succeeds(client: Client, control: SandboxControl) -> None:
    schedule_id = client.submitted(**MARKETING)
    control.number(ANNA, "unsubscribed")
    client.modify(schedule_id)
    control.advance(3601)
    assert [message["temp_id"] for message in control.messages()] == [1]


@pytest.mark.parametrize(
    ("value", "temp_id", "is_refused"),
    [
        *(("marketing_refused", 2, False), ("marketing_refused", 4, True)),
        *(("all_refused", 2, True), ("all_refused", 4, True)),
    ],
)
def test_unsubscribed(
    client: Client, control: SandboxControl, value: str, temp_id: int, is_refused: bool
) -> None:
    control.switch(unsubscribed=value)
    control.number(ANNA, "unsubscribed")
    response = client.submit(temp_id=temp_id, temp_para=NAME)
    if is_refused:
        assert refusal(response) == (403, 50024)
    else:
        assert ok(response)
        control.advance(3601)
        assert len(control.messages()) == 1


NIGHT = "2060-07-01 21:00:00"


def test_marketing_at_night_is_sent(client: Client, control: SandboxControl) -> None:
    client.submitted(send_time=NIGHT, **MARKETING)
    control.travel_to("2060-07-01 22:00:00")
    assert [message["send_time"] for message in control.messages()] == [NIGHT]


def test_marketing_at_night_is_refused(client: Client, control: SandboxControl) -> None:
    control.switch(marketing_at_night="refuse")
    assert refusal(client.submit(send_time=NIGHT, **MARKETING)) == (403, 50027)
    assert ok(client.submit(send_time="2060-07-01 20:59:59", **MARKETING))
    assert ok(client.submit(send_time=NIGHT)), "a notification"


def test_marketing_at_night_is_undelivered(client: Client, control: SandboxControl) -> None:
    control.switch(marketing_at_night="undelivered")
    client.submitted(send_time=NIGHT, **MARKETING)
    client.submitted(send_time="2060-07-02 08:00:00", **MARKETING)
    control.travel_to("2060-07-02 08:00:00")
    [text] = control.undelivered()
    assert (text["status"], text["send_time"]) == (4100, NIGHT)
    assert len(control.messages()) == 1


@pytest.mark.parametrize(
    ("send_time", "sent"),
    [(NIGHT, "2060-07-02 08:00:00"), ("2060-07-02 07:59:59", "2060-07-02 08:00:00")],
)
def test_marketing_at_night_is_delayed(
    client: Client, control: SandboxControl, send_time: str, sent: str
) -> None:
    control.switch(marketing_at_night="delay")
    schedule_id = client.submitted(send_time=send_time, **MARKETING)
    assert ok(client.query(schedule_id))["send_time"] == sent


def test_the_words_to_opt_out_are_counted(client: Client, control: SandboxControl) -> None:
    control.account(balance=1)
    # The signature has six characters, and the words to opt out five.
    control.template(100, text="x" * 59, type=3)
    assert ok(client.submit(temp_id=100))
    control.template(100, text="x" * 60)
    assert refusal(client.submit(temp_id=100)) == (403, 50014)


def test_words_to_opt_out_of_the_template_are_enough(
    client: Client, control: SandboxControl
) -> None:
    control.template(100, text="八折。拒收请回复R", type=3)
    client.submitted(temp_id=100)
    control.advance(3601)
    assert control.messages()[0]["text"] == "【沙盒诊所】八折。拒收请回复R"


def test_a_numeric_mobile_is_a_mobile(client: Client) -> None:
    schedule_id = client.submitted_batch({"mobile": int(ANNA)})
    assert ok(client.query(schedule_id))["recipients"] == [{"mobile": ANNA}]


@pytest.mark.parametrize("status", [0, 2])
def test_a_signature_that_is_not_approved(
    client: Client, control: SandboxControl, status: int
) -> None:
    control.sign(2, status=status)
    assert refusal(client.submit(sign_id=2)) == (403, 50102)
    control.sign(1, status=status)
    assert refusal(client.submit()) == (403, 50046)
