"""A file that keeps the state of a sandbox from one start to the next."""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict  # noqa: TC003 - pydantic reads the fields
from dataclasses import dataclass, fields
from datetime import datetime, timedelta  # noqa: TC003 - the same
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from airflow_provider_jsms.sandbox.account import (  # noqa: TC001 - the same
    Account,
    Signature,
    Template,
)
from airflow_provider_jsms.sandbox.clock import monotonic
from airflow_provider_jsms.sandbox.inquiries import Inbox  # noqa: TC001 - the same
from airflow_provider_jsms.sandbox.records import ApiRequest  # noqa: TC001 - the same
from airflow_provider_jsms.sandbox.schedules import (
    Schedule,  # noqa: TC001 - the same
    ScheduleBook,
)
from airflow_provider_jsms.sandbox.switches import Switches  # noqa: TC001 - the same
from airflow_provider_jsms.sandbox.validation import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.state import Sandbox

__all__ = ["StateFile"]

_PAUSE_SECONDS: Final = 0.2


@dataclass
class _Kept:
    """Attributes of the sandbox that are kept as they are."""

    switches: Switches
    account: Account
    templates: dict[int, Template]
    signs: dict[int, Signature]
    numbers: dict[str, str]
    deliveries: dict[str, int]
    reports: Inbox
    replies: Inbox
    replied: list[tuple[datetime, str, str]]
    dispatched: defaultdict[str, list[datetime]]
    recorded: list[ApiRequest]
    next_msg_id: int


@dataclass
class _Saved:
    """The content of the file."""

    kept: _Kept
    ahead: timedelta
    schedules: list[Schedule]
    sent: list[str]


_FORMAT: Final = TypeAdapter(_Saved)


class StateFile:
    """A context manager that loads a sandbox from a file, and saves it soon after each change.

    Credentials, faults and held calls are not kept. Each write replaces the whole file at once,
    so a kill leaves the state of the last write.

    :param path: read if it exists.
    :raises InvalidInputError: the file cannot be read or written, or is damaged.
    """

    def __init__(self, path: Path | str, sandbox: Sandbox) -> None:
        self._path = Path(path)
        self._sandbox = sandbox
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._save_changes, daemon=True)

    def __enter__(self) -> Self:
        self._load()
        try:
            self._save()
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror}", "") from None
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        self._sandbox.changed.set()
        self._thread.join()
        self._save()

    def _load(self) -> None:
        try:
            saved = json.loads(self._path.read_bytes())
            _restore(self._sandbox, _FORMAT.validate_python(saved))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}", "") from None
        except (ValueError, KeyError, RecursionError):  # their texts may quote numbers
            problem = "is damaged, or of another version of the sandbox"
            step = ", or move this one away to start with an empty sandbox"
            raise self._unusable(problem, step) from None

    def _unusable(self, problem: str, other_step: str) -> InvalidInputError:
        return InvalidInputError(
            f"the state file {self._path} {problem}. The sandbox has not started. Name another "
            f"file with --state{other_step}."
        )

    def _save_changes(self) -> None:
        pause = 0.0
        while not self._is_closing.wait(pause):
            self._sandbox.changed.wait()
            self._sandbox.changed.clear()
            begin = monotonic()
            self._save()
            # Requests wait for a large state to be encoded, so leave most of the time to them.
            pause = max(_PAUSE_SECONDS, 4 * (monotonic() - begin))

    def _save(self) -> None:
        saved = _encoded(self._sandbox)
        unfinished = self._path.with_name(f".{self._path.name}.unfinished")
        with unfinished.open("wb") as file:
            file.write(saved)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)


def _encoded(sandbox: Sandbox) -> bytes:
    with sandbox.lock:
        saved = _Saved(
            _Kept(**{each.name: getattr(sandbox, each.name) for each in fields(_Kept)}),
            sandbox.clock.ahead,
            list(sandbox.book.schedules.values()),
            [schedule.schedule_id for schedule in sandbox.sent],
        )
        try:
            return _FORMAT.dump_json(saved)
        except PydanticSerializationError:  # half a surrogate pair, which UTF-8 cannot encode
            return json.dumps(_FORMAT.dump_python(saved, mode="json")).encode()


def _restore(sandbox: Sandbox, saved: _Saved) -> None:
    with sandbox.lock:
        for name, value in vars(saved.kept).items():
            setattr(sandbox, name, value)
        sandbox.clock.ahead = saved.ahead
        sandbox.book = ScheduleBook(saved.schedules)
        sandbox.sent = [sandbox.book.schedules[each] for each in saved.sent]
