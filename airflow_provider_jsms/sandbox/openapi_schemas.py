"""The schemas of the OpenAPI description: of bodies, results, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

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

Schema = dict[str, Any]

STRING: Final[Schema] = {"type": "string"}
_INTEGER: Final[Schema] = {"type": "integer"}
_INTEGER_OR_NULL: Final[Schema] = {"type": ["integer", "null"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_ID: Final[Schema] = {"type": ["integer", "string"], "pattern": "^[0-9]{1,18}$"}
_PARAMETERS: Final[Schema] = {"type": ["object", "null"]}


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def fields(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """Return the schema of an object with these fields."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": properties}


def _fault(name: str) -> Schema:
    kind = KINDS[name]
    fault = _checked({**kind.common, **kind.settings}, ("call", "kind", *kind.required))
    fault["properties"]["kind"] = {"const": name}
    return fault


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


def _list(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


_PERSON: Final = fields(
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
    **dict.fromkeys(("mobile", "text", "schedule_id", "msg_id", "send_time"), STRING),
    **dict.fromkeys(("temp_id", "sign_id"), _INTEGER),
    "temp_para": _PARAMETERS,
    "tag": {"type": ["string", "null"]},
    "sent_at": _TIME,
}
_MADE: Final = {"schedule_id": STRING}
_REFUSED: Final = fields(
    {"temp_para": _PARAMETERS}, mobile=STRING, error_code=STRING, error_message=STRING
)
SCHEMAS: Final[dict[str, Schema]] = {
    "Error": fields(error=fields(code=_INTEGER, message=STRING)),
    **{kind.__name__: _of(kind) for kind in (Account, Template, Signature, Switches)},
    "Request": _of(ApiRequest),
    "Fault": {"anyOf": [_fault(kind) for kind in KINDS]},
    "Single": fields(
        {**_OPTIONS, "temp_para": _PARAMETERS}, **_ORDER, mobile=_PERSON["properties"]["mobile"]
    ),
    "Batch": fields(
        _OPTIONS, **_ORDER, recipients=_list(_PERSON, minItems=1, maxItems=MAX_RECIPIENTS)
    ),
    "BatchResult": fields(
        _MADE, success_count=_INTEGER, failure_count=_INTEGER, failure_recipients=_list(_REFUSED)
    ),
    "Record": fields(
        schedule_id=STRING,
        send_time=STRING,
        temp_id=_INTEGER,
        recipients=_list(
            fields(
                {"msg_id": {"type": ["string", "integer", "null"]}, "temp_para": _PARAMETERS},
                mobile=STRING,
            )
        ),
    ),
    "Clock": fields(utc=_TIME, wall=STRING, timezone=STRING),
    "Message": fields(**_MESSAGE),
    "Schedule": fields(
        schedule_id=STRING,
        status={"enum": ["pending", "sent", "deleted"]},
        kind={"enum": ["single", "batch"]},
        send_time=STRING,
        temp_id=_INTEGER,
        sign_id=_INTEGER,
        tag={"type": ["string", "null"]},
        recipients=_list(fields(mobile=STRING, temp_para=_PARAMETERS, msg_id=STRING)),
        failure_recipients=_list(
            fields(mobile=STRING, temp_para=_PARAMETERS, error_code=_INTEGER, error_message=STRING)
        ),
        history=_list(fields(event=STRING, at=_TIME, send_time=STRING)),
    ),
    "State": fields(
        clock=ref("Clock"),
        switches=ref("Switches"),
        account=ref("Account"),
        templates=_list(ref("Template")),
        signs=_list(ref("Signature")),
        numbers={"type": "object", "additionalProperties": STRING},
        deliveries={"type": "object", "additionalProperties": _INTEGER},
        faults=_list(ref("Fault")),
        schedules=_list(ref("Schedule")),
    ),
}
REQUESTS: Final[dict[Callable[..., Any], Schema]] = {
    endpoints.submit_schedule: ref("Single"),
    endpoints.modify_schedule: ref("Single"),
    endpoints.submit_batch_schedule: ref("Batch"),
    endpoints.modify_batch_schedule: ref("Batch"),
    control_api.add_fault: ref("Fault"),
    control_api.set_switches: {
        "type": "object",
        "properties": {
            name: {"anyOf": [{"enum": list(values)}, _INTEGER]} for name, values in VALUES.items()
        },
        "additionalProperties": False,
    },
    **{control: _checked(*body) for control, body in control_api.BODIES.items()},
}
"""The bodies of calls and controls; the others have none."""
RESULTS: Final[dict[Callable[..., Any], Schema | None]] = {
    endpoints.submit_schedule: fields(**_MADE),
    endpoints.modify_schedule: fields(**_MADE),
    endpoints.submit_batch_schedule: ref("BatchResult"),
    endpoints.modify_batch_schedule: ref("BatchResult"),
    endpoints.query_schedule: ref("Record"),
    endpoints.delete_schedule: None,
    inquiries.get_template: fields(
        temp_id=_INTEGER,
        template=STRING,
        type={"enum": [1, 2, 3]},
        ttl=_INTEGER_OR_NULL,
        remark=STRING,
        status={"enum": [0, 1, 2]},
    ),
    inquiries.get_sign: fields(
        sign_id=_INTEGER,
        sign=STRING,
        status={"enum": [0, 1, 2]},
        is_default={"enum": [0, 1]},
        use_status={"enum": [0, 1]},
    ),
    inquiries.fetch_reports: _list(
        fields(msgId=STRING, phone=STRING, receiveTime=_INTEGER, status=_INTEGER),
        maxItems=MAX_ROWS,
    ),
    inquiries.fetch_replies: _list(
        fields(phone=STRING, replyTime=_INTEGER, content=STRING), maxItems=MAX_ROWS
    ),
    inquiries.balance: fields(
        app_balance=_INTEGER,
        **dict.fromkeys(("app_voice", "app_industry", "app_market"), _INTEGER_OR_NULL),
    ),
    inquiries.developer_balance: fields(
        **dict.fromkeys(("dev_balance", "dev_voice", "dev_industry", "dev_market"), _INTEGER)
    ),
    control_views.state: ref("State"),
    control_views.requests: _list(ref("Request")),
    control_views.messages: _list(ref("Message")),
    control_views.undelivered: _list(fields(**_MESSAGE, status=_INTEGER, reason=STRING)),
    control_views.holds: _list(fields(number=_INTEGER, call=STRING, moment=STRING, since=_TIME)),
    control_api.move_clock: ref("Clock"),
    control_api.set_switches: ref("Switches"),
    control_api.set_account: ref("Account"),
    control_api.set_template: ref("Template"),
    control_api.set_sign: ref("Signature"),
    control_api.delete_schedule: ref("Schedule"),
    control_api.set_number: fields(mobile=STRING, state=STRING),
    control_api.set_delivery: fields(mobile=STRING, status=_INTEGER),
    control_api.add_reply: fields(phone=STRING, replyTime=_INTEGER, content=STRING),
    control_api.add_fault: _list(ref("Fault")),
    control_api.clear_faults: _list(ref("Fault")),
    control_api.release: fields(released=_INTEGER),
    control_api.reset: ref("State"),
}
"""The results of calls and controls, None for an empty response."""
