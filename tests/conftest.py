"""What every test needs: an Airflow home of its own, and eyes on what gets out."""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.home import make_home

gc.set_threshold(20_000, 20, 100)
# Airflow reads its home when it is first imported.
os.environ["AIRFLOW_HOME"] = str(make_home())
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
for _name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[_name]

from tests.leaks import LeakCollector  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parallel import Scheduling


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeakCollector(), "leaks")


def pytest_collection_finish() -> None:
    # Airflow and the tests stay until the end: scanning them for garbage takes a seventh of the CPU
    # time of the longest tests.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    # pytest-cov pauses here too, but in a process of pytest-xdist it has started two measurements,
    # and the first one goes on.
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
        threading.settrace(None)
    yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    from tests.parallel import Scheduling  # noqa: PLC0415  only where pytest-xdist is there

    # The tests that wait for an Airflow come first: they take longest.
    config.option.loadscopereorder = False
    return Scheduling(config, log)
