"""The seven calls: what each does to the sandbox and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.answers import Answer, Refusal, document, message_of
from airflow_provider_jsms.sandbox.orders import read_batch, read_single
from airflow_provider_jsms.sandbox.review import review

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.orders import Order
    from airflow_provider_jsms.sandbox.schedules import Content, Failure, Recipient, Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox


def submit_schedule(sandbox: Sandbox, _schedule_id: str, body: bytes) -> Answer:
    """``POST /v1/schedule``: schedule one message."""
    content = review(sandbox, read_single(body))
    schedule = sandbox.book.submit(content, sandbox.clock.now())
    return document({"schedule_id": schedule.schedule_id})


def submit_batch_schedule(sandbox: Sandbox, _schedule_id: str, body: bytes) -> Answer:
    """``POST /v1/schedule/batch``: schedule one message each to up to 1,000 recipients."""
    content = review(sandbox, read_batch(body))
    if not _is_entered(sandbox, content):
        return document(_counts(sandbox, content))
    schedule = sandbox.book.submit(content, sandbox.clock.now())
    return document({"schedule_id": schedule.schedule_id, **_counts(sandbox, content)})


def modify_schedule(sandbox: Sandbox, schedule_id: str, body: bytes) -> Answer:
    """``PUT /v1/schedule/{schedule_id}``: replace the content of a schedule by one message."""
    order = read_single(body)
    schedule = _modifiable(sandbox, schedule_id, order)
    _modify(sandbox, schedule, review(sandbox, order, schedule))
    return document({"schedule_id": schedule.schedule_id})


def modify_batch_schedule(sandbox: Sandbox, schedule_id: str, body: bytes) -> Answer:
    """``PUT /v1/schedule/batch/{schedule_id}``: replace the content of a schedule by a batch."""
    order = read_batch(body)
    schedule = _modifiable(sandbox, schedule_id, order)
    content = review(sandbox, order, schedule)
    if not _is_entered(sandbox, content):
        return document(_counts(sandbox, content))
    _modify(sandbox, schedule, content)
    return document({"schedule_id": schedule.schedule_id, **_counts(sandbox, content)})


def query_schedule(sandbox: Sandbox, schedule_id: str, _body: bytes) -> Answer:
    """``GET /v1/schedule/{schedule_id}``: show a schedule; there is no status in it."""
    schedule = _schedule(sandbox, schedule_id)
    asked = {
        "pending": "record",
        "sent": sandbox.switches.query_sent,
        "deleted": sandbox.switches.query_deleted,
    }[schedule.status]
    if asked != "record":
        raise Refusal(int(asked))
    return document(_record(sandbox, schedule))


def delete_schedule(sandbox: Sandbox, schedule_id: str, _body: bytes) -> Answer:
    """``DELETE /v1/schedule/{schedule_id}``: take back a schedule; the answer is empty."""
    schedule = _schedule(sandbox, schedule_id)
    if schedule.status == "sent":
        raise Refusal(int(sandbox.switches.delete_sent))
    if schedule.status == "pending":
        sandbox.book.delete(schedule, sandbox.clock.now())
    elif sandbox.switches.delete_deleted != "ok":
        raise Refusal(int(sandbox.switches.delete_deleted))
    return Answer()


def balance(sandbox: Sandbox, _schedule_id: str, _body: bytes) -> Answer:
    """``GET /v1/accounts/app``: show the balance; nothing is assigned to the special kinds."""
    if not sandbox.account.quota_assigned:
        raise Refusal(reasons.QUOTA_NOT_ASSIGNED)
    special = {"app_voice": None, "app_industry": None, "app_market": None}
    return document({"app_balance": sandbox.account.balance, **special})


CALLS = tuple(
    call.__name__
    for call in (
        submit_schedule,
        submit_batch_schedule,
        modify_schedule,
        modify_batch_schedule,
        query_schedule,
        delete_schedule,
        balance,
    )
)
"""The names of the calls, as faults and recorded requests use them."""


def _schedule(sandbox: Sandbox, schedule_id: str) -> Schedule:
    if schedule_id not in sandbox.book.schedules:
        raise Refusal(reasons.INVALID_SCHEDULE_ID)
    return sandbox.book.schedules[schedule_id]


def _modifiable(sandbox: Sandbox, schedule_id: str, order: Order) -> Schedule:
    schedule = _schedule(sandbox, schedule_id)
    if schedule.status != "pending":
        raise Refusal(reasons.WRONG_SCHEDULE_STATUS)
    is_cross_kind = schedule.content.kind != order.kind
    if is_cross_kind and sandbox.switches.cross_kind_modify == "refuse":
        raise Refusal(reasons.INVALID_SCHEDULE_ID)
    return schedule


def _modify(sandbox: Sandbox, schedule: Schedule, content: Content) -> None:
    sandbox.book.modify(schedule, content, sandbox.clock.now())
    if sandbox.switches.modify_returns == "new_id":
        sandbox.book.rename(schedule)


def _is_entered(sandbox: Sandbox, content: Content) -> bool:
    """Tell whether a batch becomes a schedule, which is open if every recipient was refused."""
    if content.recipients:
        return True
    if sandbox.switches.all_failed_batch == "error":
        raise Refusal(content.failures[0].code)
    return sandbox.switches.all_failed_batch == "schedule_id"


def _counts(sandbox: Sandbox, content: Content) -> dict[str, object]:
    return {
        "success_count": len(content.recipients),
        "failure_count": len(content.failures),
        "failure_recipients": [_failure(sandbox, failure) for failure in content.failures],
    }


def _failure(sandbox: Sandbox, failure: Failure) -> dict[str, object]:
    reason = {"error_code": str(failure.code), "error_message": message_of(failure.code)}
    return {**reason, **_person(sandbox, failure)}


def _record(sandbox: Sandbox, schedule: Schedule) -> dict[str, object]:
    content = schedule.content
    are_shown = schedule.status == "sent" or sandbox.switches.msg_id_when == "accepted"
    recipients = [
        {
            **(_msg_id(sandbox, person) if are_shown else _no_msg_id(sandbox)),
            **_person(sandbox, person),
        }
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


def _person(sandbox: Sandbox, person: Recipient | Failure) -> dict[str, Any]:
    if person.temp_para is None:
        form = sandbox.switches.temp_para_missing_as
        return {"mobile": person.mobile, **_missing("temp_para", form, empty={})}
    return {"mobile": person.mobile, "temp_para": person.temp_para}


def _msg_id(sandbox: Sandbox, recipient: Recipient) -> dict[str, Any]:
    is_number = sandbox.switches.msg_id_type == "number"
    return {"msg_id": recipient.msg_id if is_number else str(recipient.msg_id)}


def _no_msg_id(sandbox: Sandbox) -> dict[str, Any]:
    return _missing("msg_id", sandbox.switches.msg_id_missing_as, empty="")


def _missing(name: str, form: str, *, empty: object) -> dict[str, Any]:
    """Return how an object shows a field that it has no value for."""
    forms: dict[str, dict[str, Any]] = {"absent": {}, "null": {name: None}, "empty": {name: empty}}
    return forms[form]
