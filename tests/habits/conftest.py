"""DAGs as people write them, run by ``dag.test()`` against a sandbox in this process."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.versions import AIRFLOW, as_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox

HEAD: Final = """\
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG, Param, get_current_context, task
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from airflow_provider_jsms.operators.jsms import (
    JsmsDeleteScheduleOperator, JsmsModifyBatchScheduleOperator, JsmsModifyScheduleOperator,
    JsmsQueryScheduleOperator, JsmsSubmitBatchScheduleOperator, JsmsSubmitScheduleOperator)
from airflow_provider_jsms.sensors.jsms import JsmsScheduleSensor
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
AT = "2031-01-01 09:00:00"
"""
_IMPORTS_BEFORE_3: Final = {
    "from airflow.sdk import DAG, Param, get_current_context, task": (
        "from airflow import DAG\n"
        "from airflow.decorators import task\n"
        "from airflow.models.param import Param\n"
        "from airflow.operators.python import get_current_context"
    )
}
_numbers = itertools.count()


@dataclass
class Ran:
    """A DAG run that has ended.

    :param state: of the run.
    :param tasks: the state of each task instance, by ``task_id``, or ``task_id[map_index]``.
    :param said: everything that was printed and logged, as one line.
    """

    state: str
    tasks: dict[str, str]
    said: str


def pytest_itemcollected(item: pytest.Item) -> None:
    """Measure no coverage: the unit tests alone have to reach it.

    Airflow, which all of it goes through, takes twice as long while it is traced.
    """
    item.add_marker("no_cover")


@pytest.fixture(scope="session")
def _database() -> Path:
    """Make Airflow's database in the home of this test run."""
    from airflow.utils.db import upgradedb  # noqa: PLC0415  only where a test needs it

    with _restored(logging.getLogger()):
        upgradedb()
    folder = Path(os.environ["AIRFLOW_HOME"]) / "dags"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def run_dag(
    _database: Path, jsms_sandbox: JsmsSandbox, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ran]]:
    """Return a function that runs the source of a DAG file, whose DAG is called ``dag``.

    The source goes on from :data:`HEAD`. What JSMS was asked is in the fixture ``jsms_sandbox``.
    """
    del jsms_sandbox
    written: list[Path] = []

    def run(source: str, **arguments: Any) -> Ran:
        name = f"habit_{next(_numbers)}"
        path = _database / f"{name}.py"
        head = HEAD
        for here, before in _IMPORTS_BEFORE_3.items() if AIRFLOW < (3, 0) else ():
            head = head.replace(here, before)
        path.write_text(head + as_here(source.replace("DAG_ID", name)))
        written.append(path)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        capfd.readouterr()
        ended = module.dag.test(**arguments)
        tasks = {
            ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
            for ti in ended.get_task_instances()
        }
        # Airflow 3.0 draws a box around an error, and breaks its lines.
        said = re.sub(r"[\s│]+", " ", "".join(capfd.readouterr()))
        return Ran(str(ended.state), tasks, said)

    with _restored(logging.getLogger("airflow.task")):
        yield run
    for path in written:
        path.unlink()
        sys.modules.pop(path.stem, None)


@contextmanager
def _restored(logger: logging.Logger) -> Iterator[None]:
    """Leave the logger to later tests as it was.

    Airflow 2 configures the root logger when it makes its database, and its ``dag.test()`` adds a
    handler that writes to the output of this test, which is closed then.
    """
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
