"""The door of a sandbox: whether connections to its server are taken or refused."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_jsms.sandbox.accept import NotAcceptedError

if TYPE_CHECKING:
    import socket

_LONGEST = 10.0


class Listening(Protocol):
    """The side of a server that listens. Everything happens in the thread of its event loop."""

    is_https: bool

    def refuse(self) -> socket.socket:
        """Stop to listen, close idle connections, and return a socket that keeps the address."""

    async def take(self, listener: socket.socket) -> None:
        """Take the connections that come to a socket that listens."""


@dataclass(frozen=True, eq=False)
class _Shut:
    """A time during which the door is shut, and the socket that keeps the address meanwhile."""

    seconds: float
    keeper: socket.socket


class Door:
    """Refuses connections for a while. Whoever works on it holds the sandbox's lock.

    Nothing but a socket that does not listen refuses a connection as a service does that is down.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._changed = threading.Condition(lock)
        self._server: Listening | None = None
        self._shut: _Shut | None = None
        self._taking: asyncio.Task[None] | None = None

    @property
    def is_https(self) -> bool:
        """Whether a server stands behind it that serves https."""
        return self._server is not None and self._server.is_https

    @property
    def seconds(self) -> float | None:
        """For how long connections are refused, None while they are taken."""
        return self._shut.seconds if self._shut else None

    def attach(self, server: Listening) -> None:
        """Stand before a server, in whose thread this is called."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def detach(self) -> None:
        """Stand before no server any more."""
        self._server = None
        if self._shut:
            self._shut.keeper.close()
        self._shut = None

    def shut(self, seconds: float) -> None:
        """Refuse every connection from now on for some seconds, and close those that are idle.

        :raises NotAcceptedError: no server runs.
        """
        if not self._server:
            raise NotAcceptedError("connection_refused needs a server that runs")
        done = threading.Event()
        if threading.get_ident() == self._thread:
            self._refuse(seconds, done)
            return
        self._loop.call_soon_threadsafe(self._refuse, seconds, done)
        with self._changed:
            # The lock is free while this waits: the other thread may want it first.
            self._changed.wait_for(done.is_set, _LONGEST)

    def open(self) -> None:
        """Take connections again."""
        if self._shut:
            keeper, self._shut = self._shut.keeper, None
            # From here on they wait, at worst, until the server looks.
            keeper.listen()
            self._loop.call_soon_threadsafe(self._take, keeper)

    def _refuse(self, seconds: float, done: threading.Event) -> None:
        if self._taking and not self._taking.done():
            self._taking.add_done_callback(lambda _: self._refuse(seconds, done))
            return
        with self._changed:
            if self._server:
                keeper = self._shut.keeper if self._shut else self._server.refuse()
                self._shut = _Shut(seconds, keeper)
                self._loop.call_later(seconds, self._end, self._shut)
        # What closes the idle connections was put there before this.
        self._loop.call_soon(self._tell, done)

    def _tell(self, done: threading.Event) -> None:
        with self._changed:
            done.set()
            self._changed.notify_all()

    def _end(self, shut: _Shut) -> None:
        with self._changed:
            if self._shut is shut:
                self.open()

    def _take(self, listener: socket.socket) -> None:
        with self._changed:
            if self._server:
                self._taking = self._loop.create_task(self._server.take(listener))
            else:
                listener.close()
