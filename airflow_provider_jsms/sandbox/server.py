"""A sandbox that serves HTTP from a thread of this process."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import uvicorn

from airflow_provider_jsms.sandbox.app import application
from airflow_provider_jsms.sandbox.clock import monotonic
from airflow_provider_jsms.sandbox.exchange import ExposedProtocol
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.validation import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import trustme

__all__ = ["SandboxServer"]

# A connection that the server closes may be one on which the next request is on its way.
_IDLE_SECONDS = 3600
_GRACE_SECONDS = 1
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SandboxServer:
    """A context manager that serves a sandbox.

    ::

        with SandboxServer() as server:
            requests.post(f"{server.url}/v1/schedule", ...)
            server.sandbox.advance(3600)

    :param sandbox: the sandbox to serve, by default a new one.
    :param host: the address to listen on. Whoever reaches it can control the sandbox, so use
        another one than a loopback address in a network of your own only.
    :param port: 0 for a free one.
    :param names: further host names of the sandbox, which its certificate and its page accept.
    :param ca_bundle: a file to write; with it the server speaks https. Use the same file as extra
        ``ca_bundle`` of the connection. It changes with every start.
    :raises InvalidInputError: a malformed name, or a ``ca_bundle`` that cannot be written.
    """

    def __init__(
        self,
        sandbox: Sandbox | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        ca_bundle: Path | str | None = None,
    ) -> None:
        for name in names:
            if not _NAME.fullmatch(name):
                raise InvalidInputError(f"name {name!r} must be a host name such as jsms-sandbox")
        self.sandbox = sandbox or Sandbox()
        self.url = ""
        self.ca_bundle = None if ca_bundle is None else Path(ca_bundle)
        self._host = host
        self._port = port
        self._names = (host, *names)

    def __enter__(self) -> Self:
        tls = self._tls()
        listener = _bound(self._host, self._port)
        listener.listen()
        host, port = listener.getsockname()[:2]
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        self._server = _Server(self.sandbox, self._names, tls)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        self._server.ready.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join()

    def _tls(self) -> ssl.SSLContext | None:
        if self.ca_bundle is None:
            return None
        hosts = dict.fromkeys((*_LOOPBACK, *self._names))
        context, authority = _server_context(list(hosts), self._certificate_fault)
        try:
            self.ca_bundle.write_bytes(authority)
        except OSError as error:
            raise InvalidInputError(f"ca_bundle must be a writable file: {error}") from None
        return context

    def _certificate_fault(self) -> str | None:
        with self.sandbox.lock:
            fault = self.sandbox.faults.take_certificate()
        return str(fault.settings["reason"]) if fault else None


class _EventLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers run even while a test has frozen or patched ``time``."""

    def time(self) -> float:
        return monotonic()


class _Server(uvicorn.Server):
    """A uvicorn server that any thread can stop.

    :ivar ready: done once it serves; holds the error if it cannot.
    """

    def __init__(
        self, sandbox: Sandbox, names: tuple[str, ...], tls: ssl.SSLContext | None
    ) -> None:
        self.ready: Future[None] = Future()
        self.is_https = tls is not None
        self._sandbox = sandbox
        config = uvicorn.Config(
            application(sandbox, names),
            http=ExposedProtocol,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            date_header=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        config.load()
        config.ssl = tls
        super().__init__(config)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in a new event loop until :meth:`stop`."""
        try:
            with asyncio.Runner(loop_factory=_EventLoop) as runner:
                self._loop, self._stopped = runner.get_loop(), asyncio.Event()
                runner.run(self.serve(sockets))
        except BaseException as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)

    def stop(self) -> None:
        """Stop serving soon; callable from any thread, more than once."""
        # uvicorn misses connections that begin while it stops, so let pending ones begin first.
        with suppress(RuntimeError):  # already stopped
            self._loop.call_soon_threadsafe(self._loop.call_later, 0.05, self._stopped.set)

    async def main_loop(self) -> None:
        """Wait for :meth:`stop`; uvicorn's own loop uses ``asyncio.sleep``, which tests patch."""
        await self._stopped.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        with self._sandbox.lock:
            self._sandbox.waits.open()
            self._sandbox.outage.attach(self)
        self.ready.set_result(None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with self._sandbox.lock:
            self._sandbox.waits.close()
            self._sandbox.outage.detach()
        if responding := self.server_state.tasks:
            await asyncio.wait(responding, timeout=_GRACE_SECONDS)
        # uvicorn would wait in a loop of asyncio.sleep, which never ends where a test patches it.
        self.force_exit = True
        await super().shutdown(sockets)

    def refuse(self) -> socket.socket:
        """Stop listening, close idle connections, and return a socket that reserves the port."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        return _bound(host, port)

    async def accept(self, listener: socket.socket) -> None:
        """Accept the connections to a listening socket."""
        await super().startup([listener])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only if the protocol is explicit; else responses wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def _server_context(
    hosts: list[str], take_fault: Callable[[], str | None]
) -> tuple[ssl.SSLContext, bytes]:
    """Return a TLS context, and the certificate of its authority, which only this server has.

    :param hosts: the names and addresses in its certificate.
    :param take_fault: returns the reason for a bad certificate, if any, at each handshake.
    """
    import trustme  # noqa: PLC0415 - slow to import, and most sandboxes serve http

    authority = trustme.CA(organization_name="JSMS sandbox")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    expired = authority.issue_cert(*hosts, not_before=long_ago[0], not_after=long_ago[1])
    bad = {
        "unknown_authority": _context(trustme.CA().issue_cert(*hosts)),
        "other_host": _context(authority.issue_cert("elsewhere.invalid")),
        "expired": _context(expired),
    }

    def choose(connection: ssl.SSLSocket | ssl.SSLObject, *_: object) -> None:
        if reason := take_fault():
            connection.context = bad[reason]

    good = _context(authority.issue_cert(*hosts))
    # OpenSSL calls it at every handshake, even if the client names no host.
    good.sni_callback = choose
    return good, authority.cert_pem.bytes()


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
