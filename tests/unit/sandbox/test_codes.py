"""Every return code that a call can give, by its documented cause."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.sandbox.credentials import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from tests.people import ANNA, BEN, CANARY, CARA, DAN, number
from tests.unit.sandbox.client import JSON, ok, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client

TOKEN = base64.b64encode(f"{DEFAULT_APP_KEY}:{DEFAULT_MASTER_SECRET}".encode()).decode()
SCHEDULE = "/v1/schedule"
BATCH = "/v1/schedule/batch"


def raw(client: Client, body: bytes | str, **headers: str) -> Response:
    return client.ask("POST", SCHEDULE, data=body, headers={**JSON, **headers})


def test_50001_no_credentials(client: Client) -> None:
    client.session.auth = None
    assert refusal(client.query("any")) == (400, 50001)


@pytest.mark.parametrize(
    "authorization",
    ["Basic d3Jvbmc6a2V5", "Basic x", f"Basic !{TOKEN}", f"Bearer {TOKEN}", "Basic /w=="],
)
def test_50002_wrong_credentials(client: Client, authorization: str) -> None:
    client.session.auth = None
    client.session.headers["Authorization"] = authorization
    assert refusal(client.balance()) == (401, 50002)


@pytest.mark.parametrize("body", ["", "  "])
def test_50003_no_body(client: Client, body: str) -> None:
    assert refusal(raw(client, body)) == (400, 50003)


@pytest.mark.parametrize("mobile", [..., None, ""])
def test_50004_no_mobile(client: Client, mobile: object) -> None:
    assert refusal(client.submit(mobile=mobile)) == (400, 50004)
    assert refusal(client.submit_batch({"mobile": ANNA}, {"mobile": ""})) == (400, 50004)


@pytest.mark.parametrize("temp_id", [..., None, ""])
def test_50005_no_temp_id(client: Client, temp_id: object) -> None:
    assert refusal(client.submit(temp_id=temp_id)) == (400, 50005)


@pytest.mark.parametrize("mobile", ["123", "12800138001", f"+86{ANNA}", f"{ANNA}\n", "１" * 11])
def test_50006_invalid_mobile(client: Client, mobile: str) -> None:
    assert refusal(client.submit(mobile=mobile)) == (403, 50006)


def test_50006_number_known_as_invalid(client: Client, control: SandboxControl) -> None:
    control.number(ANNA, "invalid")
    assert refusal(client.submit()) == (403, 50006)
    control.number(ANNA, "normal")
    assert ok(client.submit())


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe{",
        b"[" * 100_000,
        b'{"mobile": NaN}',
    ],
)
def test_50007_no_json_object(client: Client, body: bytes) -> None:
    assert refusal(raw(client, body)) == (403, 50007)


@pytest.mark.parametrize(
    "changes",
    [
        {"mobile": 13800138001},
        {"temp_para": []},
        {"temp_para": f"{CANARY}-Anna"},
        {"temp_para": {"name": [f"{CANARY}-Anna"]}},
        {"temp_para": {"name": True}},
        {"temp_para": {"name": float("nan")}},
        {"temp_id": 1.5},
        {"temp_id": True},
        {"sign_id": {}},
        {"tag": "12345678901"},
        {"tag": 7},
    ],
)
def test_50007_wrong_form(client: Client, changes: dict[str, Any]) -> None:
    assert refusal(client.submit(**changes)) == (403, 50007)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_50007_a_number_that_no_answer_could_carry_back(client: Client, number: str) -> None:
    body = json.dumps(client.single(temp_id=2, temp_para={"name": 7}))
    assert ok(raw(client, body))
    assert refusal(raw(client, body.replace(": 7}", f": {number}}}"))) == (403, 50007)


def test_50007_wrong_form_of_recipients(client: Client) -> None:
    assert refusal(client.submit_batch(ANNA)) == (403, 50007)
    assert refusal(client.submit_batch(recipients={"mobile": ANNA})) == (403, 50007)


def test_50008_service_not_open(client: Client, control: SandboxControl) -> None:
    control.account(service_open=False)
    assert refusal(client.submit()) == (403, 50008)
    assert ok(client.balance())


def test_50009_too_many_messages_to_a_number(client: Client, control: SandboxControl) -> None:
    control.account(frequency_limit=2)
    first = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-1"})
    second = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-2"})
    assert refusal(client.submit()) == (403, 50009)
    assert ok(client.submit(mobile=BEN))
    assert ok(client.submit(send_time=client.in_seconds(90_100)))
    assert ok(client.modify(first)), "a modified message is not one more"
    client.delete(second)
    assert ok(client.submit())


def test_50009_counts_within_a_batch(client: Client, control: SandboxControl) -> None:
    control.account(frequency_limit=1)
    people = [
        {"mobile": ANNA, "temp_para": {"name": f"{CANARY}-1"}},
        {"mobile": ANNA, "temp_para": {"name": f"{CANARY}-2"}},
    ]
    answer = ok(client.submit_batch(*people, temp_id=2))
    assert [failure["error_code"] for failure in answer["failure_recipients"]] == ["50009"]


@pytest.mark.parametrize("temp_id", [999, 0, -1, "999", "one", "１", "9" * 5_000])
def test_50013_unknown_template(client: Client, temp_id: object) -> None:
    assert refusal(client.submit(temp_id=temp_id)) == (403, 50013)


def test_50014_no_balance(client: Client, control: SandboxControl) -> None:
    control.account(balance=1)
    assert refusal(client.submit_batch({"mobile": ANNA}, {"mobile": BEN})) == (403, 50014)
    client.submitted()
    control.advance(3601)
    assert ok(client.balance())["app_balance"] == 0
    assert refusal(client.submit()) == (403, 50014)


@pytest.mark.parametrize(
    ("text", "cost"),
    # The signature has six characters more.
    [("x" * 64, 1), ("x" * 65, 2), ("x" * 128, 2), ("x" * 129, 3), ("x" * 63 + "\n", 2)],
)
def test_50014_a_long_text_costs_several_messages(
    client: Client, control: SandboxControl, text: str, cost: int
) -> None:
    control.template(100, text=text)
    people = [{"mobile": ANNA}, {"mobile": BEN}]
    control.account(balance=2 * cost - 1)
    assert refusal(client.submit_batch(*people, temp_id=100)) == (403, 50014)
    control.account(balance=2 * cost)
    assert ok(client.submit_batch(*people, temp_id=100))
    control.advance(3601)
    assert ok(client.balance())["app_balance"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/messages",
        "/v1/schedule/",
        "/v1//schedule",
        "/v1/schedule/batch/a/b",
        "/v1/accounts/amount",
        "/sandbox",
    ],
)
def test_50016_no_such_path(client: Client, path: str) -> None:
    assert refusal(client.ask("GET", path)) == (404, 50016)


@pytest.mark.parametrize(
    "media_type", ["application/xml", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_50017_wrong_content_type(client: Client, media_type: str) -> None:
    body = json.dumps(client.single())
    assert refusal(raw(client, body, **{"Content-Type": media_type})) == (415, 50017)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", SCHEDULE),
        ("DELETE", SCHEDULE),
        ("PATCH", "/v1/schedule/id"),
        ("POST", "/v1/schedule/id"),
        ("GET", BATCH),
        ("GET", "/v1/schedule/batch/id"),
        ("DELETE", "/v1/schedule/batch/id"),
        ("POST", "/v1/accounts/app"),
    ],
)
def test_50018_wrong_method(client: Client, method: str, path: str) -> None:
    assert refusal(client.ask(method, path)) == (405, 50018)


@pytest.mark.parametrize(("temp_id", "code"), [(5, 50025), (6, 50020), (7, 50021)])
def test_template_that_cannot_be_used(client: Client, temp_id: int, code: int) -> None:
    temp_para = {"name": f"{CANARY}-Anna", "code": f"{CANARY}-1"}
    assert refusal(client.submit(temp_id=temp_id, temp_para=temp_para)) == (403, code)


@pytest.mark.parametrize(
    "temp_para",
    [..., None, {}, {"name": f"{CANARY}-Anna"}, {"name": "", "date": f"{CANARY}-today"}],
)
def test_50022_parameter_missing(client: Client, temp_para: object) -> None:
    assert refusal(client.submit(temp_id=3, temp_para=temp_para)) == (403, 50022)


@pytest.mark.parametrize("name", ["", None])
def test_50023_parameter_empty(client: Client, name: str | None) -> None:
    assert refusal(client.submit(temp_id=2, temp_para={"name": name})) == (403, 50023)


def test_50024_unsubscribed(client: Client, control: SandboxControl) -> None:
    control.number(ANNA, "unsubscribed")
    assert refusal(client.submit()) == (403, 50024)


@pytest.mark.parametrize(
    "send_time",
    [
        ...,
        None,
        "",
        20301201,
        "2099-7-1 9:0:0",
        "2099-07-01 09:00",
        "2099-07-01T09:00:00",
        "2099-07-01 09:00:00 ",
        "2099-02-30 09:00:00",
        "2099-07-01 24:00:00",
        "2001-07-01 09:00:00",
        "0001-01-01 00:00:00",
        "0000-01-01 00:00:00",
    ],
)
def test_50027_no_future_send_time(client: Client, send_time: object) -> None:
    assert refusal(client.submit(send_time=send_time)) == (403, 50027)


def test_50027_the_present_second(client: Client) -> None:
    assert refusal(client.submit(send_time=client.in_seconds(0))) == (403, 50027)


@pytest.mark.parametrize("schedule_id", ["unknown", "91b81a48-49f6-4eb9-a95f-020f88adcfba", "批"])
def test_50028_unknown_schedule(client: Client, schedule_id: str) -> None:
    assert refusal(client.query(schedule_id)) == (403, 50028)
    assert refusal(client.delete(schedule_id)) == (403, 50028)
    assert refusal(client.modify(schedule_id)) == (403, 50028)
    assert refusal(client.modify_batch(schedule_id, {"mobile": ANNA})) == (403, 50028)


@pytest.mark.parametrize("end", ["sent", "deleted"])
def test_50029_modified_too_late(client: Client, control: SandboxControl, end: str) -> None:
    schedule_id = client.submitted()
    if end == "sent":
        control.advance(3601)
    else:
        client.delete(schedule_id)
    assert refusal(client.modify(schedule_id)) == (403, 50029)
    assert refusal(client.modify_batch(schedule_id, {"mobile": ANNA})) == (403, 50029)


@pytest.mark.parametrize("recipients", [..., None, []])
def test_50030_no_recipients(client: Client, recipients: object) -> None:
    assert refusal(client.submit_batch(recipients=recipients)) == (403, 50030)


def test_50031_too_many_recipients(client: Client) -> None:
    people = [{"mobile": number(index)} for index in range(1_001)]
    assert refusal(client.submit_batch(*people)) == (403, 50031)
    assert ok(client.submit_batch(*people[:1_000]))["success_count"] == 1_000


def test_50033_no_quota(client: Client, control: SandboxControl) -> None:
    control.account(quota_assigned=False)
    assert refusal(client.balance()) == (403, 50033)


def test_50035_address_not_allowed(client: Client, control: SandboxControl) -> None:
    control.account(allowed_ips=["192.0.2.1"])
    assert refusal(client.submit()) == (403, 50035)
    control.account(allowed_ips=[])
    assert refusal(client.submit()) == (403, 50035)
    control.account(allowed_ips=["127.0.0.1"])
    assert ok(client.submit())
    control.account(allowed_ips=None)
    assert ok(client.submit())


@pytest.mark.parametrize(("field", "code"), [("blacklisted", 50036), ("frozen", 50301)])
def test_account_that_may_do_nothing(
    client: Client, control: SandboxControl, field: str, code: int
) -> None:
    control.account(**{field: True})
    assert refusal(client.submit()) == (403, code)
    assert refusal(client.balance()) == (403, code)


def test_50037_black_word(client: Client, control: SandboxControl) -> None:
    control.account(black_words=["casino"])
    temp_para = {"name": f"{CANARY}-casino"}
    assert refusal(client.submit(temp_id=2, temp_para=temp_para)) == (403, 50037)


@pytest.mark.parametrize(("limit", "fits"), [("500", 500), ("350", 350)])
def test_50038_too_long(client: Client, control: SandboxControl, limit: str, fits: int) -> None:
    control.switch(content_limit=limit)
    control.template(100, text="{{name}}")
    value = CANARY.ljust(fits - len("【沙盒诊所】"), "x")
    assert refusal(client.submit(temp_id=100, temp_para={"name": f"{value}x"})) == (403, 50038)
    assert ok(client.submit(temp_id=100, temp_para={"name": value}))


def test_50046_no_signature(client: Client, control: SandboxControl) -> None:
    control.account(has_signature=False)
    assert refusal(client.submit()) == (403, 50046)
    assert ok(client.submit(sign_id=2))


def test_50046_no_default_signature(client: Client, control: SandboxControl) -> None:
    control.sign(1, is_default=False)
    assert refusal(client.submit()) == (403, 50046)


def test_50054_special_symbol(client: Client) -> None:
    temp_para = {"name": f"{CANARY}【"}
    assert refusal(client.submit(temp_id=2, temp_para=temp_para)) == (403, 50054)


@pytest.mark.parametrize("sign_id", [99, "99", "one"])
def test_50102_unknown_signature(client: Client, sign_id: object) -> None:
    assert refusal(client.submit(sign_id=sign_id)) == (403, 50102)


def test_one_refused_recipient_does_not_hold_up_the_others(
    client: Client, control: SandboxControl
) -> None:
    control.number(CARA, "unsubscribed")
    anna = {"mobile": ANNA, "temp_para": {"name": f"{CANARY}-Anna"}}
    response = client.submit_batch(
        anna,
        {"mobile": "123", "temp_para": {"name": f"{CANARY}-Nobody"}},
        {"mobile": BEN},
        {"mobile": CARA, "temp_para": {"name": f"{CANARY}-Cara"}},
        {"mobile": DAN, "temp_para": {"name": ""}},
        anna,
        {"mobile": ANNA, "temp_para": {"name": f"{CANARY}-Anna the second"}},
        temp_id=2,
    )
    answer = ok(response)
    assert answer.keys() == {
        "schedule_id",
        "success_count",
        "failure_count",
        "failure_recipients",
    }
    assert (answer["success_count"], answer["failure_count"]) == (2, 5)
    assert answer["failure_recipients"][0] == {
        "error_code": "50006",
        "error_message": "invalid mobile",
        "mobile": "123",
        "temp_para": {"name": f"{CANARY}-Nobody"},
    }
    codes = [failure["error_code"] for failure in answer["failure_recipients"]]
    assert codes == ["50006", "50022", "50024", "50023", "50034"]


WITHOUT_RECIPIENTS: list[Callable[[Client], Response]] = [
    lambda client: client.submit(send_time=""),
    lambda client: client.submit_batch({"mobile": ANNA}, send_time=""),
    lambda client: client.modify(client.submitted(), send_time=""),
    lambda client: client.modify_batch(client.submitted(), {"mobile": ANNA}, send_time=""),
]


@pytest.mark.parametrize("call", WITHOUT_RECIPIENTS)
def test_every_call_with_a_body_is_reviewed(
    client: Client, call: Callable[[Client], Response]
) -> None:
    assert refusal(call(client)) == (403, 50027)


def test_messages_and_statuses_are_those_of_the_table(client: Client) -> None:
    response = client.submit(send_time="")
    assert response.json() == {"error": {"code": 50027, "message": CODES[50027].message}}
    assert response.status_code == CODES[50027].http_status
