"""The hook in a plain Python script, beside tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox

SCRIPT = """
from airflow_provider_jsms.exceptions import JsmsConnectionNotFoundError
from airflow_provider_jsms.hooks.jsms import JsmsHook

try:
    with JsmsHook("jsms_of_the_ui") as hook:
        when = "2031-01-01 09:00:00"
        print(hook.submit_schedule(send_time=when, mobile="13900000001", temp_id=1))
except JsmsConnectionNotFoundError as error:
    print(error)
"""


def run_script() -> str:
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 reads its database in a script too")
@pytest.mark.usefixtures("_database")
def test_a_script_that_cannot_read_a_connection_of_the_ui_says_what_works(
    jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = os.environ["AIRFLOW_CONN_JSMS_DEFAULT"]
    add = ["connections", "add", "jsms_of_the_ui", "--conn-json", connection]
    subprocess.run([sys.executable, "-m", "airflow", *add], capture_output=True, check=True)
    said = run_script()
    assert "does not find the connection jsms_of_the_ui, so nothing was sent" in said
    assert "set the environment variable AIRFLOW_CONN_JSMS_OF_THE_UI" in said
    assert jsms_sandbox.requests == []
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_OF_THE_UI", connection)
    said = run_script()
    [text] = jsms_sandbox.scheduled
    assert text.mobile == "13900000001"
    assert text.schedule_id in said
