"""A distributed Airflow, the runs on it, and the faults that it has."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.sandbox.control import SandboxControl
from tests import people
from tests.cluster.servers import Redis, SystemPostgres
from tests.cluster.workers import Workers
from tests.e2e.crash.proxy import HoldingProxy
from tests.e2e.crash.stage import Run, Stage, airflow_behind
from tests.stack.sandbox import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.e2e.crash.proxy import Hold
    from tests.stack.airflow import AirflowStack

DAGS: Final = Path(__file__).parent / "dags"
CALLS: Final = {"single": "submit_schedule", "batch": "submit_batch_schedule"}
# Two chunks, of which the second one is not full.
SIZES: Final = {"single": 1, "batch": 1500}
AWAY: Final = 10.0
LONGEST: Final = 300.0
# Nobody listens on this port.
NOWHERE: Final = "http://127.0.0.1:1"

SETTINGS: Final = {
    "AIRFLOW__CELERY__OPERATION_TIMEOUT": "10",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "64",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    "AIRFLOW__CORE__PARALLELISM": "64",
    # A task whose message is lost is published again soon.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    # Longer than the API server is away: that alone is no reason to give a task up.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    # As Airflow has them, where the other tests are more impatient.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "5",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "90",
}


@dataclass
class Cluster:
    """Everything that is played on."""

    airflow: AirflowStack
    proxy: HoldingProxy
    redis: Redis
    sandbox: SandboxControl
    stage: Stage
    workers: Workers

    def prepare(self, name: str, number: int, kind: str) -> Run:
        """Return a run with people of its own that is not started yet."""
        offsets = self.stage.enlist(SIZES[kind])
        run_id = f"{name}-{kind}-{number:02}"
        return Run(f"cluster_{kind}", run_id, kind, tuple(map(people.number, offsets)))

    def start(self, run: Run) -> None:
        """Start a run; the people of a batch are in a file that every worker can read."""
        first = int(run.numbers[0]) - int(people.number(0))
        file = self.airflow.home / f"{run.run_id}.csv"
        rows = (f"{number},{people.CANARY}\n" for number in run.numbers)
        file.write_text("".join(["mobile,name\n", *rows]))
        self.stage.trigger(run, people=first, file=str(file))

    def hold_submissions(self, runs: Sequence[Run], moment: str) -> None:
        """Let the sandbox hold the first submission of each of these runs, which start next."""
        for kind, call in CALLS.items():
            if count := sum(run.kind == kind for run in runs):
                self.sandbox.fault(call, "hold", times=count, moment=moment)

    def hold_between_chunks(self, runs: Sequence[Run]) -> list[Hold]:
        """Let the API server's answer to the record of an accepted first chunk be held."""
        return [
            self.proxy.hold(run.run_id, "accepted", "after", key="jsms_submission_1")
            for run in runs
        ]

    def wait_until_held(self, runs: Sequence[Run], holds: Sequence[Hold]) -> None:
        """Wait until the proxy or, without holds of it, the sandbox holds each of these runs."""
        try:
            for run, hold in zip(runs, holds, strict=False):
                self.stage.wait_for(run, hold)
            if not holds:
                self.stage.wait_for_sandbox(runs)
        except TimeoutError as error:
            error.add_note(f"{self.redis.queued()} messages in the queue")
            error.add_note(f"{self.workers.family.logs()}\n{self.airflow.family.logs()}")
            raise

    def release(self) -> None:
        """Let everything go on that is held."""
        self.sandbox.clear_faults()
        self.sandbox.release()
        self.proxy.drop_all()

    def finish(self, runs: Sequence[Run]) -> None:
        """Wait until Airflow has done everything for these runs, retries too."""
        for run in runs:
            self.airflow.rest.wait_for_run(run.dag_id, run.run_id, timeout=LONGEST)

    def messages_of(self, runs: Sequence[Run]) -> list[bytes]:
        """Return the Celery messages of these runs that are not acknowledged."""
        return self.redis.messages_of([run.run_id for run in runs])

    def deliver(self, runs: Sequence[Run], messages: Sequence[bytes]) -> None:
        """Deliver the message of each of these runs, and wait until all are acknowledged."""
        assert len(messages) == len(runs), f"{len(messages)} messages of {len(runs)} runs"
        self.redis.deliver(messages)
        self.redis.wait_until_taken()
        wait_until(
            lambda: not self.messages_of(runs),
            timeout=LONGEST,
            otherwise=lambda: f"not acknowledged: {len(self.messages_of(runs))}",
        )

    @contextmanager
    def api_server_away(self) -> Iterator[None]:
        """Let workers find no API server for 10 s, the block among them."""
        back_at = time.monotonic() + AWAY
        upstream, self.proxy.upstream = self.proxy.upstream, NOWHERE
        yield
        time.sleep(max(0.0, back_at - time.monotonic()))
        self.proxy.upstream = upstream


@contextmanager
def running_cluster(folder: Path, concurrency: int) -> Iterator[Cluster]:
    """Start everything, and stop and remove it after the block."""
    with (
        RunningSandbox(folder / "sandbox.log") as jsms,
        SandboxControl(jsms.url) as sandbox,
        SystemPostgres() as postgres,
        Redis(folder) as redis,
        HoldingProxy() as proxy,
        _airflow(folder, jsms, postgres, redis, proxy) as airflow,
        Workers(airflow, redis.url, concurrency) as workers,
    ):
        airflow.wait_for_dags(*(f"cluster_{kind}" for kind in CALLS))
        stage = Stage(airflow, sandbox, proxy)
        yield Cluster(airflow, proxy, redis, sandbox, stage, workers)


def _airflow(
    folder: Path, jsms: RunningSandbox, postgres: SystemPostgres, redis: Redis, proxy: HoldingProxy
) -> AirflowStack:
    results = postgres.create_database("celery")
    # A submission is held for longer than a worker waits by itself.
    connection = {**jsms.connection, "extra": json.dumps({"read_timeout": 300})}
    return airflow_behind(
        proxy,
        folder / "airflow",
        {"jsms_default": connection},
        dags=(DAGS,),
        database=postgres.create_database("airflow"),
        extra_settings={
            **SETTINGS,
            "AIRFLOW__CELERY__BROKER_URL": redis.url,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{results}",
        },
    )
