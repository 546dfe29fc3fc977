"""The database of the ledger, which the extra ``ledger_conn_id`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.hooks.connection import looking_up

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

_NAMED_BY: Final = "the extra ledger_conn_id of the JSMS connection"


def open_ledger(settings: JsmsSettings) -> SqlLedger:
    """Return the ledger of a connection, which connects on first use.

    :raises JsmsConnectionNotFoundError: Airflow does not find the connection of the database.
    :raises JsmsSettingsError: it is of no SQL database, or its provider is not installed.
    """
    # It imports SQLAlchemy, which most tasks do not need.
    from airflow_provider_jsms.submission.records.sql_ledger import LOCKED_FOR, SqlLedger  # noqa: PLC0415

    arguments: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    with looking_up(settings.ledger_conn_id, _NAMED_BY):
        connection: Any = BaseHook.get_connection(settings.ledger_conn_id)
    if connection.conn_type == "sqlite":
        arguments["connect_args"] = {"timeout": LOCKED_FOR}
    name = mask_text(settings.ledger_conn_id)
    try:
        engine = connection.get_hook().get_sqlalchemy_engine(engine_kwargs=arguments)
    except (AirflowException, AttributeError, ImportError, NotImplementedError) as error:
        raise JsmsSettingsError(
            f"The connection {name}, {_NAMED_BY}, cannot be opened as "
            f"a SQL database ({type(error).__name__}: {mask_text(error)}), so nothing was sent. "
            "Use a connection to PostgreSQL, MySQL or SQLite, and install its Airflow provider, "
            "such as apache-airflow-providers-postgres, on every worker."
        ) from error
    return SqlLedger(engine, settings.ledger_table, name=name)
