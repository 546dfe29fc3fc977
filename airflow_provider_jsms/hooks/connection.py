"""Settings from an Airflow connection: address, credentials, timeouts; and the ledger it names.

The form saves numbers and nulls, a URI strings. None and an empty string mean the default.
"""

from __future__ import annotations

import json
import logging
import re
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException, BaseHook

from airflow_provider_jsms.api.arguments import connection_id_of
from airflow_provider_jsms.api.codes import APP_QUOTA_NOT_ASSIGNED, CODES
from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.api.send_time import service_zone
from airflow_provider_jsms.api.send_window import ACCEPTED, ALWAYS, send_window_of
from airflow_provider_jsms.compat import mask_secret
from airflow_provider_jsms.exceptions import (
    JsmsCallError,
    JsmsConnectionNotFoundError,
    JsmsInputError,
    JsmsSettingsError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, DEFAULT_HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import tzinfo

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_jsms.api.send_window import SendWindow
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.submission.sql_ledger import SqlLedger

_log = logging.getLogger(__name__)

# Without credentials, query or fragment: errors and logs show the base URL.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[\w.~-]*)*)",
    re.ASCII | re.IGNORECASE,
)
_CREDENTIAL: Final = re.compile(r"[!-9;-~]+")  # ASCII without space and colon
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_REAL_SERVICE: Final = re.compile(r"(.*\.)?(jpush|jiguang)\.cn\.?")
_PORTS: Final = range(1, 65536)
_STANDARD_FIELDS: Final = ("login", "password", "host", "schema", "port")
_LEDGER_EXTRA: Final = "the extra ledger_conn_id of the JSMS connection"


@dataclass(frozen=True)
class JsmsSettings:
    """The validated settings of a connection.

    :param zone: of the wall clock of JSMS.
    :param connect_timeout: seconds to connect, TLS handshake included.
    :param read_timeout: seconds between two parts of a reply.
    :param max_attempts: attempts per call, where a retry is safe.
    :param ca_bundle: path of a CA bundle, empty for the usual certificates.
    :param ledger_conn_id: the connection to the database of the ledger, empty for none.
    :param ledger_table: the name of its table.
    :param send_window: the times of day at which texts may go out, for all who give none.
    """

    base_url: str
    app_key: str
    master_secret: str = field(repr=False)
    zone: tzinfo
    connect_timeout: float
    read_timeout: float
    max_attempts: int
    ca_bundle: str
    ledger_conn_id: str
    ledger_table: str
    send_window: SendWindow = ALWAYS

    @property
    def is_plain_http(self) -> bool:
        """Whether the base URL is a sandbox without encryption."""
        return self.base_url.startswith("http://")

    @property
    def basic_token(self) -> str:
        """The credentials as HTTP Basic authentication sends them."""
        return b64encode(f"{self.app_key}:{self.master_secret}".encode()).decode()


def settings_of(connection: Connection) -> JsmsSettings:
    """Return the settings of an Airflow connection, and mask its secrets in Airflow's logs."""
    extra = _extras_of(connection.extra)
    fields = {name: getattr(connection, name) for name in _STANDARD_FIELDS}
    settings = read_settings(extra=extra, **fields)
    if unknown := sorted(set(extra) - set(CONN_FIELDS)):
        shown = ", ".join(map(mask_text, unknown))
        _log.warning("The Airflow connection %s has unknown extras: %s", connection.conn_id, shown)
    if settings.is_plain_http and urlsplit(settings.base_url).hostname not in _LOOPBACK:
        _log.warning(
            "The Airflow connection %s sends its credentials and texts unencrypted to %s, because "
            "of its extra allow_http. Use it for a sandbox only.",
            connection.conn_id,
            settings.base_url,
        )
    mask_secret(settings.master_secret)
    mask_secret(settings.basic_token)
    return settings


def read_settings(*, extra: Mapping[str, Any], **fields: object) -> JsmsSettings:
    """Return the settings of login, password, host, schema, port and extra of a connection."""
    login, password, host, schema, port = (_text(fields[name]) for name in _STANDARD_FIELDS)
    read = partial(_extra, extra)
    return JsmsSettings(
        base_url=_base_url(host, schema, port, allow_http=read("allow_http")),
        app_key=_credential("login (the app key)", login),
        master_secret=_credential("password (the master secret)", password),
        zone=read("timezone"),
        connect_timeout=read("connect_timeout"),
        read_timeout=read("read_timeout"),
        max_attempts=int(read("max_attempts")),
        ca_bundle=read("ca_bundle"),
        ledger_conn_id=read("ledger_conn_id"),
        ledger_table=read("ledger_table"),
        send_window=read("send_window"),
    )


@contextmanager
def looking_up(conn_id: str, named_by: str = "jsms_conn_id") -> Iterator[None]:
    """Explain why Airflow does not find a connection."""
    try:
        yield
    # Outside a task, Airflow 3.0 fails to import the client of its API.
    except (AirflowNotFoundException, ImportError) as error:
        name = mask_text(conn_id)
        raise JsmsConnectionNotFoundError(
            f"Airflow does not find the connection {name}, so nothing was sent. Check "
            f"{named_by}. On Airflow 3 a plain Python script cannot read the connections of the "
            f"UI: run it in a task, or set the environment variable AIRFLOW_CONN_{name.upper()}."
        ) from error


def explain(error: JsmsError) -> tuple[bool, str]:
    """Return whether the connection works in spite of an error, and a text for its form."""
    if not isinstance(error, JsmsCallError):
        return False, str(error)
    if error.code == APP_QUOTA_NOT_ASSIGNED:
        advice = CODES[APP_QUOTA_NOT_ASSIGNED].advice
        return True, f"The credentials work. No SMS balance is assigned ({error.code}). {advice}"
    text = error.text[:1].upper() + error.text[1:]
    if isinstance(error, JsmsUnreadableReplyError):
        text = f"{text} Is the host that of JSMS ({DEFAULT_HOST})?"
    return False, text


def _invalid(name: str, given: str, accepted: str) -> JsmsSettingsError:
    return JsmsSettingsError(
        f"The {name} of the Airflow connection is {given}; accepted is {accepted}. Nothing was "
        "sent. Edit the connection."
    )


def _extras_of(text: str | None) -> dict[str, Any]:
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
    if not _CREDENTIAL.fullmatch(value):
        given = "malformed (with a space, a colon or a non-ASCII letter)" if value else "empty"
        raise _invalid(name, given, "the one that the JSMS console shows")
    return value


def _base_url(host: str, schema: str, port: str, *, allow_http: bool) -> str:
    if not (host or schema or port):  # a port alone means a sandbox, never the real service
        return DEFAULT_HOST
    url = _URL.fullmatch(host if "://" in host else f"{schema or 'https'}://{host}")
    if url is None:
        given = show(host) if host else "empty although schema or port is set"
        if set("@?#") & set(host):
            given = "a URL with credentials or a query"  # which may be a secret
        raise _invalid("host", given, f"a host name or a base URL such as {DEFAULT_HOST}")
    scheme = url["scheme"].lower()
    if schema and schema.lower() != scheme:
        raise _invalid("schema", show(schema), f"{scheme}, as in the host, or none")
    if scheme == "http":
        _check_plain_http(url["host"].lower().strip("[]"), allow_http=allow_http)
    ports = {int(each) for each in (url["port"], port) if each}
    if len(ports) > 1 or not ports.issubset(_PORTS):
        given = " and ".join(map(str, ports))
        raise _invalid("port", given, "a number from 1 to 65535, the same as in the host")
    suffix = "".join(f":{each}" for each in ports)
    return f"{scheme}://{url['host']}{suffix}{url['path'].rstrip('/')}"


def _check_plain_http(host: str, *, allow_http: bool) -> None:
    given = "a plain http address, which would expose the credentials"
    if _REAL_SERVICE.fullmatch(host):
        raise _invalid("host", given, "https, which allow_http does not change for JSMS itself")
    if host not in _LOOPBACK and not allow_http:
        accepted = "https, http to localhost or 127.0.0.1, or http to a sandbox with allow_http"
        raise _invalid("host", given, accepted)


def _table(value: object) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", str(value)):
        raise ValueError
    return str(value)


_TABLE_NAME: Final = "a name of at most 40 letters, digits and underscores, such as jsms_ledger"
_WORDS: Final = {"false": False, "0": False, "true": True, "1": True}
# How the extras that are no numbers are converted, and what is accepted.
_CONVERTED: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "timezone": (lambda name: service_zone(str(name)), "a name such as Asia/Shanghai"),
    "send_window": (send_window_of, ACCEPTED),
    "ca_bundle": (str, "a path"),
    "ledger_conn_id": (lambda it: it and connection_id_of(it), "the id of an Airflow connection"),
    "ledger_table": (_table, _TABLE_NAME),
    "allow_http": (lambda word: _WORDS[str(word).strip().lower()], "true or false"),
}


def _extra(extra: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  each has a type of its own
    """Return a converted extra, or its default."""
    value, schema = extra.get(name), CONN_FIELDS[name]["schema"]
    if value in (None, ""):
        value = schema.get("default", "")
    convert, accepted = _CONVERTED.get(name) or _number_within(schema)
    try:
        return convert(value)
    except (JsmsInputError, KeyError, TypeError, ValueError):
        raise _invalid(f"extra {name!r}", show(value), accepted) from None


def _number_within(schema: Mapping[str, Any]) -> tuple[Callable[[Any], float], str]:
    low, high, is_whole = schema["minimum"], schema["maximum"], "integer" in schema["type"]

    def convert(value: Any) -> float:  # noqa: ANN401  as JSON has it
        number = float(value)
        if not low <= number <= high or (is_whole and number % 1):
            raise ValueError
        return number

    return convert, f"a {'whole number' if is_whole else 'number'} from {low} to {high}"


def open_ledger(settings: JsmsSettings) -> SqlLedger:
    """Return the ledger of a connection, which connects on first use.

    :raises JsmsConnectionNotFoundError: Airflow does not find the connection of the database.
    :raises JsmsSettingsError: it is of no SQL database, or its provider is not installed.
    """
    # It imports SQLAlchemy, which most tasks do not need.
    from airflow_provider_jsms.submission.sql_ledger import LOCKED_FOR, SqlLedger  # noqa: PLC0415

    arguments: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    with looking_up(settings.ledger_conn_id, _LEDGER_EXTRA):
        connection: Any = BaseHook.get_connection(settings.ledger_conn_id)
    if connection.conn_type == "sqlite":
        arguments["connect_args"] = {"timeout": LOCKED_FOR}
    name = mask_text(settings.ledger_conn_id)
    try:
        engine = connection.get_hook().get_sqlalchemy_engine(engine_kwargs=arguments)
    except (AirflowException, AttributeError, ImportError, NotImplementedError) as error:
        raise JsmsSettingsError(
            f"The connection {name}, {_LEDGER_EXTRA}, cannot be opened as "
            f"a SQL database ({type(error).__name__}: {mask_text(error)}), so nothing was sent. "
            "Use a connection to PostgreSQL, MySQL or SQLite, and install its Airflow provider, "
            "such as apache-airflow-providers-postgres, on every worker."
        ) from error
    return SqlLedger(engine, settings.ledger_table, name=name)
