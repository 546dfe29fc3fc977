# ruff: noqa: ANN001, ANN201 - as people write their tests
import os
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
import time_machine
from campaign import MEMBERS, dag

HAS_STORE = tuple(map(int, version("apache-airflow").split(".")[:2])) >= (3, 3)
CHUNK = ("submit_batch_schedule", None)


@pytest.fixture
def marketing(jsms_sandbox):
    jsms_sandbox.connect("jsms_marketing", read_timeout=1)
    return jsms_sandbox


def calls(sandbox):
    return [(each.call, each.code) for each in sandbox.requests if each.method == "POST"]


def run_without_waiting():
    return dag.test(mark_success_pattern="wait").state


def test_everybody_is_texted_once(marketing):
    marketing.number(MEMBERS[7], "invalid")
    assert run_without_waiting() == "success"
    assert calls(marketing) == [CHUNK, CHUNK]
    texted = [text.mobile for text in marketing.scheduled]
    assert sorted(texted) == sorted({*MEMBERS} - {MEMBERS[7]})
    [refused] = marketing.refused
    assert (refused.mobile, refused.code) == (MEMBERS[7], 50006)


def test_nothing_is_left_of_the_test_before(jsms_sandbox):
    assert (jsms_sandbox.requests, jsms_sandbox.scheduled, jsms_sandbox.refused) == ([], [], [])
    assert "AIRFLOW_CONN_JSMS_MARKETING" not in os.environ


def test_a_connection_that_was_not_named_leads_nowhere(jsms_sandbox, monkeypatch):
    real = '{"conn_type": "jsms", "login": "key", "password": "secret"}'
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_MARKETING", real)
    assert run_without_waiting() == "failed"
    assert jsms_sandbox.requests == []


def test_an_answer_that_is_lost_texts_nobody_twice(marketing):
    marketing.fault("submit_batch_schedule", "accepted_then_closed")
    assert run_without_waiting() == "failed"
    assert calls(marketing) == [CHUNK]
    assert len(marketing.scheduled) == 1_000


@pytest.mark.skipif(not HAS_STORE, reason="a retry knows what was sent on Airflow 3.3 and newer")
def test_a_retry_goes_on_where_the_first_try_has_ended(marketing):
    marketing.fault("submit_batch_schedule", "slow", seconds=0)  # the first request
    marketing.fault("submit_batch_schedule", "code", code=50009)  # the second one
    assert run_without_waiting() == "success"
    assert calls(marketing) == [CHUNK, ("submit_batch_schedule", 50009), CHUNK]
    assert sorted(text.mobile for text in marketing.scheduled) == MEMBERS


def test_a_wait_of_six_hours(marketing, monkeypatch):
    marketing.switch(msg_id_when="sent")
    with time_machine.travel(datetime.now(UTC)) as clock:
        monkeypatch.setattr("time.sleep", clock.shift)
        assert dag.test().state == "success"
        assert len(marketing.sent) == len(MEMBERS)
        assert marketing.sent[0].send_time <= datetime.now(UTC)
