"""Run all benchmarks, or some of them: ``python -m tests.benchmarks memory``.

The exit status is 1 if one of them has not done what it measures.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module

from airflow_provider_jsms.quickstart.environment import inherited_environment
from tests.benchmarks.measuring import NotMeasuredError
from tests.stack.processes import exit_on_sigterm

BENCHMARKS = ("imports", "encoding", "memory", "campaign", "reconcile", "waits", "triggerer")


def main() -> None:
    """Print a report, benchmark by benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or BENCHMARKS
    if unknown := set(names).difference(BENCHMARKS):
        parser.error(f"not known: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    exit_on_sigterm()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jsms-airflow-") as home:
        _set_environment(home)
        is_measured = [_report(name) for name in names]
    print(f"\n{time.monotonic() - began:.0f} s in all")
    sys.exit(not all(is_measured))


def _set_environment(home: str) -> None:
    # Airflow reads it when it is first imported, so the benchmarks are imported after this.
    assert "airflow.configuration" not in sys.modules
    kept = inherited_environment()
    os.environ.clear()
    os.environ.update(kept)
    os.environ["AIRFLOW_HOME"] = home
    # The report would be lost between the lines that a campaign logs.
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"


def _report(name: str) -> bool:
    benchmark = import_module(f"tests.benchmarks.{name}")
    print(f"\n{name}: {benchmark.__doc__.splitlines()[0]}", flush=True)
    try:
        for line in benchmark.run():
            print(f"  {line}", flush=True)
    except NotMeasuredError as error:
        print(f"  FAILED: {error}", flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
