"""The rules for the fields and extras of an Airflow connection, and their conversion.

The form saves numbers and nulls, a URI strings. None and an empty string mean the default.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import connection_id_of
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.send_time import service_zone
from airflow_provider_jsms.api.send_window import ACCEPTED, send_window_of
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsSettingsError
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, DEFAULT_HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Without credentials, query or fragment: errors and logs show the base URL.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[\w.~-]*)*)",
    re.ASCII | re.IGNORECASE,
)
_CREDENTIAL: Final = re.compile(r"[!-9;-~]+")  # ASCII without space and colon
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_REAL_SERVICE: Final = re.compile(r"(.*\.)?(jpush|jiguang)\.cn\.?")
_PORTS: Final = range(1, 65536)


def _invalid(name: str, given: str, accepted: str) -> JsmsSettingsError:
    return JsmsSettingsError(
        f"The {name} of the Airflow connection is {given}; accepted is {accepted}. Nothing was "
        "sent. Edit the connection."
    )


def extras_of(text: str | None) -> dict[str, Any]:
    """Return the extras of a connection by name."""
    try:
        extra = json.loads(text or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        # Airflow goes on with an empty one, which would change the time zone.
        raise _invalid("extra", "not a JSON object", 'for example {"timezone": "Asia/Shanghai"}')
    return extra


def credential_of(name: str, value: str) -> str:
    """Return an app key or a master secret."""
    if not _CREDENTIAL.fullmatch(value):
        given = "malformed (with a space, a colon or a non-ASCII letter)" if value else "empty"
        raise _invalid(name, given, "the one that the JSMS console shows")
    return value


def base_url_of(host: str, schema: str, port: str, *, allow_http: bool) -> str:
    """Return the base URL without a final slash, that of JSMS if all is empty."""
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
    if len(ports) > 1 or any(each not in _PORTS for each in ports):
        given = " and ".join(map(str, ports))
        raise _invalid("port", given, "a number from 1 to 65535, the same as in the host")
    suffix = "".join(f":{each}" for each in ports)
    return f"{scheme}://{url['host']}{suffix}{url['path'].rstrip('/')}"


def _check_plain_http(host: str, *, allow_http: bool) -> None:
    given = "a plain http address, which would expose the credentials"
    if _REAL_SERVICE.fullmatch(host):
        raise _invalid("host", given, "https, which allow_http does not change for JSMS itself")
    if host not in LOOPBACK and not allow_http:
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


def extra_of(extra: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  each has a type of its own
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
