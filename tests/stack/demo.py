"""Watch a real Airflow schedule texts with the sandbox: ``python -m tests.stack.demo``.

It starts both, runs the example DAGs through the scheduler, tells what happens while it happens,
checks that everybody got what they should, and stops everything. The exit status tells.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow_provider_jsms.api.masking import mask_mobile
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.submission.uncertain.question import ONE_THERE
from tests.stack.airflow import AirflowStack
from tests.stack.processes import exit_on_sigterm
from tests.stack.sandbox import RunningSandbox
from tests.stack.timeline import HEADING, events, line

EXAMPLES = Path(__file__).parents[2] / "example_dags"
LONGEST = 120.0

# What each example is run with, and how many texts its people get.
RUNS = {
    "jsms_reminder": ({"send_in": 20, "move_by": 5}, 1),
    "jsms_campaign": ({"send_in": 20}, 2),
    "jsms_cancellation": ({"send_in": 40}, 0),
}
# Run once more, and its worker killed: the person of its text, which was cancelled, gets one now.
CRASHED = "jsms_cancellation"
# So that Airflow runs the killed task again, and soon.
RETRIES = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "2",
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
}
# The list of two days, and how many texts its people get.
LISTED, LISTED_TEXTS = "jsms_appointments", 3
# The examples are told apart by their templates, and that of the list by its people.
DAG_OF_TEMPLATE = {3: "jsms_reminder", 4: "jsms_campaign", 2: "jsms_cancellation"}
LISTED_PEOPLE = {f"1390013901{number}" for number in (1, 2, 3, 4)}


class Demo:
    """The examples on a running Airflow, and what the sandbox sees of them."""

    def __init__(self, airflow: AirflowStack, sandbox: SandboxControl) -> None:
        self.airflow = airflow
        self.sandbox = sandbox
        self.zone = ZoneInfo(sandbox.state()["clock"]["timezone"])
        self.runs: dict[str, str] = {}
        self.crash_is_right = False
        self._told = 0

    def watch(self) -> None:
        """Run every example and tell what happens until all of them are over."""
        self.airflow.wait_for_dags(*RUNS, LISTED)
        print(HEADING, flush=True)
        for dag_id, (conf, _) in RUNS.items():
            self.runs[dag_id] = self.airflow.rest.trigger(dag_id, conf=conf)["dag_run_id"]
        wait_until(self._is_over, timeout=LONGEST, otherwise=lambda: str(self._states()))
        self._outlive_the_cancelled_one()

    def kill_a_worker(self) -> None:
        """Kill the process of a submitting task when JSMS has accepted and not yet answered."""
        print("\n  Now a worker dies in mid-submission:")
        rest = self.airflow.rest
        self.sandbox.fault("submit_schedule", "hold", moment="accepted")
        run = rest.trigger(CRASHED, conf={"is_open": True, "send_in": 10800})
        self.sandbox.wait_for_hold(LONGEST)
        self._tell()
        os.kill(rest.task(CRASHED, run["dag_run_id"], "submit")["pid"], signal.SIGKILL)
        self._say("the worker is killed: JSMS has accepted, and could not answer any more")
        self.sandbox.release()
        rest.wait_for_run(CRASHED, run["dag_run_id"], timeout=LONGEST)
        self._tell()
        task = rest.task(CRASHED, run["dag_run_id"], "submit")
        record = rest.state_store(CRASHED, run["dag_run_id"], "submit")["jsms_submission"]
        self._say(f"Airflow ran try {task['try_number']}: its record said {record['state']!r},")
        self._say(f"so it sent nothing, and the task {task['state']} and says what to look for")
        self.crash_is_right = (task["try_number"], task["state"]) == (2, "failed")
        self._ask_a_person(run["dag_run_id"])
        print("  ... the clock of the sandbox is moved on by three hours ...")
        self.sandbox.advance(10800)
        self._tell()

    def _ask_a_person(self, run_id: str) -> None:
        """Clear the task, and answer its question as somebody who has looked in the console."""
        rest = self.airflow.rest
        rest.clear(CRASHED, run_id, "submit", keep=True)
        question = rest.question(CRASHED, run_id, "submit")
        self._say(f"the task is cleared, and asks: {question['subject']}")
        schedule_id = self.sandbox.state()["schedules"][-1]["schedule_id"]
        rest.answer(CRASHED, run_id, "submit", -1, ONE_THERE, schedule_id=schedule_id)
        self._say(f"a person answers: {ONE_THERE}, and enters its schedule_id")
        rest.wait_for_run(CRASHED, run_id, timeout=LONGEST)
        task = rest.task(CRASHED, run_id, "submit")
        self._say(f"the task checks it with JSMS, submits no second text, and is {task['state']}")
        self.crash_is_right &= task["state"] == "success"
        self.crash_is_right &= rest.xcom(CRASHED, run_id, "submit") == schedule_id

    def follow_a_list(self) -> None:
        """Reconcile JSMS with the list of a day, and with that of the next day."""
        print(
            "\n  Now a list of appointments; the next day one is unchanged, one has moved, one was"
        )
        print("  cancelled and one is new:")
        self.runs[LISTED] = self.airflow.rest.trigger(LISTED)["dag_run_id"]
        wait_until(self._is_over, timeout=LONGEST, otherwise=lambda: str(self._states()))
        print("  ... the clock of the sandbox is moved on by four days ...")
        self.sandbox.advance(4 * 86400)
        self._tell()

    def is_as_it_should_be(self) -> bool:
        """Print what came of each example, and return whether that is right."""
        sent = Counter(_dag_of(each["mobile"], each["temp_id"]) for each in self.sandbox.messages())
        print("\n  DAG run                       texts sent   msg_ids that the sensor found")
        verdicts = []
        sent[CRASHED] -= 1  # that of the killed worker
        for dag_id, state in self._states().items():
            expected = LISTED_TEXTS if dag_id == LISTED else RUNS[dag_id][1]
            verdicts.append(state == "success" and sent[dag_id] == expected)
            found = ", ".join(self._msg_ids(dag_id)) or "-"
            print(f"  {dag_id:<19} {state:<9} {sent[dag_id]} of {expected}       {found}")
        return self._nobody_was_texted_twice() and all(verdicts) and self.crash_is_right

    def _nobody_was_texted_twice(self) -> bool:
        schedules = self.sandbox.state()["schedules"]
        texts = Counter(each["mobile"] for each in self.sandbox.messages())
        people = sorted({each["mobile"] for one in schedules for each in one["recipients"]})
        print("\n  Each person's texts:")
        for mobile in people:
            print(f"  {mask_mobile(mobile)}  {texts[mobile]}")
        return all(texts[mobile] <= 1 for mobile in people)

    def _msg_ids(self, dag_id: str) -> list[str]:
        found = self.airflow.rest.xcoms(dag_id, self.runs[dag_id], "wait").get("return_value", {})
        return [msg_id for msg_ids in found.values() for msg_id in msg_ids]

    def _say(self, what: str) -> None:
        print(f"  {'':<24}{CRASHED:<19} {what}", flush=True)

    def _is_over(self) -> bool:
        self._tell()
        return all(state in ("success", "failed") for state in self._states().values())

    def _outlive_the_cancelled_one(self) -> None:
        """Move the clock of the sandbox past the time at which the cancelled text was due."""
        print("  ... the clock of the sandbox is moved on by an hour ...")
        self.sandbox.advance(3600)
        self._tell()

    def _states(self) -> dict[str, str]:
        rest = self.airflow.rest
        return {dag_id: rest.run(dag_id, run_id)["state"] for dag_id, run_id in self.runs.items()}

    def _tell(self) -> None:
        state = self.sandbox.state()
        dags = {
            each["schedule_id"]: _dag_of(each["recipients"][0]["mobile"], each["temp_id"])
            for each in state["schedules"]
        }
        happened = events(state)
        for event in happened[self._told :]:
            print(line(event, dags[event.schedule_id], self.zone), flush=True)
        self._told = len(happened)


def _dag_of(mobile: str, temp_id: int) -> str:
    return LISTED if mobile in LISTED_PEOPLE else DAG_OF_TEMPLATE[temp_id]


def main() -> None:
    """Run the demo."""
    exit_on_sigterm()
    started_at = time.monotonic()
    print("Starting Airflow and a JSMS sandbox; nobody is texted ...", flush=True)
    with (
        tempfile.TemporaryDirectory() as home,
        RunningSandbox(Path(home) / "sandbox.log") as sandbox,
        AirflowStack(
            Path(home) / "airflow",
            EXAMPLES,
            connections=sandbox.connections(Path(home)),
            extra_settings=RETRIES,
        ) as airflow,
        SandboxControl(sandbox.url) as control,
    ):
        print(f"Airflow is at {airflow.url}, the sandbox at {sandbox.url}.\n", flush=True)
        demo = Demo(airflow, control)
        demo.watch()
        demo.kill_a_worker()
        demo.follow_a_list()
        is_right = demo.is_as_it_should_be()
    seconds = time.monotonic() - started_at
    verdict = "Everybody was texted as often as they should be, and no more."
    print(
        f"\n{verdict if is_right else 'This is not what should have happened.'} ({seconds:.0f} s)"
    )
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
