"""Signals to the processes of a stack, and to the process that started it."""

import os
import signal

from airflow_provider_jsms.quickstart.processes import ENDING, ProcessFamily, send, wait_for_end


def kill(family: ProcessFamily, name: str) -> None:
    """Kill a process and all its descendants at once; it is not missed, and may start again."""
    leader = family.started.pop(name)
    members = {leader, *leader.children(recursive=True)}
    os.killpg(leader.pid, signal.SIGKILL)
    send(members, signal.SIGKILL)
    leader.wait()
    wait_for_end(members, ENDING)


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that context managers stop what they run."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
