"""The provider as Airflow reads it at start: modules, the connection type and its form.

Airflow imports this module in every process, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_jsms import __version__

DEFAULT_CONN_ID: Final = "jsms_default"
DEFAULT_HOST: Final = "https://api.sms.jpush.cn"

# The Chinese terms are those of the JSMS console.
RELABELING: Final = {
    "login": "App key (应用 AppKey)",
    "password": "Master secret (应用 Master Secret)",
}
PLACEHOLDERS: Final = {
    "host": DEFAULT_HOST,
    "schema": "https; only with a bare host name",
    "port": "443, may stay empty",
    "login": "24 letters and digits from the JSMS console",
}
# The form saves an empty field as null.
CONN_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "timezone": {
        "label": "Time zone of JSMS (时区)",
        "description": "Zone of the wall clock that JSMS sends by. Default: Asia/Shanghai.",
        "schema": {"type": ["string", "null"], "default": "Asia/Shanghai"},
    },
    "send_window": {
        "label": "Send window (发送时段)",
        "description": "Times of day at which texts may go out: 08:00-21:00. Default: always.",
        "schema": {"type": ["string", "null"], "default": "always"},
    },
    "connect_timeout": {
        "label": "Connect timeout (seconds)",
        "description": "Timeout for connecting to JSMS. A number from 0.1 to 300. Default: 5.",
        "schema": {"type": ["number", "null"], "default": 5, "minimum": 0.1, "maximum": 300},
    },
    "read_timeout": {
        "label": "Read timeout (seconds)",
        "description": "Timeout for a response of JSMS. A number from 0.1 to 300. Default: 30.",
        "schema": {"type": ["number", "null"], "default": 30, "minimum": 0.1, "maximum": 300},
    },
    "max_attempts": {
        "label": "Attempts",
        "description": "Attempts per call. A whole number from 1 to 10. Default: 3.",
        "schema": {"type": ["integer", "null"], "default": 3, "minimum": 1, "maximum": 10},
    },
    "ca_bundle": {
        "label": "CA certificates",
        "description": "Path of a CA bundle on every machine. Default: the usual certificates.",
        "schema": {"type": ["string", "null"]},
    },
    "ledger_conn_id": {
        "label": "Ledger connection",
        "description": "Airflow connection to a SQL database that keeps records. Default: none.",
        "schema": {"type": ["string", "null"]},
    },
    "ledger_table": {
        "label": "Ledger table",
        "description": "Name of its table, created on first use. Default: jsms_ledger.",
        "schema": {"type": ["string", "null"], "default": "jsms_ledger"},
    },
    "allow_http": {
        "label": "Allow http",
        "description": "Plain http to a sandbox on another host, never to JSMS. Default: false.",
        "schema": {"type": ["boolean", "null"], "default": False},
    },
}

_NAME = "JiGuang SMS (JSMS)"
_API = "https://docs.jiguang.cn/en/jsms/server/rest_api_jsms_schedule"


def get_provider_info() -> dict[str, Any]:
    """Return the modules, the connection type and its form, in Airflow's schema."""
    modules = {
        room: [{"integration-name": _NAME, "python-modules": [f"{__package__}.{room}.jsms"]}]
        for room in ("hooks", "operators", "sensors", "triggers")
    }
    return {
        "package-name": "airflow-provider-jsms",
        "name": _NAME,
        "description": "Schedule, modify, query and delete texts with JiGuang SMS (极光短信).",
        "versions": [__version__],
        "integrations": [
            {"integration-name": _NAME, "external-doc-url": _API, "tags": ["service"]}
        ],
        **modules,
        "notifications": ["airflow_provider_jsms.notifications.jsms.JsmsNotifier"],
        "connection-types": [
            {
                "connection-type": "jsms",
                "hook-class-name": "airflow_provider_jsms.hooks.jsms.JsmsHook",
                "hook-name": "JSMS (Jiguang SMS)",
                "ui-field-behaviour": {
                    "hidden-fields": [],
                    "relabeling": RELABELING,
                    "placeholders": PLACEHOLDERS,
                },
                "conn-fields": CONN_FIELDS,
            }
        ],
    }
