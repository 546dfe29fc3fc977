"""A server of raw sockets that misbehaves as it is told, and counts the requests that arrived."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST = 20.0


@dataclass
class Request:
    """One request that arrived: its first line, headers and whatever of its body was read."""

    line: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class WireServer:
    """Answers the n-th request by the n-th behaviour, and later ones by the last.

    A behaviour gets the connection after the head of a request was read.
    """

    behaviours: list[Callable[[Connection], None]]
    certificate: Path | None = None
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        if self.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.certificate)
            self._listener = tls.wrap_socket(
                self._listener, server_side=True, do_handshake_on_connect=False
            )
        self._released = threading.Event()
        self._threads: list[threading.Thread] = []
        self._peers: list[socket.socket] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        # shutdown wakes a thread that waits in accept; close alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_LONGEST)

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.address}"

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._peers.append(peer)
            self._start(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(_LONGEST)
        # A client that gives up, or the end of a test, ends a connection anywhere.
        with suppress(OSError), peer, peer.makefile("rb") as stream:
            while line := stream.readline():
                headers = {}
                while (header := stream.readline().strip()) != b"":
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                request = Request(line.decode("latin-1").strip(), headers)
                self.requests.append(request)
                turn = min(len(self.requests), len(self.behaviours)) - 1
                connection = Connection(peer, stream, request, self._released)
                self.behaviours[turn](connection)
                if connection.is_over:
                    return


@dataclass
class Connection:
    """What a behaviour can do with one request."""

    peer: socket.socket
    stream: socket.SocketIO
    request: Request
    released: threading.Event
    is_over: bool = False

    def read_body(self) -> None:
        length = int(self.request.headers.get("content-length", 0))
        self.request.body = self.stream.read(length)

    def send(self, data: bytes) -> None:
        self.peer.sendall(data)

    def close(self) -> None:
        self.is_over = True

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_over = True

    def stall(self) -> None:
        """Say nothing until the test is over."""
        self.released.wait(_LONGEST)
        self.is_over = True


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Callable[[Connection], None]:
    """Return a behaviour that reads the body and answers."""

    def behave(connection: Connection) -> None:
        connection.read_body()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


def reset_before_body(connection: Connection) -> None:
    connection.reset()


def reset_after_body(connection: Connection) -> None:
    connection.read_body()
    connection.reset()


def close_after_body(connection: Connection) -> None:
    connection.read_body()
    connection.close()


def stall(connection: Connection) -> None:
    connection.read_body()
    connection.stall()


def half_a_body(connection: Connection) -> None:
    connection.read_body()
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"schedule_id": "half')
    connection.close()


def stall_in_body(connection: Connection) -> None:
    connection.read_body()
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"schedule_id": "half')
    connection.stall()


def endless_body(connection: Connection) -> None:
    connection.read_body()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    try:
        while True:
            connection.send(b" " * 65536)
    except OSError:
        connection.close()


def say(*pieces: bytes) -> Callable[[Connection], None]:
    """Return a behaviour that reads a request, sends these bytes and closes the connection."""

    def behave(connection: Connection) -> None:
        connection.read_body()
        for piece in pieces:
            connection.send(piece)
        connection.close()

    return behave


def trickle(beginning: bytes, more: bytes) -> Callable[[Connection], None]:
    """Return a behaviour that sends ``beginning``, and then ``more`` every few milliseconds.

    It ends after some seconds, so that a test of a client without a deadline fails.
    """

    def behave(connection: Connection) -> None:
        connection.read_body()
        with suppress(OSError):
            connection.send(beginning)
            while not connection.released.wait(0.02):
                connection.send(more)
        connection.close()

    return behave


def tunnel(connection: Connection, heard: list[bytes] | None = None) -> None:
    """Be a proxy that opens a tunnel until both sides close it, and may listen."""
    host, _, port = connection.request.line.split()[1].rpartition(":")

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if heard is not None:
                    heard.append(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    with socket.create_connection((host, int(port)), timeout=10) as beyond:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=carry, args=(beyond, connection.peer), daemon=True)
        back.start()
        carry(connection.peer, beyond)
        back.join(10)
    connection.close()


class Authority:
    """Signs certificates, and is known to nobody."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.bundle = folder / "bundle.pem"
        self._authority.cert_pem.write_to_path(self.bundle)

    def folder(self) -> Path:
        """Return a folder of certificates as OpenSSL reads it: named by the hash of the subject."""
        folder = self._folder / "hashed"
        folder.mkdir(exist_ok=True)
        command = ["openssl", "x509", "-hash", "-noout", "-in", self.bundle]
        name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        (folder / f"{name}.0").write_bytes(self.bundle.read_bytes())
        return folder

    def certificate(self, name: str = "127.0.0.1") -> Path:
        path = self._folder / f"{name}.pem"
        self._authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(path)
        return path
