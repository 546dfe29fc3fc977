"""Make the environment of a distributed Airflow, and play :mod:`tests.cluster.play` in it."""

from __future__ import annotations

import os
import sys

from tests.cluster import environment


def main() -> None:
    """Replace this process, so that Ctrl-C reaches the one that has something to stop."""
    python = str(environment.python())
    os.chdir(environment.REPOSITORY)
    os.execv(python, [python, "-m", "tests.cluster.play", *sys.argv[1:]])  # noqa: S606  no shell


if __name__ == "__main__":
    main()
