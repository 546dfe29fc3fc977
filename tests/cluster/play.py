"""Break a distributed Airflow in mid-submission, and count who was texted.

It has CeleryExecutor with two workers, Redis and PostgreSQL. In each case single texts and batches
of 1,500 people are held at a moment, and something breaks. The exit status is 1 if anybody was
texted twice, or was not texted though the task succeeded.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import debian
from tests.cluster.cases import CASES, play
from tests.cluster.stage import running_cluster
from tests.cluster.table import Table, verdict
from tests.e2e.crash.stage import LATER
from tests.stack.processes import exit_on_sigterm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.cluster.cases import Case
    from tests.cluster.stage import Cluster
    from tests.e2e.crash.stage import Run


def main() -> None:
    """Play all cases, or those that are named."""
    options = _options()
    exit_on_sigterm()
    debian.install_missing()
    cases = [case for case in CASES if not options.cases or case.name in options.cases]
    print("Starting Airflow, two Celery workers, Redis, PostgreSQL and the sandbox ...", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="jsms-cluster-") as folder,
        # A worker also takes what is delivered to it while all runs of a case are held.
        running_cluster(Path(folder), concurrency=4 * options.runs + 2) as cluster,
    ):
        played = {case.name: _play(cluster, case, options.runs) for case in cases}
        table = _judge(cluster, played)
    print(*table.lines(), sep="\n")
    sys.exit(table.has_errors())


def _options() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"of {', '.join(names)}; default: all"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="of each kind in each case, default: %(default)s"
    )
    options = parser.parse_args()
    if unknown := set(options.cases) - set(names):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return options


def _play(cluster: Cluster, case: Case, count: int) -> list[Run]:
    started_at = time.monotonic()
    runs = play(cluster, case, count)
    print(f"{case.described}: {time.monotonic() - started_at:.0f} s", flush=True)
    return runs


def _judge(cluster: Cluster, played: Mapping[str, Sequence[Run]]) -> Table:
    """Move the clock past every send_time, and judge all runs."""
    cluster.sandbox.advance(LATER)
    sent = Counter(message["mobile"] for message in cluster.sandbox.messages())
    table = Table()
    for name, runs in played.items():
        for run in runs:
            table.add(name, run, verdict(run, cluster.airflow.rest, sent))
    return table


if __name__ == "__main__":
    main()
