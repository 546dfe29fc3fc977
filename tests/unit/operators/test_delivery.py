"""Reports and replies on the sandbox: JSMS hands out each row once, and none is lost or doubled."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsLedgerError,
    JsmsOutputError,
    JsmsReadTimeoutError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import JsmsFetchRepliesOperator, JsmsFetchReportsOperator
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.submission.delivery import drain, output_file
from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger
from airflow_provider_jsms.submission.records.stores import StoreAwayError
from tests import people
from tests.databases import needs_sqlite_hook
from tests.unit import wire
from tests.versions import attach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

Row = dict[str, Any]
REPORT = {"msgId": "7", "phone": people.ANNA, "receiveTime": 1492150741392, "status": 4001}


class TaskInstance:
    """As much of one as the operators use."""

    def __init__(self, try_number: int) -> None:
        self.try_number = try_number
        self.xcoms: Row = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


class Desk:
    """Somebody who reads into one file, again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, operator: type = JsmsFetchReportsOperator, tries: int = 1, **given: Any) -> Row:
        self.ti = TaskInstance(tries)
        task = operator(task_id="read", **{"output": str(self.path), **given})
        task.render_template_fields({"ds": "2026-12-01"})
        result: Row = task.execute({"ti": self.ti})
        return result

    @property
    def rows(self) -> list[Row]:
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    @property
    def msg_ids(self) -> list[str]:
        return [row["msgId"] for row in self.rows]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "reports.jsonl")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[float]:
    """The waits, which pass on the sandbox's clock only."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if "sandbox" in request.fixturenames:
            request.getfixturevalue("sandbox").advance(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    return waited


def send(sandbox: SandboxControl, count: int) -> set[str]:
    """Text people, and return the msg_ids."""
    sandbox.template(2, text="without parameters")
    with JsmsHook() as hook:
        when = datetime.now(UTC) + timedelta(hours=1)
        for first in range(0, count, 1000):
            chunk = range(first, min(count, first + 1000))
            mobiles = [people.number(each) for each in chunk]
            hook.submit_batch_schedule(send_time=when, recipients=mobiles, temp_id=2)
    sandbox.advance(3600)
    schedules = sandbox.state()["schedules"]
    return {person["msg_id"] for schedule in schedules for person in schedule["recipients"]}


@pytest.mark.parametrize(("count", "pages"), [(0, 0), (3, 1), (500, 1), (1207, 3)])
def test_every_report_is_read_once(
    sandbox: SandboxControl, desk: Desk, waits: list[float], count: int, pages: int
) -> None:
    sent = send(sandbox, count)
    result = desk.read()
    assert (result["rows"], result["pages"]) == (count, pages)
    assert result["by_status"] == ({"4001": count} if count else {})
    assert (result["unreadable"], result["lost_pages"]) == (0, 0)
    assert result["output"] == str(desk.path)
    assert Counter(desk.msg_ids) == Counter(sent)
    # One call more where the last page was full.
    assert waits == [5.0] * (count // 500)
    assert desk.read()["rows"] == 0
    assert len(desk.rows) == count


def test_a_row_is_as_documented_and_says_when_it_was_read(
    sandbox: SandboxControl, desk: Desk
) -> None:
    sandbox.delivery(people.number(0), 4004)
    send(sandbox, 1)
    desk.read()
    (row,) = desk.rows
    assert list(row) == ["msgId", "phone", "receiveTime", "status", "read_at"]
    assert (row["phone"], row["status"]) == (people.number(0), 4004)
    assert isinstance(row["receiveTime"], int)
    assert datetime.now(UTC) - datetime.fromisoformat(row["read_at"]) < timedelta(minutes=5)


def test_the_log_counts_by_status_and_names_nobody(
    sandbox: SandboxControl, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.delivery(people.number(0), 4003)
    send(sandbox, 3)
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    assert desk.read()["by_status"] == {"4001": 2, "4003": 1}
    assert f"Delivery reports read into {desk.path}: 3; pages: 1, lost pages: 0" in caplog.text
    assert "2  4001 delivered" in caplog.text
    assert "1  4003 the phone is off or out of service" in caplog.text
    assert people.number(1)[3:] not in caplog.text


def test_replies_are_read_too(
    sandbox: SandboxControl, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.reply(people.ANNA, f"谢谢 {people.CANARY}")
    result = desk.read(JsmsFetchRepliesOperator)
    assert (result["rows"], "by_status" in result) == (1, False)
    (row,) = desk.rows
    assert (row["phone"], row["content"]) == (people.ANNA, f"谢谢 {people.CANARY}")
    assert "谢谢" in desk.path.read_text("utf-8")
    assert people.CANARY not in caplog.text


def test_the_output_is_a_template(sandbox: SandboxControl, desk: Desk, tmp_path: Path) -> None:
    result = desk.read(output=f"{tmp_path}/{{{{ ds }}}}.jsonl")
    assert result["output"] == f"{tmp_path}/2026-12-01.jsonl"
    assert (tmp_path / "2026-12-01.jsonl").read_bytes() == b""


def test_a_path_object_may_hold_a_template(
    sandbox: SandboxControl, desk: Desk, tmp_path: Path
) -> None:
    desk.read(output=tmp_path / "{{ ds }}.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["2026-12-01.jsonl"]


class TestNothingIsReadBefore:
    """Arguments and output are checked first: a row that cannot be kept must stay at JSMS."""

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({"output": "None"}, JsmsInputError),
            ({"output": ""}, JsmsInputError),
            ({"output": None}, JsmsInputError),
            ({"output": 7}, JsmsInputError),
            ({"output": "reports.csv"}, JsmsInputError),
            ({"output": "/no/such/folder/reports.jsonl"}, JsmsOutputError),
            ({"output": "unknown://bucket/reports.jsonl"}, JsmsOutputError),
            ({"save_to_ledger": "perhaps"}, JsmsInputError),
            ({"save_to_ledger": True}, JsmsInputError),
        ],
    )
    def test_it_is_checked(
        self, sandbox: SandboxControl, desk: Desk, given: Row, error: type[Exception]
    ) -> None:
        send(sandbox, 1)
        with pytest.raises(error, match=r"Nothing was (read|sent)"):
            desk.read(**given)
        assert desk.read()["rows"] == 1

    @needs_sqlite_hook
    def test_the_ledger_is_checked(
        self,
        sandbox: SandboxControl,
        set_connection: Callable[..., None],
        desk: Desk,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        send(sandbox, 1)
        monkeypatch.setenv("AIRFLOW_CONN_TEXTS", f"sqlite:///{tmp_path}/no/folder.db")
        set_connection(sandbox.url, ledger_conn_id="texts")
        with pytest.raises(JsmsLedgerError, match="could not be written"):
            desk.read(save_to_ledger=True)
        assert desk.read()["rows"] == 1

    def test_a_disk_that_is_full(
        self, sandbox: SandboxControl, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send(sandbox, 1)
        with monkeypatch.context() as patch:
            patch.setattr(output_file, "disk_usage", lambda _: SimpleNamespace(total=9, free=0))
            with pytest.raises(JsmsOutputError, match=r"No space left.*Nothing was read"):
                desk.read()
        assert desk.read()["rows"] == 1

    def test_a_disk_that_is_read_only(self, sandbox: SandboxControl, desk: Desk) -> None:
        send(sandbox, 1)
        with pytest.raises(JsmsOutputError, match="Nothing was read"):
            desk.read(output="/proc/reports.jsonl")
        assert desk.read()["rows"] == 1


@pytest.mark.usefixtures("waits")
def test_a_disk_that_is_full_loses_one_page_and_says_so(
    sandbox: SandboxControl, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(sandbox, 700)
    real, calls = os.fsync, iter(range(100))

    def synchronize(file: int) -> None:
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synchronize)
        with pytest.raises(JsmsOutputError, match=r"No space left.*page of 200 rows .*be lost"):
            desk.read()
    assert (desk.ti.xcoms["rows"], desk.ti.xcoms["lost_pages"]) == (500, 1)


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("fails", [False, True])
def test_pages_in_object_storage_are_merged_even_if_the_next_cannot_be_read(
    sandbox: SandboxControl, desk: Desk, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    sent = send(sandbox, 1207)
    storage = attach("memory", fs=MemoryFileSystem()).fs
    output = "memory://desk/reports.jsonl"
    real, calls = JsmsHook.fetch_reports, iter(range(100))

    def fetch(hook: JsmsHook, **given: Any) -> list[Row]:
        sandbox.account(callback=fails and next(calls) == 2)
        return real(hook, **given)

    monkeypatch.setattr(JsmsHook, "fetch_reports", fetch)
    with pytest.raises(JsmsAccountError) if fails else nullcontext():
        desk.read(output=output)
    (name,) = (each["name"] for each in storage.ls("/desk"))
    rows = [json.loads(line) for line in storage.cat_file(name).splitlines()]
    msg_ids = [row["msgId"] for row in rows]
    assert len({*msg_ids} & sent) == len(msg_ids) == (1000 if fails else 1207)
    storage.rm("/desk", recursive=True)


class TestRefusals:
    def test_a_callback(self, sandbox: SandboxControl, desk: Desk, waits: list[float]) -> None:
        sandbox.account(callback=True)
        with pytest.raises(JsmsAccountError, match=r"50202.*Remove the callback"):
            desk.read()
        assert waits == []

    def test_another_reader_is_waited_for(
        self, sandbox: SandboxControl, desk: Desk, waits: list[float]
    ) -> None:
        send(sandbox, 2)
        with JsmsHook() as hook:
            assert len(hook.fetch_reports()) == 2
        assert desk.read()["rows"] == 0
        assert len(waits) == 1
        assert waits[0] >= 5

    def test_but_not_for_ever(
        self, sandbox: SandboxControl, desk: Desk, waits: list[float]
    ) -> None:
        sandbox.fault("fetch_reports", "code", times=None, code=50201)
        with pytest.raises(JsmsFrequencyError, match="pool"):
            desk.read()
        assert len(waits) == 2
        assert desk.ti.xcoms["rows"] == 0


class TestALostReply:
    """JSMS has handed out the page, and it did not arrive."""

    @pytest.fixture(autouse=True)
    def _patient(self, sandbox: SandboxControl, set_connection: Callable[..., None]) -> None:
        set_connection(sandbox.url, read_timeout=1)

    def test_it_is_counted_and_logged_and_the_next_page_is_read(
        self,
        sandbox: SandboxControl,
        desk: Desk,
        waits: list[float],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        sent = send(sandbox, 700)
        sandbox.fault("fetch_reports", "accepted_then_closed")
        result = desk.read()
        assert (result["rows"], result["pages"], result["lost_pages"]) == (200, 1, 1)
        assert len({*desk.msg_ids} & sent) == 200
        assert (
            "pages that were lost on their way: 1, each with up to 500" in capsys.readouterr().out
        )
        assert min(waits) >= 5

    def test_pages_before_it_are_kept_if_all_attempts_fail(
        self, sandbox: SandboxControl, desk: Desk, waits: list[float]
    ) -> None:
        send(sandbox, 700)
        real = JsmsHook.fetch_reports
        calls = iter([False])

        def fetch(hook: JsmsHook, *, met: list[BaseException]) -> list[Row]:
            if next(calls, True):
                sandbox.fault("fetch_reports", "stalled", times=None, handled=False)
            return real(hook, met=met)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JsmsHook, "fetch_reports", fetch)
            with pytest.raises(JsmsReadTimeoutError):
                desk.read()
        assert desk.ti.xcoms["rows"] == 500
        assert desk.ti.xcoms["lost_pages"] == 3
        sandbox.clear_faults()
        assert desk.read(tries=2)["rows"] == 200
        assert len({*desk.msg_ids}) == 700


class TestRowsOfAnotherForm:
    """What no document describes is kept as it is: JSMS hands it out once."""

    def read(self, desk: Desk, set_connection: Callable[..., None], body: object) -> Row:
        answer = wire.answer(body=json.dumps(body).encode())
        with wire.WireServer([answer]) as server:
            set_connection(server.url)
            return desk.read()

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            (REPORT | {"msgId": 7}, REPORT),
            (REPORT | {"status": "4001"}, REPORT),
            (REPORT | {"receiveTime": "2017-04-14"}, REPORT | {"receiveTime": "2017-04-14"}),
            (REPORT | {"more": [1]}, REPORT | {"more": [1]}),
        ],
    )
    def test_a_documented_variant_is_read(
        self, desk: Desk, set_connection: Callable[..., None], given: Row, kept: Row
    ) -> None:
        assert self.read(desk, set_connection, [given])["unreadable"] == 0
        (row,) = desk.rows
        assert row.pop("read_at")
        assert row == kept

    @pytest.mark.parametrize(
        "given",
        [
            None,
            "text",
            [REPORT],
            {},
            {**REPORT, "status": "delivered"},
            {**REPORT, "status": 10**30},
            {**REPORT, "msgId": None},
            {**REPORT, "msgId": "7" * 129},
            {"content": "half of an emoji: \ud83d"},
        ],
    )
    def test_any_other_is_kept_raw_and_counted(
        self, desk: Desk, set_connection: Callable[..., None], given: object
    ) -> None:
        result = self.read(desk, set_connection, [given, REPORT])
        assert (result["rows"], result["unreadable"]) == (2, 1)
        assert result["by_status"] == {"4001": 1}
        assert desk.rows[0]["unreadable"] == given
        assert desk.rows[0].keys() == {"unreadable", "read_at"}

    @pytest.mark.parametrize("body", [{"reports": [REPORT]}, "text", 7])
    def test_a_page_that_is_no_array_is_one_row(
        self, desk: Desk, set_connection: Callable[..., None], body: object
    ) -> None:
        result = self.read(desk, set_connection, body)
        assert (result["rows"], result["unreadable"]) == (1, 1)
        assert desk.rows[0]["unreadable"] == body

    def test_no_body_is_an_empty_page(
        self, desk: Desk, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([wire.answer(body=b"")]) as server:
            set_connection(server.url)
            assert desk.read()["rows"] == 0


@needs_sqlite_hook
class TestTheLedger:
    """The table beside the ledger: the status of each msg_id, and no number."""

    @pytest.fixture
    def engine(
        self,
        sandbox: SandboxControl,
        set_connection: Callable[..., None],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> sa.Engine:
        url = f"sqlite:///{tmp_path}/ledger.db"
        monkeypatch.setenv("AIRFLOW_CONN_TEXTS", url)
        set_connection(sandbox.url, ledger_conn_id="texts")
        return sa.create_engine(url)

    def saved(self, engine: sa.Engine) -> dict[str, Any]:
        with engine.begin() as connection:
            found = connection.execute(sa.text("SELECT * FROM jsms_ledger_reports")).mappings()
            return {row["msg_id"]: dict(row) for row in found}

    @pytest.mark.usefixtures("waits")
    def test_it_has_the_status_of_every_msg_id(
        self, sandbox: SandboxControl, desk: Desk, engine: sa.Engine
    ) -> None:
        sandbox.delivery(people.number(0), 4004)
        sent = send(sandbox, 700)
        desk.read(save_to_ledger="True")
        saved = self.saved(engine)
        assert saved.keys() == sent
        assert Counter(row["status"] for row in saved.values()) == {4001: 699, 4004: 1}
        row = saved[desk.msg_ids[0]]
        assert row.keys() == {"app", "msg_id", "status", "received_at", "read_at"}
        for name in ("received_at", "read_at"):
            assert row[name].endswith("Z")
            assert datetime.fromisoformat(row[name])
        assert people.number(0) not in str(saved)

    @pytest.mark.usefixtures("waits")
    def test_a_retry_saves_what_an_earlier_try_could_not(
        self,
        sandbox: SandboxControl,
        desk: Desk,
        engine: sa.Engine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sent = send(sandbox, 700)
        real, pages = SqlLedger.save_reports, iter([None])

        def save(ledger: SqlLedger, app: str, reports: Any) -> None:
            if next(pages, "later") == "later":
                raise StoreAwayError("'texts'", "OperationalError")
            real(ledger, app, reports)

        with monkeypatch.context() as patch:
            patch.setattr(SqlLedger, "save_reports", save)
            with pytest.raises(JsmsLedgerError, match="from which a retry writes them"):
                desk.read(save_to_ledger=True)
        assert (len(desk.rows), len(self.saved(engine))) == (500, 0)
        desk.path.write_bytes(desk.path.read_bytes() + b'not JSON\n{"of": "somebody else"}\n')
        desk.read(save_to_ledger=True, tries=2)
        assert self.saved(engine).keys() == sent


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        (1492150741392, "2017-04-14T06:19:01Z"),
        ("1492150741392", "2017-04-14T06:19:01Z"),
        ("2017-04-14 14:19:01", "2017-04-14T06:19:01Z"),
        ("Fri Apr 14 14:19:01 CST 2017", None),
        (None, None),
        (10**30, None),
    ],
)
def test_the_time_of_a_report_is_saved_in_utc(given: object, saved: str | None) -> None:
    assert drain._received_at(given, ZoneInfo("Asia/Shanghai")) == saved


READ = """
import json, sys
from airflow_provider_jsms.operators.jsms import JsmsFetchReportsOperator

class TaskInstance:
    try_number = 1
    def xcom_push(self, key, value): pass

JsmsFetchReportsOperator(task_id="read", output=sys.argv[1]).execute({"ti": TaskInstance()})
"""


def test_a_worker_that_is_killed_between_two_pages_loses_none(
    sandbox: SandboxControl, desk: Desk
) -> None:
    sent = send(sandbox, 1207)
    command = [sys.executable, "-c", READ, str(desk.path)]
    with subprocess.Popen(command, env=dict(os.environ)) as worker:
        wait_until(
            lambda: desk.path.exists() and len(desk.rows) == 500,
            timeout=60,
            otherwise=lambda: f"no page; the worker is {worker.poll()}",
        )
        worker.send_signal(signal.SIGKILL)
    assert len(desk.rows) == 500
    sandbox.advance(5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", sandbox.advance)
        assert desk.read(tries=2)["rows"] == 707
    assert Counter(desk.msg_ids) == Counter(sent)


def test_one_run_of_a_dag_reads_at_a_time() -> None:
    with DAG("reads", schedule=None):
        task = JsmsFetchReportsOperator(task_id="read", output="a.jsonl")
        other = JsmsFetchReportsOperator(task_id="x", output="a.jsonl", max_active_tis_per_dag=2)
    assert (task.max_active_tis_per_dag, other.max_active_tis_per_dag) == (1, 2)


def test_it_can_be_mapped_over_apps(sandbox: SandboxControl, tmp_path: Path) -> None:
    with DAG("reads", schedule=None):
        mapped = JsmsFetchReportsOperator.partial(task_id="read").expand(
            output=[f"{tmp_path}/a.jsonl", f"{tmp_path}/b.jsonl"]
        )
    task = mapped.unmap({"output": f"{tmp_path}/b.jsonl"})
    task.render_template_fields({})
    assert task.execute({"ti": TaskInstance(1)})["output"].endswith("/b.jsonl")


def test_it_needs_the_context_of_a_task(desk: Desk) -> None:
    with pytest.raises(JsmsInputError, match="context"):
        JsmsFetchReportsOperator(task_id="read", output=str(desk.path)).execute({})
