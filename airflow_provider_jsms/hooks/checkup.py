"""What the Test button of a connection says: what is the matter, and what to do about it.

The errors of the calls are written for the log of a task. Here a person looks at the form of the
connection, so the words are about its fields.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

import requests

from airflow_provider_jsms.api.calls import query_balance
from airflow_provider_jsms.api.codes import APP_QUOTA_NOT_ASSIGNED, CODES
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.connection_form import CA_BUNDLE, DEFAULT_HOST, LABELS, READ_TIMEOUT
from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsCallError,
    JsmsConnectionLostError,
    JsmsNotSentError,
    JsmsReadTimeoutError,
    JsmsServerError,
    JsmsThrottledError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.hooks.tls import NoCertificatesError, causes, reason_not_verified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.hooks.client import JsmsClient
    from airflow_provider_jsms.hooks.connection import JsmsSettings

_RIGHT: Final = "The app key and the master secret are right."
_REFUSED: Final = (
    "JSMS refused the app key and the master secret ({code}). Copy both of one application from "
    f"the JSMS console again: {LABELS['login']} and {LABELS['password']}."
)
_REDIRECT: Final = range(300, 400)
_USUAL_WAIT: Final = 60
_LONGEST_WAIT: Final = 3600


def check_up(client: JsmsClient, settings: JsmsSettings) -> tuple[bool, str]:
    """Ask for the balance, which changes nothing; return whether it works, and what to say."""
    try:
        return True, f"{_RIGHT} {_balance(client.send(query_balance(), max_attempts=1))}"
    except JsmsCallError as error:
        if error.code == APP_QUOTA_NOT_ASSIGNED:
            advice = CODES[APP_QUOTA_NOT_ASSIGNED].advice
            return True, f"{_RIGHT} No SMS balance is assigned ({error.code}). {advice}"
        return False, _failure(error, settings)


def _balance(balance: dict[str, int | None]) -> str:
    amounts = ", ".join(
        f"{mask_text(name)} {'not assigned' if amount is None else amount}"
        for name, amount in balance.items()
    )
    return f"Balance: {amounts or 'not told'}."


def _failure(error: JsmsCallError, settings: JsmsSettings) -> str:
    if isinstance(error, JsmsNotSentError):
        return _no_connection(error, settings)
    if isinstance(error, JsmsUnreadableReplyError):
        return _not_jsms(error, settings.base_url)
    if isinstance(error, JsmsThrottledError):
        wait = min(error.wait or _USUAL_WAIT, _LONGEST_WAIT)
        return f"JSMS takes no more requests at the moment. Press Test again in {wait:.0f} s."
    if isinstance(error, JsmsServerError):
        return f"{error.text} Press Test again in a minute."
    if isinstance(error, JsmsReadTimeoutError | JsmsConnectionLostError):
        return _no_answer(error, settings)
    return _REFUSED.format(code=error.code) if isinstance(error, JsmsAuthError) else error.text


def _no_answer(error: JsmsCallError, settings: JsmsSettings) -> str:
    see = "See whether Host, Port and Schema are right, and whether a proxy is on the way."
    if isinstance(error, JsmsReadTimeoutError):
        return (
            f"{settings.base_url} was reached, but no answer came in time. {see} If JSMS is slow, "
            f"set {READ_TIMEOUT.label} higher than {settings.read_timeout:g}."
        )
    return f"{settings.base_url} broke the connection before it answered. {see}"


def _not_jsms(error: JsmsCallError, address: str) -> str:
    what = "a redirect" if error.http_status in _REDIRECT else "something that is not from JSMS"
    return (
        f"{address} answered with {what} (HTTP {error.http_status}). See whether Host is right "
        f"(the one of JSMS is {DEFAULT_HOST}), and whether a proxy or a sign-in page of the "
        "network answers in its place."
    )


def _no_connection(error: JsmsCallError, settings: JsmsSettings) -> str:
    address, found = settings.base_url, list(causes(error))
    if reason := reason_not_verified(error):
        return (
            f"The certificate of {address} does not verify ({reason}), so the credentials were not "
            "sent. See whether Host is right. If it is, and the network has a CA of its own, give "
            f"{CA_BUNDLE.label} the path of its file, or set REQUESTS_CA_BUNDLE or SSL_CERT_FILE "
            "on every machine that uses the connection."
        )
    if unloaded := next((each for each in found if isinstance(each, NoCertificatesError)), None):
        if not settings.ca_bundle:
            return f"No connection to {address}: {unloaded}"
        return (
            f"{mask_text(settings.ca_bundle)} cannot be read, or holds no certificates, so the "
            f"credentials were not sent. Correct {CA_BUNDLE.label}, or empty it."
        )
    return (
        f"No connection to {address}: {_reason(found)}. See whether Host, Port and Schema are "
        f"right (the host of JSMS is {DEFAULT_HOST}), and whether the machine that runs this test "
        "may reach it, also through its proxy. The credentials were not sent."
    )


def _reason(found: list[BaseException]) -> str:
    for kind, words in _REASONS.items():
        if any(isinstance(cause, kind) for cause in found):
            return words
    return type(found[-1]).__name__


# The proxy first: that it cannot be reached has one of the other causes.
_REASONS: Final[Mapping[type[BaseException], str]] = {
    requests.exceptions.ProxyError: "the proxy did not let the test through",
    socket.gaierror: "there is no host of this name",
    ConnectionRefusedError: "nothing listens there",
    PermissionError: "this machine does not allow it",
    requests.Timeout: "it took too long",
    ssl.SSLError: "there is no https",
}
