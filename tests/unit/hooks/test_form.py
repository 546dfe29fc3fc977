"""The form of the connection where the hook is asked for it: Airflow 2.11 to 3.1."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.connection_form import EXTRAS, LABELS, PLACEHOLDERS, NumberField
from airflow_provider_jsms.hooks import form
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_jsms.connection_form import TextField

ALLOWED = ("StringField", "IntegerField", "PasswordField", "BooleanField")
NUMBERS = [field for field in EXTRAS if isinstance(field, NumberField)]


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Airflow 3 puts in the place of the libraries of the form, where they are missing."""
    module = "airflow.api_fastapi.core_api.services.ui.connections"
    service = pytest.importorskip(module, reason="Airflow 2 has the libraries").HookMetaService
    names = {
        "wtforms": {name: getattr(service, f"Mock{name}") for name in ALLOWED},
        "wtforms.validators": {"Optional": service.MockOptional, "ValidationError": ValueError},
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": service.MockAnyWidget},
    }
    for name, content in names.items():
        stand_in = ModuleType(name)
        vars(stand_in).update(content)
        monkeypatch.setitem(sys.modules, name, stand_in)
    return service


def default_of(field: TextField | NumberField) -> object:
    is_whole = isinstance(field, NumberField) and field.is_whole
    return field.default if is_whole or field.default is None else str(field.default)


def test_the_stand_ins_of_airflow_3_take_every_field(stand_ins: Any) -> None:
    widgets = JsmsHook.get_connection_form_widgets()
    assert list(widgets) == [field.name for field in EXTRAS]
    for field in EXTRAS:
        shown = widgets[field.name].param.dump()
        assert shown["schema"]["title"] == field.label
        assert (shown.get("description") or shown["schema"]["description"]) == field.description
        assert shown["value"] == default_of(field)
        assert shown["schema"]["type"] == [
            "integer" if field.name == "max_attempts" else "string", "null",
        ]  # fmt: skip


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_the_bounds_are_those_of_the_settings(stand_ins: Any, field: NumberField) -> None:
    check = form._bounds(field)
    for accepted in (field.least, f"{field.most}", "", None):
        check(None, SimpleNamespace(data=accepted))
    for refused in (field.least - 1, f"{field.most + 1}", "soon"):
        with pytest.raises(ValueError, match=f"This takes {field.accepted}"):
            check(None, SimpleNamespace(data=refused))


def test_the_fields_that_every_connection_has_are_told() -> None:
    assert JsmsHook.get_ui_field_behaviour() == {
        "hidden_fields": [],
        "relabeling": LABELS,
        "placeholders": PLACEHOLDERS,
    }


def form_with(**filled_in: str) -> Any:
    """A form of the real library, as somebody has filled it in."""
    reason = "Airflow 2 brings it, and Airflow 3 with the FAB provider"
    pytest.importorskip("flask_appbuilder", reason=reason)
    from werkzeug.datastructures import MultiDict  # noqa: PLC0415
    from wtforms import Form  # type: ignore[import-untyped]  # noqa: PLC0415

    given = {field.name: str(default_of(field) or "") for field in EXTRAS} | filled_in
    return type("Shown", (Form,), JsmsHook.get_connection_form_widgets())(MultiDict(given))


def test_the_defaults_and_empty_fields_can_be_saved() -> None:
    assert form_with().validate()
    assert form_with(**{field.name: "" for field in EXTRAS}).validate()


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_the_bounds_hold_when_the_form_is_saved(field: NumberField) -> None:
    for bound, outside in ((field.least, field.least - 1), (field.most, field.most + 1)):
        assert form_with(**{field.name: f"{bound:g}"}).validate()
        wrong = form_with(**{field.name: f"{outside:g}"})
        assert not wrong.validate()
        assert wrong.errors == {field.name: [f"This takes {field.accepted}."]}
    assert not form_with(**{field.name: "soon"}).validate()


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
