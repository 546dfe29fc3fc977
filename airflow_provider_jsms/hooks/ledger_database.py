"""Open the database that the extra ``ledger_conn_id`` names, through its provider's own hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.hooks.connection import looking_up
from airflow_provider_jsms.submission.sql_ledger import LOCKED_FOR, SqlLedger

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from airflow_provider_jsms.hooks.connection import JsmsSettings

_EXTRA: Final = "the extra ledger_conn_id of the JSMS connection"


def open_ledger(settings: JsmsSettings) -> SqlLedger:
    """Return the ledger of a connection, which connects on first use.

    :raises JsmsConnectionNotFoundError: Airflow does not find the connection of the database.
    :raises JsmsSettingsError: it is of no SQL database, or its provider is not installed.
    """
    conn_id = settings.ledger_conn_id
    with looking_up(conn_id, _EXTRA):
        connection = BaseHook.get_connection(conn_id)
    engine = _engine_of(connection)
    return SqlLedger(engine, settings.ledger_table, name=mask_text(conn_id))


def _engine_of(connection: Any) -> Engine:  # noqa: ANN401  differs between the versions of Airflow
    arguments: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if connection.conn_type == "sqlite":
        arguments["connect_args"] = {"timeout": LOCKED_FOR}
    try:
        hook = connection.get_hook()
        engine: Engine = hook.get_sqlalchemy_engine(engine_kwargs=arguments)
    except (AirflowException, AttributeError, ImportError, NotImplementedError) as error:
        raise JsmsSettingsError(
            f"The connection {mask_text(connection.conn_id)}, {_EXTRA}, cannot be opened as a SQL "
            f"database ({type(error).__name__}: {mask_text(error)}), so nothing was sent. Use a "
            "connection to PostgreSQL, MySQL or SQLite, and install its Airflow provider, such as "
            "apache-airflow-providers-postgres, on every worker."
        ) from error
    return engine
