"""Faults: what goes wrong with the next requests of a call, or with the next connections."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.accept import NotAcceptedError, accept
from airflow_provider_jsms.sandbox.fault_kinds import BAD_CERTIFICATE, KIND, KINDS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.answers import Answer
    from airflow_provider_jsms.sandbox.door import Door
    from airflow_provider_jsms.sandbox.exchange import Exchange


@dataclass
class Fault:
    """A fault that waits for its requests.

    :param times: how many are left that meet it, None for all.
    :param probability: of each request to meet it, None for every one; by the ``seed`` among the
        settings, so that a run can be repeated.
    """

    call: str
    kind: str
    times: int | None
    probability: float | None
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        # Nothing here is secret, but a run has to be repeatable.
        self._random = Random(self.settings.get("seed", 0))  # noqa: S311

    def is_met(self) -> bool:
        """Tell whether the next request meets it."""
        return self.probability is None or self._random.random() < self.probability

    async def act(self, exchange: Exchange) -> Answer | None:
        """Bring the fault about; None means that there is none left to send."""
        kind = KINDS[self.kind]
        settings = {name: self.settings[name] for name in kind.settings if name in self.settings}
        return await kind.act(exchange, **settings) if kind.act else None

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as it can be set again."""
        probability = {} if self.probability is None else {"probability": self.probability}
        common = {"call": self.call, "kind": self.kind, "times": self.times}
        return {**common, **probability, **self.settings}


class Faults:
    """The faults that are set, in the order in which they were.

    :param door: what refuses connections.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._waiting: list[Fault] = []

    def add(self, given: object) -> None:
        """Set a fault from ``{"call", "kind", "times", …}`` with the settings of its kind.

        :raises NotAcceptedError: naming what is accepted.
        """
        if not isinstance(given, dict) or not KIND.test(given.get("kind")):
            raise NotAcceptedError(f"kind must be {KIND.accepted}")
        kind = KINDS[given["kind"]]
        settings = accept(given, {**kind.common, **kind.settings}, ("call", *kind.required)).copy()
        call, name, times = settings.pop("call"), settings.pop("kind"), settings.pop("times", 1)
        if name == REFUSED:
            self._door.shut(settings["seconds"])
            return
        if name == BAD_CERTIFICATE and not self._door.is_https:
            raise NotAcceptedError(f"{name} needs a sandbox that serves https")
        self._waiting.append(Fault(call, name, times, settings.pop("probability", None), settings))

    def take(self, call: str | None) -> Fault | None:
        """Return the fault for a request of a call and count it as used; None if there is none."""
        return self._take(
            lambda fault: bool(call and KINDS[fault.kind].act and fault.call in {call, "*"})
        )

    def take_certificate(self) -> Fault | None:
        """Return the fault for a TLS handshake in the same way."""
        return self._take(lambda fault: fault.kind == BAD_CERTIFICATE)

    def clear(self) -> None:
        """Forget every fault that still waits."""
        self._waiting.clear()
        self._door.open()

    def as_list(self) -> list[dict[str, Any]]:
        """Return the faults that still wait, as they can be set again."""
        refused = {"call": "*", "kind": REFUSED, "times": 1, "seconds": self._door.seconds}
        waiting = [fault.as_dict() for fault in self._waiting]
        return waiting if self._door.seconds is None else [refused, *waiting]

    def _take(self, is_for_it: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._waiting:
            if is_for_it(fault) and fault.is_met():
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._waiting.remove(fault)
