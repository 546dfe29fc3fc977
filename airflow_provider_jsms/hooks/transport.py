"""Sessions that note when a request leaves and end a reply by its deadline, and their TLS.

A request that has not begun to leave this machine may be sent again. The errors of an HTTP library
do not show that reliably, so the connection notes the moment before the first byte.
"""

from __future__ import annotations

import io
import math
import os
import ssl
import threading
from contextlib import contextmanager
from http.client import HTTPResponse, RemoteDisconnected
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

# Not from urllib3.connection, which vcrpy patches while a cassette is in use.
from urllib3.connectionpool import (  # type: ignore[attr-defined]
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
)

from airflow_provider_jsms.api.calls import HEADERS
from airflow_provider_jsms.api.masking import mask_text

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from typing_extensions import Buffer
    from urllib3 import ProxyManager

    from airflow_provider_jsms.hooks.connection import JsmsSettings

_PIECE: Final = 16 * 1024


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
        """Return the timeout of the next read or write; raise if the deadline has passed."""
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
        # In pieces, because the timeout of a socket holds for all that is sent at once.
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(request.timeout(self.timeout))
            request.may_have_left = True
            super().send(data[start : start + _PIECE])


class _NotesPhaseTLS(_NotesPhase, HTTPSConnection):
    pass


_OURS: Final[dict[type, type]] = {HTTPConnection: _NotesPhase, HTTPSConnection: _NotesPhaseTLS}


def _pool(usual: type[HTTPConnectionPool]) -> type:
    """Return a pool of our connections, or of those that a test tool puts in their place."""
    ours = property(lambda _: _OURS.get(usual.ConnectionCls, usual.ConnectionCls))
    return type(usual.__name__, (usual,), {"ConnectionCls": ours})


_POOLS: Final = {"http": _pool(HTTPConnectionPool), "https": _pool(HTTPSConnectionPool)}


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
    """Return the address of an HTTP proxy; raise for any other, such as SOCKS."""
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


def open_session(settings: JsmsSettings) -> requests.Session:
    """Return a session that sends the credentials, and reaches the base URL only."""
    session = _Session()
    session.headers.clear()
    session.headers.update(HEADERS)
    session.auth = (settings.app_key, settings.master_secret)
    # A proxy would see the credentials of a plain request.
    session.trust_env = not settings.is_plain_http
    session.adapters.clear()
    adapter = _Adapter(None if settings.is_plain_http else tls_context(settings))
    session.mount(f"{settings.base_url}/", adapter)
    return session


class NoCertificatesError(OSError):
    """The CA bundle of the connection or the environment cannot be loaded."""


def tls_context(settings: JsmsSettings) -> ssl.SSLContext:
    """Return a context that trusts the first bundle of these, and no other.

    The extra ``ca_bundle``, ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, ``SSL_CERT_FILE``,
    ``SSL_CERT_DIR``, the one of certifi.
    """
    name, path = _bundle(settings)
    is_folder = name == "SSL_CERT_DIR" or Path(path).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if is_folder else path, capath=path if is_folder else None
        )
    except OSError as error:
        raise NoCertificatesError(
            f"the CA certificates of {name}, {mask_text(path)}, cannot be loaded "
            f"({error.strerror}), so nothing was sent. Correct {name}, or unset it."
        ) from error


def _bundle(settings: JsmsSettings) -> tuple[str, str]:
    """Return the setting that names the bundle, and its path."""
    if settings.ca_bundle:
        return "the extra ca_bundle", settings.ca_bundle
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := os.environ.get(name):
            return name, path
    return "certifi", DEFAULT_CA_BUNDLE_PATH


def reason_not_verified(error: BaseException | None) -> str | None:
    """Return OpenSSL's reason for refusing a certificate, None if ``error`` has another cause."""
    while error is not None:
        # aiohttp's own error is of this class too, without the reason.
        if isinstance(error, ssl.SSLCertVerificationError) and hasattr(error, "verify_message"):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
