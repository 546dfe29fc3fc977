"""The command ``python -m airflow_provider_jsms.sandbox``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_jsms import __version__
from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.credentials import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a sandbox until SIGINT or SIGTERM, and return the exit status.

    Once it is ready, one line is written to the standard output.

    :param arguments: those of the command line if None.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    with _stop_signal() as stopped:
        try:
            server = _server(options)
            with server:
                _set_faults(server.sandbox, options.faults)
                _say(f"JSMS sandbox listening on {server.url} (app key {options.app_key})")
                stopped.wait()
        except NotAcceptedError as error:
            parser.error(str(error))
        except (OSError, OverflowError) as error:
            parser.error(f"cannot listen on {options.host} port {options.port}: {error}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_jsms.sandbox",
        description="A JSMS that runs on this machine. No message is ever sent.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--port", type=int, default=8025, help="0 for a free one")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--app-key", default=DEFAULT_APP_KEY)
    parser.add_argument("--master-secret", default=DEFAULT_MASTER_SECRET)
    parser.add_argument("--timezone", default="Asia/Shanghai", help="in which send_time is read")
    parser.add_argument(
        "--switch",
        dest="switches",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an answer to what no document tells; may be repeated",
    )
    parser.add_argument(
        "--fault",
        dest="faults",
        metavar="JSON",
        action="append",
        default=[],
        help='what goes wrong until a reset, such as {"call": "*", "kind": "slow", "seconds": 2, '
        '"times": null, "probability": 0.1, "seed": 7}; may be repeated',
    )
    parser.add_argument(
        "--https",
        dest="ca_bundle",
        metavar="FILE",
        help="speak https, and write the certificate to FILE that the extra ca_bundle of a "
        "connection needs to verify it",
    )
    return parser


def _server(options: argparse.Namespace) -> SandboxServer:
    sandbox = Sandbox(
        app_key=options.app_key,
        master_secret=options.master_secret,
        timezone=options.timezone,
        switches=_pairs(options.switches),
    )
    return SandboxServer(sandbox, host=options.host, port=options.port, ca_bundle=options.ca_bundle)


def _set_faults(sandbox: Sandbox, faults: list[str]) -> None:
    with sandbox.lock:
        for fault in faults:
            sandbox.faults.add(_from_json(fault))


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise NotAcceptedError(f"--fault must be JSON, which this is not: {text}") from None


def _pairs(switches: list[str]) -> dict[str, str]:
    pairs = {}
    for switch in switches:
        name, _, pairs[name] = switch.partition("=")
    return pairs


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    stopped = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in signals]
    try:
        yield stopped
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
