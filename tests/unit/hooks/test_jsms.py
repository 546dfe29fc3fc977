"""The hook: each call as it goes over the wire, what is checked before, and the connection."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException

from airflow_provider_jsms import __version__
from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsAuthError,
    JsmsConnectionNotFoundError,
    JsmsInputError,
    JsmsNotSentError,
    JsmsPastSendTimeError,
    JsmsUncertainError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import people
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit.hooks.test_async_client import ask, ask_in_the_old_way
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from requests_mock import Mocker

    from airflow_provider_jsms.sandbox.control import SandboxControl

BASE = "https://api.sms.jpush.cn/v1/schedule"
SCHEDULE_ID = "91b81a48-49f6-4eb9-a95f-020f88adcfba"
NEW_YEAR = datetime(2099, 1, 1, 1, 0, tzinfo=UTC)
PARAMETERS = {"name": f"{people.CANARY}-安娜"}
ONE = {
    "send_time": NEW_YEAR,
    "mobile": f"+86 {people.ANNA}",
    "temp_id": "7",
    "sign_id": 9,
    "temp_para": {**PARAMETERS, "count": 3},
}
MANY = {
    "send_time": "2099-01-01 09:00:00",
    "recipients": [{"mobile": people.ANNA, "temp_para": PARAMETERS}, people.BEN],
    "temp_id": 7,
    "sign_id": 9,
    "tag": "标签",
}
ONE_SENT = {
    "send_time": "2099-01-01 09:00:00",
    "mobile": people.ANNA,
    "sign_id": 9,
    "temp_id": 7,
    "temp_para": {**PARAMETERS, "count": "3"},
}
MANY_SENT = {
    "send_time": "2099-01-01 09:00:00",
    "sign_id": 9,
    "temp_id": 7,
    "tag": "标签",
    "recipients": [{"mobile": people.ANNA, "temp_para": PARAMETERS}, {"mobile": people.BEN}],
}
BATCH_ANSWER = {
    "schedule_id": SCHEDULE_ID,
    "success_count": 1,
    "failure_count": 1,
    "failure_recipients": [
        {
            "error_code": "50006",
            "error_message": "invalid mobile",
            "mobile": people.BEN,
            "temp_para": {},
        }
    ],
}
BATCH_RESULT = {
    **BATCH_ANSWER,
    "failure_recipients": [{**BATCH_ANSWER["failure_recipients"][0], "error_code": 50006}],
}
QUERY_ANSWER = {
    "schedule_id": SCHEDULE_ID,
    "send_time": "2099-01-01 09:00:00",
    "temp_id": 7,
    "recipients": [{"msg_id": 274887115920, "mobile": people.ANNA, "temp_para": PARAMETERS}],
}
QUERY_RESULT = {
    **QUERY_ANSWER,
    "recipients": [{"msg_id": "274887115920", "mobile": people.ANNA, "temp_para": PARAMETERS}],
}
CALLS: dict[str, tuple[str, str, Callable[[JsmsHook], Any], Any, Any, Any]] = {
    "submit": (
        *("POST", BASE, lambda hook: hook.submit_schedule(**ONE), ONE_SENT),
        *({"schedule_id": SCHEDULE_ID}, SCHEDULE_ID),
    ),
    "submit batch": (
        *("POST", f"{BASE}/batch", lambda hook: hook.submit_batch_schedule(**MANY), MANY_SENT),
        *(BATCH_ANSWER, BATCH_RESULT),
    ),
    "modify": (
        *("PUT", f"{BASE}/{SCHEDULE_ID}"),
        *(lambda hook: hook.modify_schedule(SCHEDULE_ID, **ONE), ONE_SENT),
        *({"schedule_id": SCHEDULE_ID}, SCHEDULE_ID),
    ),
    "modify batch": (
        *("PUT", f"{BASE}/batch/{SCHEDULE_ID}"),
        *(lambda hook: hook.modify_batch_schedule(SCHEDULE_ID, **MANY), MANY_SENT),
        *(BATCH_ANSWER, BATCH_RESULT),
    ),
    "query": (
        *("GET", f"{BASE}/{SCHEDULE_ID}", lambda hook: hook.query_schedule(SCHEDULE_ID), None),
        *(QUERY_ANSWER, QUERY_RESULT),
    ),
    "delete": (
        *("DELETE", f"{BASE}/{SCHEDULE_ID}", lambda hook: hook.delete_schedule(SCHEDULE_ID)),
        *(None, None, None),
    ),
}


asks_no_database = pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 asks its database")


@pytest.fixture
def hook(set_connection: Callable[..., None]) -> JsmsHook:
    set_connection()
    return JsmsHook()


@pytest.mark.parametrize("name", CALLS)
def test_each_call_goes_out_as_documented_and_comes_back_as_a_result(
    name: str, hook: JsmsHook, requests_mock: Mocker
) -> None:
    method, url, run, sent, answered, result = CALLS[name]
    content = b"" if answered is None else json.dumps(answered).encode()
    requests_mock.request(method, url, content=content)
    assert run(hook) == result
    (request,) = requests_mock.request_history
    assert request.headers["Authorization"] == f"Basic {BASIC_TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == f"airflow-provider-jsms/{__version__}"
    assert (json.loads(request.body) if request.body else None) == sent
    assert sent is None or list(json.loads(request.body)) == list(sent)


@pytest.mark.parametrize("name", CALLS)
def test_each_call_tells_a_refusal_with_its_code(
    name: str, hook: JsmsHook, requests_mock: Mocker
) -> None:
    method, url, run, *_ = CALLS[name]
    refusal = {"error": {"code": 50035, "message": "illegal IP"}}
    requests_mock.request(method, url, json=refusal, status_code=403)
    with pytest.raises(JsmsApiError) as caught:
        run(hook)
    error = caught.value
    assert (error.code, error.message, error.http_status) == (50035, "illegal IP", 403)
    assert error.call.endswith(f"({method} {url.removeprefix('https://api.sms.jpush.cn')})")


@pytest.mark.parametrize("name", ["submit", "submit batch"])
def test_a_success_without_a_schedule_id_is_uncertain(
    name: str, hook: JsmsHook, requests_mock: Mocker
) -> None:
    method, url, run, *_ = CALLS[name]
    requests_mock.request(method, url, json={})
    with pytest.raises(JsmsUncertainError, match="Never retry this error"):
        run(hook)
    assert requests_mock.call_count == 1


@pytest.mark.usefixtures("no_waits")
def test_a_query_that_cannot_be_read_is_asked_again(hook: JsmsHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{BASE}/{SCHEDULE_ID}", [{"text": "<html>"}, {"json": QUERY_ANSWER}])
    assert hook.query_schedule(SCHEDULE_ID) == QUERY_RESULT
    requests_mock.get(f"{BASE}/{SCHEDULE_ID}", json=[])
    with pytest.raises(JsmsUnreadableReplyError):
        hook.query_schedule(SCHEDULE_ID)


BAD_ARGUMENTS = {
    "a naive time": {"send_time": "2099-01-01"},
    "a time that has passed": {"send_time": datetime.now(UTC) - timedelta(seconds=1)},
    "a foreign number": {"mobile": "+1 555 0100"},
    "no template": {"temp_id": None},
    "a float parameter": {"temp_para": {"name": 1.5}},
    "a wrong signature": {"sign_id": "x"},
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_nothing_is_sent_with_a_bad_argument(
    name: str, hook: JsmsHook, requests_mock: Mocker
) -> None:
    arguments = {**ONE, **BAD_ARGUMENTS[name]}
    with pytest.raises(JsmsInputError, match="othing was sent"):
        hook.submit_schedule(**arguments)
    with pytest.raises(JsmsInputError, match="othing was sent"):
        hook.modify_schedule(SCHEDULE_ID, **arguments)
    assert requests_mock.call_count == 0


def test_a_passed_time_is_told_on_both_clocks(hook: JsmsHook) -> None:
    with pytest.raises(JsmsPastSendTimeError) as caught:
        hook.submit_schedule(**{**ONE, "send_time": "2020-01-01T01:00:00Z"})
    assert "2020-01-01 09:00:00 Asia/Shanghai (2020-01-01T01:00:00Z)" in str(caught.value)


def test_a_submission_is_logged_on_both_clocks_without_the_number(
    hook: JsmsHook, requests_mock: Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    requests_mock.post(BASE, json={"schedule_id": SCHEDULE_ID})
    hook.submit_schedule(**ONE)
    told = capsys.readouterr().out
    for expected in ("138****8001", "2099-01-01 09:00:00", "2099-01-01T01:00:00Z", SCHEDULE_ID):
        assert expected in told


def test_the_zone_of_the_connection_is_the_wall_clock(
    set_connection: Callable[..., None], requests_mock: Mocker
) -> None:
    set_connection(timezone="Asia/Tokyo")
    requests_mock.post(BASE, json={"schedule_id": SCHEDULE_ID})
    JsmsHook().submit_schedule(**ONE)
    assert requests_mock.last_request.json()["send_time"] == "2099-01-01 10:00:00"


class TestTheConnection:
    def test_is_the_default_one_or_a_named_one(
        self, monkeypatch: pytest.MonkeyPatch, requests_mock: Mocker
    ) -> None:
        uri = (
            f"jsms://{APP_KEY}:{MASTER_SECRET}@https%3A%2F%2Fsms.example.com%2Fjsms?read_timeout=7"
        )
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", uri)
        requests_mock.get("https://sms.example.com/jsms/v1/accounts/app", json={})
        hook = JsmsHook(jsms_conn_id="other")
        assert hook.test_connection()[0]
        assert hook.settings.read_timeout == 7
        assert JsmsHook().jsms_conn_id == "jsms_default"

    def test_warns_of_unknown_extras(
        self, set_connection: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        set_connection(read_timeot=5, read_timeout=None)
        assert JsmsHook().settings.read_timeout == 30
        assert "unknown extras: read_timeot" in caplog.text

    @asks_no_database
    @pytest.mark.parametrize("ask", [ask_in_the_old_way, ask])
    def test_that_is_not_there_is_told_with_the_ways_to_give_it(
        self, ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIRFLOW_CONN_JSMS_DEFAULT", raising=False)
        with pytest.raises(JsmsConnectionNotFoundError) as caught:
            ask()
        text = str(caught.value)
        assert "does not find the connection jsms_default, so nothing was sent." in text
        assert "a plain Python script cannot read the connections of the UI" in text
        assert "set the environment variable AIRFLOW_CONN_JSMS_DEFAULT" in text
        assert isinstance(caught.value, AirflowNotFoundException)
        assert not isinstance(caught.value, AirflowFailException), "a backend may have been down"

    def test_that_a_script_on_airflow_3_0_cannot_ask_for_is_told_alike(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Airflow 3.0 has no supervisor to ask outside a task, and fails to import it."""

        def ask_the_supervisor(*_: object) -> None:
            from airflow_provider_jsms import SUPERVISOR_COMMS  # noqa: F401, PLC0415

        monkeypatch.setattr(JsmsHook, "get_connection", ask_the_supervisor)
        with pytest.raises(JsmsConnectionNotFoundError, match="plain Python script"):
            JsmsHook().get_conn()
        works, text = JsmsHook().test_connection()
        assert not works
        assert "does not find the connection jsms_default" in text

    def test_whose_id_holds_a_number_is_told_without_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            JsmsHook, "get_connection", Mock(side_effect=AirflowNotFoundException("no"))
        )
        with pytest.raises(JsmsConnectionNotFoundError) as caught:
            JsmsHook(f"jsms_{people.ANNA}").get_conn()
        assert people.ANNA not in str(caught.value)

    def test_registers_its_secrets_with_the_masker(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        masked: list[str] = []
        monkeypatch.setattr("airflow_provider_jsms.hooks.connection.mask_secret", masked.append)
        set_connection()
        assert JsmsHook().settings.app_key == APP_KEY
        assert masked == [MASTER_SECRET, BASIC_TOKEN]

    def test_is_one_session_that_can_be_closed_and_used_again(
        self, set_connection: Callable[..., None], sandbox: SandboxControl
    ) -> None:
        set_connection(sandbox.url)
        with JsmsHook() as hook:
            assert hook.get_conn() is hook.get_conn()
            assert hook.test_connection()[0]
        assert hook.test_connection()[0]
        JsmsHook().close()

    def test_keeps_its_secrets_out_of_reprs(self, set_connection: Callable[..., None]) -> None:
        set_connection()
        hook = JsmsHook()
        shown = f"{hook!r} {hook.settings!r} {hook.get_conn()!r}"
        assert MASTER_SECRET not in shown
        assert BASIC_TOKEN not in shown


@pytest.mark.parametrize("interruption", [SystemExit, TimeoutError])
def test_a_submission_that_is_interrupted_is_uncertain(
    interruption: type[BaseException], hook: JsmsHook, requests_mock: Mocker
) -> None:
    """Airflow would run the task again after either."""
    requests_mock.post(BASE, exc=interruption)
    with pytest.raises(JsmsUncertainError, match=interruption.__name__):
        hook.submit_schedule(**ONE)


def test_requests_mock_failures_are_never_taken_for_unsent(
    hook: JsmsHook, requests_mock: Mocker
) -> None:
    """Without a connection that shows the phase, a failure counts as sent."""
    requests_mock.post(BASE, exc=ConnectionResetError)
    with pytest.raises(JsmsUncertainError):
        hook.submit_schedule(**ONE)
    assert requests_mock.call_count == 1


def test_certificates_that_are_not_there_sent_nothing(
    hook: JsmsHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(JsmsNotSentError, match="nothing was sent"):
        hook.submit_schedule(**ONE)


def test_a_connect_timeout_sent_nothing(
    hook: JsmsHook, requests_mock: Mocker, no_waits: None
) -> None:
    import requests  # noqa: PLC0415  only for the name of its error

    requests_mock.post(BASE, exc=requests.ConnectTimeout)
    with pytest.raises(JsmsNotSentError):
        hook.submit_schedule(**ONE)
    assert requests_mock.call_count == 3


def test_the_debug_logs_of_the_http_library_hold_nothing_private(
    sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), JsmsHook() as hook:
        hook.submit_schedule(**{**ONE, "temp_id": 2, "sign_id": None})
        sandbox.fault("query_schedule", "code", code=50002)
        with pytest.raises(JsmsAuthError):
            hook.query_schedule(SCHEDULE_ID)
    assert "POST /v1/schedule" in caplog.text


def test_the_facts_of_a_submission_are_fetched(sandbox: SandboxControl) -> None:
    sandbox.account(balance=12, market_balance=3)
    with JsmsHook() as hook:
        template, sign, balance = hook.get_template("6"), hook.get_sign(1), hook.get_balance()
        assert (template["temp_id"], template["type"], template["status"]) == (6, 2, 0)
        assert template["template"] == "{{name}}，您好，您的账单已生成。"
        assert (sign["sign"], sign["status"], sign["is_default"]) == ("沙盒诊所", 1, 1)
        assert (balance["app_balance"], balance["app_market"]) == (12, 3)
        assert balance["app_industry"] is None
        for ask_for, code in ((hook.get_template, 50013), (hook.get_sign, 50102)):
            with pytest.raises(JsmsApiError) as caught:
                ask_for(99)
            assert caught.value.code == code
            with pytest.raises(JsmsInputError):
                ask_for("all")
