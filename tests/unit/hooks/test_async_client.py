"""Asking from an event loop: the same answers and errors, over one connection that all share."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from tenacity import wait_fixed

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsCallError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsSettingsError,
    JsmsStateError,
    JsmsThrottledError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks import async_client as shared
from airflow_provider_jsms.hooks import client
from airflow_provider_jsms.hooks.async_client import SharedConnection
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import leaks, people
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET
from tests.unit import wire
from tests.unit.hooks.test_client import AMBIGUOUS, GOOD, OTHER, SCHEDULE_ID, code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.api.replies import Schedule
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.wire import Connection

AUTHORIZATION = f"Basic {BASIC_TOKEN}"
QUERY = protocol.query_schedule(SCHEDULE_ID)
REFUSED = {
    "50028": (code(50028, 403), JsmsStateError),
    "50002": (code(50002, 401), JsmsAuthError),
    "429": (wire.answer(429, b"", Retry_After="61"), JsmsThrottledError),
    "another schedule": (OTHER, JsmsUnreadableReplyError),
}


def ask(schedule_id: str = SCHEDULE_ID) -> Schedule:
    return asyncio.run(JsmsHook().aquery_schedule(schedule_id))


def ask_in_the_old_way(schedule_id: str = SCHEDULE_ID) -> Schedule:
    with JsmsHook() as hook:
        return hook.query_schedule(schedule_id)


def failure(run: Callable[[], object]) -> JsmsCallError:
    with pytest.raises(JsmsCallError) as caught:
        run()
    return caught.value


def check_private(error: BaseException) -> None:
    """Nothing that a log may show of an error, or of what it came from, is private."""
    for text in leaks._texts_of(error):
        assert not leaks.found_in(text)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  it is a server in a thread that is watched
            await asyncio.sleep(0.005)


def users() -> list[str]:
    """Return the connections that are in use, in all event loops."""
    return [conn_id for of_loop in shared._connections.values() for conn_id in of_loop]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    assert users() == []


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every HTTP session that is opened."""
    opened: list[Any] = []
    take = SharedConnection._take

    async def taken(connection: SharedConnection, new: Any) -> None:
        opened.append(new._session)
        await take(connection, new)

    monkeypatch.setattr(SharedConnection, "_take", taken)
    return opened


class Reads:
    """The readings of the Airflow connection: counted, slow, and failing where told to."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self._read = shared.get_async_connection

    async def __call__(self, conn_id: str, hook: Any = None) -> Any:
        self.count += 1
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return await self._read(conn_id, hook=hook)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(shared, "get_async_connection", reads)
    return reads


class Seconds:
    """A clock that moves only where it is told to."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(shared, "monotonic", clock)
    return clock


class TestTheResult:
    def test_is_that_of_the_other_way(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        sandbox.switch(msg_id_when="accepted", msg_id_type="number")
        with JsmsHook() as hook:
            schedule_id = hook.submit_batch_schedule(
                send_time=tomorrow, recipients=[people.ANNA, people.BEN], temp_id=1
            )["schedule_id"]
        assert schedule_id
        answer = ask(schedule_id)
        assert answer == ask_in_the_old_way(schedule_id)
        assert all(each["msg_id"] for each in answer["recipients"])

    def test_is_asked_for_in_the_same_words(self, set_connection: Callable[..., None]) -> None:
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(f"{server.url}/base/path")
            assert ask() == ask_in_the_old_way()
        one, other = server.requests
        assert one.line == other.line == f"GET /base/path/v1/schedule/{SCHEDULE_ID} HTTP/1.1"
        for name in ("authorization", "accept", "content-type", "user-agent", "host"):
            assert one.headers[name] == other.headers[name]
        assert one.headers["authorization"] == AUTHORIZATION
        assert "cookie" not in one.headers

    def test_is_not_changed_by_a_cookie(self, set_connection: Callable[..., None]) -> None:
        body = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()
        with wire.WireServer([wire.answer(body=body, Set_Cookie="a=b")]) as server:
            set_connection(server.url)

            async def twice() -> None:
                async with shared.shared("jsms_default") as connection:
                    await connection.send(QUERY)
                    await connection.send(QUERY)

            asyncio.run(twice())
        assert [("cookie" in request.headers) for request in server.requests] == [False, False]


GARBAGE = "garbage instead of HTTP"
CUT_OFF = (
    "reset before the body was read",
    "reset after the body was read",
    "closed without an answer",
)


def _patience(name: str) -> float:
    """Return a read_timeout that a slow machine meets only where the server says nothing."""
    return 0.3 if "stalled" in name else 10.0


class TestAnError:
    """Each is the one of the hook, and nothing in it is private."""

    @pytest.mark.parametrize("name", [*AMBIGUOUS, *REFUSED])
    def test_of_an_answer_is_of_the_same_class(
        self, name: str, set_connection: Callable[..., None]
    ) -> None:
        behaviour, kind = {**AMBIGUOUS, **REFUSED}[name]
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url, read_timeout=_patience(name), max_attempts=1)
            known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is kind
        for field in ("code", "http_status", "message", "call"):
            assert getattr(error, field) == getattr(known, field)
        assert str(error).rsplit(" (", 1)[0] == str(known).rsplit(" (", 1)[0]
        assert getattr(error, "wait", 0) == getattr(known, "wait", 0)
        check_private(error)

    @pytest.mark.parametrize("name", [*AMBIGUOUS, *REFUSED])
    def test_with_one_attempt_costs_one_request(
        self, name: str, set_connection: Callable[..., None]
    ) -> None:
        behaviour, kind = {**AMBIGUOUS, **REFUSED}[name]
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url, read_timeout=_patience(name), max_attempts=1)
            assert type(failure(ask)) is kind
        # Where it was cut off, aiohttp itself asks once more, which a query bears.
        assert len(server.requests) <= (2 if name in CUT_OFF else 1)

    @pytest.mark.usefixtures("no_waits")
    @pytest.mark.parametrize("name", ["half a body", "50019", "429", "HTML"])
    def test_that_may_pass_is_followed_by_another_try(
        self, name: str, set_connection: Callable[..., None]
    ) -> None:
        behaviour = {**AMBIGUOUS, "429": (wire.answer(429, b"", Retry_After="0"), None)}[name][0]
        with wire.WireServer([behaviour, behaviour, GOOD["GET"]]) as server:
            set_connection(server.url)
            assert ask()["schedule_id"] == SCHEDULE_ID
        assert len(server.requests) == 3
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url)
            failure(ask)
        assert len(server.requests) == 3

    @pytest.mark.parametrize("name", ["50002", "50028", "429"])
    def test_that_lasts_is_not(self, name: str, set_connection: Callable[..., None]) -> None:
        """To wait for more than a minute is left to those who ask."""
        with wire.WireServer([REFUSED[name][0]]) as server:
            set_connection(server.url)
            failure(ask)
        assert len(server.requests) == 1

    def test_of_a_port_where_nobody_listens(self, set_connection: Callable[..., None]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed_soon:
            port = closed_soon.getsockname()[1]
        set_connection(f"http://127.0.0.1:{port}", max_attempts=1)
        known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError
        assert f"no connection to http://127.0.0.1:{port}" in str(error)
        check_private(error)

    def test_of_a_name_that_does_not_resolve(self, set_connection: Callable[..., None]) -> None:
        set_connection("jsms.invalid", max_attempts=1)
        known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError
        check_private(error)

    @pytest.mark.parametrize("is_in_body", [False, True])
    def test_of_a_stall_comes_in_time(
        self, is_in_body: bool, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([wire.stall_in_body if is_in_body else wire.stall]) as server:
            set_connection(server.url, read_timeout=0.1, max_attempts=1)
            assert type(failure(ask)) is JsmsReadTimeoutError

    def test_of_an_answer_that_trickles_comes_in_time(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared, "LONGEST_IN_ALL", 0.3)

        def trickle(connection: Connection) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with suppress(OSError):
                while not connection.released.wait(0.02):
                    connection.send(b"1\r\n \r\n")
            connection.close()

        with wire.WireServer([trickle]) as server:
            set_connection(server.url, max_attempts=1)
            assert type(failure(ask)) is JsmsReadTimeoutError

    def test_of_an_endless_answer_comes_before_it_fills_the_memory(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared, "LARGEST_REPLY", 100_000)
        sent = 0

        def pour(connection: Connection) -> None:
            nonlocal sent
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            with suppress(OSError):
                while True:
                    connection.send(b" " * 65536)
                    sent += 65536
            connection.close()

        with wire.WireServer([pour]) as server:
            set_connection(server.url, max_attempts=1)
            error = failure(ask)
        assert type(error) is JsmsUnreadableReplyError
        assert "the answer is larger than" in str(error)
        assert sent < 32 * 1024 * 1024, "the rest is left in the buffers of the system"

    def test_of_an_answer_of_the_largest_size_is_none(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()
        with wire.WireServer([wire.answer(body=body)]) as server:
            set_connection(server.url, max_attempts=1)
            monkeypatch.setattr(shared, "LARGEST_REPLY", len(body))
            assert ask()["schedule_id"] == SCHEDULE_ID
            monkeypatch.setattr(shared, "LARGEST_REPLY", len(body) - 1)
            assert type(failure(ask)) is JsmsUnreadableReplyError

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_of_a_redirect_is_no_way_to_another_host(
        self, status: int, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([GOOD["GET"]]) as elsewhere:
            location = f"{elsewhere.url}/v1/schedule/{SCHEDULE_ID}"
            with wire.WireServer([wire.answer(status, b"", Location=location)]) as server:
                set_connection(server.url, max_attempts=1)
                assert type(failure(ask)) is JsmsUnreadableReplyError
        assert elsewhere.requests == []
        assert len(server.requests) == 1


def test_nothing_but_a_query_is_sent(set_connection: Callable[..., None]) -> None:
    async def submit(call: Any) -> None:
        async with shared.shared("jsms_default") as connection:
            await connection.send(call)

    with wire.WireServer([GOOD["POST"]]) as server:
        set_connection(server.url)
        for call in (
            protocol.delete_schedule(SCHEDULE_ID),
            protocol.Call("submit_schedule", "POST", "/v1/schedule", str),
            protocol.Call("modify_schedule", "PUT", "/v1/schedule/x", str),
        ):
            with pytest.raises(NotImplementedError, match="only queries"):
                asyncio.run(submit(call))
    assert server.requests == []


class Authority:
    """Who signs certificates that nobody knows."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.bundle = folder / "bundle.pem"
        self._authority.cert_pem.write_to_path(self.bundle)

    def folder(self) -> Path:
        """Return a folder of certificates as OpenSSL reads it: named by the hash of its subject."""
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


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def secure(server: wire.WireServer) -> str:
    return server.url.replace("http://", "https://")


class TestACertificate:
    @pytest.fixture(autouse=True)
    def _usual_authorities(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)

    def test_is_verified(
        self,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # What the environment says must not win over what the connection says.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(secure(server), max_attempts=1)
            error = failure(ask)
            assert type(error) is JsmsNotSentError
            assert "does not verify (unable to get local issuer certificate)" in str(error)
            check_private(error)
            set_connection(secure(server), ca_bundle=str(authority.bundle))
            assert ask()["schedule_id"] == SCHEDULE_ID
        assert [request.headers["authorization"] for request in server.requests] == [AUTHORIZATION]

    def test_of_another_host_is_refused(
        self, authority: Authority, set_connection: Callable[..., None]
    ) -> None:
        certificate = authority.certificate("sms.example.com")
        with wire.WireServer([GOOD["GET"]], certificate=certificate) as server:
            set_connection(secure(server), ca_bundle=str(authority.bundle), max_attempts=1)
            known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError
        assert server.requests == []

    @pytest.mark.parametrize(
        "names",
        [
            *(["REQUESTS_CA_BUNDLE"], ["CURL_CA_BUNDLE"], ["SSL_CERT_FILE"], ["SSL_CERT_DIR"]),
            *(["ca_bundle"], ["ca_bundle as a folder"], ["REQUESTS_CA_BUNDLE as a folder"]),
            *(["SSL_CERT_FILE", "SSL_CERT_DIR"], ["SSL_CERT_DIR", "SSL_CERT_FILE"]),
            ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"],
            ["ca_bundle", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"],
        ],
    )
    def test_is_known_by_the_authorities_of_the_environment(
        self,
        names: list[str],
        authority: Authority,
        tmp_path: Path,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The first name leads to the authority, the others to one of another company."""
        (tmp_path / "other").mkdir()
        places = [authority] + [Authority(tmp_path / "other")] * (len(names) - 1)
        extra: dict[str, Any] = {}
        for name, place in zip(names, places, strict=True):
            is_folder = name.endswith(("DIR", "folder"))
            path = str(place.folder() if is_folder else place.bundle)
            if name.startswith("ca_bundle"):
                extra["ca_bundle"] = path
            else:
                monkeypatch.setenv(name.partition(" ")[0], path)
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(secure(server), max_attempts=1, **extra)
            assert ask() == ask_in_the_old_way()

    @pytest.mark.parametrize(
        ("name", "later"),
        [
            *(("ca_bundle", "REQUESTS_CA_BUNDLE"), ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
            *(("CURL_CA_BUNDLE", "SSL_CERT_FILE"), ("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR")),
            *(("SSL_CERT_FILE", "nothing"), ("nothing", "nothing")),
        ],
    )
    def test_of_nobody_who_is_trusted_is_refused_with_a_way_out(
        self,
        name: str,
        later: str,
        authority: Authority,
        tmp_path: Path,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The first that is set decides alone, although a later one leads to the authority."""
        (tmp_path / "other").mkdir()
        other = str(Authority(tmp_path / "other").bundle)
        monkeypatch.setenv(name, other)
        monkeypatch.setenv(later, str(authority.folder() if "DIR" in later else authority.bundle))
        extra = {"ca_bundle": other} if name == "ca_bundle" else {}
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(secure(server), max_attempts=1, **extra)
            for error in (failure(ask_in_the_old_way), failure(ask)):
                assert type(error) is JsmsNotSentError
                text = str(error)
                assert f"the certificate of {secure(server)} does not verify (unable to " in text
                assert "so nothing was sent" in text
                for way in ("ca_bundle", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
                    assert way in text
                check_private(error)
        assert server.requests == []

    @pytest.mark.parametrize("content", [None, "garbage"])
    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "ca_bundle"])
    def test_file_that_cannot_be_loaded_is_named(
        self,
        name: str,
        content: str | None,
        tmp_path: Path,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "ca.pem"
        if content or name == "ca_bundle":
            path.write_text(content or "")
        monkeypatch.setenv(name, str(path))
        extra = {"ca_bundle": str(path)} if name == "ca_bundle" else {}
        set_connection("https://127.0.0.1:9", max_attempts=1, **extra)
        known, error = failure(ask_in_the_old_way), failure(ask)
        assert str(error) == str(known)
        assert f"{name}, {path}, cannot be loaded (" in str(error)
        assert f"so nothing was sent. Correct {'the extra ' * bool(extra)}{name}" in str(error)

    def test_is_not_awaited_from_a_server_without_tls(
        self, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(secure(server), max_attempts=1, read_timeout=0.5, connect_timeout=0.5)
            assert type(failure(ask)) is JsmsNotSentError

    def test_bundle_that_holds_none_is_told_as_by_the_hook(
        self, tmp_path: Path, authority: Authority, set_connection: Callable[..., None]
    ) -> None:
        bundle = tmp_path / "garbage.pem"
        bundle.write_text("garbage")
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(secure(server), ca_bundle=str(bundle), max_attempts=1)
            known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError


def tunnel(connection: Connection, heard: list[bytes] | None = None) -> None:
    """Be a proxy that opens a tunnel, for as long as both sides want it, and may listen."""
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


@pytest.fixture
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.usefixtures("_no_proxies")
class TestAProxyOfTheEnvironment:
    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
    def test_never_sees_a_plain_request(
        self,
        name: str,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([wire.answer()]) as proxy, wire.WireServer([GOOD["GET"]]) as server:
            monkeypatch.setenv(name, proxy.url)
            set_connection(server.url)
            assert ask()["schedule_id"] == SCHEDULE_ID
        assert (len(proxy.requests), len(server.requests)) == (0, 1)

    def through(
        self, authority: Authority, set_connection: Callable[..., None]
    ) -> tuple[wire.WireServer, str]:
        with wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server:
            set_connection(secure(server), ca_bundle=str(authority.bundle), max_attempts=1)
            assert ask()["schedule_id"] == SCHEDULE_ID
            return server, server.url.removeprefix("http://")

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
    def test_carries_an_encrypted_request(
        self,
        name: str,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([tunnel]) as proxy:
            monkeypatch.setenv(name, proxy.url)
            server, address = self.through(authority, set_connection)
        assert [request.line.split()[:2] for request in proxy.requests] == [["CONNECT", address]]
        assert [request.headers["authorization"] for request in server.requests] == [AUTHORIZATION]
        assert "proxy-authorization" not in server.requests[0].headers

    def test_never_gets_the_credentials(
        self,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([tunnel]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            self.through(authority, set_connection)
        for request in proxy.requests:
            assert not {"authorization", "proxy-authorization"} & set(request.headers)
            assert BASIC_TOKEN not in str(request)

    def test_gets_credentials_of_its_own_where_it_has_them(
        self,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([tunnel]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://user:word@"))
            self.through(authority, set_connection)
        (request,) = proxy.requests
        assert request.headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"
        assert "authorization" not in request.headers

    def test_is_not_used_for_a_host_that_is_reached_without_one(
        self,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([tunnel]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
            server, _ = self.through(authority, set_connection)
        assert len(server.requests) == 1
        assert proxy.requests == []

    def test_may_be_named_without_a_scheme(
        self,
        authority: Authority,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([tunnel]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
            self.through(authority, set_connection)
        assert len(proxy.requests) == 1

    def test_that_refuses_the_tunnel_got_no_request(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with wire.WireServer([wire.answer(503, b"")]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            set_connection("jsms.invalid", max_attempts=1)
            known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError
        assert [request.line.split()[:2] for request in proxy.requests] == [
            ["CONNECT", "jsms.invalid:443"]
        ] * 2
        check_private(error)

    def test_that_cannot_be_reached_got_no_request(
        self, set_connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed_soon:
            port = closed_soon.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        set_connection("jsms.invalid", max_attempts=1)
        known, error = failure(ask_in_the_old_way), failure(ask)
        assert type(error) is type(known) is JsmsNotSentError
        check_private(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "default"])
def test_a_netrc_never_takes_the_place_of_the_credentials(
    host: str,
    tmp_path: Path,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    machine = "default" if host == "default" else f"machine {host}"
    netrc.write_text(f"{machine} login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with wire.WireServer([GOOD["GET"]]) as server:
        set_connection(server.url)
        ask()
    assert [request.headers["authorization"] for request in server.requests] == [AUTHORIZATION]


class TestManyWhoAsk:
    def test_share_one_reading_and_one_session(
        self,
        set_connection: Callable[..., None],
        reads: Reads,
        sessions: list[Any],
    ) -> None:
        peers = set()

        def note_peer(connection: Connection) -> None:
            peers.add(connection.peer.getpeername())
            GOOD["GET"](connection)

        async def all_at_once() -> None:
            answers = await asyncio.gather(
                *(JsmsHook().aquery_schedule(SCHEDULE_ID) for _ in range(200))
            )
            assert [answer["schedule_id"] for answer in answers] == [SCHEDULE_ID] * 200

        with wire.WireServer([note_peer]) as server:
            set_connection(server.url)
            asyncio.run(all_at_once())
        assert len(server.requests) == 200
        assert reads.count == 1
        assert len(sessions) == 1
        assert 1 <= len(peers) <= 100
        assert sessions[0].closed

    def test_one_after_the_other_share_a_socket_too(
        self, set_connection: Callable[..., None], reads: Reads
    ) -> None:
        peers = []

        def note_peer(connection: Connection) -> None:
            peers.append(connection.peer.getpeername())
            GOOD["GET"](connection)

        async def in_turn() -> None:
            async with shared.shared("jsms_default"):
                for _ in range(20):
                    await JsmsHook().aquery_schedule(SCHEDULE_ID)

        with wire.WireServer([note_peer]) as server:
            set_connection(server.url)
            asyncio.run(in_turn())
        assert len(peers) == 20
        assert len(set(peers)) == 1
        assert reads.count == 1

    def test_share_it_by_connection(
        self,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
        reads: Reads,
    ) -> None:
        other = {"conn_type": "jsms", "login": "otherkey", "password": "otherword"}

        async def both() -> None:
            async with (
                shared.shared("jsms_default") as one,
                shared.shared("other") as another,
                shared.shared("other") as the_same,
            ):
                assert one is not another is the_same
                assert sorted(users()) == ["jsms_default", "other"]
                await one.send(QUERY)
                await another.send(QUERY)

        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            fields = json.dumps({**other, "host": server.url})
            monkeypatch.setenv("AIRFLOW_CONN_OTHER", fields)
            asyncio.run(both())
        one, another = (request.headers["authorization"] for request in server.requests)
        assert one == AUTHORIZATION != another
        assert reads.count == 2

    @pytest.mark.parametrize("how", ["ends", "fails", "is cancelled", "is cancelled while reading"])
    def test_give_everything_up_with_the_last_of_them(
        self,
        how: str,
        set_connection: Callable[..., None],
        sessions: list[Any],
        reads: Reads,
    ) -> None:
        async def last_one() -> None:
            first = asyncio.create_task(JsmsHook().aquery_schedule(SCHEDULE_ID))
            if how == "is cancelled":
                await until(lambda: server.requests)
                second = asyncio.create_task(JsmsHook().aquery_schedule(SCHEDULE_ID))
                await until(lambda: len(server.requests) == 2)
                assert users() == ["jsms_default"]
                second.cancel()
                await asyncio.wait([second])
                assert second.cancelled()
                assert users() == ["jsms_default"], "the other one still asks"
                assert not sessions[0].closed
                first.cancel()
            elif how == "is cancelled while reading":
                await until(lambda: reads.count)
                first.cancel()
            await asyncio.wait([first])
            assert first.cancelled() is how.startswith("is cancelled")
            assert users() == []
            assert all(session.closed for session in sessions)

        behaviour = {"ends": GOOD["GET"], "fails": code(50028, 403)}.get(how, wire.stall)
        with wire.WireServer([behaviour]) as server:
            set_connection(server.url)
            asyncio.run(last_one())
        assert len(sessions) == (0 if how == "is cancelled while reading" else 1)

    def test_after_a_cancelled_reading_read_for_themselves(
        self, sandbox: SandboxControl, reads: Reads
    ) -> None:
        async def two() -> None:
            async with shared.shared("jsms_default") as connection:
                first = asyncio.create_task(connection.settings())
                await until(lambda: reads.count)
                second = asyncio.create_task(connection.settings())
                await asyncio.sleep(0)
                first.cancel()
                assert (await second).app_key == APP_KEY
                assert first.cancelled()

        asyncio.run(two())
        assert reads.count == 2

    def test_in_two_event_loops_one_after_the_other_share_nothing(
        self, set_connection: Callable[..., None], sessions: list[Any]
    ) -> None:
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            assert ask() == ask()
        assert len(sessions) == 2
        assert all(session.closed for session in sessions)

    def test_in_two_event_loops_at_once_share_nothing(
        self, set_connection: Callable[..., None], sessions: list[Any]
    ) -> None:
        together = threading.Barrier(2, timeout=10)

        def meet(connection: Connection) -> None:
            together.wait()
            GOOD["GET"](connection)

        with wire.WireServer([meet]) as server:
            set_connection(server.url)
            threads = [threading.Thread(target=ask) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
        assert len(server.requests) == 2
        assert len(sessions) == 2
        assert all(session.closed for session in sessions)


OTHER_TOKEN = "YXBwa2V5MDAwMDAwMDAwMHRlc3RpbmcxOm90aGVyd29yZA=="


@pytest.fixture
def change_secret(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that gives the connection to an address another master secret."""

    def change(host: str) -> None:
        fields = {"conn_type": "jsms", "login": APP_KEY, "password": "otherword", "host": host}
        monkeypatch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(fields))

    return change


class TestTheConnection:
    """The one of Airflow is read again, seldom."""

    def test_is_read_again_after_a_minute(
        self, sandbox: SandboxControl, seconds: Seconds, reads: Reads, sessions: list[Any]
    ) -> None:
        async def for_minutes() -> list[int]:
            counts = []
            async with shared.shared("jsms_default") as connection:
                for passed in (0, 59, 1, 1, 59, 2, 3600):
                    seconds.passed += passed
                    await connection.settings()
                    counts.append(reads.count)
            return counts

        assert asyncio.run(for_minutes()) == [1, 1, 1, 2, 2, 3, 4]
        assert len(sessions) == 1, "what has not changed needs no new session"

    def test_that_has_changed_is_used_from_then_on_and_calls_under_way_end_well(
        self,
        set_connection: Callable[..., None],
        change_secret: Callable[[str], None],
        seconds: Seconds,
        sessions: list[Any],
    ) -> None:
        go_on = [threading.Event(), threading.Event()]

        def slow_at_first(connection: Connection) -> None:
            turn = len(server.requests) - 1
            if turn < len(go_on):
                go_on[turn].wait(10)
            GOOD["GET"](connection)

        async def over_the_change() -> None:
            async with shared.shared("jsms_default") as connection:
                under_way = []
                for turn in (1, 2):
                    under_way.append(asyncio.create_task(connection.send(QUERY)))
                    await until(lambda turn=turn: len(server.requests) == turn)
                change_secret(server.url)
                seconds.passed += 61
                await connection.send(QUERY)
                assert [session.closed for session in sessions] == [False, False]
                for turn in (0, 1):
                    go_on[turn].set()
                    assert (await under_way[turn])["schedule_id"] == SCHEDULE_ID
                    assert [session.closed for session in sessions] == [turn == 1, False]
                await connection.send(QUERY)

        with wire.WireServer([slow_at_first]) as server:
            set_connection(server.url)
            asyncio.run(over_the_change())
        used = [request.headers["authorization"] for request in server.requests]
        assert used == [AUTHORIZATION] * 2 + [f"Basic {OTHER_TOKEN}"] * 2
        assert [session.closed for session in sessions] == [True, True]

    def test_that_has_changed_while_nobody_asks_closes_the_old_session_at_once(
        self,
        set_connection: Callable[..., None],
        change_secret: Callable[[str], None],
        seconds: Seconds,
        sessions: list[Any],
    ) -> None:
        async def over_the_change() -> None:
            async with shared.shared("jsms_default") as connection:
                await connection.send(QUERY)
                change_secret(server.url)
                seconds.passed += 61
                await connection.settings()
                assert [session.closed for session in sessions] == [True, False]

        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            asyncio.run(over_the_change())

    def test_that_has_changed_does_not_break_a_call_between_two_tries(
        self,
        set_connection: Callable[..., None],
        change_secret: Callable[[str], None],
        seconds: Seconds,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pause, sleep = 7.0, asyncio.sleep
        monkeypatch.setattr(client, "_WAIT", wait_fixed(pause))

        async def over_the_change() -> None:
            pausing, go_on = asyncio.Event(), asyncio.Event()

            async def wait_or_sleep(seconds: float) -> None:
                if seconds == pause:
                    pausing.set()
                    await go_on.wait()
                else:
                    await sleep(seconds)

            monkeypatch.setattr(asyncio, "sleep", wait_or_sleep)
            async with shared.shared("jsms_default") as connection:
                under_way = asyncio.create_task(connection.send(QUERY))
                await pausing.wait()
                change_secret(server.url)
                seconds.passed += 61
                await connection.send(QUERY)
                go_on.set()
                assert (await under_way)["schedule_id"] == SCHEDULE_ID

        with wire.WireServer([wire.answer(503, b""), GOOD["GET"]]) as server:
            set_connection(server.url)
            asyncio.run(over_the_change())

    def test_that_cannot_be_read_is_not_read_by_everybody(
        self, sandbox: SandboxControl, seconds: Seconds, reads: Reads
    ) -> None:
        class CannotBeReadError(Exception):
            pass

        async def settings(connection: SharedConnection, count: int) -> list[Any]:
            asked = (connection.settings() for _ in range(count))
            return await asyncio.gather(*asked, return_exceptions=True)

        async def recover() -> None:
            async with shared.shared("jsms_default") as connection:
                results = await settings(connection, 50)
                assert {type(result) for result in results} == {CannotBeReadError}
                assert reads.count == 1
                reads.error = None
                seconds.passed += 4.9
                assert type((await settings(connection, 1))[0]) is CannotBeReadError
                assert reads.count == 1
                seconds.passed += 0.2
                results = await settings(connection, 50)
                assert {result.app_key for result in results} == {APP_KEY}
                assert reads.count == 2

        reads.error = CannotBeReadError()
        asyncio.run(recover())

    def test_that_cannot_be_read_again_is_used_as_it_was(
        self, sandbox: SandboxControl, seconds: Seconds, reads: Reads
    ) -> None:
        async def recover() -> None:
            async with shared.shared("jsms_default") as connection:
                await connection.settings()
                reads.error = LookupError()
                seconds.passed += 61
                with pytest.raises(LookupError):
                    await connection.settings()
                assert (await connection.settings()).app_key == APP_KEY
                assert reads.count == 2

        asyncio.run(recover())

    def test_that_cannot_be_used_is_told_and_leaves_nothing_behind(
        self, set_connection: Callable[..., None], sessions: list[Any]
    ) -> None:
        set_connection(ca_bundle="/nowhere/ca.pem")
        with pytest.raises(JsmsSettingsError, match="does not exist"):
            ask()
        assert sessions == []

    def test_has_its_secrets_masked(
        self, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        masked: list[str] = []
        monkeypatch.setattr("airflow_provider_jsms.hooks.connection.mask_secret", masked.append)
        with suppress(JsmsStateError):
            ask()
        assert masked == [MASTER_SECRET, BASIC_TOKEN]

    def test_keeps_its_secrets_out_of_reprs(self, sandbox: SandboxControl) -> None:
        async def shown() -> str:
            async with shared.shared("jsms_default") as connection:
                settings = await connection.settings()
                return f"{connection!r} {settings!r} {connection._client!r} {shared._connections!r}"

        text = asyncio.run(shown())
        assert APP_KEY in text
        assert not leaks.found_in(text)

    def test_does_not_hold_up_the_event_loop_while_it_is_read(
        self, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Masking a secret talks to another process."""
        threads: list[threading.Thread] = []

        def note_thread(*_: object) -> None:
            threads.append(threading.current_thread())

        monkeypatch.setattr("airflow_provider_jsms.hooks.connection.mask_secret", note_thread)
        with suppress(JsmsStateError):
            ask()
        assert threads
        assert threading.main_thread() not in threads
