"""The moment of sending: a text that was accepted may still fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_jsms.api.statuses import DELIVERED, STATUSES
from airflow_provider_jsms.sandbox.clock import milliseconds
from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal, message_of
from airflow_provider_jsms.sandbox.schedules import FREQUENCY_PERIOD, DeliveryFailure

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.account import Template
    from airflow_provider_jsms.sandbox.schedules import Content, Recipient, Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox

# The documents name these statuses, but not the failures that they report.
_REPORTED_AS = {
    ErrorCode.INVALID_MOBILE: 4004,
    ErrorCode.NO_MONEY: 4005,
    ErrorCode.OUT_OF_FREQUENCY: 4006,
    ErrorCode.HAS_BLACK_WORD: 4010,
}
_OTHER_ERROR = 4100


def dispatch(sandbox: Sandbox, schedule: Schedule) -> None:
    """Send the texts of a due schedule, and write their delivery reports.

    When a text is charged is undocumented; here it is when JSMS hands it to the carrier.
    """
    content = schedule.content
    template = sandbox.templates[content.temp_id]
    for recipient in content.recipients:
        failure = _not_dispatched(sandbox, template, content, recipient)
        is_dispatched = failure is None
        if is_dispatched:
            sandbox.account.charge(template.type, recipient.cost)
            sandbox.dispatched[recipient.mobile].append(content.send_at)
            failure = _not_delivered(sandbox, recipient)
        if failure:
            schedule.undelivered[recipient.msg_id] = failure
        if is_dispatched or sandbox.switches.dispatch_failure_report == "row":
            _report(sandbox, content, recipient, failure)


def _not_dispatched(
    sandbox: Sandbox, template: Template, content: Content, recipient: Recipient
) -> DeliveryFailure | None:
    """Return why JSMS does not hand a text to the carrier, if so."""
    try:
        sandbox.account.check_state()
        template.check_status()
        sandbox.check_sign(content.sign_id)
        sandbox.check_number(recipient.mobile, template)
        sandbox.account.check_words(recipient.text)
        _check_frequency(sandbox, content, recipient)
        sandbox.account.check_balance(template.type, recipient.cost)
    except Refusal as refusal:
        status = _REPORTED_AS.get(ErrorCode(refusal.code), _OTHER_ERROR)
        return DeliveryFailure(status, message_of(refusal.code))
    is_barred = sandbox.switches.marketing_at_night == "undelivered" and template.is_marketing
    if is_barred and sandbox.clock.is_night(content.send_at):
        return DeliveryFailure(_OTHER_ERROR, "marketing text outside 08:00 to 21:00")
    return None


def _check_frequency(sandbox: Sandbox, content: Content, recipient: Recipient) -> None:
    limit = sandbox.account.frequency_limit
    if limit is None:
        return
    earliest = content.send_at - FREQUENCY_PERIOD
    if sum(at > earliest for at in sandbox.dispatched[recipient.mobile]) >= limit:
        raise Refusal(ErrorCode.OUT_OF_FREQUENCY)


def _not_delivered(sandbox: Sandbox, recipient: Recipient) -> DeliveryFailure | None:
    """Return why the carrier does not deliver a text, if so."""
    status = sandbox.deliveries.get(recipient.mobile)
    return None if status is None else DeliveryFailure(status, STATUSES[status])


def _report(
    sandbox: Sandbox, content: Content, recipient: Recipient, failure: DeliveryFailure | None
) -> None:
    row = {
        "msgId": str(recipient.msg_id),
        "phone": recipient.mobile,
        "receiveTime": milliseconds(content.send_at),
        "status": failure.status if failure else DELIVERED,
    }
    sandbox.reports.add(content.send_at, row)
