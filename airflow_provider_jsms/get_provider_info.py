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
        "description": "Attempts per call, where a retry cannot text anybody twice. "
        "A whole number from 1 to 10. Default: 3.",
        "schema": {"type": ["integer", "null"], "default": 3, "minimum": 1, "maximum": 10},
    },
    "ca_bundle": {
        "label": "CA certificates",
        "description": "Path of a CA bundle on the machines that run tasks, for a proxy or a "
        "sandbox with a certificate of its own. Default: the usual certificates.",
        "schema": {"type": ["string", "null"]},
    },
}

_NAME = "JiGuang SMS (JSMS)"


def get_provider_info() -> dict[str, Any]:
    """Return the modules, the connection type and its form, in Airflow's schema."""
    return {
        "package-name": "airflow-provider-jsms",
        "name": _NAME,
        "description": "Schedule, modify, query and delete texts with JiGuang SMS (极光短信).",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _NAME,
                "external-doc-url": (
                    "https://docs.jiguang.cn/en/jsms/server/rest_api_jsms_schedule"
                ),
                "tags": ["service"],
            }
        ],
        "hooks": [_modules("hooks")],
        "operators": [_modules("operators")],
        "sensors": [_modules("sensors")],
        "triggers": [_modules("triggers")],
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


def _modules(room: str) -> dict[str, Any]:
    return {"integration-name": _NAME, "python-modules": [f"airflow_provider_jsms.{room}.jsms"]}
