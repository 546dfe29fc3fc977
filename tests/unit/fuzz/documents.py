"""What the documents of JSMS say about a request: its method, path and body.

Written from the documents, and not from the code that is tested.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator

# "send_time: string, required, yyyy-MM-dd HH:mm:ss"; \Z because $ lets a line break pass.
_SEND_TIME: Final = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\Z",
}
_ID: Final = {"type": "integer", "minimum": 1}
# "mobile: string, required": mainland numbers; "temp_para: object, optional", never empty.
_PERSON: Final[dict[str, Any]] = {
    "mobile": {"type": "string", "pattern": r"^1[0-9]{10}\Z"},
    "temp_para": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"minLength": 1},
        "additionalProperties": {"type": "string"},
    },
}
_SINGLE: Final = {
    "type": "object",
    "required": ["send_time", "mobile", "temp_id"],
    "properties": {"send_time": _SEND_TIME, "temp_id": _ID, "sign_id": _ID, **_PERSON},
    "additionalProperties": False,
}
_BATCH: Final = {
    "type": "object",
    "required": ["send_time", "temp_id", "recipients"],
    "properties": {
        "send_time": _SEND_TIME,
        "temp_id": _ID,
        "sign_id": _ID,
        "tag": {"type": "string", "minLength": 1, "maxLength": 10},
        "recipients": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": {
                "type": "object",
                "required": ["mobile"],
                "properties": _PERSON,
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
_A_SINGLE: Final = Draft202012Validator(_SINGLE)
_A_BATCH: Final = Draft202012Validator(_BATCH)

# Characters that mean nothing but themselves in a path (RFC 3986), or escapes of others.
_ID_IN_PATH: Final = r"(?!batch\b)((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)"
_CALLS: Final[dict[str, tuple[str, str, Draft202012Validator | None]]] = {
    "submit_schedule": ("POST", r"/v1/schedule", _A_SINGLE),
    "submit_batch_schedule": ("POST", r"/v1/schedule/batch", _A_BATCH),
    "modify_schedule": ("PUT", rf"/v1/schedule/{_ID_IN_PATH}", _A_SINGLE),
    "modify_batch_schedule": ("PUT", rf"/v1/schedule/batch/{_ID_IN_PATH}", _A_BATCH),
    "query_schedule": ("GET", rf"/v1/schedule/{_ID_IN_PATH}", None),
    "delete_schedule": ("DELETE", rf"/v1/schedule/{_ID_IN_PATH}", None),
}


def check(call: str, method: str, path: str, body: object) -> str:
    """Check a request against the documents; return the schedule_id that it is about, or ''."""
    documented, pattern, form = _CALLS[call]
    assert method == documented
    found = re.fullmatch(pattern, path)
    assert found, f"the path {path!r} is not documented"
    if form is None:
        assert body is None
    else:
        form.validate(body)
    return unquote("".join(found.groups()))
