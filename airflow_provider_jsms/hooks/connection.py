"""Settings from an Airflow connection: address, credentials, timeouts.

A field has another type in each source: the form saves numbers and nulls, a URI holds strings. None
and an empty string both mean the default.
"""

from __future__ import annotations

import json
import logging
import re
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowNotFoundException, mask_secret

from airflow_provider_jsms.api.codes import APP_QUOTA_NOT_ASSIGNED, CODES
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.send_time import service_zone
from airflow_provider_jsms.exceptions import (
    JsmsAuthError,
    JsmsCallError,
    JsmsConnectionNotFoundError,
    JsmsSettingsError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, DEFAULT_HOST, RELABELING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_jsms.exceptions import JsmsError

EXTRA_NAMES: Final = tuple(CONN_FIELDS)

_log = logging.getLogger(__name__)

# Without credentials, query or fragment: errors and logs show the base URL.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[\w.~-]*)*)",
    re.ASCII | re.IGNORECASE,
)
_CREDENTIAL: Final = re.compile(r"[!-9;-~]+")  # ASCII without space and colon
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True)
class JsmsSettings:
    """The validated settings of a connection.

    :param base_url: scheme, host, port and base path, without a trailing slash.
    :param zone: zone of the wall clock of JSMS.
    :param connect_timeout: seconds to connect, TLS handshake included.
    :param read_timeout: seconds between two parts of a reply.
    :param max_attempts: attempts per call, where a retry is safe.
    :param ca_bundle: path of a CA bundle, None for the usual certificates.
    """

    base_url: str
    app_key: str
    master_secret: str = field(repr=False)
    zone: tzinfo
    connect_timeout: float
    read_timeout: float
    max_attempts: int
    ca_bundle: str | None = None

    @property
    def is_plain_http(self) -> bool:
        """Whether the base URL is an unencrypted service on this machine."""
        return self.base_url.startswith("http://")

    @property
    def basic_token(self) -> str:
        """The credentials as HTTP Basic authentication sends them."""
        return b64encode(f"{self.app_key}:{self.master_secret}".encode()).decode()


def settings_of(connection: Connection) -> JsmsSettings:
    """Return the settings of an Airflow connection, and mask its secrets in Airflow's logs.

    :raises JsmsSettingsError: a field is invalid.
    """
    extra = _extra_of(connection.extra)
    names = ("login", "password", "host", "schema", "port")
    settings = read_settings(**{name: getattr(connection, name) for name in names}, extra=extra)
    if unknown := sorted(set(extra) - set(EXTRA_NAMES)):
        shown = ", ".join(map(mask_text, unknown))
        _log.warning("The Airflow connection %s has unknown extras: %s", connection.conn_id, shown)
    mask_secret(settings.master_secret)
    mask_secret(settings.basic_token)
    return settings


def read_settings(
    *,
    login: object,
    password: object,
    host: object,
    schema: object,
    port: object,
    extra: Mapping[str, Any],
) -> JsmsSettings:
    """Return the settings of the fields of an Airflow connection.

    :raises JsmsSettingsError: a field is invalid; the error names it and the accepted values.
    """
    return JsmsSettings(
        base_url=_base_url(_text(host), _text(schema), _text(port)),
        app_key=_credential("login (the app key)", _text(login)),
        master_secret=_credential("password (the master secret)", _text(password)),
        zone=_zone(extra),
        connect_timeout=_number(extra, "connect_timeout"),
        read_timeout=_number(extra, "read_timeout"),
        max_attempts=int(_number(extra, "max_attempts")),
        ca_bundle=_ca_bundle(extra),
    )


@contextmanager
def looking_up(conn_id: str) -> Iterator[None]:
    """Explain why Airflow does not find a connection.

    :raises JsmsConnectionNotFoundError: says where Airflow searches for connections.
    """
    try:
        yield
    # Outside a task, Airflow 3.0 fails to import the client of its API.
    except (AirflowNotFoundException, ImportError) as error:
        name = mask_text(conn_id)
        raise JsmsConnectionNotFoundError(
            f"Airflow does not find the connection {name}, so nothing was sent. Check "
            "jsms_conn_id, and create the connection if there is none. On Airflow 3 a plain Python "
            "script cannot read the connections of the UI: run the code in a task, set the "
            f"environment variable AIRFLOW_CONN_{name.upper()}, or use a secrets backend."
        ) from error


def explain(error: JsmsError) -> tuple[bool, str]:
    """Return whether a connection works that met ``error`` in a test, and a text for its form."""
    if not isinstance(error, JsmsCallError):
        return False, str(error)
    if error.code == APP_QUOTA_NOT_ASSIGNED:
        advice = CODES[APP_QUOTA_NOT_ASSIGNED].advice
        return True, f"The credentials work. No SMS balance is assigned ({error.code}). {advice}"
    if isinstance(error, JsmsAuthError):
        return False, (
            f"JSMS refused the app key and the master secret ({error.code}). Copy both of one "
            f"application from the JSMS console: {' and '.join(RELABELING.values())}."
        )
    text = error.text[:1].upper() + error.text[1:]
    if isinstance(error, JsmsUnreadableReplyError):
        text = f"{text} Is the host that of JSMS ({DEFAULT_HOST})?"
    return False, text


def _invalid(name: str, given: str, accepted: str) -> JsmsSettingsError:
    return JsmsSettingsError(
        f"The {name} of the Airflow connection is {given}; accepted is {accepted}. Nothing was "
        "sent. Edit the connection."
    )


def _extra_of(text: str | None) -> dict[str, Any]:
    try:
        extra = json.loads(text or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        # Airflow goes on with an empty one, which would change the time zone.
        raise _invalid("extra", "not a JSON object", 'for example {"timezone": "Asia/Shanghai"}')
    return extra


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _credential(name: str, value: str) -> str:
    """Validate a credential; the error never shows it."""
    if not _CREDENTIAL.fullmatch(value):
        given = "in the wrong form (with a space, a colon or a non-ASCII letter)"
        accepted = "the one that the JSMS console shows"
        raise _invalid(name, given if value else "empty", accepted)
    return value


def _base_url(host: str, schema: str, port: str) -> str:
    accepted = f"a host name or a base URL such as {DEFAULT_HOST}"
    if not host:
        if schema or port:
            # A port or schema alone means a sandbox, never the real service.
            raise _invalid("host", "empty although schema or port is set", accepted)
        return DEFAULT_HOST
    url = _URL.fullmatch(host if "://" in host else f"{schema or 'https'}://{host}")
    if url is None:
        # What stands before an @ or after a ? may be a secret.
        given = "a URL with credentials or a query" if set("@?#") & set(host) else show(host)
        raise _invalid("host", given, accepted)
    scheme = url["scheme"].lower()
    if schema and schema.lower() != scheme:
        raise _invalid("schema", show(schema), f"{scheme}, as in the host, or none")
    if scheme == "http" and url["host"].lower() not in _LOOPBACK:
        given = "a plain http address, which would expose the credentials"
        raise _invalid("host", given, "https, or http to localhost or 127.0.0.1")
    netloc = url["host"] + _port(url["port"] or "", port)
    return f"{scheme}://{netloc}{url['path'].rstrip('/')}"


def _port(of_host: str, port: str) -> str:
    """Return the port as a suffix of the host, empty for the default port."""
    ports = {of_host, port} - {""}
    if len(ports) > 1 or not all(0 < int(each) <= _HIGHEST_PORT for each in ports):
        accepted = f"a number from 1 to {_HIGHEST_PORT}, the same as in the host"
        raise _invalid("port", " and ".join(sorted(ports)), accepted)
    return "".join(f":{each}" for each in ports)


def _number(extra: Mapping[str, Any], name: str) -> float:
    schema, value = CONN_FIELDS[name]["schema"], extra.get(name)
    if value in (None, ""):
        return float(schema["default"])
    is_whole = "integer" in schema["type"]
    try:
        number = float(value)
        if schema["minimum"] <= number <= schema["maximum"] and not (is_whole and number % 1):
            return number
    except (TypeError, ValueError):
        pass
    kind = "a whole number" if is_whole else "a number"
    accepted = f"{kind} from {schema['minimum']} to {schema['maximum']}"
    raise _invalid(f"extra {name!r}", show(value), accepted)


def _zone(extra: Mapping[str, Any]) -> tzinfo:
    default = CONN_FIELDS["timezone"]["schema"]["default"]
    name = extra.get("timezone") or default
    try:
        return service_zone(str(name))
    except ValueError:
        raise _invalid("extra 'timezone'", show(name), f"a name such as {default}") from None


def _ca_bundle(extra: Mapping[str, Any]) -> str | None:
    path = _text(extra.get("ca_bundle"))
    if path and not Path(path).exists():
        given = f"{mask_text(path)}, which does not exist on this machine"
        accepted = "a path that exists wherever tasks, triggers and the Test button run"
        raise _invalid("extra 'ca_bundle'", given, accepted)
    return path or None
