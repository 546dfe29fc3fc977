"""The OpenAPI description: complete, valid and true.

The fixtures of this folder compare every call that its tests make with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft202012Validator

from airflow_provider_jsms.sandbox import control_api, faults
from airflow_provider_jsms.sandbox.endpoints import call_name
from tests.people import ANNA
from tests.unit.sandbox.described import COMPONENTS, DOCUMENT, deviations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.validation import Check

OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}
VALUES = [
    *(None, True, False, 0, 1, 2, 3, -1, 0.5, 1.5, 400, 599, 600, 4001, 3600, 3601, 1_000_001),
    *("", "a", "*", "0", ANNA, "1" * 11, "/path", "a b", "normal", "request_read"),
    *([], ["a"], [1], {}, {"a": "b"}, {"a b": "c"}, {"a": 1}, {"a": "é"}, {"": "a"}),
]


def test_the_sandbox_serves_it_to_everybody(control: SandboxControl) -> None:
    headers = {"Host": "10.0.0.1:8025"}
    answer = requests.get(f"{control.url}/openapi.json", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (200, DOCUMENT)


def test_it_is_valid_for_a_reader_of_openapi() -> None:
    reader = pytest.importorskip("fastapi.openapi.models", reason="Airflow 3 brings it")
    reader.OpenAPI.model_validate(DOCUMENT)


def test_its_schemas_names_and_references_are_valid() -> None:
    for schema in (*DOCUMENT["components"]["schemas"].values(), *_schemas(OPERATIONS)):
        Draft202012Validator.check_schema(schema)
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    for path, item in DOCUMENT["paths"].items():
        declared = [each["name"] for each in item.get("parameters", ())]
        assert declared == re.findall(r"\{(\w+)\}", path)
    for reference in set(re.findall(r"'#/components/schemas/(\w+)'", str(DOCUMENT))):
        assert reference in DOCUMENT["components"]["schemas"]


def test_it_has_every_call_and_every_control() -> None:
    calls = {operation.split()[1] for operation in OPERATIONS if "/v1/" in operation}
    assert {
        call_name(*operation.split()) for operation in OPERATIONS if "/v1/" in operation
    } == set(faults.CALLS)
    assert len(calls) == 10
    controls = {operation for operation in OPERATIONS if " /sandbox/" in operation}
    assert len(controls) == len(control_api.ROUTES)


def _schemas(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "schema" in value:
            yield value["schema"]
        for each in value.values():
            yield from _schemas(each)


def _checks() -> Iterator[Check]:
    for checks, _ in control_api.BODIES.values():
        yield from checks.values()
    for kind in faults.KINDS.values():
        yield from kind.settings.values()
        yield from kind.common.values()


CHECKS = {each.description: each for each in _checks()}


@pytest.mark.parametrize("description", CHECKS)
def test_a_field_is_described_as_it_is_checked(description: str) -> None:
    check = CHECKS[description]
    validator = Draft202012Validator(check.schema)
    values = [*VALUES, *check.schema.get("enum", ())]
    assert [value for value in values if validator.is_valid(value) != check.test(value)] == []
    assert any(map(check.test, values))
    assert not all(map(check.test, values))


@pytest.mark.parametrize(
    ("request_line", "sent", "status", "received"),
    [
        ("POST /v1/schedule", "{}", 200, '{"schedule_id": "a"}'),
        ("POST /v1/schedule/batch", '{"send_time": "now"}', 403, '{"error": "wrong"}'),
        ("GET /v1/accounts/app", "", 200, "[]"),
        ("DELETE /v1/schedule/a", "", 200, "{}"),
        ("GET /v1/unknown", "", 200, "{}"),
        ("POST /sandbox/clock", '{"back": 1}', 200, '{"utc": "", "wall": "", "timezone": ""}'),
        ("POST /sandbox/reset", "", 500, "{}"),
    ],
)
def test_a_deviation_is_found(request_line: str, sent: str, status: int, received: str) -> None:
    assert deviations(*request_line.split(), sent.encode(), status, received.encode())


def test_a_fault_is_described_as_it_is_set() -> None:
    schema = {**DOCUMENT["components"]["schemas"]["Fault"], **COMPONENTS}
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"call": "*", "kind": "slow", "seconds": 1, "times": None})
    assert not validator.is_valid({"call": "*", "kind": "slow"})
    assert not validator.is_valid({"call": "*", "kind": "code", "seconds": 1, "code": 1})
