"""What Airflow reads about this provider when it starts: kept free of heavy imports."""

from __future__ import annotations

from typing import Any

from airflow_provider_jsms import __version__

_NAME = "JiGuang SMS (JSMS)"


def get_provider_info() -> dict[str, Any]:
    """Return the modules, the connection type and its form, in the schema of Airflow.

    Airflow 3.2 and newer draw the form of the connection from ``conn-fields`` and
    ``ui-field-behaviour``; older versions ignore both.
    """
    return {
        "package-name": "airflow-provider-jsms",
        "name": _NAME,
        "description": "Schedule, change, follow and cancel texts with JiGuang SMS (极光短信).",
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
        "connection-types": [
            {
                "connection-type": "jsms",
                "hook-class-name": "airflow_provider_jsms.hooks.jsms.JsmsHook",
                "hook-name": "JSMS (Jiguang SMS)",
                "ui-field-behaviour": _FIELDS,
                "conn-fields": _EXTRAS,
            }
        ],
    }


def _modules(kind: str) -> dict[str, Any]:
    return {"integration-name": _NAME, "python-modules": [f"airflow_provider_jsms.{kind}.jsms"]}


_FIELDS = {
    "hidden-fields": [],
    "relabeling": {"login": "App key", "password": "Master secret"},
    "placeholders": {"host": "https://api.sms.jpush.cn"},
}
_EXTRAS: dict[str, dict[str, Any]] = {
    "timezone": {
        "label": "Time zone of JSMS",
        "description": "The zone of the wall clock that JSMS sends by. Default: Asia/Shanghai.",
        "schema": {"type": ["string", "null"], "default": "Asia/Shanghai"},
    },
    "connect_timeout": {
        "label": "Connect timeout (s)",
        "description": "Seconds until a connection stands. Default: 5.",
        "schema": {"type": ["number", "null"], "default": 5, "minimum": 0.1, "maximum": 300},
    },
    "read_timeout": {
        "label": "Read timeout (s)",
        "description": "Seconds to wait for an answer. Default: 30.",
        "schema": {"type": ["number", "null"], "default": 30, "minimum": 0.1, "maximum": 300},
    },
    "max_attempts": {
        "label": "Tries",
        "description": "How often a call is sent at most where it may be repeated. Default: 3.",
        "schema": {"type": ["integer", "null"], "default": 3, "minimum": 1, "maximum": 10},
    },
    "ca_bundle": {
        "label": "CA bundle",
        "description": "Path of a file of CA certificates on the workers. Default: the usual ones.",
        "schema": {"type": ["string", "null"]},
    },
}
