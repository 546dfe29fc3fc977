"""End what ``up`` has left running: ``python -m tests.stack.down``."""

from collections.abc import Sequence

from tests.stack.record import UpRecord, forget
from tests.stack.up import run_dir_from


def main(arguments: Sequence[str] | None = None) -> None:
    """End the processes that ``up`` wrote down, and say which."""
    run_dir = run_dir_from("End the Airflow and the JSMS sandbox that up started.", arguments)
    record = UpRecord.read(run_dir)
    if record is None:
        print("Nothing to stop.")
        return
    names = [f"{process.name} ({process.pid})" for process in record.running()]
    record.stop()
    forget(run_dir)
    print(f"Stopped {', '.join(names)}." if names else "Nothing was running any more.")


if __name__ == "__main__":
    main()
