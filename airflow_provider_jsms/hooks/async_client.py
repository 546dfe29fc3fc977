"""Queries JSMS from an event loop, over one Airflow connection and one HTTP session per loop.

A triggerer may hold a thousand waits; reading an Airflow connection for each would take seconds,
and a session for each a socket. The connection is read again after a minute, to pick up changed
credentials. Nothing is submitted, modified or deleted from an event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

import aiohttp
from airflow.providers.common.compat.connection import get_async_connection
from asgiref.sync import sync_to_async
from requests.exceptions import InvalidProxyURL
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from tenacity import AsyncRetrying

from airflow_provider_jsms.api.calls import HEADERS
from airflow_provider_jsms.api.replies import MAX_REPLY, Reply, read_reply
from airflow_provider_jsms.exceptions import JsmsNotSentError
from airflow_provider_jsms.hooks.client import (
    LONGEST_IN_ALL,
    SHORTEST_TRY,
    failure_of,
    policy,
    too_large,
)
from airflow_provider_jsms.hooks.connection import looking_up, settings_of
from airflow_provider_jsms.hooks.transport import NoCertificatesError, check_proxy, tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.hooks.connection import JsmsSettings

T = TypeVar("T")

_BEFORE_CONNECTING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    InvalidProxyURL,
    NoCertificatesError,
)
_READ_AGAIN_AFTER: Final = 60.0


class SharedConnection:
    """An Airflow connection and an HTTP session, for all users in one event loop."""

    def __init__(self, conn_id: str) -> None:
        self.users = 0
        self._conn_id = conn_id
        self._settings: JsmsSettings | None = None
        self._route: dict[str, Any] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self.session = aiohttp.ClientSession()

    async def settings(self) -> JsmsSettings:
        """Return the current settings of the connection."""
        async with self._reading:
            if self._settings is None or monotonic() - self._read_at > _READ_AGAIN_AFTER:
                self._read_at = monotonic()
                self._settings, self._route = await settings_for(self._conn_id), {}
            return self._settings

    async def send(self, call: Call[T], *, max_attempts: int | None = None) -> T:
        """Send a query as the hook does, at most ``max_attempts`` times."""
        most = max_attempts or (await self.settings()).max_attempts
        deadline = monotonic() + LONGEST_IN_ALL
        return await AsyncRetrying(**policy(call, most))(self._attempt, call, deadline)

    async def _attempt(self, call: Call[T], deadline: float) -> T:
        settings = await self.settings()
        timeout = aiohttp.ClientTimeout(
            total=max(deadline - monotonic(), SHORTEST_TRY),
            sock_connect=settings.connect_timeout,
            sock_read=settings.read_timeout,
        )
        try:
            async with self._reading:
                self._route = self._route or await asyncio.to_thread(_route_to, settings)
            async with self.session.get(
                f"{settings.base_url}{call.path}",
                # Headers of the session would be sent to a proxy too, in clear text.
                headers={**HEADERS, "Authorization": f"Basic {settings.basic_token}"},
                allow_redirects=False,
                timeout=timeout,
                **self._route,
            ) as response:
                return read_reply(call, await _reply(call, response))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            may_have_left = not isinstance(error, _BEFORE_CONNECTING)
            failure = failure_of(call, settings, error, may_have_left=may_have_left)
            # Library errors may quote the reply; that of a proxy holds the request's headers.
            quotes = isinstance(error, aiohttp.ClientResponseError)
            cause = error if isinstance(failure, JsmsNotSentError) and not quotes else None
        raise failure from cause


async def _reply(call: Call[Any], response: aiohttp.ClientResponse) -> Reply:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_REPLY:
            raise too_large(call, response.status)
    return Reply(response.status, response.headers, bytes(body))


def _route_to(settings: JsmsSettings) -> dict[str, Any]:
    """Return TLS context and proxy as ``requests`` takes them from the environment."""
    if settings.is_plain_http:
        return {"proxy": None}  # a proxy would see the credentials of a plain request
    proxy = select_proxy(settings.base_url, get_environ_proxies(settings.base_url))
    if proxy:
        with_scheme = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        proxy = check_proxy(with_scheme)
    return {"proxy": proxy, "ssl": tls_context(settings)}


async def settings_for(conn_id: str) -> JsmsSettings:
    """Return the settings of an Airflow connection, without blocking the event loop."""
    with looking_up(conn_id):
        connection = await get_async_connection(conn_id)
    # Masking a secret talks to another process, which may block. In a thread of `asyncio` that
    # would end the triggerer of some Airflow 3.
    return await sync_to_async(settings_of)(connection)


_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedConnection]] = (
    WeakKeyDictionary()
)


@asynccontextmanager
async def shared(conn_id: str) -> AsyncIterator[SharedConnection]:
    """Share an Airflow connection with its other users in this event loop."""
    of_loop = _connections.setdefault(asyncio.get_running_loop(), {})
    if conn_id not in of_loop:
        of_loop[conn_id] = SharedConnection(conn_id)
    connection = of_loop[conn_id]
    connection.users += 1
    try:
        yield connection
    finally:
        connection.users -= 1
        if not connection.users:
            del of_loop[conn_id]
            # A cancelled trigger must not leave its sockets open.
            await asyncio.shield(connection.session.close())
