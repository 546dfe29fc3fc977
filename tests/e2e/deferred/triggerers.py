"""The triggerers of an Airflow: started, ended, frozen, and which of them runs which trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from airflow_provider_jsms.quickstart.processes import is_alive
from airflow_provider_jsms.quickstart.settings import OPTIONS
from airflow_provider_jsms.quickstart.waiting import tail, wait_until
from tests.e2e.deferred.stage import PATIENCE

if TYPE_CHECKING:
    from tests.stack.airflow import AirflowStack

NAME = "triggerer"


@dataclass(frozen=True)
class Triggerer:
    """A triggerer with the process in which its triggers run.

    :param job_id: by which Airflow says whose a trigger is.
    """

    name: str
    job_id: int
    processes: tuple[psutil.Process, ...]

    def terminate(self) -> None:
        """Ask it to end, as a restart does, and wait until it has."""
        self.processes[0].terminate()
        self._wait_for_end()

    def kill(self) -> None:
        """End it without a warning, with everything that it has started."""
        for process in self.processes:
            process.kill()
        self._wait_for_end()

    def freeze(self) -> None:
        """Let it stand still, as on a machine that is suspended."""
        for process in self.processes:
            process.suspend()

    def thaw(self) -> None:
        """Let it go on, as if no time had passed."""
        for process in reversed(self.processes):
            if is_alive(process):
                process.resume()

    def _wait_for_end(self) -> None:
        wait_until(
            lambda: not any(is_alive(process) for process in self.processes),
            timeout=PATIENCE,
            otherwise=lambda: f"{self.name} lives on",
        )


class Triggerers:
    """Starts triggerers of an Airflow, which comes with one."""

    def __init__(self, airflow: AirflowStack) -> None:
        self._airflow = airflow
        self.current = self._found(NAME, known=0)
        self._all = [self.current]

    def start(self) -> Triggerer:
        """Start a further one, wait until Airflow knows it, and make it the current one."""
        name = f"{NAME}-{len(self._all) + 1}"
        known = self._newest_job()["id"]
        self._airflow._start_airflow(name, [NAME, *OPTIONS[NAME]])
        self.current = self._found(name, known=known)
        self._all.append(self.current)
        return self.current

    def end_others(self) -> None:
        """End all but the current one."""
        for each in self._all:
            if each is not self.current and is_alive(each.processes[0]):
                each.thaw()
                each.terminate()

    def job(self, job_id: int) -> dict[str, Any]:
        """Return what Airflow knows of a triggerer."""
        (job,) = [each for each in self._jobs() if each["id"] == job_id]
        return job

    def _found(self, name: str, *, known: int) -> Triggerer:
        (record,) = [each for each in self._airflow.family.records if each.name == name]
        process = psutil.Process(record.pid)
        log = self._airflow.home / "components" / f"{name}.log"
        wait_until(
            lambda: self._newest_job()["id"] > known and process.children(),
            timeout=PATIENCE,
            otherwise=lambda: f"{name} does not work\n{tail(log)}",
        )
        processes = (process, *process.children(recursive=True))
        return Triggerer(name, self._newest_job()["id"], processes)

    def _newest_job(self) -> dict[str, Any]:
        return max(self._jobs(), key=lambda job: job["id"])

    def _jobs(self) -> list[dict[str, Any]]:
        return self._airflow.rest._get("/jobs", job_type="TriggererJob")["jobs"]
