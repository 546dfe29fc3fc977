"""A sandbox that serves HTTP from a thread of this process, until it is left."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import uvicorn

from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.app import application
from airflow_provider_jsms.sandbox.clock import monotonic
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.transports import ReachableProtocol

if TYPE_CHECKING:
    import ssl
    from types import TracebackType


class SandboxServer:
    """A context manager that serves a sandbox while it is entered.

    ::

        with SandboxServer() as server:
            requests.post(f"{server.url}/v1/schedule", ...)
            server.sandbox.advance(3600)

    :param sandbox: what to serve, by default a new :class:`Sandbox`.
    :param host: a loopback address; the sandbox must not be reached from anywhere else, because
        everybody who reaches it controls it.
    :param port: 0 for a free one.
    :param ca_bundle: a file to write; with it the server speaks https, and this is what the extra
        ``ca_bundle`` of a connection needs to verify it. It is new each time the server starts.
    """

    def __init__(
        self,
        sandbox: Sandbox | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ca_bundle: Path | str | None = None,
    ) -> None:
        check_loopback(host)
        self.sandbox = sandbox or Sandbox()
        self.url = ""
        self.ca_bundle = None if ca_bundle is None else Path(ca_bundle)
        self._host = host
        self._port = port

    def __enter__(self) -> Self:
        tls = self._tls()
        listener = _bound(self._host, self._port)
        listener.listen()
        self.url = _url(listener, "https" if tls else "http")
        self._server = _Server(self.sandbox, tls)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        self._server.ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join()

    def _tls(self) -> ssl.SSLContext | None:
        if self.ca_bundle is None:
            return None
        # It takes a while, and most sandboxes serve http.
        from airflow_provider_jsms.sandbox.certificates import server_context  # noqa: PLC0415

        context, authority = server_context(self._certificate_fault)
        try:
            self.ca_bundle.write_bytes(authority)
        except OSError as error:
            raise NotAcceptedError(f"ca_bundle must be a file to write: {error}") from None
        return context

    def _certificate_fault(self) -> str | None:
        with self.sandbox.lock:
            fault = self.sandbox.faults.take_certificate()
        return str(fault.settings["reason"]) if fault else None


class _EventLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers run while a test has frozen, moved or replaced ``time``."""

    def time(self) -> float:
        """Return the seconds that all timers count."""
        return monotonic()


class _Server(uvicorn.Server):
    """A server that stops when told to, and in which nothing continues once it has stopped.

    :ivar ready: done once it serves, or with the error that kept it from serving.
    """

    def __init__(self, sandbox: Sandbox, tls: ssl.SSLContext | None) -> None:
        self.ready: Future[None] = Future()
        self.is_https = tls is not None
        self._sandbox = sandbox
        config = uvicorn.Config(
            application(sandbox),
            http=ReachableProtocol,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            date_header=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = tls
        super().__init__(config)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until :meth:`stop`, in an event loop of its own."""
        try:
            with asyncio.Runner(loop_factory=_EventLoop) as runner:
                self._loop, self._stopped = runner.get_loop(), asyncio.Event()
                runner.run(self.serve(sockets))
        except BaseException as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)

    def stop(self) -> None:
        """Stop serving soon; any thread may call it, more than once."""
        # uvicorn overlooks connections that begin while it stops: those that come now go first.
        with suppress(RuntimeError):  # it has stopped
            self._loop.call_soon_threadsafe(self._loop.call_later, 0.05, self._stopped.set)

    async def main_loop(self) -> None:
        """Serve until :meth:`stop`; uvicorn itself uses ``asyncio.sleep``, which tests patch."""
        await self._stopped.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        with self._sandbox.lock:
            self._sandbox.holds.open()
            self._sandbox.endings.open()
            self._sandbox.door.attach(self)
        self.ready.set_result(None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with self._sandbox.lock:
            self._sandbox.holds.close()
            self._sandbox.endings.close()
            self._sandbox.door.detach()
        await super().shutdown(sockets)

    def refuse(self) -> socket.socket:
        """Stop to listen, close idle connections, and return a socket that keeps the address."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        return _bound(host, port)

    async def take(self, listener: socket.socket) -> None:
        """Take the connections that come to a socket that listens."""
        await super().startup([listener])


def check_loopback(host: str) -> None:
    """Check that a host is an address of this machine that no other one reaches.

    :raises NotAcceptedError: for any other.
    """
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotAcceptedError(f"host {host!r} is not a loopback address; accepted: 127.0.0.1, ::1")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The event loop sends small answers at once only on sockets that are TCP in so many words;
    # on others every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
