"""Templates and signatures, and those that a new sandbox has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.accept import FLAG, TEXT, one_of
from airflow_provider_jsms.sandbox.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

VERIFICATION, NOTIFICATION, MARKETING = 1, 2, 3
AUDITING, APPROVED, REJECTED = 0, 1, 2

_VARIABLE = re.compile(r"\{\{([A-Za-z0-9_]+)\}\}")

TEMPLATE_CHECKS = {
    "text": TEXT,
    "type": one_of(VERIFICATION, NOTIFICATION, MARKETING),
    "status": one_of(AUDITING, APPROVED, REJECTED),
}
SIGNATURE_CHECKS = {"text": TEXT, "is_default": FLAG}


@dataclass
class Template:
    """The text of a message with its ``{{variables}}``.

    :param type: 1 verification, 2 notification, 3 marketing.
    :param status: 0 under audit, 1 approved, 2 rejected.
    """

    temp_id: int
    text: str
    type: int = NOTIFICATION
    status: int = APPROVED

    def check(self) -> None:
        """Refuse a template that no schedule can be made of."""
        if self.status == AUDITING:
            raise Refusal(reasons.TEMPLATE_AUDITING)
        if self.status == REJECTED:
            raise Refusal(reasons.TEMPLATE_NOT_PASSED)
        if self.type == VERIFICATION:
            raise Refusal(reasons.WRONG_TEMPLATE_TYPE)

    def render(self, temp_para: Mapping[str, object]) -> str:
        """Return the text with its variables replaced; what else is in ``temp_para`` is ignored.

        :raises Refusal: 50022 for a variable without a value, 50023 for one whose value is empty.
        """
        values = [temp_para.get(name, _NOT_GIVEN) for name in _VARIABLE.findall(self.text)]
        if _NOT_GIVEN in values:
            raise Refusal(reasons.PARAMETERS_NOT_ALL_REPLACED)
        if None in values or "" in values:
            raise Refusal(reasons.PARAMETER_EMPTY)
        return _VARIABLE.sub(lambda variable: str(temp_para[variable[1]]), self.text)


_NOT_GIVEN = object()


@dataclass
class Signature:
    """Who a message is from; it stands before the text in 【】."""

    sign_id: int
    text: str
    is_default: bool = False


def default_templates() -> dict[int, Template]:
    """Return the templates of a new sandbox by ``temp_id``.

    1 to 4 and 8 can be used; 5 is a verification template, 6 is under audit, 7 was rejected.
    """
    templates = [
        Template(1, "您的订单已发货，请注意查收。"),
        Template(2, "{{name}}，您好，您的预约已确认。"),
        Template(3, "{{name}}，您好，提醒您{{date}}在{{place}}有预约，请准时到达。"),
        Template(4, "{{name}}，会员日全场八折，期待您的光临。拒收请回复R", type=MARKETING),
        Template(5, "您的验证码是{{code}}，五分钟内有效。", type=VERIFICATION),
        Template(6, "{{name}}，您好，您的账单已生成。", status=AUDITING),
        Template(7, "{{name}}，恭喜您中奖了。", type=MARKETING, status=REJECTED),
        Template(8, "{{dag}}的任务{{task}}需要处理，请查看Airflow。"),
    ]
    return {template.temp_id: template for template in templates}


def default_signatures() -> dict[int, Signature]:
    """Return the signatures of a new sandbox by ``sign_id``: 1, the default one, and 2."""
    return {1: Signature(1, "沙盒诊所", is_default=True), 2: Signature(2, "沙盒商城")}
