"""The review of an order: into the content of a schedule, or a refusal with its return code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox.account import APPROVED
from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal, message_of
from airflow_provider_jsms.sandbox.schedules import Content, Failure, Recipient
from airflow_provider_jsms.sandbox.validation import is_mobile

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.account import Signature, Template
    from airflow_provider_jsms.sandbox.orders import Order
    from airflow_provider_jsms.sandbox.schedules import Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox

_SPECIAL_SYMBOLS = set("【】")
_MAX_NAMED = 20


def review(sandbox: Sandbox, order: Order, replaced: Schedule | None = None) -> Content:
    """Return the content to schedule.

    An invalid recipient of a batch becomes a failure of that recipient; anything else refuses the
    whole request.

    :param replaced: the schedule to modify, None for a new one.
    :raises Refusal: with the return code.
    """
    send_at = _send_at(sandbox, order.send_time)
    template = _template(sandbox, order.temp_id)
    if template.is_marketing and sandbox.clock.is_night(send_at):
        send_at = _by_night(sandbox, send_at)
    signature = _signature(sandbox, order.sign_id, replaced)
    recipients, failures = _Review(sandbox, template, signature, send_at, replaced).sort(order)
    if failures and order.kind == "single":
        raise Refusal(failures[0].code)
    tag = order.tag
    if tag is None and replaced and sandbox.switches.modify_without_tag == "kept":
        tag = replaced.content.tag
    content = Content(
        order.kind, send_at, order.temp_id, signature.sign_id, tag, recipients, failures
    )
    sandbox.account.check_balance(template.type, content.cost)
    return content


def _send_at(sandbox: Sandbox, send_time: object) -> datetime:
    try:
        send_at = sandbox.clock.instant(send_time if isinstance(send_time, str) else "")
    except ValueError:
        raise Refusal(ErrorCode.INVALID_SEND_TIME) from None
    if send_at <= sandbox.clock.now():
        raise Refusal(ErrorCode.INVALID_SEND_TIME)
    return send_at


def _by_night(sandbox: Sandbox, send_at: datetime) -> datetime:
    if sandbox.switches.marketing_at_night == "refuse":
        raise Refusal(ErrorCode.INVALID_SEND_TIME)
    is_delayed = sandbox.switches.marketing_at_night == "delay"
    return sandbox.clock.next_morning(send_at) if is_delayed else send_at


def _template(sandbox: Sandbox, temp_id: int) -> Template:
    template = sandbox.templates.get(temp_id)
    if template is None:
        raise Refusal(ErrorCode.INVALID_TEMP_ID, _known_templates(sandbox, temp_id))
    template.check_status()
    if template.is_verification and sandbox.switches.verification_template == "refuse":
        raise Refusal(ErrorCode.WRONG_TEMPLATE_TYPE)
    return template


def _known_templates(sandbox: Sandbox, temp_id: int) -> str:
    known = ", ".join(map(str, list(sandbox.templates)[:_MAX_NAMED]))
    return (
        f"{message_of(ErrorCode.INVALID_TEMP_ID)}: this sandbox has {known}; add yours with "
        f"PUT /sandbox/templates/{temp_id}"
    )


def _signature(sandbox: Sandbox, sign_id: int | None, replaced: Schedule | None) -> Signature:
    if sign_id is None and replaced and sandbox.switches.modify_without_sign_id == "kept":
        sign_id = replaced.content.sign_id
    if sign_id is None:
        return _default_signature(sandbox)
    sandbox.check_sign(sign_id)
    return sandbox.signs[sign_id]


def _default_signature(sandbox: Sandbox) -> Signature:
    for signature in sandbox.signs.values():
        is_usable = signature.is_default and signature.status == APPROVED
        if is_usable and sandbox.account.has_signature:
            return signature
    raise Refusal(ErrorCode.SIGNATURE_NOT_SET)


@dataclass
class _Review:
    """The review of the recipients of one order."""

    sandbox: Sandbox
    template: Template
    signature: Signature
    send_at: datetime
    replaced: Schedule | None
    texts: set[tuple[str, str]] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)

    def sort(self, order: Order) -> tuple[list[Recipient], list[Failure]]:
        """Return the accepted and the refused recipients, in order."""
        accepted, failures = [], []
        for mobile, temp_para in order.people:
            try:
                text = self._text(mobile, temp_para or {})
            except Refusal as refusal:
                failures.append(Failure(mobile, temp_para, refusal.code))
            else:
                msg_id = self.sandbox.new_msg_id()
                accepted.append(Recipient(mobile, temp_para, text, msg_id))
        return accepted, failures

    def _text(self, mobile: str, temp_para: dict[str, object]) -> str:
        if not is_mobile(mobile):
            raise Refusal(ErrorCode.INVALID_MOBILE)
        self.sandbox.check_number(mobile, self.template)
        text = self.template.render(temp_para)
        if _SPECIAL_SYMBOLS & set(text):
            raise Refusal(ErrorCode.CONTENT_HAS_SPECIAL_SYMBOL)
        text = f"【{self.signature.text}】{text}"
        self._check_content(text)
        self._check_repetition(mobile, text)
        return text

    def _check_content(self, text: str) -> None:
        self.sandbox.account.check_words(text)
        if len(text) > int(self.sandbox.switches.content_limit):
            raise Refusal(ErrorCode.INVALID_CONTENT_LENGTH)

    def _check_repetition(self, mobile: str, text: str) -> None:
        if (mobile, text) in self.texts:
            raise Refusal(ErrorCode.REPEATED_SEND)
        if self.sandbox.switches.frequency_limit_at == "acceptance":
            self._check_frequency(mobile)
        self.texts.add((mobile, text))
        self.messages[mobile] += 1

    def _check_frequency(self, mobile: str) -> None:
        limit = self.sandbox.account.frequency_limit
        near = self.sandbox.book.messages_near(mobile, self.send_at, self.replaced)
        if limit is not None and near + self.messages[mobile] >= limit:
            raise Refusal(ErrorCode.OUT_OF_FREQUENCY)
