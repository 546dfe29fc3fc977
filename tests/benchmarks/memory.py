"""Memory for going through a CSV file of 1,000,000 recipients twice, as a campaign does.

Each peak is taken in a process of its own, above what it had after its imports and a list of one:
what Python has allocated (tracemalloc), and the resident memory, which tracemalloc would enlarge.
From it the peak of a list of one chunk is subtracted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from airflow_provider_jsms.submission.lists.chunks import chunks, survey
from airflow_provider_jsms.submission.lists.recipients_file import source_of
from tests.benchmarks.measuring import CHUNK, NotMeasuredError, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 1_000_000
BOUND = 150
_STATUS = Path("/proc/self/status")


def run() -> Iterator[str]:
    """Yield the report."""
    with tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder:
        for count in (1, CHUNK, COUNT):
            write_table(_table(folder, count), count)
        for way in ("allocated", "resident"):
            chunk, everything = (_peak_elsewhere(way, folder, count) for count in (CHUNK, COUNT))
            each = (everything - chunk) / COUNT
            yield (
                f"{way:<10}{each:6.0f} bytes per recipient beyond one chunk   bound {BOUND}"
                f"   (peaks: {everything / 1e6:.1f} MB, one chunk {chunk / 1e6:.1f} MB)"
            )


def _table(folder: str, count: int) -> Path:
    return Path(folder) / f"{count}.csv"


def _peak_elsewhere(way: str, folder: str, count: int) -> int:
    command = [sys.executable, "-m", __name__, way, folder, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NotMeasuredError(f"the process that was to be measured ended with {done.returncode}")
    return int(done.stdout.split()[-1])


def _go_through(folder: str, count: int) -> None:
    source = source_of(str(_table(folder, count)))
    known = survey(source)
    if sum(len(part) for part in chunks(source, known)) != count:
        raise NotMeasuredError(f"not all of {count} recipients were gone through")


def _allocated(work: Callable[[], None]) -> int:
    tracemalloc.start()
    work()
    return tracemalloc.get_traced_memory()[1]


def _resident(work: Callable[[], None]) -> int:
    before = psutil.Process().memory_info().rss
    work()
    return _highest_resident() - before


def _highest_resident() -> int:
    if not _STATUS.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # On Linux the other figure begins with that of the process which has started this one.
    highest = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(highest.split()[1]) * 1024


def main() -> None:
    """Print a peak in bytes."""
    way, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    _go_through(folder, 1)
    peak = {"allocated": _allocated, "resident": _resident}[way]
    print(peak(lambda: _go_through(folder, count)))


if __name__ == "__main__":
    main()
