"""The environment of the caller, as far as processes that are started may have it."""

from __future__ import annotations

import os

# of another Airflow, and of another PostgreSQL
FOREIGN = ("AIRFLOW_", "PG")

NOT_INHERITED = {
    "PYTHONDONTWRITEBYTECODE",  # a component that compiles all of Airflow starts twice as slowly
    *("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY"),  # everything is on loopback
}


def inherited_environment() -> dict[str, str]:
    """Return the caller's environment without the variables that would change Airflow or a call."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in NOT_INHERITED and not name.lstrip("_").startswith(FOREIGN)
    }
