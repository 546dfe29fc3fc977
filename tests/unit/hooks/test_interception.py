"""Tools that intercept HTTP in people's tests: each of them stops the hook, or answers for JSMS."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import pytest_socket
import requests_mock
import responses
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from airflow_provider_jsms.exceptions import JsmsStateError, JsmsUncertainError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import BASIC_TOKEN
from tests.unit import wire
from tests.unit.hooks.test_async_client import ask, ask_in_the_old_way
from tests.unit.hooks.test_client import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = [
    pytest.mark.usefixtures("no_waits"),
    pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning"),
]

# vcrpy logs it.
NUMBER = "13900000001"


@pytest.fixture
def submit(tomorrow: datetime) -> Callable[[JsmsHook], str]:
    return lambda hook: hook.submit_schedule(send_time=tomorrow, mobile=NUMBER, temp_id=1)


class TestVcrpy:
    @pytest.fixture
    def cassette(self, tmp_path: Path) -> Path:
        return tmp_path / "cassette.yaml"

    @pytest.mark.parametrize("was_used", [False, True])
    def test_stops_the_hook_where_nothing_may_leave(
        self,
        was_used: bool,
        cassette: Path,
        sandbox: SandboxControl,
        submit: Callable[[JsmsHook], str],
    ) -> None:
        with JsmsHook(durable=False) as hook:
            if was_used:
                hook.test_connection()
            with vcr.use_cassette(cassette, record_mode="none"):
                with pytest.raises(JsmsUncertainError) as caught:
                    submit(hook)
                assert isinstance(caught.value.__cause__, CannotOverwriteExistingCassetteException)
                with pytest.raises(CannotOverwriteExistingCassetteException):
                    hook.query_schedule("some-id")
                with pytest.raises(CannotOverwriteExistingCassetteException):
                    ask("some-id")
            assert len(sandbox.requests()) == was_used
            submit(hook)
        assert len(sandbox.state()["schedules"]) == 1

    def test_records_and_replays_the_hook(
        self, cassette: Path, sandbox: SandboxControl, submit: Callable[[JsmsHook], str]
    ) -> None:
        def use() -> list[Any]:
            with JsmsHook(durable=False) as hook:
                schedule_id = submit(hook)
                answers = [schedule_id, hook.query_schedule(schedule_id)]
                answers.append(ask(schedule_id))
                hook.delete_schedule(schedule_id)
                with pytest.raises(JsmsStateError):
                    hook.delete_schedule(schedule_id)
            return answers

        keep = {"filter_headers": ["authorization"], "path": str(cassette)}
        with vcr.use_cassette(**keep):
            recorded = use()
        assert recorded[1] == recorded[2]
        assert BASIC_TOKEN not in cassette.read_text()
        sandbox.reset()
        with vcr.use_cassette(**keep, record_mode="none"):
            assert use() == recorded
        assert sandbox.requests() == []

    def test_records_and_replays_https(
        self, cassette: Path, tmp_path: Path, set_connection: Callable[..., None]
    ) -> None:
        authority = wire.Authority(tmp_path)
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(server.url, ca_bundle=str(authority.bundle))
            with vcr.use_cassette(cassette):
                recorded = [ask_in_the_old_way(), ask()]
        with vcr.use_cassette(cassette, record_mode="none"):
            assert [ask_in_the_old_way(), ask()] == recorded
        assert len(server.requests) == 2

    def test_may_be_in_use_when_the_hook_is_first_imported(
        self, cassette: Path, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        """Operators import it when a task runs: first stopped, later on it works as ever."""
        script = f"""if True:
            import vcr
            def submit():
                from airflow_provider_jsms.hooks.jsms import JsmsHook
                with JsmsHook(durable=False) as hook:
                    return hook.submit_schedule(
                        send_time="{tomorrow.isoformat()}", mobile="{NUMBER}", temp_id=1)
            with vcr.use_cassette("{cassette}", record_mode="none"):
                try: submit()
                except Exception as error: print(type(error).__name__)
            print(submit())
        """
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        [schedule] = sandbox.state()["schedules"]
        assert "JsmsUncertainError" in ended.stdout
        assert ended.stdout.split()[-1] == schedule["schedule_id"]


@pytest.mark.parametrize("tool", [responses.RequestsMock, requests_mock.Mocker])
def test_a_mock_of_requests_answers_for_jsms_and_stops_what_it_does_not_know(
    tool: Callable[[], Any], sandbox: SandboxControl, submit: Callable[[JsmsHook], str]
) -> None:
    with tool() as mock, JsmsHook(durable=False) as hook:
        with pytest.raises(JsmsUncertainError):
            submit(hook)
        url = f"{hook.settings.base_url}/v1/schedule"
        add = getattr(mock, "add", None) or mock.request
        add("POST", url, json={"schedule_id": "mocked"})
        assert submit(hook) == "mocked"
    assert sandbox.requests() == []


class TestPytestSocket:
    @pytest.fixture
    def hook(self, sandbox: SandboxControl) -> Iterator[JsmsHook]:
        hook = JsmsHook(durable=False)
        hook.test_connection()
        pytest_socket.disable_socket(allow_unix_socket=True)  # an event loop needs one of those
        yield hook
        pytest_socket.enable_socket()
        assert len(sandbox.requests()) == 1

    def test_stops_the_hook(self, hook: JsmsHook, submit: Callable[[JsmsHook], str]) -> None:
        with pytest.raises(pytest_socket.SocketBlockedError):
            submit(hook)

    def test_stops_a_query_in_an_event_loop(self, hook: JsmsHook) -> None:
        with pytest.raises(pytest_socket.SocketBlockedError):
            ask("some-id")
