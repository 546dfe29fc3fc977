"""The command ``airflow-jsms-quickstart``, or ``python -m airflow_provider_jsms.quickstart``."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_jsms import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAG_ID = "jsms_quickstart"
PREFIX = "jsms-start-"
PARSING_TIMEOUT = 300.0
CHECK_INTERVAL = 1.0

GUIDE = """
Ready.

  Airflow         {airflow}   (no login)
  Sandbox's page  {sandbox}   (a phone that shows every text; nothing is sent to JSMS)

Your first text:

  1. Open {airflow}/dags/{dag}
     and click Trigger, then Trigger again in the form.
  2. Open {sandbox}
     It shows the scheduled text, which arrives on the phone a minute after the click.

  The DAG:  {file}
            Edit it: Airflow notices each change.
  Logs:     {logs}

Stop with Ctrl-C. It stops both, and removes {home}
"""


@contextmanager
def _extra() -> Iterator[None]:
    """End with the name of the extra if one of its packages is missing."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name not in {"h11", "psutil", "starlette", "uvicorn"}:
            raise
        sys.exit(
            f"The quick start needs {missing.name}: pip install 'airflow-provider-jsms[sandbox]'"
        )


with _extra():
    from airflow_provider_jsms.quickstart.processes import STOP_SIGNALS, ProcessFailedError
    from airflow_provider_jsms.quickstart.waiting import wait_until


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox and Airflow until a signal, and return the exit status.

    :param arguments: by default those of the command line.
    """
    options = _parser().parse_args(arguments)
    for number in STOP_SIGNALS:
        signal.signal(number, _leave)
    home = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    try:
        _run(home, options)
    except (ProcessFailedError, TimeoutError) as error:
        logs = f"All logs: {home / 'components'}. Remove {home} when you have read them."
        sys.stderr.write(f"\nAirflow does not run: {error}\n{logs}\n")
        return 1
    except BaseException:  # it was stopped
        shutil.rmtree(home, ignore_errors=True)
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-jsms-quickstart",
        description="Start Airflow and a JSMS sandbox with one example DAG, to try the provider. "
        "Ctrl-C stops both and leaves nothing behind.",
    )
    add = parser.add_argument
    add("--version", action="version", version=__version__)
    add("--airflow-port", type=int, default=8080, help="a free one if taken (default: 8080)")
    add("--sandbox-port", type=int, default=8025, help="a free one if taken (default: 8025)")
    return parser


def _leave(_number: int, _frame: object) -> NoReturn:
    # A second Ctrl-C would interrupt the stopping and leave processes behind.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _say("\nStopping ...")
    raise SystemExit(0)


def _run(home: Path, options: argparse.Namespace) -> NoReturn:
    # Importing Airflow, on which the errors of the provider are based, makes files in its home.
    os.environ["AIRFLOW_HOME"] = str(home)
    with _extra():
        from airflow_provider_jsms.quickstart.airflow import RunningAirflow  # noqa: PLC0415  see above
        from airflow_provider_jsms.quickstart.settings import (  # noqa: PLC0415  see above
            HOST,
            free_port,
            sandbox_connection,
        )
        from airflow_provider_jsms.sandbox.server import SandboxServer  # noqa: PLC0415  see above

    _say(f"Starting a JSMS sandbox and Airflow {version('apache-airflow')}: up to a minute ...")
    dags = home / "dags"
    shutil.copytree(Path(__file__).with_name("dags"), dags, ignore=lambda *_: ["__pycache__"])
    with SandboxServer(host=HOST, port=free_port(options.sandbox_port)) as sandbox:
        connections = {"jsms_default": sandbox_connection(sandbox.url)}
        airflow = RunningAirflow(home, dags, connections=connections, port=options.airflow_port)
        # Airflow leaves temporary files behind where it is killed.
        airflow.environment["TMPDIR"] = str(home)
        with airflow:
            wait_until(
                lambda: airflow.has_dag(DAG_ID),
                timeout=PARSING_TIMEOUT,
                otherwise=lambda: f"no DAG {DAG_ID}\n{airflow.family.logs()}",
            )
            _say(
                GUIDE.format(
                    airflow=airflow.url,
                    sandbox=sandbox.url,
                    dag=DAG_ID,
                    file=dags / f"{DAG_ID}.py",
                    logs=home / "logs",
                    home=home,
                )
            )
            while True:
                airflow.family.check()
                time.sleep(CHECK_INTERVAL)


def _say(text: str) -> None:
    # the terminal may have been closed
    with suppress(OSError):
        print(text, flush=True)  # noqa: T201 - output of a command


if __name__ == "__main__":
    sys.exit(main())
