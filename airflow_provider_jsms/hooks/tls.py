"""The trusted certificate authorities, the same for ``requests`` and ``aiohttp``."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from airflow_provider_jsms.api.masking import mask_text

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.connection import JsmsSettings

_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OF_OPENSSL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class NoCertificatesError(OSError):
    """The CA bundle of the connection or the environment cannot be loaded."""


def tls_context(settings: JsmsSettings) -> ssl.SSLContext:
    """Return a context that trusts the first of these that is set.

    The extra ``ca_bundle``, ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, ``SSL_CERT_FILE`` or
    ``SSL_CERT_DIR``; the default is the bundle of certifi.

    :raises NoCertificatesError: the bundle cannot be loaded.
    """
    name, path = _bundle(settings)
    try:
        if path is None:
            return ssl.create_default_context()
        is_folder = Path(path).is_dir()
        return ssl.create_default_context(
            cafile=None if is_folder else path, capath=path if is_folder else None
        )
    except OSError as error:
        raise NoCertificatesError(
            f"the CA certificates of {name}, {mask_text(path or '')}, cannot be loaded "
            f"({error.strerror}), so nothing was sent. Correct {name}, or unset it."
        ) from error


def _bundle(settings: JsmsSettings) -> tuple[str, str | None]:
    """Return the setting that names the bundle, and its path; OpenSSL reads its own variables."""
    if settings.ca_bundle:
        return "the extra ca_bundle", settings.ca_bundle
    for name in _OF_REQUESTS:
        if path := os.environ.get(name):
            return name, path
    if any(os.environ.get(name) for name in _OF_OPENSSL):
        return " and ".join(_OF_OPENSSL), None
    return "requests", DEFAULT_CA_BUNDLE_PATH


def reason_not_verified(error: BaseException | None) -> str | None:
    """Return OpenSSL's reason for refusing a certificate, None if ``error`` has another cause."""
    while error is not None:
        # aiohttp's own error is of this class too, without the reason.
        if isinstance(error, ssl.SSLCertVerificationError) and hasattr(error, "verify_message"):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
