"""What would go on for ever, such as an endless answer, and what ends it."""

from __future__ import annotations

from concurrent.futures import Future


class Endings:
    """Hands out futures that are cancelled when the sandbox is reset or its server stops.

    Whoever works on it holds the sandbox's lock. Any thread may reset a sandbox, hence no futures
    of an event loop.
    """

    def __init__(self) -> None:
        self._awaited: list[Future[None]] = []
        self._is_open = False

    def new(self) -> Future[None]:
        """Return a future, which is over at once if no server runs any more."""
        ending: Future[None] = Future()
        self._awaited = [each for each in self._awaited if not each.done()] + [ending]
        if not self._is_open:
            self.end()
        return ending

    def end(self) -> None:
        """End everything that goes on."""
        awaited, self._awaited = self._awaited, []
        for ending in awaited:
            ending.cancel()

    def open(self) -> None:
        """Let things go on from now on."""
        self._is_open = True

    def close(self) -> None:
        """End everything, and let nothing go on from now on."""
        self._is_open = False
        self.end()
