"""What the table of `make cluster` says of a run."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pytest

from tests.cluster import table
from tests.e2e.crash.stage import Run
from tests.people import ANNA, BEN

RUN = Run("cluster_batch", "redis-batch-01", "batch", (ANNA, BEN))
UNCERTAIN = "JsmsUncertainError: JSMS may have accepted this"


class Rest(NamedTuple):
    """An Airflow with one task, which is over."""

    state: str
    said: str = ""

    def task(self, *_address: str) -> dict[str, Any]:
        return {"state": self.state, "try_number": 2}

    def log(self, *_address: str | int) -> str:
        return self.said


@pytest.mark.parametrize(
    ("rest", "texted", "verdict", "is_error"),
    [
        (Rest("success"), [ANNA, BEN], table.ONCE, False),
        (Rest("success"), [ANNA], table.LOST, True),
        (Rest("success"), [], table.LOST, True),
        (Rest("success"), [ANNA, BEN, BEN], table.TWICE, True),
        (Rest("failed", UNCERTAIN), [ANNA, ANNA], table.TWICE, True),
        (Rest("failed", UNCERTAIN), [], table.UNCERTAIN, False),
        (Rest("failed", UNCERTAIN), [ANNA, BEN], table.UNCERTAIN, False),
        (Rest("failed"), [], table.NOTHING, False),
        (Rest("failed"), [ANNA], table.INCOMPLETE, False),
    ],
)
def test_a_run_is_judged_by_its_task_and_by_who_was_texted(
    rest: Any, texted: list[str], verdict: str, is_error: bool
) -> None:
    counted = table.Table()
    counted.add("redis", RUN, table.verdict(RUN, rest, Counter(texted)))
    assert counted.counts == {"redis": {verdict: 1}}
    assert counted.has_errors() is is_error


def test_the_table_is_plain_text() -> None:
    counted = table.Table()
    for verdict in (table.ONCE, table.ONCE, table.LOST):
        counted.add("redis", RUN, verdict)
    heading, row, together, detail = counted.lines()
    assert heading.split("  ")[0] == "case"
    assert row.split()[-7:] == ["3", "2", "0", "0", "0", "0", "1"]
    assert together.split() == ["together", *row.split()[-7:]]
    assert detail == "redis-batch-01: lost unnamed"
