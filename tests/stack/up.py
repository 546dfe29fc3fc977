"""Start Airflow with the example DAGs and a JSMS sandbox, and leave both running.

``python -m tests.stack.up``; ``python -m tests.stack.down`` ends them.
"""

import argparse
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from airflow_provider_jsms.quickstart.processes import ProcessFailedError
from tests.stack.airflow import AirflowStack
from tests.stack.processes import exit_on_sigterm
from tests.stack.record import UpRecord
from tests.stack.sandbox import RunningSandbox

REPOSITORY = Path(__file__).parents[2]
RUN_DIR = REPOSITORY / ".run"
AIRFLOW_PORT = 8080
SANDBOX_PORT = 8025


def run_dir_from(description: str, arguments: Sequence[str] | None) -> Path:
    """Read the one option that ``up`` and ``down`` share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--run-dir", type=Path, default=RUN_DIR, help="default: %(default)s")
    return Path(parser.parse_args(arguments).run_dir)


def bring_up(run_dir: Path) -> UpRecord:
    """Start both afresh, write down what runs, and leave it running."""
    home = run_dir / "airflow"
    shutil.rmtree(home, ignore_errors=True)
    with ExitStack() as unwinding:
        sandbox = RunningSandbox(run_dir / "sandbox.log", port=SANDBOX_PORT)
        unwinding.enter_context(sandbox)
        airflow = AirflowStack(
            home,
            REPOSITORY / "example_dags",
            connections=sandbox.connections(home),
            port=AIRFLOW_PORT,
        )
        unwinding.enter_context(airflow)
        # those in the environment are not on the Connections page
        for name, connection in sandbox.connections(home).items():
            airflow.rest.add_connection(name, connection)
        record = UpRecord(airflow.url, sandbox.url, [airflow.family, sandbox.family])
        record.write(run_dir)
        unwinding.pop_all()
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    """Start what is not running yet, and say where it is."""
    run_dir = run_dir_from("Start Airflow and a JSMS sandbox, and leave both running.", arguments)
    exit_on_sigterm()
    record = UpRecord.read(run_dir)
    if record and record.is_complete():
        print(f"Already up:\n{record.describe()}\nStop with: make down")
        return
    if record:
        record.stop()
    print("Starting Airflow and the JSMS sandbox ...", flush=True)
    try:
        record = bring_up(run_dir)
    except (ProcessFailedError, TimeoutError) as error:
        raise SystemExit(f"Could not start: {error}") from None
    print(f"Up:\n{record.describe()}\nLogs are in {run_dir}. Stop with: make down")


if __name__ == "__main__":
    main()
