"""Request bodies: parsed into an order, which is reviewed into the content of a schedule.

Parsing is lenient where real clients differ: unknown keys are ignored (one SDK sends ``type`` and
``ttl``), ``tag`` and ``sign_id`` may be null, ids may be numeric strings.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_jsms.sandbox.account import APPROVED
from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal, from_json, message_of
from airflow_provider_jsms.sandbox.schedules import Content, Failure, Recipient
from airflow_provider_jsms.sandbox.validation import is_integer, is_mobile

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_jsms.sandbox.account import Signature, Template
    from airflow_provider_jsms.sandbox.schedules import Kind, Schedule
    from airflow_provider_jsms.sandbox.state import Sandbox
    from airflow_provider_jsms.sandbox.switches import Switches

MAX_RECIPIENTS = 1_000
MAX_TAG_CHARACTERS = 10

# requests sends no Content-Type with a string, and one SDK sends text/plain: both carry JSON.
_MEDIA_TYPES = ("", "application/json", "text/plain")
_NUMERIC = re.compile("[0-9]{1,18}")
_SPECIAL_SYMBOLS = set("【】")
_MAX_NAMED = 20


class Person(NamedTuple):
    """A recipient as requested; ``temp_para`` is None if the request has none."""

    mobile: str
    temp_para: dict[str, object] | None


class Order(NamedTuple):
    """A parsed request, not yet reviewed."""

    kind: Kind
    send_time: object
    temp_id: int
    sign_id: int | None
    tag: str | None
    people: list[Person]


def check_media_type(content_type: str | None) -> None:
    """Refuse a ``Content-Type`` other than JSON, such as a form, with 50017."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise Refusal(ErrorCode.MEDIA_NOT_SUPPORTED)


def parse_single(switches: Switches, body: bytes) -> Order:
    """Parse the body of a single call."""
    given = _object(body)
    return _order("single", given, [_person(switches, given)])


def parse_batch(switches: Switches, body: bytes) -> Order:
    """Parse the body of a batch call."""
    given = _object(body)
    recipients = given.get("recipients")
    if recipients is None or recipients == []:
        raise Refusal(ErrorCode.RECIPIENTS_EMPTY)
    if not isinstance(recipients, list):
        raise Refusal(ErrorCode.INVALID_BODY)
    if len(recipients) > MAX_RECIPIENTS:
        raise Refusal(ErrorCode.TOO_MANY_RECIPIENTS)
    return _order("batch", given, [_person(switches, each) for each in recipients])


def _order(kind: Kind, given: dict[str, Any], people: list[Person]) -> Order:
    temp_id = _identifier(given.get("temp_id"), ErrorCode.INVALID_TEMP_ID)
    if temp_id is None:
        raise Refusal(ErrorCode.MISSING_TEMP_ID)
    sign_id = _identifier(given.get("sign_id"), ErrorCode.INVALID_SIGN_ID)
    tag = given.get("tag")
    if tag is not None and not (isinstance(tag, str) and len(tag) <= MAX_TAG_CHARACTERS):
        raise Refusal(ErrorCode.INVALID_BODY)
    return Order(kind, given.get("send_time"), temp_id, sign_id, tag, people)


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise Refusal(ErrorCode.MISSING_BODY)
    try:
        given = from_json(body)
    except ValueError:
        raise Refusal(ErrorCode.INVALID_BODY) from None
    if not isinstance(given, dict):
        raise Refusal(ErrorCode.INVALID_BODY)
    return given


def _person(switches: Switches, given: object) -> Person:
    if not isinstance(given, dict):
        raise Refusal(ErrorCode.INVALID_BODY)
    mobile, temp_para = given.get("mobile"), given.get("temp_para")
    if mobile is None or mobile == "":
        raise Refusal(ErrorCode.MISSING_MOBILE)
    if is_integer(mobile) and switches.numeric_mobile == "accept":
        mobile = str(mobile)
    if not isinstance(mobile, str) or not _is_temp_para(temp_para):
        raise Refusal(ErrorCode.INVALID_BODY)
    return Person(mobile, temp_para)


def _is_temp_para(given: object) -> bool:
    # One SDK used to send an empty temp_para as [], which the service refused.
    return given is None or (isinstance(given, dict) and all(map(_is_value, given.values())))


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, str | float) or is_integer(value)


def _identifier(given: object, invalid: ErrorCode) -> int | None:
    if given is None or given == "":
        return None
    if isinstance(given, str):
        if not _NUMERIC.fullmatch(given):
            raise Refusal(invalid)
        return int(given)
    if isinstance(given, int) and is_integer(given):
        return given
    raise Refusal(ErrorCode.INVALID_BODY)


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
