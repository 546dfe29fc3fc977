"""A sandbox that serves HTTP from a thread of this process, until it is left."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.app import application
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.transports import ReachableProtocol

if TYPE_CHECKING:
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
    """

    def __init__(
        self, sandbox: Sandbox | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        check_loopback(host)
        self.sandbox = sandbox or Sandbox()
        self.url = ""
        self._host = host
        self._port = port

    def __enter__(self) -> Self:
        listener = _listener(self._host, self._port)
        self.url = _url(listener)
        self._server = _Server(self.sandbox)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        self._server.is_ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


class _Server(uvicorn.Server):
    """A server that tells when it is ready, and that holds no call once it stops."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.is_ready = threading.Event()
        self._sandbox = sandbox
        super().__init__(
            uvicorn.Config(
                application(sandbox),
                http=ReachableProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                access_log=False,
                log_config=None,
                log_level="warning",
                timeout_graceful_shutdown=1,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        with self._sandbox.lock:
            self._sandbox.holds.open()
        self.is_ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with self._sandbox.lock:
            self._sandbox.holds.close()
        await super().shutdown(sockets)


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


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The event loop sends small answers at once only on sockets that are TCP in so many words;
    # on others every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
