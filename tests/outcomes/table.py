"""The table of the README: a row for each fault, a column for each call."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.outcomes.rows import CALLS, ROWS
from tests.outcomes.stage import ASYNC_QUERY, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.outcomes.stage import Seen

Played = dict[tuple[str, str], "Seen"]

_HEADING: Final = ("fault", "submit", "batch submit", "modify", "batch modify", "query", "delete")


def play_all() -> Played:
    """Return what is to be seen of every call that meets every fault, by label and call."""
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        return {
            (row.label, call): stage.play(row, call)
            for row in ROWS
            for call in (*CALLS, ASYNC_QUERY)
        }


def lines_of(played: Mapping[tuple[str, str], Seen]) -> list[str]:
    """Return the table as the lines of a Markdown table."""
    rows = [[row.label, *(played[row.label, call].outcome for call in CALLS)] for row in ROWS]
    return [f"| {' | '.join(cells)} |" for cells in (_HEADING, ["---"] * len(_HEADING), *rows)]
