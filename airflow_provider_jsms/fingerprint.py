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

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH: Final = 32


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


def fingerprint(body: Mapping[str, Any], *, app_key: str, master_secret: str) -> Fingerprint:
    """Return the fingerprint of the body of a single or a batch schedule."""
    people = [each["mobile"] for each in body.get("recipients", [body])]
    return Fingerprint(
        request=_keyed(master_secret, body),
        people=_keyed(master_secret, sorted(people)),
        app=hashlib.sha256(app_key.encode()).hexdigest()[:_LENGTH],
        key=_keyed(master_secret, "key"),
    )


def _keyed(secret: str, content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
