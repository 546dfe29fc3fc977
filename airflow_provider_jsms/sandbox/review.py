"""The review of an order: whether the service takes it, and for whom it does not."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.answers import Refusal
from airflow_provider_jsms.sandbox.schedules import Content, Failure, Recipient

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.orders import Order, Wanted
    from airflow_provider_jsms.sandbox.schedules import Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox
    from airflow_provider_jsms.sandbox.templates import Signature, Template

_MAINLAND_MOBILE = re.compile("1[3-9][0-9]{9}")
_SPECIAL_SYMBOLS = set("【】")


def review(sandbox: Sandbox, order: Order, replaced: Schedule | None = None) -> Content:
    """Return what the order will send.

    What is wrong with one recipient of a batch is a failure of that recipient; all else refuses
    the whole request.

    :param replaced: the schedule that the order modifies, None for a new one.
    :raises Refusal: with the code of what is wrong.
    """
    send_at = _send_at(sandbox, order.send_time)
    template = _template(sandbox, order.temp_id)
    signature = _signature(sandbox, order.sign_id, replaced)
    recipients = _RecipientReview(sandbox, template, signature, send_at, replaced)
    accepted, failures = recipients.sort(order.recipients)
    if failures and order.kind == "single":
        raise Refusal(failures[0].code)
    tag = _tag(sandbox, order.tag, replaced)
    content = Content(
        order.kind, send_at, order.temp_id, signature.sign_id, tag, accepted, failures
    )
    if content.cost > sandbox.account.balance:
        raise Refusal(reasons.NO_MONEY)
    return content


def _send_at(sandbox: Sandbox, send_time: object) -> datetime:
    try:
        send_at = sandbox.clock.instant(send_time if isinstance(send_time, str) else "")
    except ValueError:
        raise Refusal(reasons.INVALID_SEND_TIME) from None
    if send_at <= sandbox.clock.now():
        raise Refusal(reasons.INVALID_SEND_TIME)
    return send_at


def _template(sandbox: Sandbox, temp_id: int) -> Template:
    template = sandbox.templates.get(temp_id)
    if template is None:
        raise Refusal(reasons.INVALID_TEMP_ID)
    template.check()
    return template


def _signature(sandbox: Sandbox, sign_id: int | None, replaced: Schedule | None) -> Signature:
    if sign_id is None and replaced and sandbox.switches.modify_without_sign_id == "kept":
        sign_id = replaced.content.sign_id
    if sign_id is None:
        return _default_signature(sandbox)
    if sign_id not in sandbox.signs:
        raise Refusal(reasons.INVALID_SIGN_ID)
    return sandbox.signs[sign_id]


def _tag(sandbox: Sandbox, tag: str | None, replaced: Schedule | None) -> str | None:
    if tag is None and replaced and sandbox.switches.modify_without_tag == "kept":
        return replaced.content.tag
    return tag


def _default_signature(sandbox: Sandbox) -> Signature:
    for signature in sandbox.signs.values():
        if signature.is_default and sandbox.account.has_signature:
            return signature
    raise Refusal(reasons.SIGNATURE_NOT_SET)


class _RecipientReview:
    """The review of the recipients of one order, one after the other."""

    def __init__(
        self,
        sandbox: Sandbox,
        template: Template,
        signature: Signature,
        send_at: datetime,
        replaced: Schedule | None,
    ) -> None:
        self._sandbox = sandbox
        self._template = template
        self._signature = signature
        self._send_at = send_at
        self._replaced = replaced
        self._texts: set[tuple[str, str]] = set()
        self._messages: Counter[str] = Counter()

    def sort(self, wanted: list[Wanted]) -> tuple[list[Recipient], list[Failure]]:
        """Sort the recipients into those accepted and those refused, each in their order."""
        accepted, failures = [], []
        for mobile, temp_para in wanted:
            try:
                text = self._text(mobile, temp_para)
            except Refusal as refusal:
                failures.append(Failure(mobile, temp_para, refusal.code))
            else:
                msg_id = self._sandbox.new_msg_id()
                accepted.append(Recipient(mobile, temp_para, text, msg_id))
        return accepted, failures

    def _text(self, mobile: str, temp_para: dict[str, object] | None) -> str:
        self._check_number(mobile)
        text = self._template.render(temp_para or {})
        if _SPECIAL_SYMBOLS & set(text):
            raise Refusal(reasons.CONTENT_HAS_SPECIAL_SYMBOL)
        text = f"【{self._signature.text}】{text}"
        self._check_content(text)
        self._check_repetition(mobile, text)
        return text

    def _check_number(self, mobile: str) -> None:
        state = self._sandbox.numbers.get(mobile)
        if state == "invalid" or not _MAINLAND_MOBILE.fullmatch(mobile):
            raise Refusal(reasons.INVALID_MOBILE)
        if state == "unsubscribed":
            raise Refusal(reasons.UNSUBSCRIBED_MOBILE)

    def _check_content(self, text: str) -> None:
        if any(word in text for word in self._sandbox.account.black_words):
            raise Refusal(reasons.HAS_BLACK_WORD)
        if len(text) > int(self._sandbox.switches.content_limit):
            raise Refusal(reasons.INVALID_CONTENT_LENGTH)

    def _check_repetition(self, mobile: str, text: str) -> None:
        if (mobile, text) in self._texts:
            raise Refusal(reasons.REPEATED_SEND)
        limit = self._sandbox.account.frequency_limit
        if limit is not None and self._messages_to(mobile) >= limit:
            raise Refusal(reasons.OUT_OF_FREQUENCY)
        self._texts.add((mobile, text))
        self._messages[mobile] += 1

    def _messages_to(self, mobile: str) -> int:
        near = self._sandbox.book.messages_near(mobile, self._send_at, self._replaced)
        return near + self._messages[mobile]
