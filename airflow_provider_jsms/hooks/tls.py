"""Which certificate authorities are trusted: the same for ``requests`` and for ``aiohttp``."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.connection_form import CA_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.hooks.connection import JsmsSettings

_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OF_OPENSSL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class NoCertificatesError(OSError):
    """The CA certificates that the connection or the environment names cannot be loaded."""


def tls_context(settings: JsmsSettings) -> ssl.SSLContext:
    """Return a context that trusts the authorities of the first of these that is set.

    The extra ``ca_bundle``; ``REQUESTS_CA_BUNDLE``; ``CURL_CA_BUNDLE``; ``SSL_CERT_FILE`` or
    ``SSL_CERT_DIR``, as OpenSSL reads them. Where none is, it trusts those of certifi.

    :raises NoCertificatesError: they cannot be loaded.
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
    """Return where the path of the authorities is set, and the path; None leaves it to OpenSSL."""
    if settings.ca_bundle:
        return f"the extra {CA_BUNDLE.name}", settings.ca_bundle
    for name in _OF_REQUESTS:
        if path := os.environ.get(name):
            return name, path
    if any(os.environ.get(name) for name in _OF_OPENSSL):
        return " and ".join(_OF_OPENSSL), None
    return "requests", DEFAULT_CA_BUNDLE_PATH


def reason_not_verified(error: BaseException) -> str | None:
    """Return why OpenSSL did not accept a certificate, None if ``error`` has another cause."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            return cause.verify_message
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
