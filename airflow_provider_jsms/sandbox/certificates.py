"""Certificates for a sandbox that serves https: one that verifies, and those that do not."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable

_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_LONG_AGO: Final = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))


def server_context(take_fault: Callable[[], str | None]) -> tuple[ssl.SSLContext, bytes]:
    """Return how a server offers its certificate, and that of the authority which issued it.

    The authority exists for this server alone, and its key is kept nowhere.

    :param take_fault: tells at each handshake which fault it meets, None for none.
    """
    authority = trustme.CA(organization_name="JSMS sandbox")
    bad = {
        "unknown_authority": _context(trustme.CA().issue_cert(*_HOSTS)),
        "other_host": _context(authority.issue_cert("elsewhere.invalid")),
        "expired": _context(_expired(authority)),
    }

    def offer(connection: ssl.SSLSocket | ssl.SSLObject, *_: object) -> None:
        if reason := take_fault():
            connection.context = bad[reason]

    good = _context(authority.issue_cert(*_HOSTS))
    # It is called at every handshake, also where the client names no host.
    good.sni_callback = offer
    return good, authority.cert_pem.bytes()


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _expired(authority: trustme.CA) -> trustme.LeafCert:
    begin, end = _LONG_AGO
    return authority.issue_cert(*_HOSTS, not_before=begin, not_after=end)
