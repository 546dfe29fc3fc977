"""The official Python client, the package ``jsms`` against the sandbox.

Its code is used as it is; only ``BASE_URL`` of the client, which is a constant of its class, names
the sandbox instead of JSMS.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jsms
import pytest
import requests

from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.exceptions import JsmsStateError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.people import ANNA, BEN, CANARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl

NAME = {"name": f"{CANARY}-安娜"}


def said(code: int) -> dict[str, Any]:
    """Return the answer of the client where the service refuses with a code."""
    return {"error": {"code": code, "message": CODES[code].message}}


@pytest.fixture
def official(sandbox: SandboxControl) -> Iterator[jsms.Jsms]:
    client = jsms.Jsms(APP_KEY, MASTER_SECRET)
    client.BASE_URL = f"{sandbox.url}/v1/"
    client.session.trust_env = False
    with client.session:
        yield client


@pytest.fixture
def hook(sandbox: SandboxControl) -> Iterator[JsmsHook]:
    with JsmsHook() as hook:
        yield hook


@pytest.fixture
def wall_clock(tomorrow: datetime) -> str:
    """Tomorrow as the official client wants it: text on the wall clock of JSMS."""
    return f"{tomorrow.astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}"


# The calls that the sandbox serves.
SERVED: dict[str, tuple[str, Callable[[jsms.Jsms], Any]]] = {
    "send_teml": (
        "submit_schedule",
        lambda official: official.send_teml(ANNA, 2, NAME, "2099-07-01 09:00:00"),
    ),
    "show_schedule_message": (
        "query_schedule",
        lambda official: official.show_schedule_message("any"),
    ),
    "delete_schedule_message": (
        "delete_schedule",
        lambda official: official.delete_schedule_message("any"),
    ),
    "show_sign": ("get_sign", lambda official: official.show_sign("1")),
    "app_balance": ("balance", lambda official: official.app_balance()),
}
# The client names them, but they do nothing.
EMPTY: dict[str, Callable[[jsms.Jsms], Any]] = {
    "send_batch_teml": lambda official: official.send_batch_teml(ANNA, 1, [{"mobile": BEN}]),
    "update_schedule_message": lambda official: official.update_schedule_message("any", ANNA, 1),
}
# Verification codes and changes of signatures, which the sandbox does not serve.
NOT_SERVED: dict[str, tuple[int, Callable[[jsms.Jsms], Any]]] = {
    "send_code": (50016, lambda official: official.send_code(ANNA, 5)),
    "send_voice_code": (50016, lambda official: official.send_voice_code(ANNA, "1234", 0, 60)),
    "verify_code": (50016, lambda official: official.verify_code("1", "1234")),
    "create_sign": (
        50016,
        lambda official: official.create_sign("沙盒", ("a.png", b"png"), 1, "remark"),
    ),
    "delete_sign": (50018, lambda official: official.delete_sign("1")),
    "upadte_sign": (50018, lambda official: official.upadte_sign("1", "沙盒")),
}


def test_these_are_all_the_methods_that_the_client_has() -> None:
    methods = {
        name
        for name, value in vars(jsms.Jsms).items()
        if callable(value) and not name.startswith("_")
    }
    assert methods == {*SERVED, *EMPTY, *NOT_SERVED}
    assert jsms.Jsms.BASE_URL == "https://api.sms.jpush.cn/v1/"


def test_a_schedule_from_its_submission_to_its_deletion(
    official: jsms.Jsms, sandbox: SandboxControl, wall_clock: str
) -> None:
    submitted = official.send_teml(ANNA, 2, temp_para=NAME, time=wall_clock)
    assert submitted.keys() == {"schedule_id"}
    schedule_id = submitted["schedule_id"]
    assert official.show_schedule_message(schedule_id) == {
        "schedule_id": schedule_id,
        "send_time": wall_clock,
        "temp_id": 2,
        "recipients": [{"mobile": ANNA, "temp_para": NAME}],
    }
    # The client returns the HTTP status where the body is empty.
    assert official.delete_schedule_message(schedule_id) == 200
    assert official.show_schedule_message(schedule_id) == said(50029)
    sandbox.advance(2 * 86_400)
    assert sandbox.messages() == []


def test_a_sent_text_shows_its_msg_id(
    official: jsms.Jsms, sandbox: SandboxControl, wall_clock: str
) -> None:
    # The README of the client lets temp_id be anything, and temp_para be left out.
    schedule_id = official.send_teml(ANNA, "1", time=wall_clock)["schedule_id"]
    sandbox.advance(2 * 86_400)
    [message] = sandbox.messages()
    assert (message["mobile"], message["send_time"]) == (ANNA, wall_clock)
    assert official.show_schedule_message(schedule_id)["recipients"] == [
        {"mobile": ANNA, "msg_id": message["msg_id"]}
    ]
    assert official.delete_schedule_message(schedule_id) == said(50029)


def test_balance(official: jsms.Jsms, sandbox: SandboxControl) -> None:
    sandbox.account(balance=7)
    assert official.app_balance() == {
        "app_balance": 7,
        "app_voice": None,
        "app_industry": None,
        "app_market": None,
    }


@pytest.mark.parametrize("method", SERVED)
def test_wrong_credentials(official: jsms.Jsms, method: str) -> None:
    official.session.auth = (APP_KEY, MASTER_SECRET[::-1])
    assert SERVED[method][1](official) == said(50002)
    official.session.auth = None
    assert SERVED[method][1](official) == said(50001)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mobile": "123"}, 50006),
        ({"temp_para": []}, 50007),
        ({"temp_para": None}, 50022),
        ({"time": "2099-07-01T09:00:00+08:00"}, 50027),
    ],
)
def test_a_submission_that_is_refused(
    official: jsms.Jsms,
    sandbox: SandboxControl,
    wall_clock: str,
    changes: dict[str, Any],
    code: int,
) -> None:
    order = {"mobile": ANNA, "temp_id": 2, "temp_para": NAME, "time": wall_clock}
    assert official.send_teml(**{**order, **changes}) == said(code)
    assert sandbox.state()["schedules"] == []


def test_a_schedule_that_is_unknown(official: jsms.Jsms) -> None:
    assert official.show_schedule_message("unknown") == said(50028)
    assert official.delete_schedule_message("unknown") == said(50028)


@pytest.mark.parametrize("method", SERVED)
@pytest.mark.parametrize("code", [50000, 50014, 50019, 59999])
def test_a_code_reaches_the_user_of_the_client(
    official: jsms.Jsms, sandbox: SandboxControl, method: str, code: int
) -> None:
    call, ask = SERVED[method]
    sandbox.fault(call, "code", code=code)
    assert ask(official)["error"]["code"] == code


def test_a_lost_response_leaves_the_schedule_pending(
    official: jsms.Jsms, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    with pytest.raises(requests.ConnectionError):
        SERVED["send_teml"][1](official)
    [schedule] = sandbox.state()["schedules"]
    assert schedule["status"] == "pending"


def test_methods_that_do_nothing(official: jsms.Jsms, sandbox: SandboxControl) -> None:
    assert [method(official) for method in EMPTY.values()] == [None, None]
    assert sandbox.requests() == []


def test_methods_that_the_sandbox_has_no_call_for(
    official: jsms.Jsms, sandbox: SandboxControl
) -> None:
    for code, method in NOT_SERVED.values():
        assert method(official) == said(code)
    assert {request["call"] for request in sandbox.requests()} == {None}


def test_a_text_that_is_sent_at_once_is_no_call_of_the_sandbox(
    official: jsms.Jsms, sandbox: SandboxControl
) -> None:
    assert official.send_teml(ANNA, 2, NAME) == said(50016)
    assert sandbox.requests()[0]["path"] == "/v1/messages"
    assert sandbox.messages() == []


def test_client_and_hook_send_the_same(
    official: jsms.Jsms,
    hook: JsmsHook,
    sandbox: SandboxControl,
    tomorrow: datetime,
    wall_clock: str,
) -> None:
    order = {"mobile": ANNA, "temp_id": 2, "temp_para": NAME}
    official.send_teml(**order, time=wall_clock)
    hook.submit_schedule(**order, send_time=tomorrow)
    theirs, ours = sandbox.requests()
    assert ours["body"] == theirs["body"] == {**order, "send_time": wall_clock}
    alike = ("call", "method", "path", "status", "code")
    assert {name: ours[name] for name in alike} == {name: theirs[name] for name in alike}
    # The hook sends a Content-Type and UTF-8; the client sends none, and escapes.
    assert difference(theirs["headers"], ours["headers"]) == {
        "accept": ("*/*", "application/json"),
        "content-length": (str(len(json.dumps(theirs["body"]))), str(len(utf8(ours["body"])))),
        "content-type": (None, "application/json"),
        "user-agent": (requests.utils.default_user_agent(), ours["headers"]["user-agent"]),
    }
    first, second = sandbox.state()["schedules"]
    assert ordered(first) == ordered(second)


def test_the_hook_takes_over_a_schedule_of_the_client(
    official: jsms.Jsms,
    hook: JsmsHook,
    sandbox: SandboxControl,
    tomorrow: datetime,
    wall_clock: str,
) -> None:
    schedule_id = official.send_teml(ANNA, 2, NAME, wall_clock)["schedule_id"]
    assert hook.query_schedule(schedule_id) == {
        "schedule_id": schedule_id,
        "send_time": wall_clock,
        "temp_id": 2,
        "recipients": [{"msg_id": None, "mobile": ANNA, "temp_para": NAME}],
    }
    order = {"mobile": BEN, "temp_id": 1, "send_time": tomorrow}
    assert hook.modify_schedule(schedule_id, **order) == schedule_id
    assert official.show_schedule_message(schedule_id) == {
        "schedule_id": schedule_id,
        "send_time": wall_clock,
        "temp_id": 1,
        "recipients": [{"mobile": BEN}],
    }
    hook.delete_schedule(schedule_id)
    assert official.show_schedule_message(schedule_id) == said(50029)
    assert official.delete_schedule_message(schedule_id) == said(50029)


def test_the_client_takes_over_a_schedule_of_the_hook(
    official: jsms.Jsms, hook: JsmsHook, tomorrow: datetime, wall_clock: str
) -> None:
    everybody = [{"mobile": ANNA, "temp_para": NAME}, {"mobile": BEN, "temp_para": NAME}]
    batch = hook.submit_batch_schedule(send_time=tomorrow, recipients=everybody, temp_id=2)
    schedule_id = batch["schedule_id"]
    assert official.show_schedule_message(schedule_id) == {
        "schedule_id": schedule_id,
        "send_time": wall_clock,
        "temp_id": 2,
        "recipients": everybody,
    }
    assert official.delete_schedule_message(schedule_id) == 200
    with pytest.raises(JsmsStateError) as refused:
        hook.query_schedule(schedule_id)
    assert refused.value.code == 50029


def test_a_verification_template_is_scheduled_as_in_the_example_of_the_client(
    official: jsms.Jsms, sandbox: SandboxControl, wall_clock: str
) -> None:
    code = {"code": f"{CANARY}-1234"}
    assert "schedule_id" in official.send_teml(ANNA, 5, code, wall_clock)


def test_client_and_hook_see_the_same_balance(
    official: jsms.Jsms, hook: JsmsHook, sandbox: SandboxControl
) -> None:
    sandbox.account(balance=321)
    works, text = hook.test_connection()
    assert works
    assert str(official.app_balance()["app_balance"]) in text


def difference(theirs: dict[str, str], ours: dict[str, str]) -> dict[str, tuple[str | None, ...]]:
    """Return the headers that differ, with both values; how answers travel back is no matter."""
    names = {*theirs, *ours} - {"connection", "accept-encoding"}
    pairs = {name: (theirs.get(name), ours.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def utf8(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def ordered(schedule: dict[str, Any]) -> dict[str, Any]:
    """Return a schedule without its unique ids."""
    names = ("kind", "status", "send_time", "temp_id", "sign_id", "tag")
    people = [(one["mobile"], one["temp_para"]) for one in schedule["recipients"]]
    return {**{name: schedule[name] for name in names}, "recipients": people}
