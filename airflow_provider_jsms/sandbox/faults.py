"""Faults: what goes wrong with the next requests of a call.

A kind of fault is a function that gets an exchange, one request on its way to its answer, and
brings about what the client sees of it. A further kind is a further function in ``KINDS``.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from airflow_provider_jsms.sandbox.accept import (
    Check,
    NotAcceptedError,
    accept,
    is_number,
    is_whole,
    one_of,
    or_null,
)
from airflow_provider_jsms.sandbox.answers import Answer, refused
from airflow_provider_jsms.sandbox.calls import CALLS
from airflow_provider_jsms.sandbox.holds import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


class Exchange(Protocol):
    """One request on its way to its answer, as a fault sees it."""

    async def read(self) -> None:
        """Read the body, if that was not done yet."""

    async def handle(self) -> Answer:
        """Read and handle the request; return the answer that a sound service would give."""

    async def close(self) -> None:
        """Close the connection to the client without an answer."""

    async def hold(self, moment: str) -> bool:
        """Wait until the call is released; False if the sandbox was reset instead."""

    async def answer_and_hold(self, answer: Answer, moment: str) -> None:
        """Send the whole answer, then keep the connection open until the call is released."""


async def slow(exchange: Exchange, *, seconds: float) -> Answer:
    """Wait before the request is handled, whether or not the client is still there then."""
    await exchange.read()
    await asyncio.sleep(seconds)
    return await exchange.handle()


async def answer_status(
    exchange: Exchange,
    *,
    status: int,
    code: int | None = None,
    headers: Mapping[str, str] = {},
) -> Answer:
    """Answer with an HTTP status, as a proxy would, or with a return code as JSMS would."""
    await exchange.read()
    if code is not None:
        return refused(code, status=status, headers=headers)
    title = f"{status} {_phrase(status)}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), {"Content-Type": "text/html", **headers})


async def answer_code(exchange: Exchange, *, code: int) -> Answer:
    """Answer with a return code and do nothing else."""
    await exchange.read()
    return refused(code)


async def accepted_then_closed(exchange: Exchange) -> None:
    """Handle the request, then close the connection without an answer."""
    await exchange.handle()
    await exchange.close()


async def hold(exchange: Exchange, *, moment: str) -> Answer | None:
    """Hold the call at a moment until it is released, whether or not the client is still there.

    * ``request_read``: the request was read, nothing was decided or changed. Once released it is
      handled, as a service does that does not look whether its client still waits. A reset drops
      it instead, without an answer: the new state must not get the request of an old test.
    * ``accepted``: the request was handled, the answer is known to the sandbox only.
    * ``answered``: every byte of the answer has left the sandbox. The client has what it needs to
      go on, and goes on; whether it has looked at it yet, nobody can tell from here. The
      connection stays open, for nothing else: the answer says ``Connection: close``, so that the
      next call of the client comes by a new one and is served.
    """
    await exchange.read()
    if moment == "request_read" and not await exchange.hold(moment):
        await exchange.close()
        return None
    answer = await exchange.handle()
    if moment == "accepted":
        await exchange.hold(moment)
    if moment == "answered":
        await exchange.answer_and_hold(answer, moment)
        return None
    return answer


class FaultKind(NamedTuple):
    """A kind of fault and the settings it takes; those in ``required`` must be given."""

    act: Callable[..., Awaitable[Answer | None]]
    settings: Mapping[str, Check]
    required: tuple[str, ...] = ()


_HEADER_NAME = re.compile("[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile("[ -~]*")


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        _HEADER_NAME.fullmatch(name) and isinstance(text, str) and _HEADER_VALUE.fullmatch(text)
        for name, text in value.items()
    )


_CODE = Check("a return code such as 50026", is_whole)
_SECONDS = Check("a number of seconds", lambda value: is_number(value) and value >= 0)
_STATUS = Check(
    "an HTTP status from 400 to 599", lambda value: is_whole(value) and value in range(400, 600)
)
_HEADERS = Check("an object of header names and their ASCII texts", _are_headers)

KINDS: dict[str, FaultKind] = {
    "slow": FaultKind(slow, {"seconds": _SECONDS}, ("seconds",)),
    "status": FaultKind(
        answer_status, {"status": _STATUS, "code": or_null(_CODE), "headers": _HEADERS}, ("status",)
    ),
    "code": FaultKind(answer_code, {"code": _CODE}, ("code",)),
    "accepted_then_closed": FaultKind(accepted_then_closed, {}),
    "hold": FaultKind(hold, {"moment": one_of(*MOMENTS)}, ("moment",)),
}
_COMMON = {
    "call": one_of(*CALLS, "*"),
    "kind": one_of(*KINDS),
    "times": or_null(
        Check("a whole number, 1 or more", lambda value: is_whole(value) and value > 0)
    ),
}


@dataclass
class Fault:
    """A fault that waits for its requests; ``times`` is how many are left, None for all."""

    call: str
    kind: str
    times: int | None
    settings: dict[str, Any]

    async def act(self, exchange: Exchange) -> Answer | None:
        """Bring the fault about; None means that there is none left to send."""
        return await KINDS[self.kind].act(exchange, **self.settings)


class Faults:
    """The faults that are set, in the order in which they were."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, given: object) -> None:
        """Set a fault from ``{"call", "kind", "times", …}`` with the settings of its kind.

        :raises NotAcceptedError: naming what is accepted.
        """
        if not isinstance(given, dict) or not _COMMON["kind"].test(given.get("kind")):
            raise NotAcceptedError(f"kind must be {_COMMON['kind'].accepted}")
        kind = KINDS[given["kind"]]
        settings = accept(given, {**_COMMON, **kind.settings}, ("call", *kind.required)).copy()
        call, name, times = settings.pop("call"), settings.pop("kind"), settings.pop("times", 1)
        self._waiting.append(Fault(call, name, times, settings))

    def take(self, call: str | None) -> Fault | None:
        """Return the fault for a request of a call and count it as used; None if there is none."""
        for fault in self._waiting:
            if call is not None and fault.call in {call, "*"}:
                self._use(fault)
                return fault
        return None

    def clear(self) -> None:
        """Forget every fault that still waits."""
        self._waiting.clear()

    def as_list(self) -> list[dict[str, Any]]:
        """Return the faults that still wait, as they can be set again."""
        return [
            {"call": fault.call, "kind": fault.kind, "times": fault.times, **fault.settings}
            for fault in self._waiting
        ]

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._waiting.remove(fault)


def _phrase(number: int) -> str:
    try:
        return HTTPStatus(number).phrase
    except ValueError:
        return "Error"
