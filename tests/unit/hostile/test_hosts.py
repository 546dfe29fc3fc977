"""The credentials go to the host of the connection, whatever it answers, and nowhere else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_jsms.exceptions import JsmsCallError, JsmsNotSentError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import BASIC_TOKEN
from tests.unit import wire
from tests.unit.hooks.test_async_client import Authority, secure, tunnel
from tests.unit.hooks.test_client import GOOD, SCHEDULE_ID
from tests.unit.hostile.ways import QUERIES, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALL = {**QUERIES, "submit": submit}
REDIRECTS = [300, 301, 302, 303, 304, 305, 307, 308]
LOCATIONS = {
    "another host": "{other}/v1/schedule/x",
    "without a scheme": "//{address}/x",
    "with credentials": "http://user:word@{address}/x",
    "relative": "/elsewhere",
    "a query": "?next={other}",
    "this host before an @": "http://{this}@{address}/x",
    "backslashes": "http:\\\\{address}\\x",
    "another scheme": "ftp://{address}/x",
    "a file": "file:///etc/passwd",
    "nonsense": "http://[bad",
    "nothing": "",
}


@pytest.fixture(params=ALL)
def call(request: pytest.FixtureRequest) -> Callable[[], object]:
    return ALL[request.param]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def other() -> Iterator[wire.WireServer]:
    """Another host, where nobody is to be heard of."""
    with wire.WireServer([wire.answer()]) as server:
        yield server
        assert server.requests == []


def address(server: wire.WireServer) -> str:
    return server.url.removeprefix("http://")


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("name", LOCATIONS)
def test_no_redirect_is_followed(
    name: str,
    status: int,
    call: Callable[[], object],
    other: wire.WireServer,
    set_connection: Callable[..., None],
) -> None:
    def redirect(connection: wire.Connection) -> None:
        location = LOCATIONS[name].format(
            other=other.url, address=address(other), this=address(server)
        )
        wire.answer(status, b"", Location=location)(connection)

    with wire.WireServer([redirect]) as server:
        set_connection(server.url, max_attempts=1)
        with pytest.raises(JsmsCallError):
            call()
    assert len(server.requests) == 1


def test_no_header_leads_to_another_host(
    call: Callable[[], object], other: wire.WireServer, set_connection: Callable[..., None]
) -> None:
    """Not the next request either, which comes over the same session."""
    answer = wire.answer(
        200,
        json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode(),
        Refresh=f"0; url={other.url}",
        Location=other.url,
        Content_Location=other.url,
        Alt_Svc=f'h2="{address(other)}", http/1.1="{address(other)}"',
        Link=f"<{other.url}>; rel=preload",
        Host=address(other),
        Proxy_Connection="keep-alive",
        Strict_Transport_Security="max-age=99999999",
    )
    with wire.WireServer([answer]) as server:
        set_connection(server.url)
        call()
        call()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "header"),
    [
        *((401, 'Basic realm="x"'), (401, "Negotiate"), (401, "NTLM")),
        *((401, 'Digest realm="x", nonce="y", qop="auth"'), (407, 'Basic realm="x"')),
    ],
)
def test_no_challenge_is_answered(
    status: int, header: str, call: Callable[[], object], set_connection: Callable[..., None]
) -> None:
    name = "WWW_Authenticate" if status == 401 else "Proxy_Authenticate"
    with wire.WireServer([wire.answer(status, b"", **{name: header})]) as server:
        set_connection(server.url, max_attempts=1)
        with pytest.raises(JsmsCallError):
            call()
    (request,) = server.requests
    assert request.headers["authorization"] == f"Basic {BASIC_TOKEN}"
    assert "proxy-authorization" not in request.headers


def test_no_cookie_is_kept(set_connection: Callable[..., None]) -> None:
    body = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()
    answer = wire.answer(body=body, Set_Cookie="a=b; Path=/; Domain=127.0.0.1", Set_Cookie2="c=d")
    with wire.WireServer([answer]) as server:
        set_connection(server.url)
        with JsmsHook() as hook:
            hook.query_schedule(SCHEDULE_ID)
            hook.query_schedule(SCHEDULE_ID)
            assert not hook.get_conn().cookies
    assert [("cookie" in request.headers) for request in server.requests] == [False, False]


def test_a_netrc_does_not_take_the_place_of_the_credentials(
    call: Callable[[], object],
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    (tmp_path / ".netrc").write_text("default login other password word\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for certificate in (None, authority.certificate()):
        with wire.WireServer([GOOD["GET"]], certificate=certificate) as server:
            set_connection(
                secure(server) if certificate else server.url, ca_bundle=str(authority.bundle)
            )
            call()
        (request,) = server.requests
        assert request.headers["authorization"] == f"Basic {BASIC_TOKEN}"


class TestTheSessionOfAHook:
    """What ``get_conn()`` returns sends the credentials to the base URL, whoever uses it."""

    @pytest.fixture
    def server(self, set_connection: Callable[..., None]) -> Iterator[wire.WireServer]:
        with wire.WireServer([wire.answer()]) as server:
            set_connection(f"{server.url}/base")
            yield server

    @pytest.mark.parametrize("path", ["", "/", "/base/v1/schedule/x", "/elsewhere", "?x=1"])
    def test_has_the_credentials_for_the_base_url(self, path: str, server: wire.WireServer) -> None:
        with JsmsHook() as hook:
            hook.get_conn().get(f"{server.url}{path}", timeout=5)
            hook.get_conn().get(f"{server.url}{path}".upper().replace("HTTP:", "http:"), timeout=5)
        for request in server.requests:
            assert request.headers["authorization"] == f"Basic {BASIC_TOKEN}"

    @pytest.mark.parametrize(
        "address",
        [
            *("{other}/", "http://localhost:{port}/", "http://{host}:{port}@{address}/"),
            "http://{address}#@{host}:{port}/",
        ],
    )
    def test_has_none_for_another_host_or_port(
        self, address: str, server: wire.WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / ".netrc").write_text("default login other password word\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        host, port = server.url.removeprefix("http://").split(":")
        with wire.WireServer([wire.answer()]) as elsewhere, JsmsHook() as hook:
            filled = address.format(
                other=elsewhere.url,
                address=elsewhere.url.removeprefix("http://"),
                host=host,
                port=port,
            )
            with suppress(requests.RequestException):
                hook.get_conn().get(filled, timeout=5)
        for request in (*server.requests, *elsewhere.requests):
            assert BASIC_TOKEN not in request.headers.get("authorization", "")

    def test_has_none_for_the_plain_address_of_the_service(
        self, set_connection: Callable[..., None]
    ) -> None:
        set_connection("https://api.sms.jpush.cn")
        session = JsmsHook().get_conn()
        for url, expected in {
            "https://api.sms.jpush.cn/v1/schedule": True,
            "https://api.sms.jpush.cn:443/v1/schedule": True,
            "https://API.SMS.JPUSH.CN/v1/schedule": True,
            "http://api.sms.jpush.cn/v1/schedule": False,
            "http://api.sms.jpush.cn:443/v1/schedule": False,
            "https://api.sms.jpush.cn:8443/v1/schedule": False,
            "https://api.sms.jpush.cn.example.com/": False,
            "https://sms.jpush.cn/": False,
        }.items():
            request = session.prepare_request(requests.Request("GET", url))
            assert ("Authorization" in request.headers) is expected, url

    @pytest.mark.parametrize("status", [302, 307])
    def test_has_none_for_where_a_redirect_leads(
        self, status: int, other: wire.WireServer, set_connection: Callable[..., None]
    ) -> None:
        with wire.WireServer([wire.answer(status, b"", Location=other.url)]) as server:
            set_connection(server.url)
            with JsmsHook() as hook:
                answer = hook.get_conn().post(server.url, timeout=5, allow_redirects=True)
        assert answer.status_code == status


class TestAProxy:
    @pytest.mark.parametrize("credentials", ["", "user:word@"])
    def test_of_an_encrypted_call_is_asked_for_a_tunnel_and_no_more(
        self,
        credentials: str,
        call: Callable[[], object],
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        heard: list[bytes] = []
        authority = Authority(tmp_path)

        def listen(connection: wire.Connection) -> None:
            heard.append(repr(connection.request).encode())
            tunnel(connection, heard)

        with (
            wire.WireServer([GOOD["GET"]], certificate=authority.certificate()) as server,
            wire.WireServer([listen]) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", f"://{credentials}"))
            set_connection(secure(server), ca_bundle=str(authority.bundle))
            call()
            assert proxy.requests[0].line.startswith(f"CONNECT {address(server)} ")
        assert not {"authorization", "cookie"} & set(proxy.requests[0].headers)
        assert len(heard) > 1
        assert BASIC_TOKEN.encode() not in b"".join(heard)
        assert "proxy-authorization" not in server.requests[0].headers

    @pytest.mark.parametrize("status", [200, 301, 302, 307, 401, 403, 407, 500])
    def test_that_answers_in_the_place_of_the_service_gets_nothing(
        self,
        status: int,
        call: Callable[[], object],
        other: wire.WireServer,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        body = json.dumps({"schedule_id": SCHEDULE_ID, "recipients": []}).encode()
        answer = wire.answer(
            status, body, Location=other.url, Proxy_Authenticate="Basic", Connection="close"
        )
        with wire.WireServer([answer]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            set_connection("https://jsms.invalid", max_attempts=1, connect_timeout=0.5)
            with pytest.raises(JsmsNotSentError):
                call()
        # What comes after a 200 is the beginning of a TLS handshake, which this proxy cannot read.
        assert proxy.requests[0].line.startswith("CONNECT ")
        assert status == 200 or len(proxy.requests) == 1
        assert BASIC_TOKEN not in repr(proxy.requests)

    @pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "ftp", "nonsense"])
    def test_of_another_kind_gets_nothing_and_nothing_was_sent(
        self,
        scheme: str,
        call: Callable[[], object],
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with wire.WireServer([wire.answer()]) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{address(proxy)}")
            set_connection("https://jsms.invalid", max_attempts=1, connect_timeout=0.5)
            with pytest.raises(JsmsNotSentError):
                call()
        assert proxy.requests == []

    def test_never_sees_a_plain_call(
        self,
        call: Callable[[], object],
        other: wire.WireServer,
        set_connection: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, other.url)
        monkeypatch.setenv("NO_PROXY", "example.com")
        with wire.WireServer([GOOD["GET"]]) as server:
            set_connection(server.url)
            call()
        assert len(server.requests) == 1
