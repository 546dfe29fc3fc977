"""The try of a task that runs in this process."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_jsms.submission import running_try
from tests.store import DictStore
from tests.unit.submission.tries import TaskInstance

RUNNER = "airflow.sdk.execution_time.task_runner"
KEYS = "abcd"


def _store_of(store: DictStore) -> Any:
    return running_try.store_of({"task_state_store": store})  # type: ignore[typeddict-unknown-key]


@pytest.mark.parametrize("comms", [{}, {"SUPERVISOR_COMMS": object()}], ids=["in a call", "idle"])
def test_threads_under_dag_test_use_the_store_one_after_the_other(
    comms: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting(DictStore):
        calls = most = 0

        def get(self, key: str, default: Any = None) -> Any:
            self._count()
            return super().get(key, default)

        def set(self, key: str, value: Any, *, retention: object = None) -> None:
            self._count()
            super().set(key, value, retention=retention)

        def _count(self) -> None:
            self.calls += 1
            self.most = max(self.most, self.calls)
            time.sleep(0.02)
            self.calls -= 1

    monkeypatch.setitem(sys.modules, RUNNER, SimpleNamespace(**comms))  # type: ignore[arg-type]
    counting = Counting()
    # Two tasks may run side by side.
    stores = [_store_of(counting), _store_of(counting)] * 2
    with ThreadPoolExecutor(len(KEYS)) as threads:
        list(threads.map(lambda store, key: store.set(key, {"state": "begun"}), stores, KEYS))
        found = list(threads.map(lambda store, key: store.get(key), stores, KEYS))
    assert found == [{"state": "begun"}] * len(KEYS)
    assert counting.most == 1


def test_threads_of_a_worker_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Meeting(DictStore):
        barrier = Barrier(len(KEYS), timeout=30)

        def get(self, key: str, default: Any = None) -> Any:
            self.barrier.wait()
            return super().get(key, default)

    comms = SimpleNamespace(asend=None)
    monkeypatch.setitem(sys.modules, RUNNER, SimpleNamespace(SUPERVISOR_COMMS=comms))  # type: ignore[arg-type]
    with ThreadPoolExecutor(len(KEYS)) as threads:
        assert list(threads.map(_store_of(Meeting()).get, KEYS)) == [None] * len(KEYS)


def test_a_task_within_a_task_counts_the_retries_of_the_outer_one() -> None:
    class Outer:
        retries = 3

    ti = TaskInstance(1, max_tries=3)
    context: Any = {"ti": ti, "task": Outer(), "task_state_store": DictStore()}
    assert not running_try.task_try_of(context, retries=0).attempt.is_cleared


def test_a_try_is_forgotten_with_its_task_instance() -> None:
    ti: TaskInstance | None = TaskInstance(1)
    before = len(running_try._tries)
    assert running_try.task_try_of({"ti": ti}) is running_try.task_try_of({"ti": ti})  # type: ignore[typeddict-item]
    assert len(running_try._tries) == before + 1
    ti = None
    assert len(running_try._tries) == before


def test_threads_that_begin_at_once_share_the_try(monkeypatch: pytest.MonkeyPatch) -> None:
    barrier, attempt_of = Barrier(2, timeout=30), running_try._attempt_of

    def meet(*arguments: Any) -> Any:
        barrier.wait()
        return attempt_of(*arguments)

    monkeypatch.setattr(running_try, "_attempt_of", meet)
    context: Any = {"ti": TaskInstance(1)}
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(running_try.task_try_of, [context, context])
    assert first is second


@pytest.mark.parametrize("number", ["1", "2", "x", ""])
def test_a_process_that_a_task_starts_knows_the_number_of_the_try(
    number: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environ"
    environment.write_text(f"HOME=/\0AIRFLOW_CTX_TRY_NUMBER={number}\0X=AIRFLOW_CTX_TRY_NUMBER=9\0")
    monkeypatch.setattr(running_try, "_ENVIRONMENT", environment)
    running = running_try.running_try()
    assert (running.attempt.number if running else 1) == (2 if number == "2" else 1)
    environment.unlink()
    assert running_try.running_try() is None
