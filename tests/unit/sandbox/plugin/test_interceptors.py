"""The fixture beside libraries that intercept requests or block sockets, as the README says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.unit.sandbox.plugin.test_project import SECTION

if TYPE_CHECKING:
    from tests.unit.sandbox.plugin.conftest import Project

TESTS = """\
import re
import pytest, requests, requests_mock, responses
from airflow_provider_jsms.hooks.jsms import JsmsHook

ELSEWHERE = "https://elsewhere.example/"

def submit(sandbox):
    with JsmsHook() as hook:
        hook.submit_schedule(send_time="2031-01-01 09:00:00", mobile="13900000001", temp_id=1)
    return [text.mobile for text in sandbox.scheduled]

def test_requests_mock(jsms_sandbox):
    with requests_mock.Mocker() as mocker:
        mocker.get(ELSEWHERE, text="mocked")
        {requests_mock}
        assert submit(jsms_sandbox) == ["13900000001"]
        assert requests.get(ELSEWHERE).text == "mocked"

@responses.activate
def test_responses(jsms_sandbox):
    responses.get(ELSEWHERE, body="mocked")
    {responses}
    assert submit(jsms_sandbox) == ["13900000001"]
    assert requests.get(ELSEWHERE).text == "mocked"

def test_blocked_sockets(jsms_sandbox):
    assert submit(jsms_sandbox) == ["13900000001"]
    if {is_blocked}:
        with pytest.raises(Exception, match="192.0.2.1"):
            requests.get("http://192.0.2.1/", timeout=0.2)
"""


def shown(start: str) -> str:
    """Return the code that begins so from the chapter of the README."""
    found = re.search(rf"`({re.escape(start)}[^`]*)`", SECTION)
    assert found
    return found[1]


@pytest.mark.parametrize("allowed", [None, shown("--allow-hosts")])
def test_it_works_beside_them(allowed: str | None, project: Project) -> None:
    tests = TESTS.format(
        requests_mock=shown("mocker.register_uri("),
        responses=shown("responses.add_passthru("),
        is_blocked=allowed is not None,
    )
    project.write("test_it.py", tests)
    options = ["--disable-socket", allowed] if allowed else []
    said = project.pytest("-p", "no:cacheprovider", *options)
    assert "= 3 passed" in said, said


def test_blocked_sockets_are_named(project: Project) -> None:
    project.write("test_it.py", "def test_it(jsms_sandbox):\n    pass\n")
    said = project.pytest("-p", "no:cacheprovider", "--disable-socket")
    assert "jsms_sandbox cannot listen on 127.0.0.1 (SocketBlockedError)" in said
    assert shown("--allow-hosts") in said
    assert "Traceback" not in said
