"""The calls as documented, the bodies of real clients, and arbitrary bodies."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control_views import messages, state
from airflow_provider_jsms.sandbox.endpoints import handle
from airflow_provider_jsms.sandbox.state import Sandbox
from tests.people import ANNA, BEN, CANARY, CARA
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.responses import ApiResponse
    from tests.unit.sandbox.client import Client


def test_submit_answers_with_a_new_uuid(client: Client) -> None:
    response = client.submit()
    answer = ok(response)
    assert answer.keys() == {"schedule_id"}
    assert uuid.UUID(answer["schedule_id"]).version == 4
    assert response.headers["Content-Type"] == "application/json"
    assert ok(client.submit()) != answer


def test_query_shows_exactly_the_submitted_fields(client: Client) -> None:
    send_time = client.in_seconds(7200)
    temp_para = {"name": f"{CANARY}-Anna", "unused": 7}
    schedule_id = client.submitted(
        send_time=send_time, temp_id="2", temp_para=temp_para, sign_id="2"
    )
    assert ok(client.query(schedule_id)) == {
        "schedule_id": schedule_id,
        "send_time": send_time,
        "temp_id": 2,
        "recipients": [{"mobile": ANNA, "temp_para": temp_para}],
    }


def test_delete_answers_200_with_an_empty_body(client: Client) -> None:
    response = client.delete(client.submitted())
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Length"] == "0"


def test_modify_replaces_everything(client: Client, control: SandboxControl) -> None:
    schedule_id = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-Anna"}, sign_id=2)
    send_time = client.in_seconds(60)
    assert ok(client.modify(schedule_id, mobile=BEN, send_time=send_time)) == {
        "schedule_id": schedule_id
    }
    record = ok(client.query(schedule_id))
    assert (record["send_time"], record["temp_id"]) == (send_time, 1)
    assert record["recipients"] == [{"mobile": BEN}]
    assert control.state()["schedules"][0]["sign_id"] == 1


def test_modify_batch_answers_as_submit_batch(client: Client) -> None:
    schedule_id = client.submitted_batch({"mobile": ANNA}, {"mobile": BEN})
    answer = ok(client.modify_batch(schedule_id, {"mobile": CARA}, {"mobile": "1"}, tag="spring"))
    assert answer == {
        "schedule_id": schedule_id,
        "success_count": 1,
        "failure_count": 1,
        "failure_recipients": [
            {"error_code": "50006", "error_message": "invalid mobile", "mobile": "1"}
        ],
    }
    assert ok(client.query(schedule_id))["recipients"] == [{"mobile": CARA}]


def test_a_refused_modification_changes_nothing(client: Client) -> None:
    schedule_id = client.submitted()
    before = ok(client.query(schedule_id))
    assert refusal(client.modify(schedule_id, temp_id=999)) == (403, 50013)
    assert ok(client.query(schedule_id)) == before


def test_balance(client: Client) -> None:
    answer = ok(client.balance())
    assert answer == {
        "app_balance": 1_000_000,
        "app_voice": None,
        "app_industry": None,
        "app_market": None,
    }


def test_text_in_a_message_is_filled_in_once(client: Client, control: SandboxControl) -> None:
    name = f"{CANARY} {{{{date}}}} \\1"
    temp_para = {"name": name, "date": f"{CANARY}-today", "place": 7}
    client.submitted(temp_id=3, temp_para=temp_para)
    control.advance(3601)
    text = f"【沙盒诊所】{name}，您好，提醒您{CANARY}-today在7有预约，请准时到达。"
    assert control.messages()[0]["text"] == text


def test_half_a_surrogate_pair_does_not_break_an_answer(
    client: Client, control: SandboxControl
) -> None:
    schedule_id = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}\ud800"})
    record = ok(client.query(schedule_id))
    assert record["recipients"][0]["temp_para"] == {"name": f"{CANARY}?"}
    assert control.requests()[0]["body"]["temp_para"] == {"name": f"{CANARY}?"}


JAVA = {
    "Content-Type": "application/json",
    "User-Agent": "JPush-API-Java-Client",
    "Connection": "Keep-Alive",
    "Accept-Charset": "UTF-8",
    "Charset": "UTF-8",
}
CSHARP = {"Content-Type": "text/plain; charset=utf-8", "Accept": "application/json"}
GO = {"Content-Type": "application/json;charset=UTF-8"}


def java_body(client: Client) -> bytes:
    temp_para = {"name": f"{CANARY}-安娜"}
    body = client.single(sign_id=2, temp_id=2, temp_para=temp_para, tag="标签")
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def csharp_body(client: Client) -> bytes:
    nulls = {"sign_id": None, "tag": None, "type": 1, "ttl": 0}
    body = client.single(temp_id=2, temp_para={"name": f"{CANARY}-Anna"}, **nulls)
    return json.dumps(body, ensure_ascii=False).encode()


def python_body(client: Client) -> str:
    return json.dumps(client.single(temp_id="2", temp_para={"name": f"{CANARY}-安娜"}))


def test_java_client(client: Client) -> None:
    submitted = ok(client.ask("POST", "/v1/schedule", data=java_body(client), headers=JAVA))
    path = f"/v1/schedule/{submitted['schedule_id']}"
    assert ok(client.ask("PUT", path, data=java_body(client), headers=JAVA)) == submitted
    record = ok(client.ask("GET", path, headers=JAVA))
    assert record["recipients"][0]["temp_para"] == {"name": f"{CANARY}-安娜"}
    assert client.ask("DELETE", path, headers=JAVA).status_code == 200


def test_csharp_client(client: Client) -> None:
    submitted = ok(client.ask("POST", "/v1/schedule", data=csharp_body(client), headers=CSHARP))
    path = f"/v1/schedule/{submitted['schedule_id']}"
    assert ok(client.ask("PUT", path, data=csharp_body(client), headers=CSHARP)) == submitted


def test_python_client_sends_no_content_type(client: Client, control: SandboxControl) -> None:
    assert ok(client.ask("POST", "/v1/schedule", data=python_body(client)))
    assert "content-type" not in control.requests()[0]["headers"]


@pytest.mark.parametrize("headers", [JAVA, CSHARP, GO, {}])
def test_batch_under_every_content_type(client: Client, headers: dict[str, str]) -> None:
    people: list[dict[str, Any]] = [{"mobile": ANNA, "temp_para": {}}, {"mobile": BEN}]
    body = json.dumps(client.batch(*people, tag="一二三四五六七八九十", sign_id=None))
    answer = ok(client.ask("POST", "/v1/schedule/batch", data=body, headers=headers))
    assert (answer["success_count"], answer["failure_recipients"]) == (2, [])


TOKEN = base64.b64encode(f"{DEFAULT_APP_KEY}:{DEFAULT_MASTER_SECRET}".encode()).decode()

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
temp_para = st.dictionaries(st.sampled_from(["name", "date", "place"]), anything) | anything
person = {
    "mobile": st.sampled_from([ANNA, BEN]) | anything,
    "temp_para": st.just({"name": f"{CANARY}-Anna"}) | temp_para,
}
common = {
    "send_time": st.just("2099-07-01 09:00:00") | anything,
    "temp_id": st.integers(1, 7) | anything,
}
optional = {"sign_id": st.integers(1, 2) | anything, "tag": anything}
singles = st.fixed_dictionaries({**common, **person}, optional=optional)
recipients = st.lists(st.fixed_dictionaries(person) | anything, max_size=4) | anything
batches = st.fixed_dictionaries({**common, "recipients": recipients}, optional=optional)


def post(sandbox: Sandbox, path: str, body: bytes) -> ApiResponse:
    headers = {"authorization": f"Basic {TOKEN}", "content-type": "application/json"}
    return handle(sandbox, "127.0.0.1", "POST", path, headers, body)


def check(path: str, body: object) -> None:
    sandbox = Sandbox()
    answered = post(sandbox, path, json.dumps(body).encode())
    assert answered.status in {200, 400, 403}
    assert isinstance(json.loads(answered.body), dict)
    assert (answered.code is None) == (answered.status == 200)
    sandbox.advance(90 * 366 * 86_400)
    accepted = sum(len(one["recipients"]) for one in state(sandbox)["schedules"])
    assert len(messages(sandbox)) == accepted


@given(singles | anything)
def test_any_single_body_gets_an_answer(body: object) -> None:
    check("/v1/schedule", body)


@given(batches | anything)
def test_any_batch_body_gets_an_answer(body: object) -> None:
    check("/v1/schedule/batch", body)


@given(st.binary(max_size=40))
def test_random_bytes_are_refused(body: bytes) -> None:
    assert post(Sandbox(), "/v1/schedule", body).code is not None
