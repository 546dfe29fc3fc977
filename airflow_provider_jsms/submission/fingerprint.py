"""Whether two requests are the same, without keeping anything of them that could be read.

A phone number has so few digits that a plain hash of it can be undone by trying them all. So the
hash is keyed with the master secret, and the key has an id of its own: after the secret was
changed two fingerprints cannot be compared, which is not the same as being different.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.submission.chunks import digest as digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_jsms.api.recipients import Recipient

_LENGTH: Final = 32
_OWN: Final = frozenset({"mobile", "temp_para", "recipients"})


@dataclass(frozen=True)
class Fingerprint:
    """What can be compared of a request.

    :param request: stands for everything that is sent.
    :param people: stands for the numbers that it is sent to, in any order.
    :param app: stands for the app key.
    :param key: stands for the master secret that the first two are keyed with.
    """

    request: str
    people: str
    app: str
    key: str

    def is_comparable(self, other: Mapping[str, Any]) -> bool:
        """Tell whether the recorded fingerprint was made with the same secret."""
        return other.get("key") == self.key

    def is_same_request(self, other: Mapping[str, Any]) -> bool:
        """Tell whether the recorded fingerprint stands for the same request."""
        return other.get("request") == self.request

    def is_for_same_people(self, other: Mapping[str, Any]) -> bool:
        """Tell whether the recorded request went to the same numbers by the same application."""
        return other.get("people") == self.people and other.get("app") == self.app


def fingerprint(
    body: Mapping[str, Any],
    people: Sequence[Recipient],
    *,
    digest: bytes | None = None,
    app_key: str,
    master_secret: str,
) -> Fingerprint:
    """Return the fingerprint of what is sent.

    :param body: the rest of it: what is not a recipient's own.
    :param people: the recipients, with their parameters.
    :param digest: of the recipients, if it is known.
    """
    numbers = [each["mobile"] for each in people]
    return Fingerprint(
        request=_request(body, digest or digest_of(people), master_secret),
        people=_keyed(master_secret, " ".join(sorted(numbers)).encode()),
        app=hashlib.sha256(app_key.encode()).hexdigest()[:_LENGTH],
        key=_keyed(master_secret, b"key"),
    )


def text_fingerprint(body: Mapping[str, Any], digest: bytes, *, master_secret: str) -> str:
    """Return what stands for everything that is sent but its ``send_time``."""
    timeless = {name: value for name, value in body.items() if name != "send_time"}
    return _request(timeless, digest, master_secret)


def _request(body: Mapping[str, Any], digest: bytes, master_secret: str) -> str:
    rest = {name: value for name, value in body.items() if name not in _OWN}
    return _keyed(master_secret, json.dumps(rest, sort_keys=True).encode(), digest)


@dataclass(frozen=True)
class ListFingerprint:
    """What can be compared of the list of a campaign.

    :param list: stands for its people and parameters, in order.
    :param key: stands for the master secret that it is keyed with.
    """

    list: str
    key: str

    def is_same(self, other: Mapping[str, Any]) -> bool:
        """Tell whether the recorded fingerprint stands for the same list."""
        return (other.get("list"), other.get("key")) == (self.list, self.key)


def list_fingerprint(digests: Sequence[bytes], *, master_secret: str) -> ListFingerprint:
    """Return the fingerprint of the list whose chunks have these digests."""
    return ListFingerprint(_keyed(master_secret, *digests), _keyed(master_secret, b"key"))


def _keyed(secret: str, *parts: bytes) -> str:
    return hmac.digest(secret.encode(), b" ".join(parts), "sha256").hex()[:_LENGTH]
