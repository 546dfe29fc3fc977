"""Sessions of ``requests`` that note when a request leaves, and end a reply by its deadline.

A request may be retried if it did not begin to leave this machine. The errors of an HTTP library do
not show that reliably (a connection may be reset before and after), so the connection notes the
moment before the first byte.
"""

from __future__ import annotations

import io
import math
import threading
from contextlib import contextmanager
from http.client import HTTPResponse, RemoteDisconnected
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.connection import port_by_scheme

# Not from urllib3.connection, which vcrpy patches while a cassette is in use.
from urllib3.connectionpool import (  # type: ignore[attr-defined]
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
)
from urllib3.util import parse_url

from airflow_provider_jsms.api.calls import HEADERS
from airflow_provider_jsms.hooks.tls import tls_context

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator

    from typing_extensions import Buffer
    from urllib3 import ProxyManager

    from airflow_provider_jsms.hooks.connection import JsmsSettings

_PIECE: Final = 16 * 1024
_PROVISIONAL: Final = range(100, 200)


class _Request(threading.local):
    """The request of this thread: whether it may have left, and its deadline."""

    # True unless a connection shows otherwise: a test tool may replace the connection.
    may_have_left = True
    _seconds = _deadline = math.inf

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound the reply of one request."""
        self.may_have_left = True
        self._seconds, self._deadline = seconds, monotonic() + seconds
        try:
            yield
        finally:
            self._seconds = self._deadline = math.inf

    def connected(self) -> None:
        """Restart the deadline: a slow connection must not make a submission uncertain."""
        self.may_have_left = False
        self._deadline = monotonic() + self._seconds

    def timeout(self, longest: float | None) -> float | None:
        """Return the timeout of the next read.

        :raises TimeoutError: the deadline has passed.
        """
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return longest if left == math.inf else min(left, longest or left)


request = _Request()


class _Stream(io.RawIOBase):
    """A reply as it comes from its socket, until the deadline of the request."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket) -> None:
        self._stream, self._sock, self._timeout = stream, sock, sock.gettimeout()
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._sock.settimeout(request.timeout(self._timeout))
        count = self._stream.readinto(buffer) or 0
        self.has_ended = not count
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._stream = _Stream(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._stream)

    def _read_status(self) -> tuple[str, int, str]:
        # http.client skips 100 only. After a 103 the reply would answer the next request.
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, 100 if status in _PROVISIONAL else status, reason

    def begin(self, *args: Any, **kwargs: Any) -> None:
        super().begin(*args, **kwargs)
        # http.client takes a connection lost amid the headers for their end, and an empty body.
        if self._stream.has_ended:
            raise RemoteDisconnected("the headers are incomplete")


class _NotesPhase(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            request.connected()  # a proxy may have got a CONNECT, but never the request

    def send(self, data: Any) -> None:  # noqa: ANN401  as in the library
        if self.sock is None:
            self.connect()
        # The timeout of a socket holds for all that is sent at once.
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(request.timeout(self.timeout))
            request.may_have_left = True
            super().send(data[start : start + _PIECE])


class _NotesPhaseTLS(_NotesPhase, HTTPSConnection):
    pass


_OURS: Final[dict[type, type]] = {HTTPConnection: _NotesPhase, HTTPSConnection: _NotesPhaseTLS}


def _noting(usual: type) -> type:
    """Return our class for the usual connection class; that of a test tool stays."""
    return _OURS.get(usual, usual)


class _Pool(HTTPConnectionPool):
    ConnectionCls = property(lambda _: _noting(HTTPConnectionPool.ConnectionCls))


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = property(lambda _: _noting(HTTPSConnectionPool.ConnectionCls))


_POOLS: Final[dict[str, type]] = {"http": _Pool, "https": _PoolTLS}


class _Adapter(HTTPAdapter):
    """Opens our connections, which verify certificates by our TLS context alone."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the authorities to the TLS context."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(
            check_proxy(proxy), ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager


def check_proxy(proxy: str) -> str:
    """Return the address of an HTTP proxy.

    :raises requests.exceptions.InvalidProxyURL: it is of another kind, such as SOCKS.
    """
    if not proxy.lower().startswith(("http://", "https://")):
        raise requests.exceptions.InvalidProxyURL("only HTTP proxies are supported")
    return proxy


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # Even with allow_redirects=False, requests reads the target, which may be no URL.
        del resp

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        # The TLS context has read REQUESTS_CA_BUNDLE already.
        return {**super().merge_environment_settings(*args, **kwargs), "verify": True}


class _Auth(AuthBase):
    """Adds the credentials to requests to the origin of the base URL only."""

    def __init__(self, settings: JsmsSettings) -> None:
        self._origin = _origin(settings.base_url)
        self._basic = HTTPBasicAuth(settings.app_key, settings.master_secret)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._basic(request) if _origin(request.url or "") == self._origin else request


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    parts = parse_url(url)
    return parts.scheme, parts.host, parts.port or port_by_scheme.get(parts.scheme or "")


def open_session(settings: JsmsSettings) -> requests.Session:
    """Return a session that sends the credentials to the base URL only.

    :raises NoCertificatesError: the CA bundle cannot be loaded.
    """
    session = _Session()
    session.headers.clear()
    session.headers.update(HEADERS)
    session.auth = _Auth(settings)
    # A proxy would see the credentials of a plain request.
    session.trust_env = not settings.is_plain_http
    tls = None if settings.is_plain_http else tls_context(settings)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(tls))
    return session
