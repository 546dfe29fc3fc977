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
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.connection import port_by_scheme
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.util import parse_url

from airflow_provider_jsms.api.calls import HEADERS
from airflow_provider_jsms.api.replies import MAX_REPLY, Reply
from airflow_provider_jsms.connection_form import CA_BUNDLE
from airflow_provider_jsms.exceptions import (
    JsmsConnectionLostError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks.connections import POOLS, TooMuchReceivedError, exchange
from airflow_provider_jsms.hooks.tls import (
    NoCertificatesError,
    reason_not_verified,
    tls_context,
)

if TYPE_CHECKING:
    import ssl

    from urllib3 import ProxyManager

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.exceptions import JsmsCallError, JsmsNoAnswerError
    from airflow_provider_jsms.hooks.connection import JsmsSettings

_READ_AT_ONCE: Final = 64 * 1024


# These come before a connection is even tried.
_BEFORE_ANYTHING = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    LocationParseError,
    NoCertificatesError,
)


class _Adapter(HTTPAdapter):
    """Opens our own connections, which verify certificates with our TLS context alone."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the authorities to the TLS context."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(
            check_proxy(proxy), ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs
        )
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

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        # The TLS context of the adapter has read REQUESTS_CA_BUNDLE already.
        return {**super().merge_environment_settings(*args, **kwargs), "verify": True}


class _Auth(AuthBase):
    """Adds the credentials to requests to the scheme, host and port of the base URL only."""

    def __init__(self, settings: JsmsSettings) -> None:
        self._origin = _origin(settings.base_url)
        self._basic = HTTPBasicAuth(settings.app_key, settings.master_secret)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        is_ours = _origin(request.url or "") == self._origin
        return self._basic(request) if is_ours else request


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    parts = parse_url(url)
    return parts.scheme, parts.host, parts.port or port_by_scheme.get(parts.scheme or "")


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
        except (requests.RequestException, HTTPError, NoCertificatesError, ValueError) as error:
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
            allow_redirects=False,
            stream=True,
        )
        with response:
            return Reply(response.status_code, response.headers, _body(call, response))

    def _error(self, call: Call[Any], error: Exception) -> JsmsCallError:
        root = _root(error)
        what = type(root).__name__
        if not exchange.may_have_left or isinstance(error, _BEFORE_ANYTHING):
            return no_connection(call, self._settings, error, what, place="worker")
        if isinstance(root, TooMuchReceivedError):
            return too_large(call)
        is_late = isinstance(root, ReadTimeoutError | TimeoutError)
        return no_whole_answer(call, what, is_late=is_late)


def _session(settings: JsmsSettings) -> requests.Session:
    session = _Session()
    session.headers.clear()
    session.headers.update(HEADERS)
    session.auth = _Auth(settings)
    # A proxy of the environment would get the credentials of a plain request to read.
    session.trust_env = not settings.is_plain_http
    tls = None if settings.is_plain_http else tls_context(settings)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(tls))
    return session


def no_connection(
    call: Call[Any], settings: JsmsSettings, error: Exception, what: str, *, place: str
) -> JsmsNotSentError:
    """Return the error for a request that did not begin to leave.

    :param error: the error that was met.
    :param what: the class of its root cause.
    :param place: what would have sent it, such as the worker.
    """
    address = settings.base_url
    if isinstance(error, NoCertificatesError):
        text = str(error)
    elif reason := reason_not_verified(error):
        text = (
            f"the certificate of {address} does not verify ({reason}), so nothing was sent. Check "
            "the host of the connection. If a proxy or firewall of your company signs the "
            f"certificate, set the path of your company's CA certificates on the {place}: in the "
            f"extra {CA_BUNDLE.name} of the connection, or in the environment variable "
            "REQUESTS_CA_BUNDLE or SSL_CERT_FILE."
        )
    else:
        text = (
            f"no connection to {address} ({what}), so nothing was sent. Check the host of the "
            f"connection, and that the {place} can reach it, through its proxy if it has one."
        )
    return JsmsNotSentError(text, call=str(call))


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
        f"the answer is larger than {MAX_REPLY} bytes.", call=str(call), http_status=http_status
    )


def _body(call: Call[Any], response: requests.Response) -> bytes:
    """Read a body of bounded size as it came; what is packed is unpacked in bounds, later."""
    pieces, size = [], 0
    for piece in response.raw.stream(_READ_AT_ONCE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_REPLY:
            raise too_large(call, response.status_code)
    return b"".join(pieces)


def _root(error: BaseException) -> BaseException:
    """Return the error that a library's errors wrap, so that it can be named."""
    inner = [getattr(error, "reason", None), *error.args]
    return next((_root(each) for each in inner if isinstance(each, BaseException)), error)
