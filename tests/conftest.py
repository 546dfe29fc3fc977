"""What every test needs: an Airflow home of its own, and eyes on what gets out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.home import make_home

# Airflow reads its home when it is first imported.
os.environ["AIRFLOW_HOME"] = str(make_home())
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
for _name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[_name]

from tests.leaks import LeakCollector  # noqa: E402

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeakCollector(), "leaks")
