"""One HTTP request by ``requests``, in bounded time and size, and in which phase it failed.

Whether a request may be sent again depends on whether it began to leave this machine. The errors
of an HTTP library do not tell that reliably (a reset connection, a TLS failure can happen before
and after), so the connection itself notes the moment before the first byte of a request.

Two times are not bounded here: that of a name server belongs to the operating system, and each
address of a name may take ``connect_timeout``.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError

from airflow_provider_jsms.exceptions import (
    JsmsConnectionLostError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks.connections import POOLS, TooMuchReceivedError, exchange
from airflow_provider_jsms.protocol import HEADERS, LARGEST_REPLY, Reply

if TYPE_CHECKING:
    from urllib3 import ProxyManager

    from airflow_provider_jsms.exceptions import JsmsCallError, JsmsNoAnswerError
    from airflow_provider_jsms.protocol import Call
    from airflow_provider_jsms.settings import JsmsSettings

_READ_AT_ONCE: Final = 64 * 1024


class NoCertificatesError(requests.RequestException):
    """The file or folder of CA certificates that the environment names is not there."""


# These come before a connection is even tried.
_BEFORE_ANYTHING = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    LocationParseError,
    NoCertificatesError,
)


class _Adapter(HTTPAdapter):
    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise NoCertificatesError(error) from error

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(check_proxy(proxy), **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager


def check_proxy(proxy: str) -> str:
    """Return the address of a proxy of the environment, if it is one that a call can go through.

    :raises requests.exceptions.InvalidProxyURL: it is of another kind, such as SOCKS.
    """
    if not proxy.lower().startswith(("http://", "https://")):
        raise requests.exceptions.InvalidProxyURL("only proxies of HTTP are supported")
    return proxy


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # Redirects are not followed, so where one leads (which may be no address) is not read.
        del resp


class _Own(threading.local):
    session: requests.Session | None = None
    process = 0


class Transport:
    """HTTP sessions to the address of a connection: one per thread and process.

    A socket that two processes share after a fork mixes up their answers.
    """

    def __init__(self, settings: JsmsSettings) -> None:
        self._settings = settings
        self._own = _Own()

    @property
    def session(self) -> requests.Session:
        """The session of this thread and process."""
        if self._own.session is None or self._own.process != os.getpid():
            self._own.session = _session(self._settings)
            self._own.process = os.getpid()
        return self._own.session

    def close(self) -> None:
        """Close this thread's connections; a later request opens a new one.

        Other threads' connections close when the thread ends.
        """
        if self._own.session is not None:
            self._own.session.close()

    def may_have_left(self) -> bool:
        """Tell whether the last request of this thread may have begun to leave this machine."""
        return exchange.may_have_left

    def send(self, call: Call[Any], seconds: float) -> Reply:
        """Send one request and return its answer, whatever its status is.

        :param seconds: what this request may take at most, beside the timeouts of the connection.
        :raises JsmsNotSentError: nothing left this machine.
        :raises JsmsNoAnswerError: it left, and no whole answer came.
        """
        is_post = call.method == "POST"
        if is_post:
            # The server may be closing an idle connection: the outcome would be uncertain.
            self.close()
        # A submission that is given up early is one whose outcome nobody knows.
        exchange.begin(seconds, anew=is_post)
        try:
            return self._exchange(call, seconds)
        except (requests.RequestException, HTTPError, ValueError) as error:
            failure = self._error(call, error)
            # What came in place of an answer may be told by the errors that it met, word by word.
            cause = error if isinstance(failure, JsmsNotSentError) else None
        finally:
            exchange.end()
        raise failure from cause

    def _exchange(self, call: Call[Any], seconds: float) -> Reply:
        settings = self._settings
        response = self.session.request(
            call.method,
            f"{settings.base_url}{call.path}",
            data=call.content,
            timeout=(
                min(settings.connect_timeout, seconds),
                min(settings.read_timeout, seconds),
            ),
            verify=settings.ca_bundle or True,
            allow_redirects=False,
            stream=True,
        )
        with response:
            return Reply(response.status_code, response.headers, _body(call, response))

    def _error(self, call: Call[Any], error: Exception) -> JsmsCallError:
        root = _root(error)
        what = type(root).__name__
        if not exchange.may_have_left or isinstance(error, _BEFORE_ANYTHING):
            return no_connection(call, self._settings, what, place="worker")
        if isinstance(root, TooMuchReceivedError):
            return too_large(call)
        is_late = isinstance(root, ReadTimeoutError | TimeoutError)
        return no_whole_answer(call, what, is_late=is_late)


def _session(settings: JsmsSettings) -> requests.Session:
    session = _Session()
    session.headers.clear()
    session.headers.update(HEADERS)
    session.auth = (settings.app_key, settings.master_secret)
    # A proxy of the environment would get the credentials of a plain request to read.
    session.trust_env = not settings.is_plain_http
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def no_connection(
    call: Call[Any], settings: JsmsSettings, what: str, *, place: str
) -> JsmsNotSentError:
    """Return the error for a request that did not begin to leave.

    :param what: the class of the error that was met.
    :param place: what would have sent it, such as the worker.
    """
    return JsmsNotSentError(
        f"no connection to {settings.base_url} ({what}), so nothing was sent. See whether the host "
        f"of the connection is right and reachable from the {place}, also through a proxy and with "
        "its certificate.",
        call=str(call),
    )


def no_whole_answer(call: Call[Any], what: str, *, is_late: bool) -> JsmsNoAnswerError:
    """Return the error for a request that left, and whose answer did not come, or not all of it."""
    if is_late:
        return JsmsReadTimeoutError("no whole answer came in time.", call=str(call))
    return JsmsConnectionLostError(
        f"the connection broke before the answer was whole ({what}).", call=str(call)
    )


def too_large(call: Call[Any], http_status: int | None = None) -> JsmsUnreadableReplyError:
    """Return the error for an answer that is given up because of its size."""
    return JsmsUnreadableReplyError(
        f"the answer is larger than {LARGEST_REPLY} bytes.", call=str(call), http_status=http_status
    )


def _body(call: Call[Any], response: requests.Response) -> bytes:
    """Read a body of bounded size as it came; what is packed is unpacked in bounds, later."""
    pieces, size = [], 0
    for piece in response.raw.stream(_READ_AT_ONCE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_REPLY:
            raise too_large(call, response.status_code)
    return b"".join(pieces)


def _root(error: BaseException) -> BaseException:
    """Return the error that a library's errors wrap, so that it can be named."""
    inner = [getattr(error, "reason", None), *error.args]
    return next((_root(each) for each in inner if isinstance(each, BaseException)), error)
