"""The app key and the master secret, and how a request proves that it knows them."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.answers import Refusal

DEFAULT_APP_KEY = "sandboxAppKey00000000000"
DEFAULT_MASTER_SECRET = "sandboxMasterSecret00000"  # noqa: S105 - it opens nothing but a sandbox


class Credentials(NamedTuple):
    """The pair that every call of the API carries as HTTP Basic."""

    app_key: str = DEFAULT_APP_KEY
    master_secret: str = DEFAULT_MASTER_SECRET

    def check(self, authorization: str | None) -> None:
        """Check the ``Authorization`` header of a request.

        :raises Refusal: 50001 without a header, 50002 for any that is not the right one.
        """
        if not authorization:
            raise Refusal(reasons.MISSING_AUTH)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "basic" or _decoded(token) != f"{self.app_key}:{self.master_secret}":
            raise Refusal(reasons.AUTH_FAILED)


def _decoded(token: str) -> str | None:
    try:
        return base64.b64decode(token.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
