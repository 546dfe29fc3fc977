"""What Airflow reads about the provider: by its own schemas, and true."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import airflow_provider_jsms
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.get_provider_info import get_provider_info
from airflow_provider_jsms.hooks.connection import read_settings
from airflow_provider_jsms.hooks.jsms import JsmsHook

ROOT = Path(__file__).parents[2]
PACKAGE = Path(airflow_provider_jsms.__file__).parent
INFO = get_provider_info()
CONNECTION: dict[str, Any] = INFO["connection-types"][0]
FIELDS: dict[str, dict[str, Any]] = CONNECTION["conn-fields"]
ROOMS = ["hooks", "operators", "sensors", "triggers"]


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text("utf-8"))
    return loaded


def read(**extra: object) -> Any:
    return read_settings(login="a", password="b", host="", schema="", port="", extra=extra)


def test_airflow_accepts_it_when_it_starts() -> None:
    Draft7Validator(schema("provider_info.schema.json")).validate(INFO)


def test_the_connection_type_is_what_a_provider_may_declare() -> None:
    definition = schema("provider.yaml.schema.json")["properties"]["connection-types"]
    if "conn-fields" not in definition["items"]["properties"]:
        pytest.skip("Airflow knows them since 3.2")
    Draft7Validator(definition).validate(INFO["connection-types"])
    broken = [CONNECTION | {"conn-fields": {"x": {"label": "x"}}}]
    assert not Draft7Validator(definition).is_valid(broken), "the definition looks at conn-fields"


def test_it_survives_the_way_through_json() -> None:
    assert json.loads(json.dumps(INFO)) == INFO
    assert get_provider_info() == INFO


def test_name_and_version_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert INFO["package-name"] == project["name"]
    assert INFO["versions"] == [airflow_provider_jsms.__version__]


def test_the_entry_point_gives_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["entry-points"]["apache_airflow_provider"][
        "provider_info"
    ].partition(":")
    assert getattr(import_module(module), function)() == INFO


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_that_is_there_is_listed_and_importable(room: str) -> None:
    listed = [name for entry in INFO.get(room, []) for name in entry["python-modules"]]
    module = f"airflow_provider_jsms.{room}.jsms"
    assert listed == ([module] if (PACKAGE / room / "jsms.py").exists() else [])
    assert [import_module(name).__name__ for name in listed] == listed


def test_every_room_names_a_declared_integration() -> None:
    declared = {entry["integration-name"] for entry in INFO["integrations"]}
    named = {entry["integration-name"] for room in ROOMS for entry in INFO.get(room, [])}
    assert named == declared


def test_the_connection_type_is_that_of_the_hook() -> None:
    module, _, name = CONNECTION["hook-class-name"].rpartition(".")
    assert getattr(import_module(module), name) is JsmsHook
    assert CONNECTION["connection-type"] == JsmsHook.conn_type
    assert CONNECTION["hook-name"] == JsmsHook.hook_name
    assert len(INFO["connection-types"]) == 1


@pytest.mark.parametrize("name", FIELDS)
def test_the_help_of_a_field_names_default_and_bounds(name: str) -> None:
    field = FIELDS[name]
    assert field["label"]
    assert field["description"].endswith(".")
    without = {"ca_bundle": "the usual certificates", "ledger_conn_id": "none"}
    default = field["schema"].get("default", without.get(name))
    shown = str(default).lower() if isinstance(default, bool) else default
    assert f" Default: {shown}." in field["description"]
    if "minimum" in field["schema"]:
        bounds = f"from {field['schema']['minimum']} to {field['schema']['maximum']}."
        assert bounds in field["description"]


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - {"allow_http"}))
def test_the_default_of_a_field_is_that_of_the_settings(name: str) -> None:
    by_default = getattr(read(), {"timezone": "zone"}.get(name, name))
    shown = FIELDS[name]["schema"].get("default", "")
    assert shown == (str(by_default) if name in ("timezone", "send_window") else by_default)


@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_field_is_the_default(name: str) -> None:
    Draft7Validator(FIELDS[name]["schema"]).validate(None)
    assert read(**{name: None}) == read()


@pytest.mark.parametrize(
    ("name", "step"), [("connect_timeout", 0.01), ("read_timeout", 0.01), ("max_attempts", 1)]
)
def test_the_bounds_of_the_form_are_those_of_the_settings(name: str, step: float) -> None:
    field = FIELDS[name]["schema"]
    for bound, outside in (
        (field["minimum"], field["minimum"] - step),
        (field["maximum"], field["maximum"] + step),
    ):
        assert getattr(read(**{name: bound}), name) == bound
        Draft7Validator(field).validate(bound)
        assert not Draft7Validator(field).is_valid(outside)
        with pytest.raises(JsmsSettingsError):
            read(**{name: outside})


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "ca_bundle"])
def test_the_form_refuses_a_type_that_the_settings_refuse(name: str) -> None:
    assert not Draft7Validator(FIELDS[name]["schema"]).is_valid(["x"])
    with pytest.raises(JsmsSettingsError):
        read(**{name: ["x"]})


def test_reading_the_provider_info_alone_loads_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import airflow_provider_jsms.get_provider_info;"
        "print(sorted(name for name in set(sys.modules) - before if 'airflow' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == str(
        ["airflow_provider_jsms", "airflow_provider_jsms.get_provider_info"]
    )
