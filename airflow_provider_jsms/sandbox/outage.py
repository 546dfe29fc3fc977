"""Outages: the server refuses connections for a while, as if it were down."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_jsms.sandbox.validation import InvalidInputError

if TYPE_CHECKING:
    import socket

_TIMEOUT_SECONDS = 10.0


class Listening(Protocol):
    """The listening side of a server. Its methods run in the thread of its event loop."""

    is_https: bool

    def refuse(self) -> socket.socket:
        """Stop listening, close idle connections, and return a socket that reserves the port."""

    async def accept(self, listener: socket.socket) -> None:
        """Accept the connections to a listening socket."""


@dataclass(frozen=True, eq=False)
class _Current:
    """The current outage, and the socket that reserves the port meanwhile."""

    seconds: float
    reserved: socket.socket


class Outage:
    """Refuses connections for a while. Hold the sandbox's lock to use it.

    Only a socket that does not listen refuses connections the way a stopped service does.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._changed = threading.Condition(lock)
        self._server: Listening | None = None
        self._current: _Current | None = None
        self._accepting: asyncio.Task[None] | None = None

    @property
    def is_https(self) -> bool:
        """Whether the server speaks https."""
        return self._server is not None and self._server.is_https

    @property
    def seconds(self) -> float | None:
        """The length of the current outage, None if there is none."""
        return self._current.seconds if self._current else None

    def attach(self, server: Listening) -> None:
        """Control a server; called from the thread of its event loop."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def detach(self) -> None:
        """Control no server any more."""
        self._server = None
        if self._current:
            self._current.reserved.close()
        self._current = None

    def begin(self, seconds: float) -> None:
        """Refuse connections from now on for some seconds, and close idle ones.

        :raises InvalidInputError: no server is running.
        """
        if not self._server:
            raise InvalidInputError("connection_refused needs a running server")
        done = threading.Event()
        if threading.get_ident() == self._thread:
            self._refuse(seconds, done)
            return
        self._loop.call_soon_threadsafe(self._refuse, seconds, done)
        with self._changed:
            # Waiting releases the lock, which the server's thread may need first.
            self._changed.wait_for(done.is_set, _TIMEOUT_SECONDS)

    def end(self) -> None:
        """Accept connections again."""
        if self._current:
            reserved, self._current = self._current.reserved, None
            # From here on connections wait in the backlog until the server accepts them.
            reserved.listen()
            self._loop.call_soon_threadsafe(self._accept, reserved)

    def _refuse(self, seconds: float, done: threading.Event) -> None:
        if self._accepting and not self._accepting.done():
            self._accepting.add_done_callback(lambda _: self._refuse(seconds, done))
            return
        with self._changed:
            if self._server:
                reserved = self._current.reserved if self._current else self._server.refuse()
                self._current = _Current(seconds, reserved)
                self._loop.call_later(seconds, self._expire, self._current)
        # Scheduled after the callbacks that close the idle connections.
        self._loop.call_soon(self._notify, done)

    def _notify(self, done: threading.Event) -> None:
        with self._changed:
            done.set()
            self._changed.notify_all()

    def _expire(self, outage: _Current) -> None:
        with self._changed:
            if self._current is outage:
                self.end()

    def _accept(self, listener: socket.socket) -> None:
        with self._changed:
            if self._server:
                self._accepting = self._loop.create_task(self._server.accept(listener))
            else:
                listener.close()
