"""What came of the people of each run, as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.cluster.cases import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.crash.stage import Run
    from tests.stack.rest import AirflowRest

ONCE: Final = "texted once"
UNCERTAIN: Final = "uncertain and named"
NOTHING: Final = "failed, nothing scheduled"
INCOMPLETE: Final = "failed, some scheduled"
TWICE: Final = "texted twice"
LOST: Final = "lost unnamed"
VERDICTS: Final = (ONCE, UNCERTAIN, NOTHING, INCOMPLETE, TWICE, LOST)
ERRORS: Final = (TWICE, LOST)
IS_UNCERTAIN: Final = "JSMS may have accepted this"


@dataclass
class Table:
    """The verdicts of each case; ``details`` names each run with a verdict other than the first."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)

    def add(self, case: str, run: Run, verdict: str) -> None:
        """Count a run."""
        self.counts.setdefault(case, Counter())[verdict] += 1
        if verdict not in (ONCE, UNCERTAIN):
            self.details.append(f"{run.run_id}: {verdict}")

    def has_errors(self) -> bool:
        """Tell whether anybody was texted twice, or lost unnamed."""
        return any(counts[verdict] for counts in self.counts.values() for verdict in ERRORS)

    def lines(self) -> Iterator[str]:
        """Return it as plain text."""
        rows = [("case", "runs", *VERDICTS), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for first, *others in rows:
            cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
            yield "  ".join([first.ljust(widths[0]), *cells])
        yield from self.details

    def _rows(self) -> Iterator[tuple[str, ...]]:
        described = {case.name: case.described for case in CASES}
        for name, counts in self.counts.items():
            yield _row(described[name], counts)
        yield _row("together", sum(self.counts.values(), Counter()))


def verdict(run: Run, rest: AirflowRest, sent: Mapping[str, int]) -> str:
    """Judge a run that is over, after all its texts were sent."""
    texts = [sent[number] for number in run.numbers]
    task = rest.task(*run.address)
    if max(texts) > 1:
        return TWICE
    if task["state"] == "success":
        return ONCE if min(texts) else LOST
    if IS_UNCERTAIN in rest.log(*run.address, task["try_number"]):
        return UNCERTAIN
    return INCOMPLETE if max(texts) else NOTHING


def _row(case: str, counts: Counter[str]) -> tuple[str, ...]:
    return case, str(counts.total()), *(str(counts[verdict]) for verdict in VERDICTS)
