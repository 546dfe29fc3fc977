"""The tutorial, done block by block as its page says, with a real Airflow and a sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from airflow_provider_jsms.submission.uncertain import question
from tests import leaks
from tests.databases import needs_sqlite_hook
from tests.e2e.store import needs_store
from tests.pages import sections
from tests.stack.airflow import AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.stack.sandbox import RunningSandbox

pytestmark = [needs_store, needs_sqlite_hook]

PAGE: Final = "docs/en/tutorial.md"
ADDRESS: Final = "http://127.0.0.1:8025"
WANG, LI, ZHANG, ZHAO, SUN = (f"1390013901{number}" for number in range(1, 6))


class Tutorial:
    """A reader of the page, who runs its blocks in a folder of their own.

    :ivar run_ids: the runs that were triggered, by DAG, the latest one last.
    """

    def __init__(self, folder: Path, sandbox: RunningSandbox) -> None:
        self.folder, self.url = folder, sandbox.url
        self.environment: dict[str, str] = {}
        self.run_ids: dict[str, list[str]] = {"appointments": [], "reports": []}

    def block(self, title: str, language: str = "bash", at: int = 0) -> str:
        """Return a block of code below a heading of the page."""
        (section,) = (each for each in sections(PAGE) if each.title == title)
        fences = [each for each in section.tokens if each.type == "fence"]
        return [each.content for each in fences if each.info == language][at]

    def save(self, title: str, name: str) -> None:
        (self.folder / name).write_text(self.block(title, "python"), encoding="utf-8")

    def run(self, title: str, at: int = 0) -> str:
        """Run a block, and note the runs that it triggers."""
        known = {dag_id: self._runs(dag_id) for dag_id in self.run_ids if self.environment}
        output = self.shell(self.block(title, at=at))
        for dag_id, before in known.items():
            self.run_ids[dag_id] += sorted(self._runs(dag_id) - before)
        return output

    def shell(self, script: str) -> str:
        """Run a script in the folder, with the sandbox at its address."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-e", "-c", script.replace(ADDRESS, self.url)],
            cwd=self.folder,
            env={**(self.environment or os.environ), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, home: Path) -> AirflowStack:
        """Return an Airflow with the settings of ``env.sh``."""
        lines = self.shell(". ./env.sh; env -0").split("\0")
        given = dict(line.partition("=")[::2] for line in lines)
        names = ["AIRFLOW_CONN_LEDGER", "AIRFLOW_CONN_JSMS_DEFAULT"]
        airflow = AirflowStack(
            home,
            Path(given["AIRFLOW__CORE__DAGS_FOLDER"]),
            extra_settings={
                **{name: given[name] for name in names},
                # Airflow 3.3 may take the end of the process that has asked for that of the task
                "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "1",
                "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            },
        )
        self.airflow, self.rest = airflow, airflow.rest
        return airflow

    def state_of(self, task_id: str, map_index: int = -1) -> str:
        """Return the state of a task in the latest run of the reminders, once it has ended."""
        run_id = self.run_ids["appointments"][-1]
        task = self.rest.wait_for_task("appointments", run_id, task_id, map_index, timeout=90)
        return str(task["state"])

    def counts(self) -> dict[str, int]:
        """Return what the latest run has done, without zeros."""
        assert self.state_of("reminders") == "success", self.log()
        run_id = self.run_ids["appointments"][-1]
        counts = self.rest.xcom("appointments", run_id, "reminders", "counts")
        return {kind: count for kind, count in counts.items() if count}

    def log(self, task_id: str = "reminders") -> str:
        return self.rest.log("appointments", self.run_ids["appointments"][-1], task_id)

    def _runs(self, dag_id: str) -> set[str]:
        try:
            return {run["dag_run_id"] for run in self.rest.runs(dag_id)}
        except Exception:  # noqa: BLE001  not there yet
            return set()


@pytest.fixture
def tutorial(
    running_sandbox: RunningSandbox, sandbox: SandboxControl, tmp_path: Path
) -> Iterator[Tutorial]:
    del sandbox  # as new
    reader = Tutorial(tmp_path, running_sandbox)
    reader.run("Install")
    reader.folder = tmp_path / "jsms-tutorial"
    reader.run("The list of the hospital")
    reader.save("The DAG", "dags/appointments.py")
    reader.save("Delivery reports", "dags/reports.py")
    with reader.start(tmp_path / "airflow") as airflow:
        airflow.wait_for_dags("appointments", "reports")
        reader.environment = airflow.environment
        yield reader
    leaks.check_logs(tmp_path / "airflow")


def scheduled(sandbox: SandboxControl) -> dict[str, str]:
    """Return the pending texts: when each person gets one."""
    return {
        schedule["recipients"][0]["mobile"]: schedule["send_time"][5:16]
        for schedule in sandbox.state()["schedules"]
        if schedule["status"] == "pending"
    }


def test_the_tutorial_does_as_it_says(tutorial: Tutorial, sandbox: SandboxControl) -> None:
    tutorial.run("A dry run")
    assert tutorial.state_of("read_list") == "success", tutorial.log("read_list")
    assert tutorial.state_of("reminders") == "success", tutorial.log()
    for line in tutorial.block("A dry run", "text").splitlines():
        assert line.removesuffix(" ...") in tutorial.log()
    assert sandbox.state()["schedules"] == []

    tutorial.run("The first run")
    assert tutorial.counts() == {"submitted": 3}
    assert scheduled(sandbox) == {WANG: "12-02 09:00", LI: "12-02 10:30", ZHANG: "12-03 08:00"}
    first = tutorial.run_ids["appointments"][-1]
    tutorial.run("The first run", 1)
    assert tutorial.counts() == {"unchanged": 3}
    assert sum("A100" in line for line in tutorial.run("The first run", 2).splitlines()) == 3

    tutorial.run("The next day's list")
    assert tutorial.counts() == {"submitted": 1, "modified": 1, "deleted": 1, "unchanged": 1}
    for line in tutorial.block("The next day's list", "text").splitlines():
        assert line in tutorial.log()
    assert scheduled(sandbox) == {WANG: "12-02 09:00", LI: "12-02 16:00", ZHAO: "12-04 11:00"}

    tutorial.run("A list that is cut off")
    assert tutorial.state_of("reminders") == "failed"
    assert len(scheduled(sandbox)) == 3

    tutorial.run("A lost reply")
    names = ("appointments", tutorial.run_ids["appointments"][-1], "reminders")
    asked = tutorial.rest.question(*names)
    assert asked["subject"] == "Has JSMS accepted this text?"
    there = schedule_of(SUN, sandbox)
    tutorial.rest.answer(*names, -1, question.ONE_THERE, schedule_id=there)
    assert tutorial.counts()["unchanged"] == 4, tutorial.log()

    tutorial.run("The texts go out")
    tutorial.run("The texts go out", 1)
    texts = {each["mobile"]: each["text"] for each in sandbox.messages()}
    assert sorted(texts) == [WANG, ZHAO, SUN]
    assert texts[WANG].endswith("王芳，您好，提醒您12月3日 09:00在门诊二楼 201有预约，请准时到达。")
    run = tutorial.rest.wait_for_run("appointments", first, timeout=90)
    tasks = tutorial.rest.tasks("appointments", first)
    waits = sorted(task["state"] for task in tasks if task["task_id"] == "wait")
    assert (run["state"], waits) == ("success", ["skipped", "success", "success"])

    tutorial.run("Delivery reports")
    run = tutorial.rest.wait_for_run("reports", tutorial.run_ids["reports"][-1], timeout=90)
    assert run["state"] == "success"
    to_call = (tutorial.folder / "to_call.csv").read_text("utf-8")
    assert to_call.splitlines() == tutorial.block("Delivery reports", "text").splitlines()


def schedule_of(mobile: str, sandbox: SandboxControl) -> str:
    (schedule_id,) = (
        schedule["schedule_id"]
        for schedule in sandbox.state()["schedules"]
        if schedule["recipients"][0]["mobile"] == mobile
    )
    return str(schedule_id)
