"""Sends a call to JSMS over ``requests``, and retries it where that cannot text anybody twice."""

from __future__ import annotations

import logging
import os
import threading
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

import requests
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError

from airflow_provider_jsms.api.calls import uncertain
from airflow_provider_jsms.api.replies import MAX_REPLY, Reply, read_reply
from airflow_provider_jsms.exceptions import (
    JsmsConnectionLostError,
    JsmsError,
    JsmsNoAnswerError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks.transport import (
    NoCertificatesError,
    open_session,
    reason_not_verified,
    request,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.exceptions import JsmsCallError
    from airflow_provider_jsms.hooks.connection import JsmsSettings

T = TypeVar("T")

LONGEST_IN_ALL: Final = 60.0
SHORTEST_TRY: Final = 1.0
_WAIT = wait_exponential_jitter(initial=1, max=10, jitter=1)
_BEFORE_CONNECTING: Final = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    LocationParseError,
    NoCertificatesError,
)

_log = logging.getLogger(__name__)


class _Own(threading.local):
    session: requests.Session | None = None
    process = 0


class JsmsClient:
    """Sends requests, over one session per thread and process (a fork must not share sockets)."""

    def __init__(self, settings: JsmsSettings) -> None:
        self._settings = settings
        self._own = _Own()

    @property
    def session(self) -> requests.Session:
        """The HTTP session of this thread and process."""
        if self._own.session is None or self._own.process != os.getpid():
            self._own.session = open_session(self._settings)
            self._own.process = os.getpid()
        return self._own.session

    def close(self) -> None:
        """Close the connections of this thread; the next call opens new ones."""
        if self._own.session is not None:
            self._own.session.close()

    def send(
        self, call: Call[T], met: list[BaseException] | None = None, max_attempts: int | None = None
    ) -> T:
        """Send a call and return its result; ``met`` collects the errors that were retried."""
        retrying = Retrying(**policy(call, max_attempts or self._settings.max_attempts, met))
        deadline = monotonic() + LONGEST_IN_ALL
        return retrying(self._attempt, call, deadline)  # type: ignore[no-any-return]

    def _attempt(self, call: Call[T], deadline: float) -> T:
        since = datetime.now(UTC)
        try:
            return read_reply(call, self.exchange(call, self._seconds(call, deadline)))
        except (JsmsError, KeyboardInterrupt) as error:
            if call.method == "POST" and isinstance(error, JsmsNoAnswerError):
                raise uncertain(call, error, since) from error
            raise
        except BaseException as error:
            # Airflow interrupts a task by raising, as for execution_timeout, and then retries it.
            if call.method != "POST" or not request.may_have_left:
                raise
            lost = JsmsConnectionLostError(
                f"the task was interrupted ({type(error).__name__}) before the reply came.",
                call=str(call),
            )
            raise uncertain(call, lost, since) from error

    def _seconds(self, call: Call[T], deadline: float) -> float:
        # A submission that is given up early is uncertain: it always has its full timeouts.
        full = self._settings.connect_timeout + self._settings.read_timeout
        return full if call.method == "POST" else max(deadline - monotonic(), SHORTEST_TRY)

    def exchange(self, call: Call[Any], seconds: float) -> Reply:
        """Send one request and return its reply, complete within seconds of connecting."""
        if call.method == "POST":
            # The server may be closing an idle connection, which would make a submission uncertain.
            self.close()
        try:
            with request.within(seconds):
                return self._request(call, seconds)
        except (requests.RequestException, HTTPError, NoCertificatesError) as error:
            may_have_left = request.may_have_left and not isinstance(error, _BEFORE_CONNECTING)
            failure = failure_of(call, self._settings, error, may_have_left=may_have_left)
            # Library errors may quote the reply, so only those of unsent requests are chained.
            cause = error if isinstance(failure, JsmsNotSentError) else None
        raise failure from cause

    def _request(self, call: Call[Any], seconds: float) -> Reply:
        settings = self._settings
        response = self.session.request(
            call.method,
            f"{settings.base_url}{call.path}",
            data=call.content,
            timeout=(min(settings.connect_timeout, seconds), min(settings.read_timeout, seconds)),
            allow_redirects=False,
            stream=True,
        )
        with response:
            body = response.raw.read(MAX_REPLY + 1, decode_content=True)
            if len(body) > MAX_REPLY:
                raise too_large(call, response.status_code)
            return Reply(response.status_code, response.headers, body)


def failure_of(
    call: Call[Any], settings: JsmsSettings, error: Exception, *, may_have_left: bool
) -> JsmsCallError:
    """Return the error for a request without a complete reply."""
    root = _root(error)
    if not may_have_left:
        return JsmsNotSentError(_why_not_sent(settings.base_url, error, root), call=str(call))
    if isinstance(root, ReadTimeoutError | TimeoutError):
        return JsmsReadTimeoutError("no complete reply came in time.", call=str(call))
    return JsmsConnectionLostError(
        f"the connection broke before the reply was complete ({type(root).__name__}).",
        call=str(call),
    )


def _why_not_sent(address: str, error: Exception, root: BaseException) -> str:
    if isinstance(error, NoCertificatesError):
        return str(error)
    if reason := reason_not_verified(error):
        return (
            f"the certificate of {address} does not verify ({reason}), so nothing was sent. If "
            "your company's proxy signs it, set its CA certificates in the extra ca_bundle, or in "
            "REQUESTS_CA_BUNDLE or SSL_CERT_FILE on every worker and triggerer."
        )
    return (
        f"no connection to {address} ({type(root).__name__}), so nothing was sent. Check the "
        "host, port and schema of the connection, and the proxy if there is one."
    )


def too_large(call: Call[Any], http_status: int) -> JsmsUnreadableReplyError:
    """Return the error for a reply above the size limit."""
    return JsmsUnreadableReplyError(
        f"the reply is larger than {MAX_REPLY} bytes.", call=str(call), http_status=http_status
    )


def _root(error: BaseException) -> BaseException:
    """Return the innermost error that a library's errors wrap."""
    inner = [getattr(error, "reason", None), *error.args]
    return next((_root(each) for each in inner if isinstance(each, BaseException)), error)


def policy(
    call: Call[Any], max_attempts: int, met: list[BaseException] | None = None
) -> dict[str, Any]:
    """Return the arguments of tenacity's ``Retrying`` and ``AsyncRetrying`` for a call."""

    def before_sleep(state: RetryCallState) -> None:
        error = _error_of(state)
        if met is not None:
            met.append(error)
        _log.warning("%s Retrying in %.1f s.", error, state.upcoming_sleep)

    return {
        "retry": retry_if_exception(call.may_be_sent_again_after),
        "stop": stop_after_attempt(max_attempts) | stop_before_delay(LONGEST_IN_ALL),
        "wait": lambda state: max(_wait(state), call.interval),
        "before_sleep": before_sleep,
        "reraise": True,
    }


def _error_of(state: RetryCallState) -> BaseException:
    # tenacity asks only after an attempt that raised
    return state.outcome.exception()  # type: ignore[union-attr, return-value]


def _wait(state: RetryCallState) -> float:
    return max(_WAIT(state), getattr(_error_of(state), "wait", 0.0))
