"""The account behind the app key: what may make every call fail, whatever it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.accept import COUNT, FLAG, TEXTS, accept, or_null
from airflow_provider_jsms.sandbox.answers import Refusal


@dataclass
class Account:
    """The state of the account.

    :param balance: messages that can still be sent; a long text costs several.
    :param service_open: whether the SMS service is open, otherwise 50008.
    :param frozen: whether the developer account is frozen: 50301.
    :param blacklisted: whether the app is blacklisted: 50036.
    :param quota_assigned: whether the app has a balance of its own, otherwise the balance call
        gets 50033.
    :param has_signature: whether the app has a signature, otherwise a request without ``sign_id``
        gets 50046.
    :param allowed_ips: the addresses that may call, None for any; the others get 50035.
    :param black_words: words that no message may contain: 50037.
    :param frequency_limit: the messages that one number may get within 24 hours, scheduled ones
        included, None for any number of them; one more is 50009.
    """

    balance: int = 1_000_000
    service_open: bool = True
    frozen: bool = False
    blacklisted: bool = False
    quota_assigned: bool = True
    has_signature: bool = True
    allowed_ips: list[str] | None = None
    black_words: list[str] = field(default_factory=list)
    frequency_limit: int | None = None

    def change(self, given: object) -> None:
        """Set some of the fields.

        :raises NotAcceptedError: naming the fields, or what the one accepts.
        """
        for name, value in accept(given, CHECKS).items():
            setattr(self, name, value)

    def check_caller(self, address: str) -> None:
        """Refuse a caller that may make no call at all."""
        if self.allowed_ips is not None and address not in self.allowed_ips:
            raise Refusal(reasons.ILLEGAL_IP)
        if self.blacklisted:
            raise Refusal(reasons.APP_BLACKLISTED)
        if self.frozen:
            raise Refusal(reasons.ACCOUNT_FROZEN)

    def check_service(self) -> None:
        """Refuse a schedule call while the SMS service is not open."""
        if not self.service_open:
            raise Refusal(reasons.SERVICE_NOT_OPEN)


CHECKS = {
    "balance": COUNT,
    "service_open": FLAG,
    "frozen": FLAG,
    "blacklisted": FLAG,
    "quota_assigned": FLAG,
    "has_signature": FLAG,
    "allowed_ips": or_null(TEXTS),
    "black_words": TEXTS,
    "frequency_limit": or_null(COUNT),
}
