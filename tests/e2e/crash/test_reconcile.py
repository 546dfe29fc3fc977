"""The worker of a reconciled list is killed on its way; the retry and a person finish it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.masking import mask_mobile
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.submission.uncertain.question import (
    ONE_SUBMIT,
    ONE_THERE,
    SEVERAL_SUBMIT,
)
from tests import people
from tests.databases import needs_sqlite_hook
from tests.e2e.crash.stage import LATER, PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.crash.stage import Run, Stage

pytestmark = needs_sqlite_hook

SIZE = 300
MOVED, CANCELLED, NEW = range(20), range(20, 40), range(SIZE, SIZE + 20)


class Play:
    """A list over two runs."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.numbers = [people.number(each) for each in stage.enlist(SIZE + len(NEW))]
        self._file = folder / "texts.csv"
        self._when = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LATER // 2)

    def start(self, name: str, positions: Any, moved: Any = (), max_deletes: int = 0) -> Run:
        """Start a run with the texts at these positions."""
        with self._file.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["key", "send_time", "mobile", "temp_id", "name"])
            rows.writerows(self._row(at, is_moved=at in moved) for at in positions)
        run = self.stage.prepare("crash", "reconcile", name)
        conf = {"file": str(self._file), "scope": "crash", "max_deletes": str(max_deletes)}
        self.stage.trigger(run, **conf)
        return replace(run, numbers=tuple(self.numbers))

    def _row(self, at: int, *, is_moved: bool) -> list[object]:
        when = self._when + timedelta(seconds=at + 60 * is_moved)
        return [f"text-{at}", when.isoformat(), self.numbers[at], 2, f"{people.CANARY}-{at}"]

    def kill_amid(self, run: Run, method: str, count: int) -> None:
        """Kill the worker after so many requests."""
        before = self.requests(method)
        wait_until(
            lambda: self.requests(method) >= before + count,
            timeout=PATIENCE,
            otherwise=lambda: self.stage.tail(run),
        )
        self.stage.kill(run)

    def requests(self, method: str) -> int:
        return sum(each["method"] == method for each in self.stage.sandbox.requests())

    def finish(self, run: Run) -> dict[str, Any]:
        """Wait for the end, with the help of a person where the task does not know."""
        self.stage.finish(run)
        task = self.stage.rest.task(*run.address)
        if task["state"] == "failed":
            log = self.stage.rest.log(*run.address, task["try_number"])
            assert "JSMS may have accepted this" in log, log
            self._answer(run)
        assert self.stage.rest.task(*run.address)["state"] == "success", self.stage.tail(run)
        return self.stage.rest.xcom(*run.address, "counts")

    def _answer(self, run: Run) -> None:
        """Clear the task, and answer as somebody does who finds some texts in the console."""
        self.stage.rest.clear(run.dag_id, run.run_id, run.address[-1])
        question = self.stage.rest.question(*run.address)
        held = {
            mask_mobile(each["recipients"][0]["mobile"]): each["schedule_id"]
            for each in self.stage.sandbox.state()["schedules"]
            if each["recipients"][0]["mobile"] in self.numbers
        }
        asked = {
            field: re.findall(r"of (\S+) at", param["description"])[0]
            for field, param in question["params"].items()
        }
        found = {field: held[masked] for field, masked in asked.items() if masked in held}
        option = SEVERAL_SUBMIT if len(asked) > 1 else ONE_THERE if found else ONE_SUBMIT
        self.stage.rest.answer(*run.address, -1, option, **found)


@pytest.fixture(scope="module")
def play(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Play:
    return Play(stage, tmp_path_factory.mktemp("texts"))


def test_killed_twice_a_list_is_reconciled_and_nobody_is_texted_twice(play: Play) -> None:
    stage = play.stage
    first = play.start("first-day", range(SIZE))
    play.kill_amid(first, "POST", 100)
    play.finish(first)
    second = play.start(
        "second-day", [*range(20), *range(40, SIZE), *NEW], moved=MOVED, max_deletes=20
    )
    play.kill_amid(second, "PUT", 10)
    play.finish(second)
    unchanged = play.requests("POST")
    third = play.start("third-day", [*range(20), *range(40, SIZE), *NEW], moved=MOVED)
    assert play.finish(third)["unchanged"] == SIZE
    assert play.requests("POST") == unchanged
    stage.sandbox.advance(LATER)
    texts = Counter(each["mobile"] for each in stage.sandbox.messages())
    expected = {play.numbers[at]: 1 for at in range(SIZE + len(NEW)) if at not in CANCELLED}
    assert {number: texts[number] for number in play.numbers if texts[number]} == expected
