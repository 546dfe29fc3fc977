"""The OpenAPI description of the sandbox: the calls of JSMS and the control."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from airflow_provider_jsms import __version__
from airflow_provider_jsms.api.statuses import MAX_ROWS
from airflow_provider_jsms.sandbox import control_api, control_views, endpoints, inquiries
from airflow_provider_jsms.sandbox.account import Account, Signature, Template
from airflow_provider_jsms.sandbox.faults import KINDS
from airflow_provider_jsms.sandbox.orders import MAX_RECIPIENTS, MAX_TAG_CHARACTERS
from airflow_provider_jsms.sandbox.records import ApiRequest
from airflow_provider_jsms.sandbox.switches import VALUES, Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.sandbox.validation import Check

__all__ = ["document"]

Schema = dict[str, Any]

_STRING: Final[Schema] = {"type": "string"}
_INTEGER: Final[Schema] = {"type": "integer"}
_INTEGER_OR_NULL: Final[Schema] = {"type": ["integer", "null"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_ID: Final[Schema] = {"type": ["integer", "string"], "pattern": "^[0-9]{1,18}$"}
_PARAMETERS: Final[Schema] = {"type": ["object", "null"]}


def document() -> dict[str, Any]:
    """Return the description, as ``/openapi.json`` serves it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "JSMS sandbox",
            "version": __version__,
            "description": "The calls of JSMS under /v1, and the control of the sandbox under "
            "/sandbox. The switches change some responses.",
        },
        "paths": {"/health": _health(), **_calls(), **_controls()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _health() -> dict[str, Any]:
    healthy = _operation("health", "Return 200 while the sandbox serves.", _fields(status=_STRING))
    return {"get": healthy}


def _calls() -> dict[str, Any]:
    paths = {}
    for pattern, methods in endpoints.PATHS:
        calls = {method.lower(): _call(handler) for method, handler in methods.items()}
        names = [_parameter_of(handler) for handler in methods.values()]
        path = pattern.replace("([^/]+)", f"{{{names[0]}}}")
        paths[path] = {**calls, **_parameters(path)}
    return paths


def _parameter_of(handler: endpoints.Handler) -> str:
    named = re.search(r"\{(\w+)\}", handler.__doc__ or "")
    return named[1] if named else ""


def _call(handler: endpoints.Handler) -> dict[str, Any]:
    summary = (handler.__doc__ or "").partition(": ")[2]
    operation = _operation(handler.__name__, summary, _RESULTS[handler], _REQUESTS.get(handler))
    operation["responses"]["default"] = _response("JSMS refuses the request.", _ref("Error"))
    return {**operation, "tags": ["JSMS"], "security": [{"basic": []}]}


def _controls() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for control, (method, route, parameter) in control_api.ROUTES.items():
        path = f"/sandbox/{route}{parameter.replace(':int', '')}"
        known = paths.setdefault(path, _parameters(path))
        known[method.lower()] = _control(control)
    return paths


def _control(control: Callable[..., Any]) -> dict[str, Any]:
    summary = (control.__doc__ or "").partition(":")[0].strip().rstrip(".")
    operation = _operation(
        f"control_{control.__name__}", f"{summary}.", _VIEWS[control], _control_body(control)
    )
    for status, problem in ((400, "The input is invalid."), (403, "A foreign Host or Origin.")):
        operation["responses"][str(status)] = _response(problem, _fields(error=_STRING))
    return {**operation, "tags": ["control"]}


def _control_body(control: Callable[..., Any]) -> Schema | None:
    if control is control_api.add_fault:
        return _ref("Fault")
    if control is control_api.set_switches:
        fields = {
            name: {"anyOf": [{"enum": list(values)}, _INTEGER]} for name, values in VALUES.items()
        }
        return {"type": "object", "properties": fields, "additionalProperties": False}
    return _checked(*control_api.BODIES[control]) if control in control_api.BODIES else None


def _operation(
    name: str, summary: str, result: Schema | None, body: Schema | None = None
) -> dict[str, Any]:
    success = _response(HTTPStatus.OK.phrase, result)
    shown = f"{summary[:1].upper()}{summary[1:]}".replace("``", "`")
    operation = {"operationId": name, "summary": shown, "responses": {"200": success}}
    if body is not None:
        operation["requestBody"] = {"required": True, **_content(body)}
    return operation


def _parameters(path: str) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    shown = [{"name": name, "in": "path", "required": True, "schema": _STRING} for name in names]
    return {"parameters": shown} if shown else {}


def _response(description: str, schema: Schema | None) -> dict[str, Any]:
    return {"description": description, **(_content(schema) if schema is not None else {})}


def _content(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def _fields(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": properties}


def _checked(checks: Mapping[str, Check], required: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            name: {**check.schema, "description": check.description}
            for name, check in checks.items()
        },
        "additionalProperties": False,
    }


def _of(kind: type) -> Schema:
    """Return the schema of a dataclass, with its title and every field required."""
    return TypeAdapter(kind).json_schema(mode="serialization")


def _schemas() -> dict[str, Schema]:
    return {
        "Error": _fields(error=_fields(code=_INTEGER, message=_STRING)),
        **{kind.__name__: _of(kind) for kind in (Account, Template, Signature, Switches)},
        "Request": _of(ApiRequest),
        "Fault": {"anyOf": [_fault(kind) for kind in KINDS]},
        **_SCHEMAS,
    }


def _fault(name: str) -> Schema:
    kind = KINDS[name]
    fault = _checked({**kind.common, **kind.settings}, ("call", "kind", *kind.required))
    fault["properties"]["kind"] = {"const": name}
    return fault


_PERSON: Final = _fields(
    {"temp_para": _PARAMETERS}, mobile={"type": ["string", "integer"], "examples": ["13800138000"]}
)
_ORDER: Final[dict[str, Schema]] = {
    "send_time": {"type": "string", "pattern": "^[0-9-]{10} [0-9:]{8}$"},
    "temp_id": _ID,
}
_OPTIONS: Final[dict[str, Schema]] = {
    "sign_id": {**_ID, "type": ["integer", "string", "null"]},
    "tag": {"type": ["string", "null"], "maxLength": MAX_TAG_CHARACTERS},
}
_MESSAGE: Final[dict[str, Schema]] = {
    **dict.fromkeys(("mobile", "text", "schedule_id", "msg_id", "send_time"), _STRING),
    **dict.fromkeys(("temp_id", "sign_id"), _INTEGER),
    "temp_para": _PARAMETERS,
    "tag": {"type": ["string", "null"]},
    "sent_at": _TIME,
}
_MADE: Final = {"schedule_id": _STRING}
_REFUSED: Final = _fields(
    {"temp_para": _PARAMETERS}, mobile=_STRING, error_code=_STRING, error_message=_STRING
)
_SCHEMAS: Final[dict[str, Schema]] = {
    "Single": _fields(
        {**_OPTIONS, "temp_para": _PARAMETERS}, **_ORDER, mobile=_PERSON["properties"]["mobile"]
    ),
    "Batch": _fields(
        _OPTIONS, **_ORDER, recipients=_list(_PERSON, minItems=1, maxItems=MAX_RECIPIENTS)
    ),
    "BatchResult": _fields(
        _MADE, success_count=_INTEGER, failure_count=_INTEGER, failure_recipients=_list(_REFUSED)
    ),
    "Record": _fields(
        schedule_id=_STRING,
        send_time=_STRING,
        temp_id=_INTEGER,
        recipients=_list(
            _fields(
                {"msg_id": {"type": ["string", "integer", "null"]}, "temp_para": _PARAMETERS},
                mobile=_STRING,
            )
        ),
    ),
    "Clock": _fields(utc=_TIME, wall=_STRING, timezone=_STRING),
    "Message": _fields(**_MESSAGE),
    "Schedule": _fields(
        schedule_id=_STRING,
        status={"enum": ["pending", "sent", "deleted"]},
        kind={"enum": ["single", "batch"]},
        send_time=_STRING,
        temp_id=_INTEGER,
        sign_id=_INTEGER,
        tag={"type": ["string", "null"]},
        recipients=_list(_fields(mobile=_STRING, temp_para=_PARAMETERS, msg_id=_STRING)),
        failure_recipients=_list(
            _fields(
                mobile=_STRING, temp_para=_PARAMETERS, error_code=_INTEGER, error_message=_STRING
            )
        ),
        history=_list(_fields(event=_STRING, at=_TIME, send_time=_STRING)),
    ),
    "State": _fields(
        clock=_ref("Clock"),
        switches=_ref("Switches"),
        account=_ref("Account"),
        templates=_list(_ref("Template")),
        signs=_list(_ref("Signature")),
        numbers={"type": "object", "additionalProperties": _STRING},
        deliveries={"type": "object", "additionalProperties": _INTEGER},
        faults=_list(_ref("Fault")),
        schedules=_list(_ref("Schedule")),
    ),
}
_REQUESTS: Final[dict[endpoints.Handler, Schema]] = {
    endpoints.submit_schedule: _ref("Single"),
    endpoints.modify_schedule: _ref("Single"),
    endpoints.submit_batch_schedule: _ref("Batch"),
    endpoints.modify_batch_schedule: _ref("Batch"),
}
_RESULTS: Final[dict[endpoints.Handler, Schema | None]] = {
    endpoints.submit_schedule: _fields(**_MADE),
    endpoints.modify_schedule: _fields(**_MADE),
    endpoints.submit_batch_schedule: _ref("BatchResult"),
    endpoints.modify_batch_schedule: _ref("BatchResult"),
    endpoints.query_schedule: _ref("Record"),
    endpoints.delete_schedule: None,
    inquiries.get_template: _fields(
        temp_id=_INTEGER,
        template=_STRING,
        type={"enum": [1, 2, 3]},
        ttl=_INTEGER_OR_NULL,
        remark=_STRING,
        status={"enum": [0, 1, 2]},
    ),
    inquiries.get_sign: _fields(
        sign_id=_INTEGER,
        sign=_STRING,
        status={"enum": [0, 1, 2]},
        is_default={"enum": [0, 1]},
        use_status={"enum": [0, 1]},
    ),
    inquiries.fetch_reports: _list(
        _fields(msgId=_STRING, phone=_STRING, receiveTime=_INTEGER, status=_INTEGER),
        maxItems=MAX_ROWS,
    ),
    inquiries.fetch_replies: _list(
        _fields(phone=_STRING, replyTime=_INTEGER, content=_STRING), maxItems=MAX_ROWS
    ),
    inquiries.balance: _fields(
        app_balance=_INTEGER,
        **dict.fromkeys(("app_voice", "app_industry", "app_market"), _INTEGER_OR_NULL),
    ),
    inquiries.developer_balance: _fields(
        **dict.fromkeys(("dev_balance", "dev_voice", "dev_industry", "dev_market"), _INTEGER)
    ),
}
_VIEWS: Final[dict[Callable[..., Any], Schema]] = {
    control_views.state: _ref("State"),
    control_views.requests: _list(_ref("Request")),
    control_views.messages: _list(_ref("Message")),
    control_views.undelivered: _list(_fields(**_MESSAGE, status=_INTEGER, reason=_STRING)),
    control_views.holds: _list(_fields(number=_INTEGER, call=_STRING, moment=_STRING, since=_TIME)),
    control_api.move_clock: _ref("Clock"),
    control_api.set_switches: _ref("Switches"),
    control_api.set_account: _ref("Account"),
    control_api.set_template: _ref("Template"),
    control_api.set_sign: _ref("Signature"),
    control_api.delete_schedule: _ref("Schedule"),
    control_api.set_number: _fields(mobile=_STRING, state=_STRING),
    control_api.set_delivery: _fields(mobile=_STRING, status=_INTEGER),
    control_api.add_reply: _fields(phone=_STRING, replyTime=_INTEGER, content=_STRING),
    control_api.add_fault: _list(_ref("Fault")),
    control_api.clear_faults: _list(_ref("Fault")),
    control_api.release: _fields(released=_INTEGER),
    control_api.reset: _ref("State"),
}
