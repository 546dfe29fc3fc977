"""The retry policy: what waits, how long, and what is left to the task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_jsms.exceptions import (
    JsmsApiError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsLedgerError,
    JsmsReadTimeoutError,
    JsmsReviewError,
    JsmsThrottledError,
)
from airflow_provider_jsms.operators.retry_policy import jsms_retry_policy
from tests.versions import AIRFLOW

has_policies = pytest.mark.skipif(AIRFLOW < (3, 3), reason="Airflow 3.3 brought retry policies")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def throttled(wait: float) -> JsmsThrottledError:
    error = JsmsThrottledError("too many requests")
    error.wait = wait
    return error


def decide(error: BaseException, **delays: timedelta) -> Any:
    return jsms_retry_policy(**delays).evaluate(error, 1, 3, None)


@has_policies
@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (JsmsReviewError("50020", code=50020), HOUR),
        (JsmsFrequencyError("50009", code=50009), 10 * MINUTE),
        (throttled(300), 5 * MINUTE),
        (throttled(0), MINUTE),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_a_refusal_that_passes_waits(error: BaseException, delay: timedelta) -> None:
    decision = decide(error)
    assert decision.retry_delay == delay
    assert decision.action.value == ("reschedule" if AIRFLOW >= (3, 4) else "retry")
    assert decision.reason


@has_policies
def test_the_pauses_can_be_set() -> None:
    delays = {"review_delay": 2 * HOUR, "frequency_delay": 3 * HOUR}
    assert decide(JsmsReviewError("50020"), **delays).retry_delay == 2 * HOUR
    assert decide(JsmsFrequencyError("50009"), **delays).retry_delay == 3 * HOUR


@has_policies
@pytest.mark.parametrize(
    "error",
    [JsmsApiError("?"), JsmsReadTimeoutError("?"), JsmsLedgerError("?"), ValueError("?")],
    ids=lambda error: type(error).__name__,
)
def test_the_rest_is_left_to_the_task(error: Exception) -> None:
    assert (decide(error).action.value, decide(error).retry_delay) == ("default", None)


@pytest.mark.skipif(AIRFLOW >= (3, 3), reason="Airflow 3.3 has retry policies")
def test_an_older_airflow_has_none() -> None:
    with pytest.raises(JsmsInputError, match=r"needs Airflow 3\.3"):
        jsms_retry_policy()
