"""The kinds of faults, and the settings that each of them takes.

A kind is a function that gets an exchange, one request on its way to its answer, and brings about
what the client sees of it. A further kind is a further function and a further row in ``KINDS``.
Two kinds come before there is a request: they have no function, and are for every call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_jsms.sandbox import fault_answers, fault_ends
from airflow_provider_jsms.sandbox.accept import (
    FLAG,
    TEXT,
    Check,
    is_number,
    is_whole,
    one_of,
    or_null,
)
from airflow_provider_jsms.sandbox.calls import CALLS
from airflow_provider_jsms.sandbox.holds import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from airflow_provider_jsms.sandbox.answers import Answer

REFUSED = "connection_refused"
BAD_CERTIFICATE = "bad_certificate"
BAD_CERTIFICATES = ("unknown_authority", "other_host", "expired")

_HEADER_NAME = re.compile("[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile("[ -~]*")
_LONGEST = 3600


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        _HEADER_NAME.fullmatch(name) and isinstance(text, str) and _HEADER_VALUE.fullmatch(text)
        for name, text in value.items()
    )


def _is_location(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[!-~]+", value))


_CODE = Check("a return code such as 50026", is_whole)
_SECONDS = Check(
    f"a number of seconds from 0 to {_LONGEST}",
    lambda value: is_number(value) and 0 <= value <= _LONGEST,
)
_STATUS = Check(
    "an HTTP status from 400 to 599", lambda value: is_whole(value) and value in range(400, 600)
)
_HEADERS = Check("an object of header names and their ASCII texts", _are_headers)
_LOCATION = Check("an address or a path of ASCII characters without spaces", _is_location)
_SIZE = Check(
    "a number of bytes from 1 to 1000000",
    lambda value: is_whole(value) and value in range(1, 10**6),
)
_SEED = Check("a whole number", is_whole)
_TIMES = Check("a whole number, 1 or more", lambda value: is_whole(value) and value > 0)
_PROBABILITY = Check(
    "a number above 0, and 1 at most", lambda value: is_number(value) and 0 < value <= 1
)

_OF_REQUESTS: Mapping[str, Check] = {
    "call": one_of(*CALLS, "*"),
    "kind": TEXT,
    "times": or_null(_TIMES),
    "probability": or_null(_PROBABILITY),
    "seed": _SEED,
}
_OF_HANDSHAKES: Mapping[str, Check] = {**_OF_REQUESTS, "call": one_of("*")}
_OF_ALL: Mapping[str, Check] = {"call": one_of("*"), "kind": TEXT, "times": one_of(1)}


class FaultKind(NamedTuple):
    """A kind of fault and the settings it takes; those in ``required`` must be given.

    ``act`` is None for a kind that comes before there is a request.
    """

    act: Callable[..., Awaitable[Answer | None]] | None
    settings: Mapping[str, Check] = {}
    required: tuple[str, ...] = ()
    common: Mapping[str, Check] = _OF_REQUESTS


KINDS: dict[str, FaultKind] = {
    "slow": FaultKind(fault_ends.slow, {"seconds": _SECONDS}, ("seconds",)),
    "stalled": FaultKind(fault_ends.stalled, {"handled": FLAG}),
    "status": FaultKind(
        fault_answers.answer_status,
        {"status": _STATUS, "code": or_null(_CODE), "headers": _HEADERS},
        ("status",),
    ),
    "code": FaultKind(fault_answers.answer_code, {"code": _CODE}, ("code",)),
    REFUSED: FaultKind(None, {"seconds": _SECONDS}, ("seconds",), _OF_ALL),
    BAD_CERTIFICATE: FaultKind(
        None, {"reason": one_of(*BAD_CERTIFICATES)}, ("reason",), _OF_HANDSHAKES
    ),
    "closed_before_reading": FaultKind(fault_ends.closed_before_reading),
    "accepted_then_closed": FaultKind(fault_ends.accepted_then_closed),
    "half_body": FaultKind(fault_ends.half_body, {"part": one_of(*fault_ends.PARTS)}),
    "garbage": FaultKind(fault_answers.garbage, {"handled": FLAG, "size": _SIZE, "seed": _SEED}),
    "wrong_types": FaultKind(
        fault_answers.wrong_types, {"shape": one_of("values", *fault_answers.INSTEAD)}
    ),
    "redirect": FaultKind(
        fault_answers.redirect,
        {"status": one_of(301, 302, 303, 307, 308), "location": or_null(_LOCATION)},
    ),
    "endless_body": FaultKind(
        fault_ends.endless_body,
        {"form": one_of(*fault_ends.FORMS), "seconds": _SECONDS, "handled": FLAG},
    ),
    "hold": FaultKind(fault_ends.hold, {"moment": one_of(*MOMENTS)}, ("moment",)),
}
KIND = one_of(*KINDS)
