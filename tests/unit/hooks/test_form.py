"""The form of the connection for Airflow 2.11 to 3.1, which ask the hook."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_jsms.get_provider_info import CONN_FIELDS, PLACEHOLDERS, RELABELING
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.versions import AIRFLOW


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Airflow 3's stand-ins in the place of the libraries of the form."""
    module = "airflow.api_fastapi.core_api.services.ui.connections"
    service = pytest.importorskip(module, reason="Airflow 2 has the libraries").HookMetaService
    names = {
        "wtforms": {"StringField": service.MockStringField},
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": service.MockAnyWidget},
    }
    for name, content in names.items():
        stand_in = ModuleType(name)
        vars(stand_in).update(content)
        monkeypatch.setitem(sys.modules, name, stand_in)


@pytest.mark.usefixtures("stand_ins")
def test_the_stand_ins_of_airflow_3_show_every_field() -> None:
    widgets = JsmsHook.get_connection_form_widgets()
    assert list(widgets) == list(CONN_FIELDS)
    for name, field in CONN_FIELDS.items():
        shown = widgets[name].param.dump()
        assert shown["schema"]["title"] == field["label"]
        assert field["description"] in (
            shown.get("description"),
            shown["schema"].get("description"),
        )
        assert shown["value"] == str(field["schema"].get("default", ""))


def test_the_standard_fields_have_labels_and_placeholders() -> None:
    assert JsmsHook.get_ui_field_behaviour() == {
        "hidden_fields": [],
        "relabeling": RELABELING,
        "placeholders": PLACEHOLDERS,
    }


def test_the_defaults_and_empty_fields_can_be_saved() -> None:
    reason = "Airflow 2 brings it, and Airflow 3 with the FAB provider"
    pytest.importorskip("flask_appbuilder", reason=reason)
    from werkzeug.datastructures import MultiDict  # noqa: PLC0415
    from wtforms import Form  # type: ignore[import-untyped]  # noqa: PLC0415

    form: Any = type("Shown", (Form,), JsmsHook.get_connection_form_widgets())
    defaults = {name: f"{each['schema'].get('default', '')}" for name, each in CONN_FIELDS.items()}
    assert form(MultiDict(defaults)).validate()
    assert form(MultiDict(dict.fromkeys(CONN_FIELDS, ""))).validate()


READ_BY_AIRFLOW = """
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
assert manager.hooks["jsms"].hook_name == "JSMS (Jiguang SMS)"
print(sorted(manager.field_behaviours["jsms"]["relabeling"]))
"""


@pytest.mark.skipif((3, 0) <= AIRFLOW < (3, 2), reason="it would need the FAB provider")
def test_airflow_reads_the_form_without_a_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", READ_BY_AIRFLOW],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "['login', 'password']"
    assert "jsms" not in done.stderr.lower()
