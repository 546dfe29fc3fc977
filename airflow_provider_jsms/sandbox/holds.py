"""Calls that are held at a moment of their way until they are released."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_jsms.sandbox.records import RecordedRequest

MOMENTS = ("request_read", "accepted", "answered")


@dataclass(frozen=True)
class Hold:
    """A call that is held.

    :param request: the request of the call.
    :param moment: where it is held, one of :data:`MOMENTS`.
    :param since: when that began, by the clock of the sandbox.
    :param ended: done when the hold ends: True if it was released, False if it was dropped. Any
        thread may end a hold, hence no future of an event loop.
    """

    request: RecordedRequest
    moment: str
    since: datetime
    ended: Future[bool] = field(default_factory=Future)


class Holds:
    """The calls that are held, the first one first. Whoever works on it holds the sandbox's lock.

    Only a server that runs can go on with a call: there are holds from ``open`` to ``close``.
    """

    def __init__(self) -> None:
        self._held: list[Hold] = []
        self._is_open = False

    def __iter__(self) -> Iterator[Hold]:
        return iter(self._held)

    def add(self, hold: Hold) -> None:
        """Take up a hold, which ends at once if no server runs any more."""
        self._held.append(hold)
        if not self._is_open:
            self.release()

    def release(self) -> int:
        """Let every held call go on, and return how many they were."""
        return self._end(goes_on=True)

    def drop(self) -> None:
        """End every hold, because the sandbox forgets the requests."""
        self._end(goes_on=False)

    def open(self) -> None:
        """Hold calls from now on."""
        self._is_open = True

    def close(self) -> None:
        """Let every held call go on, and hold none from now on."""
        self._is_open = False
        self.release()

    def _end(self, *, goes_on: bool) -> int:
        held, self._held = self._held, []
        for hold in held:
            hold.ended.set_result(goes_on)
        return len(held)
