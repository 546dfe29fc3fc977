"""The table of the page of faults: a row for each fault, a column for each call."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.submission import custom_code
from tests.outcomes.rows import CALLS, ROWS
from tests.outcomes.stage import ASYNC_QUERY, Stage, impatient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.outcomes.stage import Seen

Played = dict[tuple[str, str], "Seen"]

_HEADING: Final = ("fault", "submit", "batch submit", "modify", "batch modify", "query", "delete")


def play_all() -> Played:
    """Return what is to be seen of every call that meets every fault, by label and call."""
    calls = (*CALLS, ASYNC_QUERY)
    played: Played = {}
    with ExitStack() as stack, ThreadPoolExecutor(len(calls)) as pool:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stages = [stack.enter_context(Stage(call, folder)) for call in calls]
        for row in ROWS:
            custom_code.uncertain.clear()
            with impatient(row):
                seen = pool.map(lambda stage, row=row: stage.play(row), stages)
                played |= {(row.label, call): it for call, it in zip(calls, seen, strict=True)}
    return played


def lines_of(played: Mapping[tuple[str, str], Seen]) -> list[str]:
    """Return the table as the lines of a Markdown table."""
    rows = [[row.label, *(played[row.label, call].outcome for call in CALLS)] for row in ROWS]
    return [f"| {' | '.join(cells)} |" for cells in (_HEADING, ["---"] * len(_HEADING), *rows)]
