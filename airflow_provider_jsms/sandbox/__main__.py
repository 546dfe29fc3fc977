"""The command ``python -m airflow_provider_jsms.sandbox``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms import __version__
from airflow_provider_jsms.sandbox.account import (
    DEFAULT_API_DEV_SECRET,
    DEFAULT_APP_KEY,
    DEFAULT_DEV_KEY,
    DEFAULT_MASTER_SECRET,
)
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError, is_loopback

try:
    from airflow_provider_jsms.sandbox.server import SandboxServer
except ModuleNotFoundError as missing:
    if missing.name not in {"starlette", "uvicorn", "h11"}:
        raise
    sys.exit(f"The sandbox needs {missing.name}: pip install 'airflow-provider-jsms[sandbox]'")

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REPEATABLE: Final = {"action": "append", "default": []}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "--version": {"action": "version", "version": __version__},
    "--port": {"type": int, "default": 8025, "help": "the port, 0 for a free one (default: 8025)"},
    "--listen": {
        "metavar": "ADDRESS",
        "default": "127.0.0.1",
        "help": "the address to listen on (default: 127.0.0.1); with another one, whoever reaches "
        "it can read the texts and control the sandbox",
    },
    "--name": {
        "dest": "names",
        **_REPEATABLE,
        "help": "a host name of the sandbox, such as that of its container; repeatable",
    },
    "--app-key": {"default": DEFAULT_APP_KEY, "help": "the login of the connection"},
    "--master-secret": {
        "default": DEFAULT_MASTER_SECRET,
        "help": "the password of the connection",
    },
    "--dev-key": {"default": DEFAULT_DEV_KEY, "help": "the user name for /v1/accounts/dev"},
    "--api-dev-secret": {"default": DEFAULT_API_DEV_SECRET, "help": "the password for it"},
    "--timezone": {"default": "Asia/Shanghai", "help": "the timezone of send_time"},
    "--switch": {
        "dest": "switches",
        "metavar": "NAME=VALUE",
        **_REPEATABLE,
        "help": "set the behaviour where the API documentation is silent; repeatable",
    },
    "--fault": {
        "dest": "faults",
        "metavar": "JSON",
        **_REPEATABLE,
        "help": 'set a fault until a reset, such as {"call": "*", "kind": "slow", "seconds": 2, '
        '"times": null, "probability": 0.1, "seed": 7}; repeatable',
    },
    "--state": {
        "metavar": "FILE",
        "help": "load the state from FILE if it exists, and save each change there; faults and "
        "held calls are not kept",
    },
    "--https": {
        "dest": "ca_bundle",
        "metavar": "FILE",
        "help": "serve https, and write the CA certificate to FILE, for the extra ca_bundle of the "
        "connection",
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a sandbox until SIGINT or SIGTERM, and return the exit status.

    Prints one line once it is ready.

    :param arguments: by default those of the command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        sandbox = _sandbox(options)
        with _state_file(options, sandbox), _server(options, sandbox) as server:
            _set_faults(sandbox, options.faults)
            _warn_of(options.listen)
            line = f"JSMS sandbox listening on {server.url} (app key {options.app_key})"
            print(line, flush=True)  # noqa: T201 - output of a command
            stopped.wait()
    except InvalidInputError as error:
        parser.error(str(error))
    except (OSError, OverflowError) as error:
        parser.error(f"cannot listen on {options.listen} port {options.port}: {error}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_jsms.sandbox",
        description="A local JSMS for development and tests. It never sends a message.",
    )
    for option, settings in _OPTIONS.items():
        parser.add_argument(option, **settings)
    return parser


def _sandbox(options: argparse.Namespace) -> Sandbox:
    return Sandbox(
        app_key=options.app_key,
        master_secret=options.master_secret,
        dev_key=options.dev_key,
        api_dev_secret=options.api_dev_secret,
        timezone=options.timezone,
        switches=_switches(options),
    )


def _switches(options: argparse.Namespace) -> dict[str, str]:
    return dict(switch.partition("=")[::2] for switch in options.switches)


@contextmanager
def _state_file(options: argparse.Namespace, sandbox: Sandbox) -> Iterator[None]:
    if options.state is None:
        yield
        return
    from airflow_provider_jsms.sandbox.state_file import StateFile  # noqa: PLC0415 - pydantic

    with StateFile(options.state, sandbox):
        sandbox.switches = sandbox.switches.updated(_switches(options))
        yield


def _server(options: argparse.Namespace, sandbox: Sandbox) -> SandboxServer:
    return SandboxServer(
        sandbox,
        host=options.listen,
        port=options.port,
        names=options.names,
        ca_bundle=options.ca_bundle,
    )


def _warn_of(address: str) -> None:
    if not is_loopback(address):
        sys.stderr.write(
            f"Warning: whoever reaches {address} can read the texts and control this sandbox. "
            "Use it in a network of your own only.\n"
        )


def _set_faults(sandbox: Sandbox, faults: list[str]) -> None:
    for text in faults:
        try:
            fault = json.loads(text)
        except ValueError:
            raise InvalidInputError(f"--fault must be JSON, not {text}") from None
        with sandbox.lock:
            sandbox.faults.add(fault)


if __name__ == "__main__":
    sys.exit(main())
