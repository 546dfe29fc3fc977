"""What Airflow reads about this provider when it starts: kept free of heavy imports."""

from __future__ import annotations

from typing import Any

from airflow_provider_jsms import __version__
from airflow_provider_jsms.connection_form import EXTRAS, LABELS, PLACEHOLDERS

_NAME = "JiGuang SMS (JSMS)"


def get_provider_info() -> dict[str, Any]:
    """Return the modules, the connection type and its form, in the schema of Airflow.

    Airflow 3.2 and newer draw the form of the connection from ``conn-fields`` and
    ``ui-field-behaviour``; older versions ignore both and ask the hook.
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
        "notifications": ["airflow_provider_jsms.notifications.jsms.JsmsNotifier"],
        "connection-types": [
            {
                "connection-type": "jsms",
                "hook-class-name": "airflow_provider_jsms.hooks.jsms.JsmsHook",
                "hook-name": "JSMS (Jiguang SMS)",
                "ui-field-behaviour": _behaviour(),
                "conn-fields": _extras(),
            }
        ],
    }


def _modules(kind: str) -> dict[str, Any]:
    return {"integration-name": _NAME, "python-modules": [f"airflow_provider_jsms.{kind}.jsms"]}


def _behaviour() -> dict[str, Any]:
    return {"hidden-fields": [], "relabeling": {**LABELS}, "placeholders": {**PLACEHOLDERS}}


def _extras() -> dict[str, dict[str, Any]]:
    return {
        field.name: {
            "label": field.label,
            "description": field.description,
            "schema": field.schema,
        }
        for field in EXTRAS
    }
