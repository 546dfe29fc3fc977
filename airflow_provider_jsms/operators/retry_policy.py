"""When Airflow tries again after a failed call to JSMS (Airflow 3.3 and newer)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.exceptions import (
    JsmsFrequencyError,
    JsmsInputError,
    JsmsReviewError,
    JsmsThrottledError,
)
from airflow_provider_jsms.submission.airflow_version import HAS_RETRY_POLICIES

if TYPE_CHECKING or HAS_RETRY_POLICIES:
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    RetryPolicy = object

__all__ = ["jsms_retry_policy"]

_MINUTE: Final = timedelta(minutes=1)
_WAITS_FOR: Final = timedelta(days=1)


def jsms_retry_policy(
    *,
    review_delay: timedelta = timedelta(hours=1),
    frequency_delay: timedelta = timedelta(minutes=10),
) -> RetryPolicy:
    """Return a policy for the argument ``retry_policy`` of any task that calls JSMS.

    After a refusal that passes by itself it waits as long as that takes; everything else is left
    to the task's ``retries`` and ``retry_delay``. On Airflow 3.4 and newer such a wait uses up no
    retry, for at most a day; on 3.3 it takes ``retries``.

    :param review_delay: the pause after 50020, while the template is under review.
    :param frequency_delay: the pause after 50009, for a number that was texted too often.
    :raises JsmsInputError: this Airflow has no retry policies.
    """
    if not HAS_RETRY_POLICIES:
        raise JsmsInputError(
            "jsms_retry_policy() needs Airflow 3.3 or newer: older ones have no retry policies. "
            "Leave retry_policy out, and set retries and retry_delay."
        )
    return _JsmsRetryPolicy(review_delay, frequency_delay)


class _JsmsRetryPolicy(RetryPolicy):
    def __init__(self, review_delay: timedelta, frequency_delay: timedelta) -> None:
        self._review_delay = review_delay
        self._frequency_delay = frequency_delay

    def evaluate(self, exception: BaseException, *_: Any, **__: Any) -> RetryDecision:
        """Return when to try again; Airflow asks for no error that a retry cannot fix."""
        if isinstance(exception, JsmsReviewError):
            return _later(self._review_delay, "the template is still under review (50020)")
        if isinstance(exception, JsmsFrequencyError):
            return _later(self._frequency_delay, "JSMS refuses texts in such quick succession")
        if isinstance(exception, JsmsThrottledError):
            wait = max(timedelta(seconds=exception.wait), _MINUTE)
            return _later(wait, "JSMS asks to wait (HTTP 429)")
        return RetryDecision.default()


def _later(delay: timedelta, reason: str) -> RetryDecision:
    if hasattr(RetryDecision, "reschedule"):  # Airflow 3.4
        return RetryDecision.reschedule(  # type: ignore[no-any-return]
            delay, reschedule_timeout=_WAITS_FOR, reason=reason
        )
    return RetryDecision.retry(delay, reason)
