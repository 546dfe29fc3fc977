"""The connection as Airflow serves it: every field of the form, and what the Test button says."""

from __future__ import annotations

import html
import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_jsms.get_provider_info import CONN_FIELDS, PLACEHOLDERS, RELABELING
from tests import leaks
from tests.unit.wire import WireServer, answer
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.sandbox import RunningSandbox

Json = dict[str, Any]

FORMS = "/ui/connections/hook_meta"

with_a_web_form = pytest.mark.skipif(AIRFLOW >= (3, 0), reason="Airflow 3 has no such page")


@pytest.fixture(scope="module")
def web(airflow: AirflowStack) -> requests.Session:
    """What a browser has: Airflow 3 hands out a token to everybody, 3.0 and 3.1 ask for it."""
    session = requests.Session()
    session.trust_env = False
    if AIRFLOW >= (3, 0):
        answer = session.get(f"{airflow.url}/auth/token", timeout=30).json()
        session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        # As the page with the Test button does: 3.1 makes the form once, without any field if the
        # hook was imported before.
        session.get(f"{airflow.url}{FORMS}", timeout=60).raise_for_status()
    return session


def press_test(airflow: AirflowStack, web: requests.Session, connection: Json) -> tuple[bool, str]:
    """Do what the Test button does, and return what it tells."""
    url = f"{airflow.url}{airflow.rest.api}/connections/test"
    answer = web.post(url, json={"connection_id": "tested", **connection}, timeout=60).json()
    assert leaks.found_in(answer["message"]) == []
    return answer["status"], answer["message"]


def test_the_test_button_tells_the_balance(
    airflow: AirflowStack,
    web: requests.Session,
    running_sandbox: RunningSandbox,
    sandbox: SandboxControl,
) -> None:
    sandbox.account(balance=77)
    works, told = press_test(airflow, web, running_sandbox.connection)
    assert works
    assert "app_balance 77" in told


def test_the_test_button_explains_a_failure(
    airflow: AirflowStack,
    web: requests.Session,
    running_sandbox: RunningSandbox,
    sandbox: SandboxControl,
) -> None:
    right = running_sandbox.connection
    with WireServer([answer(200, b"<html>")]) as page, socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        for changed, words in {
            ("password", "another0000000000000000"): "the app key or the master secret is wrong",
            ("host", nowhere): f"No connection to {nowhere} (",
            ("host", page.url): "Is the host that of JSMS (https://api.sms.jpush.cn)?",
            ("extra", '{"max_attempts": 11}'): "accepted is a whole number from 1 to 10",
        }.items():
            works, told = press_test(airflow, web, {**right, **dict([changed])})
            assert not works
            assert words in told


@pytest.fixture(scope="module")
def form(airflow: AirflowStack, web: requests.Session) -> Json:
    """The form as the API server serves it to its page."""
    if AIRFLOW < (3, 0):
        pytest.skip("Airflow 2 draws the form itself")
    forms = web.get(f"{airflow.url}{FORMS}", timeout=60).json()
    (form,) = [each for each in forms if each["connection_type"] == "jsms"]
    assert form["hook_name"] == "JSMS (Jiguang SMS)"
    if form["standard_fields"] is None and AIRFLOW < (3, 1):
        pytest.skip("Airflow 3.0 knows no field of any provider without the FAB provider")
    return dict(form)


def test_the_standard_fields_have_labels_and_placeholders(form: Json) -> None:
    served = {
        name.replace("url_", ""): field
        for name, field in form["standard_fields"].items()
        if field is not None
    }
    assert set(served) == RELABELING.keys() | PLACEHOLDERS.keys()
    for name, field in served.items():
        assert field == {
            "hidden": False,
            "title": RELABELING.get(name),
            "placeholder": PLACEHOLDERS.get(name),
        }


@pytest.mark.parametrize("name", CONN_FIELDS)
def test_an_extra_has_label_help_default_and_bounds(form: Json, name: str) -> None:
    assert list(form["extra_fields"]) == list(CONN_FIELDS)
    served, field = form["extra_fields"][name], CONN_FIELDS[name]
    assert served["schema"]["title"] == field["label"]
    assert served["description"] == field["description"]
    if AIRFLOW >= (3, 2):
        assert served["value"] == field["schema"].get("default")
        bounds = {key: served["schema"].get(key) for key in ("type", "minimum", "maximum")}
        assert bounds == {key: field["schema"].get(key) for key in bounds}
    else:
        assert (served["value"] or "") == str(field["schema"].get("default", ""))


@with_a_web_form
def test_the_page_of_airflow_2_shows_the_form(airflow: AirflowStack, web: requests.Session) -> None:
    page = html.unescape(web.get(f"{airflow.url}/connection/add", timeout=60).text)
    (behaviours,) = re.findall(r'<script id="field_behaviours"[^>]*>(.*?)</script>', page)
    assert json.loads(behaviours)["jsms"]["relabeling"] == RELABELING
    assert json.loads(behaviours)["jsms"]["hidden_fields"] == []
    for extra, field in CONN_FIELDS.items():
        name, label = f"extra__jsms__{extra}", re.escape(field["label"])
        assert re.search(rf'<label for="{name}"[^>]*>\s*{label}\s*</label>', page)
        (default,) = re.findall(rf'<input [^>]*id="{name}"[^>]* value="([^"]*)"', page)
        assert default == str(field["schema"].get("default", ""))
        assert f'<span class="help-block">{field["description"]}</span>' in page
