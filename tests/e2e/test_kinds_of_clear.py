"""Every kind of clear that Airflow 3.4 has, after everything that a task may have done before.

A person who follows the text of the error, or answers the question, ends with one text per person.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.submission.uncertain import question
from tests.e2e.test_asking import Asking
from tests.e2e.test_clear import _variables, in_hours, texts  # noqa: F401
from tests.stack.settings import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.airflow import AirflowStack
    from tests.stack.rest import AirflowRest

pytestmark = pytest.mark.skipif(AIRFLOW < (3, 4), reason="every clear is the same before 3.4")

CLEARS = ("keep", "default", "run", "command")
# A clear by command is for all runs between two dates.
_days = itertools.count(1)


def next_day() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(_days))


class Cleared(Asking):
    """A run of a day of its own."""

    def __init__(self, airflow: AirflowStack, dag_id: str, **variables: Any) -> None:
        self.airflow, self.rest, self.dag_id = airflow, airflow.rest, dag_id
        self.set(**variables)
        self.day = next_day()
        self.run_id = self.rest.trigger(dag_id, logical_date=self.day)["dag_run_id"]

    def clear_by(self, kind: str) -> None:
        if kind == "run":
            self.rest.clear_run(self.dag_id, self.run_id)
        elif kind == "command":
            self._command()
        else:
            self.clear_anyhow(keep=kind == "keep")

    def _command(self) -> None:
        day = f"{self.day:%Y-%m-%d}"
        subprocess.run(
            [
                *(sys.executable, "-m", "airflow", "tasks", "clear", self.dag_id, "--yes"),
                *("--task-regex", "submit", "--start-date", day, "--end-date", day),
            ],
            env=self.airflow.environment,
            cwd=self.airflow.home,
            check=True,
            capture_output=True,
        )


@dataclass(frozen=True)
class Before:
    """What a task has done before it is cleared.

    :param variables: the arguments of the task at first; ``mended`` are those that a person then
        changes.
    :param faults: of its requests, one after another.
    :param there: schedule_ids to answer with where the clear has removed the records.
    :param forgets: whether the record is gone, whatever the clear.
    """

    dag_id: str = "ledger_single"
    state: str = "failed"
    variables: dict[str, Any] = field(default_factory=dict)
    mended: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    there: Callable[[list[str]], dict[str, str]] = lambda _: {}
    option: str = question.ONE_SUBMIT
    forgets: bool = False


def only(schedule_ids: list[str]) -> dict[str, str]:
    return {"schedule_id": schedule_ids[0]}


FINE = {"kind": "slow", "seconds": 0}
NO_BALANCE = {"kind": "code", "code": 50014}
DONE = {"state": "success", "option": question.ONE_THERE, "there": only}
BEFORE = {
    "submitted": Before(**DONE),
    "a wrong argument": Before(variables={"temp_id": "none"}, mended={"temp_id": 2}),
    "no balance": Before(faults=(NO_BALANCE,)),
    "no record": Before(**DONE, forgets=True),
    "half a campaign": Before(
        "ledger_campaign",
        variables={"temp_id": 1},
        faults=(FINE, NO_BALANCE),
        option=question.SEVERAL_SUBMIT,
        there=lambda schedule_ids: {"schedule_id_1": schedule_ids[0]},
    ),
}


@pytest.mark.parametrize("kind", CLEARS)
@pytest.mark.parametrize("name", BEFORE)
def test_everybody_is_texted_once(
    name: str, kind: str, airflow: AirflowStack, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    before = BEFORE[name]
    for fault in before.faults:
        call = "submit_batch_schedule" if "campaign" in before.dag_id else "submit_schedule"
        sandbox.fault(call, **fault)
    run = Cleared(airflow, before.dag_id, send_time=in_hours(1), **before.variables)
    assert run.end() == before.state
    run.set(**before.mended)
    if before.forgets:
        rest.delete_state(before.dag_id, run.run_id, "submit", "jsms_submission")
    schedule_ids = [each["schedule_id"] for each in sandbox.state()["schedules"]]
    run.clear_by(kind)
    if kind == "default" or before.forgets:
        assert run.answer(before.option, **before.there(schedule_ids)) == "success", run.log
    else:
        assert run.wait() == "success", run.log
    sent = Counter(mobile for mobile, _ in texts(sandbox))
    assert len(sent) == (1001 if before.dag_id == "ledger_campaign" else 1)
    assert set(sent.values()) == {1}
