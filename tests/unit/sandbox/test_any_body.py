"""Whatever a body holds, the sandbox answers as the service would and never breaks."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.control_api import messages, state
from airflow_provider_jsms.sandbox.endpoints import handle
from airflow_provider_jsms.sandbox.state import Sandbox
from tests.people import ANNA, BEN, CANARY

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.responses import ApiResponse

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
def test_single(body: object) -> None:
    check("/v1/schedule", body)


@given(batches | anything)
def test_batch(body: object) -> None:
    check("/v1/schedule/batch", body)


@given(st.binary(max_size=40))
def test_bytes(body: bytes) -> None:
    assert post(Sandbox(), "/v1/schedule", body).code is not None
