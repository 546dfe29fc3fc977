"""What an Airflow connection says about JSMS, checked: address, credentials, times.

The same field has different types by its source: the form saves numbers and nulls, a URI brings
strings, ``schema`` is None or empty. So every extra is brought to its type here, and None and an
empty string mean "not set".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.privacy import show
from airflow_provider_jsms.send_time import DEFAULT_TIMEZONE, service_zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from urllib.parse import SplitResult

DEFAULT_BASE_URL: Final = "https://api.sms.jpush.cn"
DEFAULT_CONNECT_TIMEOUT: Final = 5.0
DEFAULT_READ_TIMEOUT: Final = 30.0
DEFAULT_MAX_ATTEMPTS: Final = 3
EXTRAS: Final = ("timezone", "connect_timeout", "read_timeout", "max_attempts", "ca_bundle")

_LONGEST_TIMEOUT = 300.0
_MOST_ATTEMPTS = 10
_HIGHEST_PORT = 65535
_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NETLOC = re.compile(rf"(?:\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::[0-9]{{1,5}})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]*)*")


@dataclass(frozen=True)
class JsmsSettings:
    """A usable connection.

    :param base_url: scheme, host, port and base path, without a trailing slash.
    :param zone: the zone of the wall clock of JSMS.
    :param connect_timeout: seconds until a connection stands, TLS included.
    :param read_timeout: seconds between two pieces of an answer.
    :param max_attempts: how often a call is sent at most where it may be sent again.
    :param ca_bundle: path of a file of CA certificates, None for the usual ones.
    """

    base_url: str
    app_key: str
    master_secret: str = field(repr=False)
    zone: tzinfo
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    read_timeout: float = DEFAULT_READ_TIMEOUT
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    ca_bundle: str | None = None

    @property
    def is_plain_http(self) -> bool:
        """Whether the address is the unencrypted one of a service on this machine."""
        return self.base_url.startswith("http://")


def read_settings(
    *,
    login: object,
    password: object,
    host: object,
    schema: object,
    port: object,
    extra: Mapping[str, object],
) -> JsmsSettings:
    """Return the settings that the fields of an Airflow connection make.

    :raises JsmsSettingsError: names the field, what is accepted and what to do.
    """
    timezone = _text(extra, "timezone") or DEFAULT_TIMEZONE
    try:
        zone = service_zone(timezone)
    except ValueError:
        raise _wrong("extra 'timezone'", show(timezone), "a name such as Asia/Shanghai") from None
    attempts = _number(extra, "max_attempts", DEFAULT_MAX_ATTEMPTS, 1, _MOST_ATTEMPTS)
    if attempts != int(attempts):
        raise _wrong("extra 'max_attempts'", str(attempts), "a whole number")
    return JsmsSettings(
        base_url=_base_url(str(host or ""), str(schema or ""), port),
        app_key=_credential("login", "the app key", login),
        master_secret=_credential("password", "the master secret", password),
        zone=zone,
        connect_timeout=_timeout(extra, "connect_timeout", DEFAULT_CONNECT_TIMEOUT),
        read_timeout=_timeout(extra, "read_timeout", DEFAULT_READ_TIMEOUT),
        max_attempts=int(attempts),
        ca_bundle=_text(extra, "ca_bundle"),
    )


def unknown_extras(extra: Mapping[str, object]) -> list[str]:
    """Return the names of extras that this provider does not read."""
    return sorted(name for name in extra if name not in EXTRAS)


def _wrong(what: str, given: str, accepted: str) -> JsmsSettingsError:
    return JsmsSettingsError(
        f"The Airflow connection cannot be used: its {what} is {given}; accepted is {accepted}. "
        "Nothing was sent. Edit the connection."
    )


def _credential(name: str, meaning: str, value: object) -> str:
    """Check a credential; it never appears in the error, not even in part."""
    if value is None or value == "":
        raise _wrong(f"{name} ({meaning})", "empty", "what the JSMS console shows")
    text = str(value)
    if not text.isascii() or not text.isprintable() or " " in text or ":" in text:
        raise _wrong(
            f"{name} ({meaning})",
            "of a form that JSMS does not give out (white space, a colon or a letter beyond "
            "ASCII is in it)",
            "letters and digits: copy it from the JSMS console again",
        )
    return text


def _base_url(host: str, schema: str, port: object) -> str:
    if not host:
        # Whoever sets a port or a schema does not mean the real service.
        if schema or port not in (None, ""):
            raise _wrong("host", "empty, but port or schema is set", "a host beside them")
        return DEFAULT_BASE_URL
    is_url = "://" in host
    parts = _split(host if is_url else f"{schema or 'https'}://{host}")
    if is_url and schema and schema != parts.scheme:
        raise _wrong("schema", repr(schema), f"none, or that of its host, {parts.scheme!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise _wrong(
            "host",
            "reached by http, which would show the credentials to the network",
            "https; http only to this machine (127.0.0.1, localhost)",
        )
    return f"{parts.scheme}://{_with_port(parts, port)}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    accepted = f"a host name or a base URL such as {DEFAULT_BASE_URL}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        raise _wrong("host or schema", "no address", accepted) from None
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise _wrong("host", "an address with credentials, a query or a fragment", accepted)
    if not usable or not _NETLOC.fullmatch(parts.netloc) or not _PATH.fullmatch(parts.path):
        raise _wrong("host or schema", "no address", accepted)
    # urlsplit drops what it does not like, such as a line break: then it is another address.
    if f"{parts.scheme}://{parts.netloc}{parts.path}".lower() != url.lower():
        raise _wrong("host or schema", "no address", accepted)
    return parts


def _with_port(parts: SplitResult, port: object) -> str:
    if port is None or port == "":
        return parts.netloc
    if not _PORT.fullmatch(str(port)) or not 0 < int(str(port)) <= _HIGHEST_PORT:
        raise _wrong("port", show(port), f"a number from 1 to {_HIGHEST_PORT}, or none")
    if parts.port is not None and str(parts.port) != str(port):
        raise _wrong("port", str(port), f"none, or that of its host, {parts.port}")
    return parts.netloc if parts.port is not None else f"{parts.netloc}:{port}"


def _is_loopback(hostname: str) -> bool:
    try:
        return hostname == "localhost" or ip_address(hostname).is_loopback
    except ValueError:
        return False


def _text(extra: Mapping[str, object], name: str) -> str | None:
    value = extra.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _wrong(f"extra {name!r}", f"of type {type(value).__name__}", "a string")
    return value


def _number(
    extra: Mapping[str, object], name: str, default: float, least: float, most: float
) -> float:
    value = extra.get(name)
    if value is None or value == "":
        return default
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not least <= number <= most:
        raise _wrong(f"extra {name!r}", show(value), f"a number from {least} to {most}")
    return number


def _timeout(extra: Mapping[str, object], name: str, default: float) -> float:
    return _number(extra, name, default, 0.1, _LONGEST_TIMEOUT)
