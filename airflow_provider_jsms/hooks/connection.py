"""The settings of an Airflow connection, and why one does not work."""

from __future__ import annotations

import logging
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_jsms.api.codes import APP_QUOTA_NOT_ASSIGNED, CODES
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.send_window import ALWAYS
from airflow_provider_jsms.compat import mask_secret
from airflow_provider_jsms.exceptions import (
    JsmsCallError,
    JsmsConnectionNotFoundError,
    JsmsUnreadableReplyError,
)
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, DEFAULT_HOST
from airflow_provider_jsms.hooks.connection_fields import (
    LOOPBACK,
    base_url_of,
    credential_of,
    extra_of,
    extras_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_jsms.api.send_window import SendWindow
    from airflow_provider_jsms.exceptions import JsmsError

_log = logging.getLogger(__name__)
_STANDARD_FIELDS: Final = ("login", "password", "host", "schema", "port")


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
    extra = extras_of(connection.extra)
    fields = {name: getattr(connection, name) for name in _STANDARD_FIELDS}
    settings = read_settings(extra=extra, **fields)
    if unknown := sorted(set(extra) - set(CONN_FIELDS)):
        shown = ", ".join(map(mask_text, unknown))
        _log.warning("The Airflow connection %s has unknown extras: %s", connection.conn_id, shown)
    if settings.is_plain_http and urlsplit(settings.base_url).hostname not in LOOPBACK:
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
    given = (fields[name] for name in _STANDARD_FIELDS)
    login, password, host, schema, port = ("" if it is None else str(it) for it in given)
    read = partial(extra_of, extra)
    return JsmsSettings(
        base_url=base_url_of(host, schema, port, allow_http=read("allow_http")),
        app_key=credential_of("login (the app key)", login),
        master_secret=credential_of("password (the master secret)", password),
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
