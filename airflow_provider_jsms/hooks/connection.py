"""What an Airflow connection says about JSMS, checked: address, credentials, times.

The same field has different types by its source: the form saves numbers and nulls, a URI brings
strings, ``schema`` is None or empty. So every extra is brought to its type here, and None and an
empty string mean "not set".
"""

from __future__ import annotations

import json
import logging
import math
import os.path
import re
from base64 import b64encode
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, mask_secret

from airflow_provider_jsms import connection_form
from airflow_provider_jsms.api.arguments import is_none, reading, text_of
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.send_time import service_zone
from airflow_provider_jsms.connection_form import (
    CA_BUNDLE,
    CONNECT_TIMEOUT,
    DEFAULT_HOST,
    MAX_ATTEMPTS,
    READ_TIMEOUT,
    TIMEZONE,
)
from airflow_provider_jsms.exceptions import JsmsConnectionNotFoundError, JsmsSettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_jsms.connection_form import NumberField, TextField

EXTRA_NAMES: Final = tuple(field.name for field in connection_form.EXTRAS)

_log = logging.getLogger(__name__)

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
    connect_timeout: float = CONNECT_TIMEOUT.default
    read_timeout: float = READ_TIMEOUT.default
    max_attempts: int = int(MAX_ATTEMPTS.default)
    ca_bundle: str | None = None

    @property
    def is_plain_http(self) -> bool:
        """Whether the address is the unencrypted one of a service on this machine."""
        return self.base_url.startswith("http://")


def settings_of(connection: Connection) -> JsmsSettings:
    """Return what an Airflow connection says, and let Airflow mask its secrets in logs.

    :raises JsmsSettingsError: a field of it cannot be used.
    """
    try:
        extra = connection.extra_dejson
        # Airflow logs what is no JSON, and goes on as if it were empty.
        extra = extra or json.loads((connection.extra or "").strip() or "{}")
    except (ValueError, TypeError, RecursionError):
        extra = None
    if not isinstance(extra, Mapping):
        raise JsmsSettingsError(
            "The Airflow connection cannot be used: its extra is no JSON object; accepted is one "
            f'such as {{"{TIMEZONE.name}": "{TIMEZONE.default}"}}. Nothing was sent. Edit the '
            "connection."
        )
    settings = read_settings(
        login=connection.login,
        password=connection.password,
        host=connection.host,
        schema=connection.schema,
        port=connection.port,
        extra=extra,
    )
    if settings.ca_bundle and not os.path.exists(settings.ca_bundle):  # noqa: PTH110  no OSError
        raise JsmsSettingsError(
            "The Airflow connection cannot be used: its extra 'ca_bundle' is "
            f"{mask_text(settings.ca_bundle)}, which does not exist on this machine; accepted is a "
            "path that does wherever tasks, triggers and the Test button run. Nothing was sent. "
            "Edit the connection."
        )
    if unknown := unknown_extras(extra):
        _log.warning(
            "The Airflow connection %s has extras that are not read: %s",
            connection.conn_id,
            ", ".join(map(mask_text, unknown)),
        )
    mask_secret(settings.master_secret)
    mask_secret(b64encode(f"{settings.app_key}:{settings.master_secret}".encode()).decode())
    return settings


@reading("The Airflow connection", raises=JsmsSettingsError)
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
    return JsmsSettings(
        base_url=_base_url(_field("host", host), _field("schema", schema), _field("port", port)),
        app_key=_credential("login", "the app key", login),
        master_secret=_credential("password", "the master secret", password),
        zone=_zone(extra),
        connect_timeout=number_in(extra, CONNECT_TIMEOUT),
        read_timeout=number_in(extra, READ_TIMEOUT),
        max_attempts=int(number_in(extra, MAX_ATTEMPTS)),
        ca_bundle=_text(extra, CA_BUNDLE),
    )


@contextmanager
def looking_up(conn_id: str) -> Iterator[None]:
    """Explain that Airflow does not find a connection, in a plain script too.

    :raises JsmsConnectionNotFoundError: says where a connection is found.
    """
    try:
        yield
    # Outside a task, Airflow 3.0 fails to import what it would ask for the connection.
    except (AirflowNotFoundException, ImportError) as error:
        name = mask_text(conn_id)
        raise JsmsConnectionNotFoundError(
            f"Airflow does not find the connection {name}, so nothing was sent. Check "
            "jsms_conn_id, and create the connection if there is none. On Airflow 3 a plain Python "
            "script cannot read the connections of the UI: run the code in a task, set the "
            f"environment variable AIRFLOW_CONN_{name.upper()}, or use a secrets backend."
        ) from error


def number_in(extra: Mapping[str, object], field: NumberField) -> float:
    """Return the number that an extra is, and the default for one that is not set.

    :raises JsmsSettingsError: it is no number that the field accepts.
    """
    value = extra.get(field.name)
    if is_none(value):
        return float(field.default)
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    is_accepted = field.least <= number <= field.most and not isinstance(value, bool)
    if not is_accepted or (field.is_whole and not number.is_integer()):
        raise _wrong(f"extra {field.name!r}", show(value), field.accepted)
    return number


def unknown_extras(extra: Mapping[str, object]) -> list[str]:
    """Return the names of extras that this provider does not read."""
    return sorted(name for name in extra if name not in EXTRA_NAMES)


def _wrong(what: str, given: str, accepted: str) -> JsmsSettingsError:
    return JsmsSettingsError(
        f"The Airflow connection cannot be used: its {what} is {given}; accepted is {accepted}. "
        "Nothing was sent. Edit the connection."
    )


def _field(name: str, value: object) -> str:
    text = text_of(value)
    if value is not None and not text and not isinstance(value, str):
        raise _wrong(name, f"of type {type(value).__name__}", "a text, or none")
    return text


def _credential(name: str, meaning: str, value: object) -> str:
    """Check a credential; it never appears in the error, not even in part."""
    text = _field(name, value)
    if not text:
        raise _wrong(f"{name} ({meaning})", "empty", "what the JSMS console shows")
    if not text.isascii() or not text.isprintable() or " " in text or ":" in text:
        raise _wrong(
            f"{name} ({meaning})",
            "of a form that JSMS does not give out (white space, a colon or a letter beyond "
            "ASCII is in it)",
            "letters and digits: copy it from the JSMS console again",
        )
    return text


def _base_url(host: str, schema: str, port: str) -> str:
    if not host:
        # Whoever sets a port or a schema does not mean the real service.
        if schema or port:
            raise _wrong("host", "empty, but port or schema is set", "a host beside them")
        return DEFAULT_HOST
    is_url = "://" in host
    parts = _split(host if is_url else f"{schema or 'https'}://{host}")
    if is_url and schema and schema != parts.scheme:
        raise _wrong("schema", show(schema), f"none, or that of its host, {parts.scheme!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise _wrong(
            "host",
            "reached by http, which would show the credentials to the network",
            "https; http only to this machine (127.0.0.1, localhost)",
        )
    return f"{parts.scheme}://{_with_port(parts, port)}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    accepted = f"a host name or a base URL such as {DEFAULT_HOST}"
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


def _with_port(parts: SplitResult, port: str) -> str:
    if not port:
        return parts.netloc
    if not _PORT.fullmatch(port) or not 0 < int(port) <= _HIGHEST_PORT:
        raise _wrong("port", show(port), f"a number from 1 to {_HIGHEST_PORT}, or none")
    if parts.port is not None and parts.port != int(port):
        raise _wrong("port", port, f"none, or that of its host, {parts.port}")
    return parts.netloc if parts.port is not None else f"{parts.netloc}:{port}"


def _is_loopback(hostname: str) -> bool:
    try:
        return hostname == "localhost" or ip_address(hostname).is_loopback
    except ValueError:
        return False


def _text(extra: Mapping[str, object], field: TextField) -> str | None:
    value = extra.get(field.name)
    if is_none(value):
        return field.default
    if not isinstance(value, str):
        raise _wrong(f"extra {field.name!r}", f"of type {type(value).__name__}", "a string")
    return value


def _zone(extra: Mapping[str, object]) -> tzinfo:
    name = _text(extra, TIMEZONE) or ""
    try:
        return service_zone(name)
    except ValueError:
        accepted = f"a name such as {TIMEZONE.default}"
        raise _wrong("extra 'timezone'", show(name), accepted) from None
