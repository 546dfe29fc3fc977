"""The connections of ``requests``: they note when a request begins to leave, and end it in time.

The timeouts of an HTTP library hold for each piece of a reply: one that comes byte by byte, or
whose headers never end, would be read for ever. So each piece is waited for only as long as the
request of this thread has time, and a reply that is too large is given up, whatever part of it is.
"""

from __future__ import annotations

import io
import math
import threading
from http.client import BadStatusLine, HTTPResponse, RemoteDisconnected
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

# Not from urllib3.connection, where vcrpy puts its own while a cassette is in use.
from urllib3.connectionpool import (  # type: ignore[attr-defined]
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
)

from airflow_provider_jsms.api.replies import MAX_REPLY

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer

_SENT_AT_ONCE: Final = 16 * 1024
# With the headers, and the lengths of the chunks.
_MOST_RECEIVED: Final = MAX_REPLY + 1024 * 1024
_PROVISIONAL: Final = range(100, 200)


class TooMuchReceivedError(OSError):
    """A reply is larger than any that JSMS gives."""


class Exchange(threading.local):
    """The request of this thread that is under way, and its reply.

    :ivar may_have_left: whether it may have begun to leave. True unless a connection has shown
        otherwise: what is not known to be safe is not safe.
    """

    may_have_left = True
    _deadline = math.inf
    _anew: float | None = None
    _left_to_receive = math.inf

    def begin(self, seconds: float, *, anew: bool) -> None:
        """Note that a request begins.

        :param seconds: what it may take in all.
        :param anew: whether it has them all again when it had to wait for a connection.
        """
        self.may_have_left = True
        self._deadline = monotonic() + seconds
        self._anew = seconds if anew else None
        self._left_to_receive = _MOST_RECEIVED

    def end(self) -> None:
        """Note that the request is over: another use of the session is not bound by it."""
        self._deadline = self._left_to_receive = math.inf
        self._anew = None

    def connected(self) -> None:
        """Note that a connection has come about: what it took to send was not the request."""
        self.may_have_left = False
        if self._anew is not None:
            self._deadline = monotonic() + self._anew

    def patience(self, longest: float | None) -> float | None:
        """Return how long the next piece may take, None for any time.

        :raises TimeoutError: the time of the request is over.
        """
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the time of the request is over")
        patience = left if longest is None else min(longest, left)
        return None if patience == math.inf else patience

    def receive(self, count: int) -> None:
        """Note that a piece of the reply came.

        :raises TooMuchReceivedError: the reply is too large.
        """
        self._left_to_receive -= count
        if self._left_to_receive < 0:
            raise TooMuchReceivedError


exchange = Exchange()


class _Pieces(io.RawIOBase):
    """What comes from a socket, as long as the request has time."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket) -> None:
        self._stream = stream
        self._socket = sock
        self._longest = sock.gettimeout()
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._socket.settimeout(exchange.patience(self._longest))
        count = self._stream.readinto(buffer) or 0
        self.is_over = not count
        exchange.receive(count)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(HTTPResponse):
    """A reply of which nothing is kept, and nothing logged, that a server may have put there."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._pieces = _Pieces(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._pieces)

    def _read_status(self) -> tuple[str, int, str]:
        """Read a status line, without its words: the errors of a proxy repeat them.

        A provisional answer, such as 103, is passed over like 100 is: taken for the answer, it
        would leave the real one to the next request of this connection.
        """
        try:
            version, status, _ = super()._read_status()  # type: ignore[misc]
        except ConnectionError:
            raise  # closed without an answer, which http.client calls a bad status line too
        except BadStatusLine:
            raise BadStatusLine("not one of HTTP") from None
        return version, 100 if status in _PROVISIONAL else status, ""

    def begin(self, *args: Any, **kwargs: Any) -> None:
        super().begin(*args, **kwargs)
        # An end amid the headers would be taken for the end of them, and of an empty answer.
        if self._pieces.is_over:
            raise RemoteDisconnected("the headers are not whole")
        # Cookies are not kept. What is no header would be logged, and may repeat what was sent.
        del self.headers["Set-Cookie"], self.headers["Set-Cookie2"]
        self.headers.set_payload("")
        self.headers.defects.clear()


class _NotesPhase(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            exchange.connected()

    def send(self, data: Any) -> None:  # noqa: ANN401  as in the library
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _SENT_AT_ONCE):
            self.sock.settimeout(exchange.patience(self.timeout))
            exchange.may_have_left = True
            super().send(data[start : start + _SENT_AT_ONCE])


class _HTTPConnection(_NotesPhase):
    pass


class _HTTPSConnection(_NotesPhase, HTTPSConnection):
    pass


_OURS: Final[dict[type, type]] = {
    HTTPConnection: _HTTPConnection,
    HTTPSConnection: _HTTPSConnection,
}


def _ours(usual: type) -> type:
    """Return our connection class in the place of the usual one, or the one of a test tool."""
    return _OURS.get(usual, usual)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = property(lambda _: _ours(HTTPConnectionPool.ConnectionCls))


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = property(lambda _: _ours(HTTPSConnectionPool.ConnectionCls))


POOLS: Final[dict[str, type]] = {"http": _HTTPPool, "https": _HTTPSPool}
