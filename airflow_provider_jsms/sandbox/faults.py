"""Faults as data: their kinds and settings, and the queue of those that are set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_jsms.sandbox.validation import (
    BOOLEAN,
    STRING,
    Check,
    InvalidInputError,
    is_integer,
    is_number,
    nullable,
    one_of,
    validate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.sandbox.outage import Outage

CALLS = (
    "submit_schedule",
    "submit_batch_schedule",
    "modify_schedule",
    "modify_batch_schedule",
    "query_schedule",
    "delete_schedule",
    "get_template",
    "get_sign",
    "fetch_reports",
    "fetch_replies",
    "balance",
    "developer_balance",
)
MOMENTS = ("request_read", "accepted", "answered")
REFUSED = "connection_refused"
BAD_CERTIFICATE = "bad_certificate"

_HEADER_NAME = re.compile("[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile("[ -~]*")
_MAX_SECONDS = 3600
_MAX_BYTES = 1_000_000


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        _HEADER_NAME.fullmatch(name) and isinstance(text, str) and _HEADER_VALUE.fullmatch(text)
        for name, text in value.items()
    )


_INTEGER = Check("an integer", is_integer, {"type": "integer"})
_CODE = Check("a return code such as 50026", is_integer, {"type": "integer"})
_SECONDS = Check(
    f"a number of seconds from 0 to {_MAX_SECONDS}",
    lambda value: is_number(value) and 0 <= value <= _MAX_SECONDS,
    {"type": "number", "minimum": 0, "maximum": _MAX_SECONDS},
)
_STATUS = Check(
    "an HTTP status from 400 to 599",
    lambda value: is_integer(value) and value in range(400, 600),
    {"type": "integer", "minimum": 400, "maximum": 599},
)
_HEADERS = Check(
    "an object of header names and ASCII values",
    _are_headers,
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{_HEADER_NAME.pattern}$"},
        "additionalProperties": {"type": "string", "pattern": f"^{_HEADER_VALUE.pattern}$"},
    },
)
_LOCATION = Check(
    "an ASCII URL or path without spaces",
    lambda value: isinstance(value, str) and bool(re.fullmatch("[!-~]+", value)),
    {"type": "string", "pattern": "^[!-~]+$"},
)
_SIZE = Check(
    f"a number of bytes from 1 to {_MAX_BYTES}",
    lambda value: is_integer(value) and 1 <= value <= _MAX_BYTES,
    {"type": "integer", "minimum": 1, "maximum": _MAX_BYTES},
)
_TIMES = Check(
    "an integer, 1 or more",
    lambda value: is_integer(value) and value > 0,
    {"type": "integer", "minimum": 1},
)
_PROBABILITY = Check(
    "a number above 0, at most 1",
    lambda value: is_number(value) and 0 < value <= 1,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
)

_REQUEST_FIELDS: Mapping[str, Check] = {
    "call": one_of(*CALLS, "*"),
    "kind": STRING,
    "times": nullable(_TIMES),
    "probability": nullable(_PROBABILITY),
    "seed": _INTEGER,
}
_HANDSHAKE_FIELDS: Mapping[str, Check] = {**_REQUEST_FIELDS, "call": one_of("*")}
_OUTAGE_FIELDS: Mapping[str, Check] = {"call": one_of("*"), "kind": STRING, "times": one_of(1)}


class FaultKind(NamedTuple):
    """The settings of a kind of fault, which of them are required, and its common fields."""

    settings: Mapping[str, Check] = {}
    required: tuple[str, ...] = ()
    common: Mapping[str, Check] = _REQUEST_FIELDS


KINDS: Mapping[str, FaultKind] = {
    "slow": FaultKind({"seconds": _SECONDS}, ("seconds",)),
    "stalled": FaultKind({"handled": BOOLEAN}),
    "status": FaultKind(
        {"status": _STATUS, "code": nullable(_CODE), "headers": _HEADERS}, ("status",)
    ),
    "code": FaultKind({"code": _CODE}, ("code",)),
    REFUSED: FaultKind({"seconds": _SECONDS}, ("seconds",), _OUTAGE_FIELDS),
    BAD_CERTIFICATE: FaultKind(
        {"reason": one_of("unknown_authority", "other_host", "expired")},
        ("reason",),
        _HANDSHAKE_FIELDS,
    ),
    "closed_before_reading": FaultKind(),
    "accepted_then_closed": FaultKind(),
    "half_body": FaultKind({"part": one_of("body", "headers")}),
    "garbage": FaultKind({"handled": BOOLEAN, "size": _SIZE, "seed": _INTEGER}),
    "wrong_types": FaultKind({"shape": one_of("values", "list", "null", "text", "number")}),
    "redirect": FaultKind(
        {"status": one_of(301, 302, 303, 307, 308), "location": nullable(_LOCATION)}
    ),
    "endless_body": FaultKind(
        {
            "form": one_of("chunks", "length", "headers"),
            "seconds": _SECONDS,
            "handled": BOOLEAN,
        }
    ),
    "hold": FaultKind({"moment": one_of(*MOMENTS)}, ("moment",)),
}
_KIND = one_of(*KINDS)


@dataclass
class Fault:
    """A fault that waits for requests.

    :param times: how many more requests it affects, None for all.
    :param probability: the chance that it affects a request, None for every one; reproducible by
        the setting ``seed``.
    """

    call: str
    kind: str
    times: int | None
    probability: float | None
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        self._random = Random(self.settings.get("seed", 0))  # noqa: S311 - runs must be repeatable

    def strikes(self) -> bool:
        """Return whether the next request is affected."""
        return self.probability is None or self._random.random() < self.probability

    def arguments(self) -> dict[str, Any]:
        """Return the settings of its kind."""
        names = KINDS[self.kind].settings
        return {name: value for name, value in self.settings.items() if name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return the fault in the form that sets it again."""
        probability = {} if self.probability is None else {"probability": self.probability}
        common = {"call": self.call, "kind": self.kind, "times": self.times}
        return {**common, **probability, **self.settings}


class Faults:
    """The faults that are set, in order. Hold the sandbox's lock to use it."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self._waiting: list[Fault] = []

    def add(self, given: object) -> None:
        """Set a fault from ``{"call", "kind", "times", …}`` and the settings of its kind.

        :raises InvalidInputError: naming the valid fields or values.
        """
        if not isinstance(given, dict) or not _KIND.test(given.get("kind")):
            raise InvalidInputError(f"kind must be {_KIND.description}")
        kind = KINDS[given["kind"]]
        fields = {**kind.common, **kind.settings}
        settings = validate(given, fields, ("call", *kind.required)).copy()
        call, name, times = settings.pop("call"), settings.pop("kind"), settings.pop("times", 1)
        if name == REFUSED:
            self._outage.begin(settings["seconds"])
            return
        if name == BAD_CERTIFICATE and not self._outage.is_https:
            raise InvalidInputError(f"{name} needs a sandbox that serves https")
        self._waiting.append(Fault(call, name, times, settings.pop("probability", None), settings))

    def take(self, call: str | None) -> Fault | None:
        """Return the fault that affects a request to a call, if any, and count it."""
        return self._take(
            lambda fault: bool(call) and fault.kind != BAD_CERTIFICATE and fault.call in {call, "*"}
        )

    def take_certificate(self) -> Fault | None:
        """Return the fault that affects a TLS handshake, if any, and count it."""
        return self._take(lambda fault: fault.kind == BAD_CERTIFICATE)

    def clear(self) -> None:
        """Remove every fault."""
        self._waiting.clear()
        self._outage.end()

    def as_list(self) -> list[dict[str, Any]]:
        """Return the faults in the form that sets them again."""
        waiting = [fault.as_dict() for fault in self._waiting]
        if self._outage.seconds is None:
            return waiting
        refused = {"call": "*", "kind": REFUSED, "times": 1, "seconds": self._outage.seconds}
        return [refused, *waiting]

    def _take(self, is_candidate: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._waiting:
            if is_candidate(fault) and fault.strikes():
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                return fault
        return None
