"""Records that somebody edited in the Storage tab: uncertain, and never sent over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsForeignRecordError, JsmsUncertainError
from tests import people
from tests.unit.submission.tries import KEYS, Task, posts

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl

ACCEPTED: dict[str, Any] = {
    "state": "accepted",
    "schedule_id": "1a2b",
    "fingerprint": {"request": "r", "people": "p", "app": "a", "key": "k"},
}


@pytest.mark.parametrize("on_uncertain", ["fail", "resubmit"])
@pytest.mark.parametrize(
    "record",
    [
        {"state": "accepted"},
        {**ACCEPTED, "schedule_id": "1a2b\nINFO - sent"},
        {**ACCEPTED, "schedule_id": 5},
        {**ACCEPTED, "fingerprint": None},
        {**ACCEPTED, "state": ["accepted"]},
        "text",
        [],
    ],
    ids=str,
)
def test_a_damaged_record_is_uncertain_and_nothing_is_sent(
    sandbox: SandboxControl, tomorrow: datetime, record: Any, on_uncertain: str
) -> None:
    task = Task("single", tomorrow)
    task.arguments["on_uncertain"] = on_uncertain
    task.tries = 1
    assert task.store
    task.store._values[KEYS["single"]] = json.dumps(record)
    with pytest.raises((JsmsUncertainError, JsmsForeignRecordError)) as caught:
        task.run()
    assert posts(sandbox) == 0
    assert people.ANNA not in str(caught.value)
    assert "INFO - sent" not in str(caught.value)
