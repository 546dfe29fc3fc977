"""A hook that forked processes, threads and pickles share: each answer reaches who asked for it."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import BASIC_TOKEN, MASTER_SECRET
from tests.unit import wire
from tests.unit.hooks.test_client import GOOD, SCHEDULE_ID, call

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.wire import Connection

NUMBERS = [f"1390000{n:04d}" for n in range(1, 25)]

# A process of its own, because one with threads, as this one has, may not be forked.
FORKING = """
import json, multiprocessing, sys
from airflow_provider_jsms.hooks.jsms import JsmsHook

def submit(mobile):
    return hook.submit_schedule(send_time=when, mobile=mobile, temp_id=1)

def mobile_of(schedule_id):
    assert hook.get_conn() is not session
    return hook.query_schedule(schedule_id)["recipients"][0]["mobile"]

when, *numbers = sys.argv[1:]
hook = JsmsHook()
# It has a connection open, as one of module-level code of a DAG file has.
ids = [submit(number) for number in numbers]
session = hook.get_conn()
with multiprocessing.get_context("fork").Pool(8) as pool:
    mobiles = pool.map(mobile_of, ids, chunksize=1)
    ids += pool.map(submit, numbers)
print(json.dumps([ids, mobiles]))
"""


@pytest.fixture
def used_hook(sandbox: SandboxControl, tomorrow: datetime) -> JsmsHook:
    """A hook whose session has a connection open."""
    hook = JsmsHook()
    hook.query_schedule(hook.submit_schedule(send_time=tomorrow, mobile="13900000000", temp_id=1))
    return hook


def _pickled(hook: JsmsHook) -> JsmsHook:
    again: JsmsHook = pickle.loads(pickle.dumps(hook))  # noqa: S301  the test made it itself
    return again


def test_each_answer_reaches_the_process_that_asked(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    command = [sys.executable, "-c", FORKING, tomorrow.isoformat(), *NUMBERS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    ids, mobiles = json.loads(done.stdout.splitlines()[-1])
    assert mobiles == NUMBERS
    assert len(set(ids)) == 2 * len(NUMBERS)
    assert {each["schedule_id"] for each in sandbox.state()["schedules"]} == set(ids)


def test_each_answer_reaches_the_thread_that_asked(
    used_hook: JsmsHook, sandbox: SandboxControl, tomorrow: datetime
) -> None:
    def round_trip(mobile: str) -> str:
        schedule_id = used_hook.submit_schedule(send_time=tomorrow, mobile=mobile, temp_id=1)
        return used_hook.query_schedule(schedule_id)["recipients"][0]["mobile"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(round_trip, NUMBERS)) == NUMBERS
    assert len(sandbox.state()["schedules"]) == len(NUMBERS) + 1


def test_a_thread_has_a_session_of_its_own(set_connection: Callable[..., None]) -> None:
    set_connection()
    hook = JsmsHook()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(hook.get_conn).result()
        assert pool.submit(hook.get_conn).result() is other
    assert hook.get_conn() is not other


def test_a_submission_has_a_fresh_connection_while_other_calls_keep_theirs(
    set_connection: Callable[..., None], tomorrow: datetime
) -> None:
    """A server may close an idle connection at that moment: the outcome would be uncertain."""
    peers = []

    def note_peer(connection: Connection) -> None:
        peers.append(connection.peer.getpeername())
        GOOD[connection.request.line.split()[0]](connection)

    with wire.WireServer([note_peer]) as server:
        set_connection(server.url)
        with JsmsHook() as hook:
            for method in ("GET", "PUT", "POST", "GET", "POST", "DELETE"):
                call(method, tomorrow)(hook)
    get, put, post, again, second_post, delete = peers
    assert get == put
    assert post == again
    assert second_post == delete
    assert len({get, post, second_post}) == 3


def test_sockets_of_a_thread_close_with_it(set_connection: Callable[..., None]) -> None:
    ended = threading.Event()

    def answer_and_wait(connection: Connection) -> None:
        GOOD["GET"](connection)
        if not connection.peer.recv(1):
            ended.set()
        connection.close()

    with wire.WireServer([answer_and_wait]) as server:
        set_connection(server.url)
        with JsmsHook() as hook:
            thread = threading.Thread(target=hook.query_schedule, args=[SCHEDULE_ID])
            thread.start()
            thread.join()
            assert ended.wait(5)


class TestAPickle:
    @pytest.mark.parametrize("copied", [_pickled, copy.copy, copy.deepcopy])
    def test_of_a_used_hook_works_on_its_own(
        self, copied: Callable[[JsmsHook], JsmsHook], used_hook: JsmsHook
    ) -> None:
        hook = copied(used_hook)
        assert hook.jsms_conn_id == used_hook.jsms_conn_id
        assert hook.get_conn() is not used_hook.get_conn()
        assert hook.test_connection()[0]

    def test_holds_no_credentials(self, used_hook: JsmsHook) -> None:
        content = pickle.dumps(used_hook)
        assert MASTER_SECRET.encode() not in content
        assert BASIC_TOKEN.encode() not in content

    def test_reads_the_connection_anew(
        self, used_hook: JsmsHook, set_connection: Callable[..., None]
    ) -> None:
        assert used_hook.settings.read_timeout == 30
        set_connection(read_timeout=7)
        assert _pickled(used_hook).settings.read_timeout == 7
