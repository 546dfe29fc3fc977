"""Comparing requests without storing anything readable of them.

A plain hash of a phone number can be undone by trying all numbers, so fingerprints are keyed with
the master secret. The key has an id of its own: after the secret changes, fingerprints cannot be
compared, which is not the same as being different.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.submission.lists.chunks import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.hooks.connection import JsmsSettings

_LENGTH: Final = 32
_PERSONAL: Final = frozenset({"mobile", "temp_para", "recipients"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """The credentials of a connection: ``app`` stands for the app key, ``key`` for the secret."""

    app: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Fingerprint(Account):
    """One request.

    :param request: stands for the whole body.
    :param given: stands for the body with its ``send_time`` as it was before a send_window moved
        it.
    :param text: stands for the body without its ``send_time``.
    :param people: stands for the numbers, in any order.
    """

    request: str
    given: str
    text: str
    people: str

    def is_comparable(self, other: Mapping[str, Any]) -> bool:
        """Return whether the recorded fingerprint was made with the same secret."""
        return other.get("key") == self.key

    def is_same_request(self, other: Mapping[str, Any]) -> bool:
        """Return whether the recorded fingerprint stands for the same request.

        It does too if only the send_window has changed: an accepted schedule stays where it is.
        """
        return other.get("request") == self.request or other.get("given") == self.given

    def is_for_same_people(self, other: Mapping[str, Any]) -> bool:
        """Return whether the recorded request went to the same numbers by the same application."""
        return other.get("people") == self.people and other.get("app") == self.app


def account_of(settings: JsmsSettings) -> Account:
    """Return the account of a connection."""
    return Account(
        app=hashlib.sha256(settings.app_key.encode()).hexdigest()[:_LENGTH],
        key=_keyed(settings.master_secret, b"key"),
    )


def fingerprint_of(
    call: Call[Any], settings: JsmsSettings, content: bytes | None = None
) -> Fingerprint:
    """Return the fingerprint of a submission.

    :param content: the digest of its recipients, if it is known already.
    """
    people = call.recipients
    content = content or digest(people)

    def sealed(fields: Mapping[str, Any]) -> str:
        text = json.dumps(fields, sort_keys=True)
        return _keyed(settings.master_secret, text.encode(), content)

    shared = {name: item for name, item in (call.body or {}).items() if name not in _PERSONAL}
    given = {"send_time": call.send_time.as_given.wire} if call.send_time else {}
    return Fingerprint(
        **vars(account_of(settings)),
        request=sealed(shared),
        given=sealed({**shared, **given}),
        text=sealed({name: item for name, item in shared.items() if name != "send_time"}),
        people=people_fingerprint([person["mobile"] for person in people], settings),
    )


def people_fingerprint(numbers: Iterable[str], settings: JsmsSettings) -> str:
    """Return what stands for numbers, in any order."""
    return _keyed(settings.master_secret, " ".join(sorted(numbers)).encode())


def list_fingerprint(digests: Sequence[bytes], settings: JsmsSettings) -> str:
    """Return the fingerprint of a list, given the digests of its chunks."""
    return _keyed(settings.master_secret, *digests)


def _keyed(secret: str, *parts: bytes) -> str:
    return hmac.digest(secret.encode(), b" ".join(parts), "sha256").hex()[:_LENGTH]
