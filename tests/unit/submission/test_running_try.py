"""The try of a task that runs in this process."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_jsms.submission import running_try
from tests.store import DictStore
from tests.unit.submission.tries import TaskInstance


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
