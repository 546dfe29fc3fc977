"""Asking JSMS from an event loop: one Airflow connection and one HTTP session for all who ask.

A triggerer may hold a thousand waits. To read an Airflow connection there takes milliseconds at
best and seconds where many ask at once, and a session for each would open a socket for each. So
both are shared in each event loop by those who use the same connection, and given up with the last
of them. The connection is read again when it is older than a minute, so that a changed credential
is picked up.

Only queries go this way: nothing is ever submitted, modified or deleted from an event loop.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import aiohttp
from airflow.providers.common.compat.connection import get_async_connection
from asgiref.sync import sync_to_async
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from tenacity import AsyncRetrying

from airflow_provider_jsms.api.calls import HEADERS
from airflow_provider_jsms.api.replies import MAX_REPLY, Reply, read_reply
from airflow_provider_jsms.exceptions import JsmsNotSentError
from airflow_provider_jsms.hooks.client import LONGEST_IN_ALL, SHORTEST_TRY, policy
from airflow_provider_jsms.hooks.connection import looking_up, settings_of
from airflow_provider_jsms.hooks.tls import NoCertificatesError, tls_context
from airflow_provider_jsms.hooks.transport import (
    check_proxy,
    no_connection,
    no_whole_answer,
    too_large,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.hooks.connection import JsmsSettings

T = TypeVar("T")

_BEFORE_ANYTHING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)

_READ_AGAIN_AFTER: Final = 60.0
_FAILURE_HOLDS: Final = 5.0
_MOST_CONNECTIONS: Final = 100


class _Client:
    """One HTTP session with the credentials of one reading of the connection."""

    def __init__(self, settings: JsmsSettings, way: _Way) -> None:
        self.settings = settings
        self.calls = 0
        self.is_retired = False
        token = b64encode(f"{settings.app_key}:{settings.master_secret}".encode()).decode()
        # Not of the session: aiohttp would send those of it to a proxy too, in clear text.
        self._headers = {**HEADERS, "Authorization": f"Basic {token}"}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, ssl=way.tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # With it, a .netrc would take the place of the credentials.
            trust_env=False,
            proxy=way.proxy,
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, call: Call[T], seconds: float) -> T:
        """Send a call once and return its result.

        :param seconds: what it may take in all.
        """
        if call.method != "GET":
            raise NotImplementedError("only queries are sent from an event loop")
        url = f"{self.settings.base_url}{call.path}"
        self.calls += 1
        try:
            async with self._session.get(
                url, headers=self._headers, allow_redirects=False, timeout=self._timeout(seconds)
            ) as response:
                content = await _body(call, response)
                return read_reply(call, Reply(response.status, response.headers, content))
        except (TimeoutError, aiohttp.ClientError, aiohttp.InvalidURL, OSError) as error:
            failure = self._error(call, error)
            # What came in place of an answer may be told by the errors that it met, word by word;
            # and one of a proxy holds the headers of the request, with the credentials.
            is_told = isinstance(error, aiohttp.ClientResponseError)
            cause = error if isinstance(failure, JsmsNotSentError) and not is_told else None
        finally:
            self.calls -= 1
            if self.is_retired and not self.calls:
                await self.close()
        raise failure from cause

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=seconds,
            sock_connect=self.settings.connect_timeout,
            sock_read=self.settings.read_timeout,
        )

    def _error(self, call: Call[Any], error: Exception) -> Exception:
        what = type(error).__name__
        if isinstance(error, _BEFORE_ANYTHING):
            return no_connection(call, self.settings, error, what, place="triggerer")
        return no_whole_answer(call, what, is_late=isinstance(error, TimeoutError))


class SharedConnection:
    """An Airflow connection, read now and then, and the session that belongs to it."""

    def __init__(self, conn_id: str) -> None:
        self.users = 0
        self._conn_id = conn_id
        self._client: _Client | None = None
        self._read_at = 0.0
        self._failure: Exception | None = None
        self._reading = asyncio.Lock()

    async def settings(self) -> JsmsSettings:
        """Return what the connection says."""
        return (await self._current()).settings

    async def send(self, call: Call[T], *, max_attempts: int | None = None) -> T:
        """Send a query and return its result; the errors are those of the hook.

        :param max_attempts: tries at most; None for what the connection says.
        """
        deadline = monotonic() + LONGEST_IN_ALL
        if max_attempts == 1:
            return await self._ask(call, deadline)
        most = max_attempts or (await self._for(call)).settings.max_attempts
        result: T = await AsyncRetrying(**policy(call, most))(self._ask, call, deadline)
        return result

    async def _ask(self, call: Call[T], deadline: float) -> T:
        client = await self._for(call)
        return await client.ask(call, max(deadline - monotonic(), SHORTEST_TRY))

    async def _for(self, call: Call[Any]) -> _Client:
        try:
            return await self._current()
        except NoCertificatesError as error:
            raise JsmsNotSentError(str(error), call=str(call)) from error
        except OSError as error:
            raise JsmsNotSentError(
                f"the request could not be prepared ({type(error).__name__}), so nothing was sent. "
                "Check the proxy of the environment, and whether the triggerer can read the "
                "Airflow connection.",
                call=str(call),
            ) from error

    async def close(self) -> None:
        """Close the session."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _current(self) -> _Client:
        async with self._reading:
            if self._client is None or monotonic() - self._read_at > _READ_AGAIN_AFTER:
                await self._read()
            return self._client  # type: ignore[return-value]

    async def _read(self) -> None:
        """Read the Airflow connection; what went wrong holds for all who ask within seconds."""
        if self._failure and monotonic() - self._read_at < _FAILURE_HOLDS:
            raise self._failure
        self._failure = None
        try:
            settings = await settings_for(self._conn_id)
            if self._client is None or self._client.settings != settings:
                await self._take(_Client(settings, await asyncio.to_thread(_way_to, settings)))
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._read_at = monotonic()

    async def _take(self, client: _Client) -> None:
        """Use this session from now on; calls under way end with the old one."""
        old, self._client = self._client, client
        if old is not None:
            old.is_retired = True
            if not old.calls:
                await old.close()


async def settings_for(conn_id: str) -> JsmsSettings:
    """Read an Airflow connection and return what it says."""
    with looking_up(conn_id):
        connection = await get_async_connection(conn_id)
    # What is masked is told to another process, and a path is looked at: that may block. From any
    # other thread, such as one of `asyncio`, the telling ends the triggerer of some Airflow 3.
    return await sync_to_async(settings_of)(connection)


_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedConnection]] = (
    WeakKeyDictionary()
)


@asynccontextmanager
async def shared(conn_id: str) -> AsyncIterator[SharedConnection]:
    """Use an Airflow connection together with all others in this event loop."""
    of_loop = _connections.setdefault(asyncio.get_running_loop(), {})
    connection = of_loop.setdefault(conn_id, SharedConnection(conn_id))
    connection.users += 1
    try:
        yield connection
    finally:
        connection.users -= 1
        if not connection.users:
            del of_loop[conn_id]
            # A trigger that is cancelled must not leave its sockets open.
            await asyncio.shield(connection.close())


class _Way(NamedTuple):
    """How the service is reached, as ``requests`` finds it from the environment."""

    tls: ssl.SSLContext | bool
    proxy: str | None


def _way_to(settings: JsmsSettings) -> _Way:
    if settings.is_plain_http:
        # A proxy of the environment would get the credentials of a plain request to read.
        return _Way(tls=True, proxy=None)
    proxy = select_proxy(settings.base_url, get_environ_proxies(settings.base_url))
    if proxy:
        proxy = check_proxy(
            prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        )
    return _Way(tls_context(settings), proxy)


async def _body(call: Call[Any], response: aiohttp.ClientResponse) -> bytes:
    """Read a body of bounded size as it came; what is packed is unpacked in bounds, later."""
    content = await response.content.read(MAX_REPLY + 1)
    pieces = [content]
    size = len(content)
    while content and size <= MAX_REPLY:
        content = await response.content.read(MAX_REPLY + 1 - size)
        pieces.append(content)
        size += len(content)
    if size > MAX_REPLY:
        raise too_large(call, response.status)
    return b"".join(pieces)
