"""The calls that only read: templates, signatures, delivery reports, replies and balances."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta  # noqa: TC003 - pydantic reads the fields of an inbox
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.statuses import INTERVAL, MAX_ROWS
from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal, json_response

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.responses import ApiResponse
    from airflow_provider_jsms.sandbox.state import Sandbox

_VERIFICATION_SECONDS = 300
_PULL_INTERVAL = timedelta(seconds=INTERVAL)


@dataclass
class Inbox:
    """Rows to pull, oldest first.

    :param kept: how long an unread row can be read.
    :param rows: the unread ones, each with the time of its event.
    """

    kept: timedelta
    pulled_at: datetime | None = None
    rows: deque[tuple[datetime, dict[str, Any]]] = field(default_factory=deque)

    def add(self, at: datetime, row: dict[str, Any]) -> None:
        """Add the row of an event."""
        self.rows.append((at, row))

    def pull(self, now: datetime) -> list[dict[str, Any]]:
        """Return the oldest rows, at most 500, and forget them."""
        self.pulled_at = now
        while self.rows and self.rows[0][0] < now - self.kept:
            self.rows.popleft()
        return [self.rows.popleft()[1] for _ in range(min(MAX_ROWS, len(self.rows)))]

    def may_pull(self, now: datetime) -> bool:
        """Return whether the last pull is long enough ago."""
        return self.pulled_at is None or now - self.pulled_at >= _PULL_INTERVAL


def get_template(sandbox: Sandbox, temp_id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/templates/{temp_id}``: return the text, type and review state of a template."""
    template = sandbox.templates.get(_number(temp_id))
    if template is None:
        raise Refusal(ErrorCode.INVALID_TEMP_ID)
    return json_response(
        {
            "temp_id": template.temp_id,
            "template": template.text,
            "type": template.type,
            "ttl": _VERIFICATION_SECONDS if template.is_verification else None,
            "remark": "",
            "status": template.status,
        }
    )


def get_sign(sandbox: Sandbox, sign_id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/sign/{sign_id}``: return the text and review state of a signature."""
    signature = sandbox.signs.get(_number(sign_id))
    if signature is None:
        raise Refusal(ErrorCode.INVALID_SIGN_ID)
    return json_response(
        {
            "sign_id": signature.sign_id,
            "sign": signature.text,
            "status": signature.status,
            "is_default": int(signature.is_default),
            "use_status": int(signature.is_default),
        }
    )


def fetch_reports(sandbox: Sandbox, _id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/report``: return the next delivery reports, each of them once."""
    return _pull(sandbox, sandbox.reports)


def fetch_replies(sandbox: Sandbox, _id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/reply``: return the next replies, each of them once."""
    return _pull(sandbox, sandbox.replies)


def balance(sandbox: Sandbox, _id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/accounts/app``: return the balance of the application."""
    account = sandbox.account
    if not account.quota_assigned:
        raise Refusal(ErrorCode.QUOTA_NOT_ASSIGNED)
    return json_response(
        {
            "app_balance": account.balance,
            "app_voice": account.voice_balance,
            "app_industry": account.industry_balance,
            "app_market": account.market_balance,
        }
    )


def developer_balance(sandbox: Sandbox, _id: str, _body: bytes) -> ApiResponse:
    """``GET /v1/accounts/dev``: return the balance of the developer, for all applications."""
    others = {"dev_voice": 0, "dev_industry": 0, "dev_market": 0}
    return json_response({"dev_balance": sandbox.account.developer_balance, **others})


def _pull(sandbox: Sandbox, inbox: Inbox) -> ApiResponse:
    if sandbox.account.callback:
        raise Refusal(ErrorCode.PULL_NOT_ALLOWED)
    now = sandbox.clock.now()
    is_shared = sandbox.switches.pull_limit == "per_app_key"
    limited = (sandbox.reports, sandbox.replies) if is_shared else (inbox,)
    if not all(each.may_pull(now) for each in limited):
        raise Refusal(ErrorCode.PULL_OUT_OF_FREQUENCY)
    return json_response(inbox.pull(now))


def _number(given: str) -> int:
    """Return an id in a path as a number, or one that does not exist."""
    return int(given) if given.isascii() and given.isdigit() else -1
