"""A key names one text, whatever task, run or Airflow submits it."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsForeignRecordError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsLateChangeError,
    JsmsLedgerError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from airflow_provider_jsms.operators import asking
from airflow_provider_jsms.operators.jsms import JsmsDeleteScheduleOperator
from airflow_provider_jsms.submission import custom_code, keyed
from airflow_provider_jsms.submission.uncertain.question import ONE_SUBMIT
from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.store import DictStore
from tests.unit.notifications.notifying import context, deadline, has_async, notifier
from tests.unit.submission.tries import NAME, Task, posts, puts, texted
from tests.versions import AIRFLOW, HAS_STORE, TaskAwaitingInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = needs_sqlite_hook

KEY = "appointment-17"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(autouse=True)
def _ledger(
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
) -> None:
    database = {"conn_type": "sqlite", "host": str(file)}
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER_DB", json.dumps(database))
    monkeypatch.setattr(keyed, "_POLL", 0.01)
    set_connection(sandbox.url, ledger_conn_id="ledger_db", read_timeout=5)


@pytest.fixture(params=["single", "batch"])
def new_run(request: pytest.FixtureRequest, tomorrow: datetime) -> Callable[..., Task]:
    """Return a function that begins a run: it knows nothing of the others."""
    count = 0

    def begin(*, has_store: bool = HAS_STORE, **changed: Any) -> Task:
        nonlocal count
        count += 1
        task = Task(request.param, tomorrow)
        task.run_id = f"run {count}"
        task.store = DictStore() if has_store else None
        task.arguments |= {"once_key": KEY, **changed}
        return task

    return begin


def rows(file: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM jsms_ledger ORDER BY record_key").fetchall()
    return [dict(row) for row in found]


def edit(file: Path, **changed: Any) -> None:
    """Change the record of the only row, as another task would."""
    (row,) = rows(file)
    content = json.dumps({**json.loads(row["content"]), **changed})
    with closing(sqlite3.connect(file)) as connection, connection:
        statement = "UPDATE jsms_ledger SET content = ?, state = ?, version = version || 'x'"
        connection.execute(statement, (content, changed.get("state", row["state"])))


def ago(seconds: float) -> str:
    return f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def test_another_run_finds_what_was_submitted(
    new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
) -> None:
    schedule_id = new_run().run()
    before = len(sandbox.requests())
    second = new_run()
    assert [second.run(), second.run(), second.clear()] == [schedule_id] * 3
    assert len(sandbox.requests()) == before
    (row,) = rows(file)
    assert (row["record_key"], row["state"], row["schedule_id"]) == (KEY, "accepted", schedule_id)
    assert (row["run_id"], row["try_number"], row["recipients"]) == ("run 1", 1, 1)
    assert leaks.found_in(str(row)) == []
    assert texted(sandbox) == [people.ANNA]


def test_it_is_found_long_after_it_was_sent(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    schedule_id = new_run().run()
    assert texted(sandbox) == [people.ANNA]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=20)):
        assert new_run().run() == schedule_id
    assert posts(sandbox) == 1


def test_another_request_modifies_it_until_it_is_sent(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    schedule_id = new_run().run()
    changed = new_run()
    assert changed.run(**changed.to(people.BEN)) == schedule_id
    assert (posts(sandbox), puts(sandbox)) == (1, 1)
    # The first run comes again with what it had: the last one to ask wins.
    assert new_run().run() == schedule_id
    assert (posts(sandbox), puts(sandbox)) == (1, 2)
    assert texted(sandbox) == [people.ANNA]


def test_two_texts_of_one_run_need_two_keys(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    first = new_run()
    schedule_id = first.run()
    other = new_run(temp_id=1)
    other.run_id, other.map_index = first.run_id, 1
    with pytest.raises(JsmsForeignRecordError, match="this run has submitted another text"):
        other.run(**other.to(people.BEN))
    with pytest.raises(JsmsForeignRecordError, match="a once_key of its own"):
        other.clear()
    other.arguments |= {"temp_id": 2}
    assert other.run() == schedule_id
    # The task that has submitted it may change it after a clear, and so may another run.
    assert first.clear(**first.to(people.BEN)) == schedule_id
    assert new_run().run() == schedule_id
    assert (posts(sandbox), puts(sandbox)) == (1, 2)
    assert texted(sandbox) == [people.ANNA]


def test_a_loop_needs_a_key_for_each_text(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    task = new_run()
    task.run()
    task.tries -= 1  # the code executes it once more in the same try
    with pytest.raises(JsmsForeignRecordError, match="a once_key of its own"):
        task.run(**task.to(people.BEN))
    assert texted(sandbox) == [people.ANNA]


def test_a_person_who_is_excluded_after_the_text_was_sent_is_skipped(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    task = Task("single", tomorrow)
    task.store = None
    task.arguments["once_key"] = KEY
    task.run()
    with pytest.raises(JsmsChangedListError, match="delete that schedule"):
        task.run(exclude=[people.ANNA])
    with (
        time_machine.travel(datetime.now(UTC) + timedelta(days=2)),
        pytest.raises(AirflowSkipException, match="was sent before"),
    ):
        task.run(exclude=[people.ANNA])
    assert texted(sandbox) == [people.ANNA]


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_another_request_after_it_was_sent_fails(
    new_run: Callable[..., Task], sandbox: SandboxControl, *, is_forgotten: bool
) -> None:
    new_run().run()
    if is_forgotten:
        sandbox.fault("query_schedule", "code", code=50028)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        late = new_run()
        at = datetime.now(UTC) + timedelta(days=1)
        with pytest.raises(JsmsLateChangeError, match="use another once_key") as caught:
            late.run(**late.to(people.BEN), send_time=at)
        assert isinstance(caught.value, AirflowFailException)
    assert (posts(sandbox), puts(sandbox)) == (1, 0)


def test_a_deleted_schedule_may_be_submitted_again(
    new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
) -> None:
    task = new_run()
    schedule_id = task.run()
    delete = JsmsDeleteScheduleOperator(task_id="delete", schedule_id=schedule_id)
    delete.execute(task.context)
    (row,) = rows(file)
    assert row["state"] == "deleted"
    again = new_run().run()
    assert again != schedule_id
    assert posts(sandbox) == 2
    assert texted(sandbox) == [people.ANNA]


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_schedule_that_is_gone_was_deleted_if_its_time_is_ahead(
    new_run: Callable[..., Task], sandbox: SandboxControl, file: Path, *, is_sent: bool
) -> None:
    task = new_run()
    schedule_id = task.run()
    with JsmsHook() as other:
        other.ledger = None
        other.delete_schedule(schedule_id)
    assert [row["state"] for row in rows(file)] == ["accepted"]
    delete = JsmsDeleteScheduleOperator(task_id="delete", schedule_id=schedule_id, missing_ok=True)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2 if is_sent else 0)):
        delete.execute(task.context)
    assert [row["state"] for row in rows(file)] == ["accepted" if is_sent else "deleted"]


def test_a_deletion_that_the_ledger_misses_is_done_nevertheless(
    new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
) -> None:
    schedule_id = new_run().run()
    file.unlink()
    file.mkdir()
    with JsmsHook() as hook:
        hook.delete_schedule(schedule_id)
    assert texted(sandbox) == []


def test_a_refused_one_is_submitted_by_the_next(
    new_run: Callable[..., Task], sandbox: SandboxControl, no_waits: None
) -> None:
    task = new_run()
    sandbox.fault(f"submit_{'batch_' if task.kind == 'batch' else ''}schedule", "code", code=50009)
    with pytest.raises(JsmsFrequencyError):
        task.run()
    assert new_run().run()
    assert texted(sandbox) == [people.ANNA]


def test_each_of_a_mapped_task_finds_its_text_at_another_index(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    to = [people.ANNA, people.BEN, people.CARA]
    for run in (to, to[1:], [*reversed(to)]):
        for index, mobile in enumerate(run):
            task = new_run(once_key=f"of {to.index(mobile)}")
            task.map_index = index
            task.run(**task.to(mobile))
    assert (posts(sandbox), puts(sandbox)) == (3, 0)
    assert sorted(texted(sandbox)) == sorted(to)


class TestOneThatIsUnderWay:
    """Another task has written *sending*, and has no answer yet."""

    def test_is_waited_for(
        self,
        new_run: Callable[..., Task],
        sandbox: SandboxControl,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        schedule_id = new_run().run()
        edit(file, state="sending", since=ago(1))
        looks = 0

        def answer(_: float) -> None:
            nonlocal looks
            looks += 1
            if looks == 3:
                edit(file, state="accepted")

        monkeypatch.setattr(keyed.time, "sleep", answer)
        assert new_run().run() == schedule_id
        assert (looks, posts(sandbox)) == (3, 1)

    def test_is_uncertain_if_no_answer_comes(
        self,
        new_run: Callable[..., Task],
        sandbox: SandboxControl,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        new_run().run()
        edit(file, state="sending", since=ago(1))
        with time_machine.travel(datetime.now(UTC), tick=False) as clock:
            slept: list[float] = []

            def pass_by(seconds: float) -> None:
                slept.append(seconds)
                clock.shift(10)

            monkeypatch.setattr(keyed.time, "sleep", pass_by)
            with pytest.raises(JsmsUncertainError, match="by try 1") as caught:
                new_run().run()
        assert 5 <= len(slept) <= 10
        assert "an earlier try ended during its submission" in str(caught.value)
        assert posts(sandbox) == 1

    def test_is_uncertain_at_once_if_it_is_old_or_of_an_earlier_try(
        self,
        new_run: Callable[..., Task],
        sandbox: SandboxControl,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(keyed.time, "sleep", pytest.fail)
        task = new_run()
        task.run()
        edit(file, state="sending", since=ago(1))
        with pytest.raises(JsmsUncertainError):
            task.run()
        edit(file, state="sending", since=ago(3600))
        with pytest.raises(JsmsUncertainError):
            new_run().run()
        assert posts(sandbox) == 1

    def test_is_waited_for_while_it_is_modified(
        self, new_run: Callable[..., Task], sandbox: SandboxControl, file: Path, monkeypatch: Any
    ) -> None:
        new_run().run()
        intent = {"since": ago(1), "by": "another", "try": 1}
        edit(file, modifying=intent)

        def answer(_: float) -> None:
            edit(file, modifying={**intent, "since": ago(3600)})

        monkeypatch.setattr(keyed.time, "sleep", answer)
        new_run().run()
        assert (posts(sandbox), puts(sandbox)) == (1, 1)

    def test_is_not_waited_for_with_the_answer_of_a_person(
        self, new_run: Callable[..., Task], sandbox: SandboxControl, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(keyed.time, "sleep", pytest.fail)
        task = new_run(on_uncertain="ask")
        if not HAS_STORE:
            pytest.skip("this Airflow asks nobody")
        name = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(name, "closed_before_reading")
        monkeypatch.setattr(asking, "_enter", lambda _, question: question)
        with pytest.raises(TaskAwaitingInput) as asked:
            task.run()
        about = asked.value.kwargs["about"]
        event = {"chosen_options": [ONE_SUBMIT], "params_input": {}}
        assert task.operator.answered(task.context, event, about=about)
        assert texted(sandbox) == [people.ANNA]

    def test_stops_a_task_that_is_killed_while_it_waits(
        self, new_run: Callable[..., Task], file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new_run().run()
        edit(file, state="sending", since=ago(1))
        task = new_run()
        monkeypatch.setattr(keyed.time, "sleep", lambda _: task.operator.on_kill())
        with pytest.raises(Exception, match="The task was stopped"):
            task.run()


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 executes no operator in a thread")
def test_of_those_that_begin_at_once_one_submits(
    new_run: Callable[..., Task], sandbox: SandboxControl
) -> None:
    tasks = [new_run() for _ in range(6)]
    barrier = Barrier(len(tasks))

    def run(task: Task) -> Any:
        barrier.wait()
        return task.run()

    with ThreadPoolExecutor(len(tasks)) as threads:
        ids = set(threads.map(run, tasks))
    assert len(ids) == 1
    assert posts(sandbox) == 1


class TestAKeyThatIsNewToTheTask:
    def test_adopts_what_the_task_has_submitted_without_it(
        self, new_run: Callable[..., Task], sandbox: SandboxControl
    ) -> None:
        task = new_run()
        schedule_id = task.run(once_key=None)
        assert task.clear() == schedule_id
        assert new_run().run() == schedule_id
        assert posts(sandbox) == 1

    def test_submits_if_the_task_has_submitted_nothing(
        self, new_run: Callable[..., Task], sandbox: SandboxControl
    ) -> None:
        task = new_run()
        with pytest.raises(JsmsInputError):
            task.run(once_key=None, temp_id="none")
        task.clear()
        assert posts(sandbox) == 1

    def test_and_is_removed_again_leaves_the_task_uncertain(
        self, new_run: Callable[..., Task], sandbox: SandboxControl
    ) -> None:
        task = new_run()
        task.run()
        with pytest.raises(JsmsUncertainError):
            task.run(once_key=None)
        assert posts(sandbox) == 1


def test_without_a_ledger_nothing_is_sent(
    new_run: Callable[..., Task], sandbox: SandboxControl, set_connection: Callable[..., None]
) -> None:
    set_connection(sandbox.url)
    with pytest.raises(JsmsInputError, match="extra ledger_conn_id"):
        new_run().run()
    assert sandbox.requests() == []


@pytest.mark.parametrize("key", ["", " ", "None", "x" * 201, "a\nb", "to 138-0013-8001", "a#2"])
def test_an_invalid_key_is_refused(
    new_run: Callable[..., Task], sandbox: SandboxControl, key: str
) -> None:
    with pytest.raises(JsmsInputError, match="once_key"):
        new_run(once_key=key).run()
    assert sandbox.requests() == []


def test_a_ledger_that_cannot_be_reached_sends_nothing(
    new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
) -> None:
    file.mkdir()
    for has_store in {True, HAS_STORE}:
        with pytest.raises(JsmsLedgerError, match="ledger_db cannot be used") as caught:
            new_run(has_store=has_store).run()
        assert not isinstance(caught.value, AirflowFailException)
    assert sandbox.requests() == []


def test_a_single_text_and_a_batch_do_not_share_a_key(
    tomorrow: datetime, sandbox: SandboxControl
) -> None:
    tasks = [Task(kind, tomorrow) for kind in ("single", "batch")]
    tasks[0].run(once_key=KEY)
    with pytest.raises(JsmsForeignRecordError, match="used for a single text"):
        tasks[1].run(once_key=KEY)
    assert posts(sandbox) == 1


def test_each_chunk_of_a_campaign_has_a_key(
    tomorrow: datetime, sandbox: SandboxControl, file: Path
) -> None:
    recipients = [{"mobile": f"138{number:08}", "temp_para": NAME} for number in range(2001)]
    first, second = Task("batch", tomorrow), Task("batch", tomorrow)
    second.run_id = "another"
    for task in (first, second):
        task.run(recipients=recipients, once_key=KEY)
        assert task.ti.xcoms["failure_recipients"] == []
    assert posts(sandbox) == 3
    assert [row["record_key"] for row in rows(file)] == [KEY, f"{KEY}#2", f"{KEY}#3"]
    assert {row["state"] for row in rows(file)} == {"accepted"}


def test_a_campaign_that_was_deleted_may_be_of_another_list(
    tomorrow: datetime, sandbox: SandboxControl, file: Path
) -> None:
    recipients = [{"mobile": f"138{number:08}", "temp_para": NAME} for number in range(1001)]
    task = Task("batch", tomorrow)
    task.run(recipients=recipients, once_key=KEY)
    with pytest.raises(JsmsChangedListError):
        task.run(recipients=recipients[:-1], once_key=KEY)
    delete = JsmsDeleteScheduleOperator(
        task_id="delete", schedule_id=[row["schedule_id"] for row in rows(file)]
    )
    delete.execute(task.context)
    assert {row["state"] for row in rows(file)} == {"deleted"}
    assert all(row["schedule_id"] for row in rows(file))
    task.run(recipients=recipients[:-1], once_key=KEY)
    assert posts(sandbox) == 3


class TestCodeOfOnesOwn:
    def test_finds_what_another_process_has_submitted(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        people_ = [{"mobile": people.ANNA, "temp_para": NAME}]
        ids = set()
        for _ in range(2):
            with JsmsHook() as hook:
                assert hook.find_schedule("a batch") in (None, *ids)
                result = hook.submit_batch_schedule(
                    send_time=tomorrow, recipients=people_, temp_id=2, once_key="a batch"
                )
            ids.add(result["schedule_id"])
        single = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 2, "temp_para": NAME}
        for durable in (True, False):
            with JsmsHook(durable=durable) as hook:
                ids.add(hook.submit_schedule(**single, once_key="a text"))
                assert hook.find_schedule("a text") in ids
        assert len(ids) == posts(sandbox) == 2

    def test_never_repeats_an_uncertain_one(
        self,
        sandbox: SandboxControl,
        tomorrow: datetime,
        monkeypatch: pytest.MonkeyPatch,
        file: Path,
    ) -> None:
        monkeypatch.setattr(keyed, "_ATTEMPTS_WITHIN", -100)
        sandbox.fault("submit_schedule", "accepted_then_closed")
        single = {"send_time": tomorrow, "mobile": people.ANNA, "temp_id": 2, "temp_para": NAME}
        for _ in range(2):
            with JsmsHook() as hook, pytest.raises(JsmsUncertainError) as caught:
                hook.submit_schedule(**single, once_key=KEY)
            custom_code.uncertain.clear()  # another process
        assert f"not-there {KEY}" in str(caught.value)
        assert "Storage tab" not in str(caught.value)
        assert posts(sandbox) == 1
        assert [row["state"] for row in rows(file)] == ["sending"]

    def test_of_a_notification_is_sent_once(
        self, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        for run_id in ("r1", "r1", "r2"):
            notifier(once_key="{{ run_id }} is late").notify(context(run_id))
        assert (posts(sandbox), puts(sandbox)) == (2, 0)
        assert "was submitted before" in caplog.text

    @has_async
    def test_of_a_deadline_alert_is_sent_once(self, sandbox: SandboxControl) -> None:
        to = {"mobile": [people.ANNA, people.BEN], "temp_id": 2, "temp_para": NAME}

        async def missed() -> None:
            await JsmsNotifier(**to, once_key="{{ run_id }}", context=deadline())

        for _ in range(2):
            asyncio.run(missed())
        assert (posts(sandbox), puts(sandbox)) == (1, 0)


class TestWithoutAKey:
    """The ledger keeps the records of the task."""

    @pytest.fixture
    def task(self, new_run: Callable[..., Task]) -> Task:
        return new_run(once_key=None)

    def test_they_are_in_the_table(self, task: Task, file: Path) -> None:
        schedule_id = task.run()
        (row,) = rows(file)
        number = "_1" if task.kind == "batch" else ""
        assert row["record_key"] == f"dag/run 1/submit/-1/jsms_submission{number}"
        assert (row["state"], row["schedule_id"]) == ("finished", schedule_id)
        if task.store:
            assert task.state == "begun"

    @pytest.mark.parametrize("has_store", sorted({False, HAS_STORE}))
    def test_a_retry_and_a_clear_find_them(
        self, new_run: Callable[..., Task], sandbox: SandboxControl, *, has_store: bool
    ) -> None:
        task = new_run(once_key=None, has_store=has_store)
        schedule_id = task.run()
        if task.store:
            task.store.clear()  # as a clear does from Airflow 3.4 on
        assert [task.run(), task.clear()] == [schedule_id] * 2
        assert task.clear(**task.to(people.BEN)) == schedule_id
        assert (posts(sandbox), puts(sandbox)) == (1, 1)

    @pytest.mark.parametrize("has_store", sorted({False, HAS_STORE}))
    def test_what_may_be_retried_is_retried(
        self,
        new_run: Callable[..., Task],
        sandbox: SandboxControl,
        no_waits: None,
        *,
        has_store: bool,
    ) -> None:
        task = new_run(once_key=None, has_store=has_store)
        name = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(name, "code", code=50009)
        with pytest.raises(JsmsFrequencyError):
            task.run()
        assert task.run()
        assert texted(sandbox) == [people.ANNA]

    def test_a_try_that_has_left_no_row_leaves_the_next_one_uncertain_without_a_store(
        self, new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
    ) -> None:
        task = new_run(once_key=None, has_store=False)
        file.mkdir()
        with pytest.raises(JsmsLedgerError):
            task.run()
        file.rmdir()
        with pytest.raises(JsmsUncertainError, match="keeps no record of its earlier tries"):
            task.run()
        assert sandbox.requests() == []

    def test_what_airflow_has_kept_before_counts(
        self,
        task: Task,
        sandbox: SandboxControl,
        set_connection: Callable[..., None],
        file: Path,
    ) -> None:
        if task.store is None:
            pytest.skip("this Airflow keeps nothing")
        set_connection(sandbox.url)
        schedule_id = task.run()
        set_connection(sandbox.url, ledger_conn_id="ledger_db")
        assert task.clear() == schedule_id
        assert posts(sandbox) == 1
        assert [row["schedule_id"] for row in rows(file)] == [schedule_id]

    def test_a_try_that_died_in_flight_is_uncertain_without_a_store_too(
        self, new_run: Callable[..., Task], sandbox: SandboxControl, file: Path
    ) -> None:
        task = new_run(once_key=None, has_store=False)
        task.run()
        edit(file, state="sending")
        with pytest.raises(JsmsUncertainError):
            task.run()
        assert posts(sandbox) == 1

    def test_a_try_that_a_later_one_has_replaced_changes_nothing(
        self, task: Task, sandbox: SandboxControl, file: Path
    ) -> None:
        task.run()
        edit(file, **{"try": 5})
        with pytest.raises(JsmsLedgerError, match="A later try of this task"):
            task.run(**task.to(people.BEN))
        assert puts(sandbox) == 0

    def test_a_deleted_schedule_is_submitted_again(
        self, task: Task, sandbox: SandboxControl
    ) -> None:
        with JsmsHook() as hook:
            hook.delete_schedule(task.run())
        assert task.clear()
        assert posts(sandbox) == 2
