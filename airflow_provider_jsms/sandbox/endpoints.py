"""The calls of the API, without HTTP: routing, permission, effect and response."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox.inquiries import (
    balance,
    developer_balance,
    fetch_replies,
    fetch_reports,
    get_sign,
    get_template,
)
from airflow_provider_jsms.sandbox.orders import check_media_type, parse_batch, parse_single
from airflow_provider_jsms.sandbox.responses import (
    ApiResponse,
    ErrorCode,
    Refusal,
    error_response,
    json_response,
    message_of,
)
from airflow_provider_jsms.sandbox.review import review
from airflow_provider_jsms.sandbox.state import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.sandbox.orders import Order
    from airflow_provider_jsms.sandbox.schedules import Content, Failure, Recipient, Schedule

Handler = Callable[[Sandbox, str, bytes], ApiResponse]


def submit_schedule(sandbox: Sandbox, _schedule_id: str, body: bytes) -> ApiResponse:
    """``POST /v1/schedule``: schedule one message."""
    content = review(sandbox, parse_single(sandbox.switches, body))
    schedule = sandbox.book.submit(content, sandbox.clock.now())
    return json_response({"schedule_id": schedule.schedule_id})


def submit_batch_schedule(sandbox: Sandbox, _schedule_id: str, body: bytes) -> ApiResponse:
    """``POST /v1/schedule/batch``: schedule one message each for up to 1,000 recipients."""
    content = review(sandbox, parse_batch(sandbox.switches, body))
    if not _becomes_schedule(sandbox, content):
        return json_response(_counts(sandbox, content))
    schedule = sandbox.book.submit(content, sandbox.clock.now())
    return json_response({"schedule_id": schedule.schedule_id, **_counts(sandbox, content)})


def modify_schedule(sandbox: Sandbox, schedule_id: str, body: bytes) -> ApiResponse:
    """``PUT /v1/schedule/{schedule_id}``: replace the content of a schedule by one message."""
    order = parse_single(sandbox.switches, body)
    schedule = _modifiable(sandbox, schedule_id, order)
    _modify(sandbox, schedule, review(sandbox, order, schedule))
    return json_response({"schedule_id": schedule.schedule_id})


def modify_batch_schedule(sandbox: Sandbox, schedule_id: str, body: bytes) -> ApiResponse:
    """``PUT /v1/schedule/batch/{schedule_id}``: replace the content of a schedule by a batch."""
    order = parse_batch(sandbox.switches, body)
    schedule = _modifiable(sandbox, schedule_id, order)
    content = review(sandbox, order, schedule)
    if not _becomes_schedule(sandbox, content):
        return json_response(_counts(sandbox, content))
    _modify(sandbox, schedule, content)
    return json_response({"schedule_id": schedule.schedule_id, **_counts(sandbox, content)})


def query_schedule(sandbox: Sandbox, schedule_id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/schedule/{schedule_id}``: return a schedule, which has no status."""
    schedule = _schedule(sandbox, schedule_id)
    result = {
        "pending": "record",
        "sent": sandbox.switches.query_sent,
        "deleted": sandbox.switches.query_deleted,
    }[schedule.status]
    if result != "record":
        raise Refusal(int(result))
    return json_response(_record(sandbox, schedule))


def delete_schedule(sandbox: Sandbox, schedule_id: str, _body: bytes) -> ApiResponse:
    """``DELETE /v1/schedule/{schedule_id}``: cancel a schedule; the response is empty."""
    schedule = _schedule(sandbox, schedule_id)
    if schedule.status == "sent":
        raise Refusal(int(sandbox.switches.delete_sent))
    if schedule.status == "pending":
        sandbox.book.delete(schedule, sandbox.clock.now())
    elif sandbox.switches.delete_deleted != "ok":
        raise Refusal(int(sandbox.switches.delete_deleted))
    return ApiResponse()


PATHS: tuple[tuple[str, dict[str, Handler]], ...] = (
    ("/v1/schedule", {"POST": submit_schedule}),
    ("/v1/schedule/batch", {"POST": submit_batch_schedule}),
    ("/v1/schedule/batch/([^/]+)", {"PUT": modify_batch_schedule}),
    (
        "/v1/schedule/([^/]+)",
        {"PUT": modify_schedule, "GET": query_schedule, "DELETE": delete_schedule},
    ),
    ("/v1/templates/([^/]+)", {"GET": get_template}),
    ("/v1/sign/([^/]+)", {"GET": get_sign}),
    ("/v1/report", {"GET": fetch_reports}),
    ("/v1/reply", {"GET": fetch_replies}),
    ("/v1/accounts/app", {"GET": balance}),
    ("/v1/accounts/dev", {"GET": developer_balance}),
)


def call_name(method: str, path: str) -> str | None:
    """Return the name of the requested call, None if the API has no such call."""
    try:
        return _route(method, path)[0].__name__
    except Refusal:
        return None


def handle(
    sandbox: Sandbox, address: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> ApiResponse:
    """Send everything that is due, then handle a request.

    :param address: the IP address of the client.
    :param headers: by lower-case name.
    """
    with sandbox.lock:
        sandbox.changed.set()
        sandbox.send_due()
        try:
            # The order of the checks is undocumented; here the client comes before its order.
            handler, wanted = _route(method, path)
            is_developer = handler is developer_balance
            credentials = sandbox.developer if is_developer else sandbox.credentials
            credentials.check(headers.get("authorization"))
            sandbox.account.check_caller(address)
            if method in {"POST", "PUT"}:
                check_media_type(headers.get("content-type"))
            return handler(sandbox, wanted, body)
        except Refusal as refusal:
            return error_response(refusal.code, message=refusal.message)


def _route(method: str, path: str) -> tuple[Handler, str]:
    """Return the call and the id in the path, '' if the path has none.

    :raises Refusal: 50016 for an unknown path, 50018 for an unsupported method.
    """
    for pattern, methods in PATHS:
        if found := re.fullmatch(pattern, path):
            if method not in methods:
                raise Refusal(ErrorCode.METHOD_NOT_SUPPORTED)
            return methods[method], "".join(found.groups())
    raise Refusal(ErrorCode.API_NOT_FOUND)


def _schedule(sandbox: Sandbox, schedule_id: str) -> Schedule:
    if schedule_id not in sandbox.book.schedules:
        raise Refusal(ErrorCode.INVALID_SCHEDULE_ID)
    return sandbox.book.schedules[schedule_id]


def _modifiable(sandbox: Sandbox, schedule_id: str, order: Order) -> Schedule:
    schedule = _schedule(sandbox, schedule_id)
    if schedule.status != "pending":
        raise Refusal(ErrorCode.WRONG_SCHEDULE_STATUS)
    is_cross_kind = schedule.content.kind != order.kind
    if is_cross_kind and sandbox.switches.cross_kind_modify == "refuse":
        raise Refusal(ErrorCode.INVALID_SCHEDULE_ID)
    return schedule


def _modify(sandbox: Sandbox, schedule: Schedule, content: Content) -> None:
    sandbox.book.modify(schedule, content, sandbox.clock.now())
    if sandbox.switches.modify_returns == "new_id":
        sandbox.book.rename(schedule)


def _becomes_schedule(sandbox: Sandbox, content: Content) -> bool:
    """Return whether a batch is scheduled, also if every recipient was refused."""
    if content.recipients:
        return True
    if sandbox.switches.all_failed_batch == "error":
        raise Refusal(content.failures[0].code)
    return sandbox.switches.all_failed_batch == "schedule_id"


def _counts(sandbox: Sandbox, content: Content) -> dict[str, object]:
    return {
        "success_count": len(content.recipients),
        "failure_count": len(content.failures),
        "failure_recipients": [
            {
                "error_code": str(failure.code),
                "error_message": message_of(failure.code),
                **_person(sandbox, failure),
            }
            for failure in content.failures
        ],
    }


def _record(sandbox: Sandbox, schedule: Schedule) -> dict[str, object]:
    content = schedule.content
    has_ids = schedule.status == "sent" or sandbox.switches.msg_id_when == "accepted"
    recipients = [
        {**_msg_id(sandbox, person.msg_id if has_ids else None), **_person(sandbox, person)}
        for person in content.recipients
    ]
    if sandbox.switches.failed_recipients_in_query == "yes":
        recipients += [_person(sandbox, failure) for failure in content.failures]
    return {
        "schedule_id": schedule.schedule_id,
        "send_time": sandbox.clock.wall(content.send_at),
        "temp_id": content.temp_id,
        "recipients": recipients,
    }


def _person(sandbox: Sandbox, person: Recipient | Failure) -> dict[str, object]:
    if person.temp_para is None:
        form = sandbox.switches.temp_para_missing_as
        return {"mobile": person.mobile, **_missing("temp_para", form, empty={})}
    return {"mobile": person.mobile, "temp_para": person.temp_para}


def _msg_id(sandbox: Sandbox, msg_id: int | None) -> dict[str, object]:
    if msg_id is None:
        return _missing("msg_id", sandbox.switches.msg_id_missing_as, empty="")
    is_number = sandbox.switches.msg_id_type == "number"
    return {"msg_id": msg_id if is_number else str(msg_id)}


def _missing(name: str, form: str, *, empty: object) -> dict[str, object]:
    forms: dict[str, dict[str, object]] = {
        "absent": {},
        "null": {name: None},
        "empty": {name: empty},
    }
    return forms[form]
