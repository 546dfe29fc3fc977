"""The JSMS account: credentials, restrictions, templates and signatures."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_APP_KEY = "sandboxAppKey00000000000"
DEFAULT_MASTER_SECRET = "sandboxMasterSecret00000"  # noqa: S105 - it opens only a sandbox
DEFAULT_DEV_KEY = "sandboxDevKey00000000000"
DEFAULT_API_DEV_SECRET = "sandboxApiDevSecret00000"  # noqa: S105 - it opens only a sandbox

VERIFICATION, NOTIFICATION, MARKETING = 1, 2, 3
# The console adds these words by itself; a template may have its own ones.
OPT_OUT = "回TD退订"
_HAS_OPT_OUT = re.compile("退订|拒收|回T")
AUDITING, APPROVED, REJECTED = 0, 1, 2

_VARIABLE = re.compile(r"\{\{([A-Za-z0-9_]+)\}\}")
_NOT_GIVEN = object()


class Credentials(NamedTuple):
    """The user name and password that every API call sends as HTTP Basic."""

    app_key: str
    master_secret: str

    def check(self, authorization: str | None) -> None:
        """Validate an ``Authorization`` header.

        :raises Refusal: 50001 for a missing header, 50002 for wrong credentials.
        """
        if not authorization:
            raise Refusal(ErrorCode.MISSING_AUTH)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "basic" or _decoded(token) != f"{self.app_key}:{self.master_secret}":
            raise Refusal(ErrorCode.AUTH_FAILED)


def _decoded(token: str) -> str | None:
    try:
        return base64.b64decode(token.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


@dataclass
class Account:
    """The state of the account.

    :param balance: remaining messages of any type; a long text costs several.
    :param voice_balance: those for voice codes only; None if none are assigned.
    :param industry_balance: the same for verification and notification templates.
    :param market_balance: the same for marketing templates.
    :param developer_balance: the remaining messages of the developer, for all applications.
    :param service_open: False refuses every call with 50008.
    :param frozen: True refuses every call with 50301.
    :param blacklisted: True refuses every call with 50036.
    :param quota_assigned: False refuses the balance call with 50033.
    :param callback: True refuses to return reports and replies with 50202, as if they were sent to
        a callback.
    :param has_signature: False refuses requests without ``sign_id`` with 50046.
    :param allowed_ips: client addresses, None for any; others get 50035.
    :param black_words: words that get a message refused with 50037, or fail at its time.
    :param frequency_limit: maximum messages per number within 24 hours, None for no limit. One more
        fails at its time, or gets 50009: see the switch ``frequency_limit_at``.
    """

    balance: int = 1_000_000
    voice_balance: int | None = None
    industry_balance: int | None = None
    market_balance: int | None = None
    developer_balance: int = 1_000_000
    service_open: bool = True
    frozen: bool = False
    blacklisted: bool = False
    quota_assigned: bool = True
    callback: bool = False
    has_signature: bool = True
    allowed_ips: list[str] | None = None
    black_words: list[str] = field(default_factory=list)
    frequency_limit: int | None = None

    def check_caller(self, address: str) -> None:
        """Refuse a client that may not make any call."""
        if self.allowed_ips is not None and address not in self.allowed_ips:
            raise Refusal(ErrorCode.ILLEGAL_IP)
        self.check_state()

    def check_state(self) -> None:
        """Refuse an account that can neither call nor send."""
        if self.blacklisted:
            raise Refusal(ErrorCode.APP_BLACKLISTED)
        if self.frozen:
            raise Refusal(ErrorCode.ACCOUNT_FROZEN)
        if not self.service_open:
            raise Refusal(ErrorCode.SERVICE_NOT_OPEN)

    def check_words(self, text: str) -> None:
        """Refuse a text with a black word."""
        if any(word in text for word in self.black_words):
            raise Refusal(ErrorCode.HAS_BLACK_WORD)

    def check_balance(self, template_type: int, cost: int) -> None:
        """Refuse more messages than remain for a type of template."""
        if cost > self.balance + (getattr(self, _own_balance(template_type)) or 0):
            raise Refusal(ErrorCode.NO_MONEY)

    def charge(self, template_type: int, cost: int) -> None:
        """Take messages from the balance of a type of template, then from the common one."""
        name = _own_balance(template_type)
        own = min(cost, getattr(self, name) or 0)
        if own:
            setattr(self, name, getattr(self, name) - own)
        self.balance -= cost - own


def _own_balance(template_type: int) -> str:
    return "market_balance" if template_type == MARKETING else "industry_balance"


@dataclass
class Template:
    """A message text with ``{{variables}}``.

    :param type: 1 verification, 2 notification, 3 marketing.
    :param status: 0 under audit, 1 approved, 2 rejected.
    """

    temp_id: int
    text: str
    type: int = NOTIFICATION
    status: int = APPROVED

    @property
    def variables(self) -> list[str]:
        """The names of its variables, each once."""
        return list(dict.fromkeys(_VARIABLE.findall(self.text)))

    @property
    def is_verification(self) -> bool:
        """Whether it carries a verification code."""
        return self.type == VERIFICATION

    @property
    def is_marketing(self) -> bool:
        """Whether it advertises, so that people may unsubscribe."""
        return self.type == MARKETING

    def check_status(self) -> None:
        """Refuse a template that is not approved."""
        if self.status == AUDITING:
            raise Refusal(ErrorCode.TEMPLATE_AUDITING)
        if self.status == REJECTED:
            raise Refusal(ErrorCode.TEMPLATE_NOT_PASSED)

    def render(self, temp_para: Mapping[str, object]) -> str:
        """Return the text with its variables replaced; ignore surplus parameters.

        The words to opt out are added to a marketing text that has none.

        :raises Refusal: 50022 for a missing parameter, 50023 for an empty one.
        """
        values = [temp_para.get(name, _NOT_GIVEN) for name in _VARIABLE.findall(self.text)]
        if _NOT_GIVEN in values:
            raise Refusal(ErrorCode.PARAMETERS_NOT_ALL_REPLACED)
        if None in values or "" in values:
            raise Refusal(ErrorCode.PARAMETER_EMPTY)
        text = _VARIABLE.sub(lambda variable: str(temp_para[variable[1]]), self.text)
        needs_opt_out = self.is_marketing and not _HAS_OPT_OUT.search(self.text)
        return f"{text}{OPT_OUT}" if needs_opt_out else text


@dataclass
class Signature:
    """The sender's name, which precedes the text in 【】.

    :param status: 0 under audit, 1 approved, 2 rejected.
    """

    sign_id: int
    text: str
    is_default: bool = False
    status: int = APPROVED


def default_templates() -> dict[int, Template]:
    """Return the templates of a new sandbox by ``temp_id``; 6 and 7 are refused."""
    templates = [
        Template(1, "您的订单已发货，请注意查收。"),
        Template(2, "{{name}}，您好，您的预约已确认。"),
        Template(3, "{{name}}，您好，提醒您{{date}}在{{place}}有预约，请准时到达。"),
        Template(4, "{{name}}，会员日全场八折，期待您的光临。", type=MARKETING),
        Template(5, "您的验证码是{{code}}，五分钟内有效。", type=VERIFICATION),
        Template(6, "{{name}}，您好，您的账单已生成。", status=AUDITING),
        Template(7, "{{name}}，恭喜您中奖了。", type=MARKETING, status=REJECTED),
        Template(8, "{{dag}}的任务{{task}}需要处理，请查看Airflow。"),
    ]
    return {template.temp_id: template for template in templates}


def default_signatures() -> dict[int, Signature]:
    """Return the signatures of a new sandbox by ``sign_id``."""
    return {1: Signature(1, "沙盒诊所", is_default=True), 2: Signature(2, "沙盒商城")}
