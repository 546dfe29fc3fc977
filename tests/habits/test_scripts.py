"""The hook in a plain Python script, beside tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session

from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.testing import JsmsSandbox

# It tries again with the environment variable that the error names.
SCRIPT = """
import os
from airflow_provider_jsms.exceptions import JsmsConnectionNotFoundError
from airflow_provider_jsms.hooks.jsms import JsmsHook

def submit():
    with JsmsHook("jsms_of_the_ui") as hook:
        when = "2031-01-01 09:00:00"
        print(hook.submit_schedule(send_time=when, mobile="13900000001", temp_id=1))

try:
    submit()
except JsmsConnectionNotFoundError as error:
    print(error)
os.environ["AIRFLOW_CONN_JSMS_OF_THE_UI"] = os.environ["AIRFLOW_CONN_JSMS_DEFAULT"]
submit()
"""


@pytest.mark.skipif(AIRFLOW < (3, 1), reason="older ones read their database in a script too")
@pytest.mark.usefixtures("_database")
def test_a_script_that_cannot_read_a_connection_of_the_ui_says_what_works(
    jsms_sandbox: JsmsSandbox,
) -> None:
    with create_session() as session:
        connection = os.environ["AIRFLOW_CONN_JSMS_DEFAULT"]
        session.add(Connection.from_json(connection, conn_id="jsms_of_the_ui"))
    # Another test of this process may have made it one of Airflow's servers.
    plain = {name: it for name, it in os.environ.items() if name != "_AIRFLOW_PROCESS_CONTEXT"}
    command = [sys.executable, "-c", SCRIPT]
    said = subprocess.run(command, env=plain, capture_output=True, check=True, text=True).stdout
    assert "does not find the connection jsms_of_the_ui, so nothing was sent" in said
    assert "set the environment variable AIRFLOW_CONN_JSMS_OF_THE_UI" in said
    [request] = jsms_sandbox.requests
    [text] = jsms_sandbox.scheduled
    assert (request.call, text.mobile) == ("submit_schedule", "13900000001")
    assert said.endswith(f"{text.schedule_id}\n")
