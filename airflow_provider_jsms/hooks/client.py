"""Sending a call to JSMS, and sending it again where that cannot text anybody twice."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from airflow_provider_jsms.api import calls as protocol
from airflow_provider_jsms.api.replies import read_reply
from airflow_provider_jsms.exceptions import (
    JsmsConnectionLostError,
    JsmsError,
    JsmsNoAnswerError,
    JsmsThrottledError,
)
from airflow_provider_jsms.hooks.transport import Transport

if TYPE_CHECKING:
    from requests import Session
    from tenacity import RetryCallState

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.hooks.connection import JsmsSettings

T = TypeVar("T")

LONGEST_IN_ALL: Final = 60.0
SHORTEST_TRY: Final = 1.0
_WAIT = wait_exponential_jitter(initial=1, max=10, jitter=1)

_log = logging.getLogger(__name__)


class JsmsClient:
    """The one place that sends requests, over a pooled session per thread."""

    def __init__(self, settings: JsmsSettings) -> None:
        self._settings = settings
        self._transport = Transport(settings)

    @property
    def session(self) -> Session:
        """This thread's HTTP session."""
        return self._transport.session

    def close(self) -> None:
        """Close this thread's connections; a later call opens a new one."""
        self._transport.close()

    def send(
        self,
        call: Call[T],
        *,
        met: list[BaseException] | None = None,
        max_attempts: int | None = None,
    ) -> T:
        """Send a call and return its result.

        :param met: collects the errors after which the call was sent again.
        :param max_attempts: tries at most; None for what the connection says.
        :raises JsmsUncertainError: a submission left and no usable answer came.
        :raises JsmsCallError: what the last try met.
        """
        retrying = Retrying(**policy(call, max_attempts or self._settings.max_attempts, met))
        result: T = retrying(self._attempt, call, monotonic() + LONGEST_IN_ALL)
        return result

    def _seconds(self, call: Call[T], deadline: float) -> float:
        """Return what a try may take: for a submission always all that its timeouts allow.

        A submission that is given up early is one whose outcome nobody knows.
        """
        full = self._settings.connect_timeout + self._settings.read_timeout
        return full if call.method == "POST" else max(deadline - monotonic(), SHORTEST_TRY)

    def _attempt(self, call: Call[T], deadline: float) -> T:
        since = datetime.now(UTC)
        try:
            reply = self._transport.send(call, self._seconds(call, deadline))
            return read_reply(call, reply)
        except JsmsNoAnswerError as error:
            if call.method != "POST":
                raise
            raise protocol.uncertain(call, error, since) from error
        except (JsmsError, KeyboardInterrupt):
            raise
        except BaseException as error:
            # Airflow interrupts a task by raising, as for execution_timeout, and would then run
            # it again (after SystemExit too): a submission that may have left must not follow.
            if call.method != "POST" or not self._transport.may_have_left():
                raise
            lost = JsmsConnectionLostError(
                f"the task was interrupted ({type(error).__name__}) before the answer came.",
                call=str(call),
            )
            raise protocol.uncertain(call, lost, since) from error


def policy(
    call: Call[Any], max_attempts: int, met: list[BaseException] | None = None
) -> dict[str, Any]:
    """Return how a call is sent again, for tenacity's ``Retrying`` and ``AsyncRetrying``.

    :param met: collects the errors after which the call was sent again.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = _error_of(state)
        if met is not None:
            met.append(error)
        _log.warning("%s Trying again in %.1f s.", error, state.upcoming_sleep)

    return {
        "retry": retry_if_exception(call.may_be_sent_again_after),
        "stop": stop_after_attempt(max_attempts) | stop_before_delay(LONGEST_IN_ALL),
        "wait": _wait,
        "before_sleep": before_sleep,
        "reraise": True,
    }


def _error_of(state: RetryCallState) -> BaseException:
    # tenacity asks only after a try that ended in an error
    return state.outcome.exception()  # type: ignore[union-attr, return-value]


def _wait(state: RetryCallState) -> float:
    error = _error_of(state)
    asked = error.wait if isinstance(error, JsmsThrottledError) else 0.0
    return max(_WAIT(state), asked)
