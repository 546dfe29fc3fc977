"""The command of the quick start, as a user runs it: from the start to Ctrl-C."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_jsms.sandbox.control import SandboxControl
from tests.quickstart import QuickStart
from tests.stack.settings import release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AIRFLOW = re.compile(r"Airflow +(http://127\.0\.0\.1:\d+) ")
PAGE = re.compile(r"Sandbox's page +(http://127\.0\.0\.1:\d+) ")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[QuickStart]:
    running = QuickStart(tmp_path)
    yield running
    running.end()


def test_it_leads_to_a_text_and_leaves_nothing_behind(command: QuickStart) -> None:
    airflow, page = command.address(AIRFLOW), command.address(PAGE)
    assert requests.get(page, timeout=10).ok
    assert requests.get(airflow, timeout=30).ok
    rest = release.Rest(airflow)
    run_id = rest.trigger("jsms_quickstart", conf={"name": "小明"})["dag_run_id"]
    run = rest.wait_for_run("jsms_quickstart", run_id, timeout=240)
    assert run["state"] == "success", rest.log("jsms_quickstart", run_id, "submit")
    with SandboxControl(page) as sandbox:
        (message,) = sandbox.messages()
    assert "小明，您好，您的预约已确认。" in message["text"]
    command.note_processes()
    assert len(command.living()) > 3
    (home,) = command.temporary.iterdir()
    assert str(home) in command.output.read_text()

    command.process.send_signal(signal.SIGINT)
    command.process.send_signal(signal.SIGINT)  # an impatient user

    assert command.process.wait(60) == 0
    assert command.living() == []
    assert list(command.temporary.iterdir()) == []
    assert list(command.user.iterdir()) == []
