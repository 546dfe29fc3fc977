"""The faults of the table, and what the rules of sending again say about each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBMITS: Final = ("submit_schedule", "submit_batch_schedule")
MODIFIES: Final = ("modify_schedule", "modify_batch_schedule")
CALLS: Final = (*SUBMITS, *MODIFIES, "query_schedule", "delete_schedule")

# Stands in a row for the address of a second server, which has a port of its own in each run.
ANOTHER_HOST: Final = "another host"

DONE: Final = "done"
AGAIN: Final = "sent again"
ASKED: Final = "sent again, asked"
UNCERTAIN: Final = "**uncertain**"
REFUSED: Final = "refused"
NO_ANSWER: Final = "no answer"


@dataclass(frozen=True)
class Timeouts:
    """What the connection and the provider allow, in seconds; as short as a busy machine bears."""

    connect: float = 5
    read: float = 30
    in_all: float = 60


USUAL: Final = Timeouts()
SHORT: Final = Timeouts(read=0.4)
BOUNDED: Final = Timeouts(connect=0.4, read=0.4, in_all=1)


@dataclass(frozen=True)
class Row:
    """A fault that the first request of a call meets.

    :param rule: what has to come of it in each call.
    """

    fault: Mapping[str, Any]
    rule: Mapping[str, str]
    timeouts: Timeouts = field(default=USUAL, kw_only=True)

    @property
    def label(self) -> str:
        """The kind and its settings, as they are given."""
        settings = {name: value for name, value in self.fault.items() if name != "kind"}
        shown = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
        return f"`{' '.join([self.fault['kind'], *shown])}`"


def _all(outcome: str, **but: str) -> Mapping[str, str]:
    return {**dict.fromkeys(CALLS, outcome), **but}


# Nobody can tell whether it was carried out.
_LOST: Final = _all(AGAIN, **dict.fromkeys(SUBMITS, UNCERTAIN))
# The same, and it was: the second deletion finds nothing to delete.
_DONE_AND_LOST: Final = {**_LOST, "delete_schedule": ASKED}
# What is said to nothing but an empty answer is a success of a deletion.
_BUT_DELETED: Final = {**_LOST, "delete_schedule": DONE}
# The one try takes all the time that there is.
_TAKES_ALL: Final = _all(NO_ANSWER, **dict.fromkeys(SUBMITS, UNCERTAIN))


def _row(kind: str, rule: Mapping[str, str], timeouts: Timeouts = USUAL, **settings: Any) -> Row:
    return Row({"kind": kind, **settings}, rule, timeouts=timeouts)


ROWS: Final = (
    _row("slow", _all(DONE), seconds=0.05),
    _row("slow", _LOST, SHORT, seconds=1.5),
    _row("stalled", _DONE_AND_LOST, SHORT, handled=True),
    _row("stalled", _LOST, SHORT, handled=False),
    _row("status", _all(AGAIN), status=429, headers={"Retry-After": "7"}),
    _row("status", _all(AGAIN), status=429, headers={"X-Rate-Limit-Reset": "7"}),
    _row("status", _all(AGAIN), status=429),
    _row("status", _LOST, status=500, code=50019),
    _row("status", _LOST, status=500),
    _row("status", _LOST, status=502),
    _row("status", _LOST, status=503),
    _row("status", _LOST, status=504),
    _row("code", _all(REFUSED), code=50014),
    _row("code", _all(REFUSED), code=59999),
    _row("connection_refused", _all(AGAIN), seconds=30),
    _row("bad_certificate", _all(AGAIN), reason="unknown_authority"),
    _row("bad_certificate", _all(AGAIN), reason="other_host"),
    _row("bad_certificate", _all(AGAIN), reason="expired"),
    _row("closed_before_reading", _LOST),
    _row("accepted_then_closed", _DONE_AND_LOST),
    _row("half_body", _BUT_DELETED, part="body"),
    _row("half_body", _DONE_AND_LOST, part="headers"),
    _row("garbage", _DONE_AND_LOST, handled=True),
    _row("garbage", _LOST, handled=False),
    _row("wrong_types", _BUT_DELETED, shape="values"),
    _row("wrong_types", _DONE_AND_LOST, shape="list"),
    _row("wrong_types", _BUT_DELETED, shape="null"),
    _row("wrong_types", _DONE_AND_LOST, shape="text"),
    _row("wrong_types", _DONE_AND_LOST, shape="number"),
    _row("redirect", _LOST, status=302),
    _row("redirect", _LOST, status=308),
    _row("redirect", _LOST, status=302, location=ANOTHER_HOST),
    _row("redirect", _LOST, status=307, location=ANOTHER_HOST),
    _row("endless_body", _DONE_AND_LOST, form="chunks"),
    _row("endless_body", _DONE_AND_LOST, form="length"),
    _row("endless_body", _DONE_AND_LOST, form="headers"),
    _row("endless_body", _TAKES_ALL, BOUNDED, form="chunks", seconds=0.05),
    _row("endless_body", _TAKES_ALL, BOUNDED, form="length", seconds=0.05),
    _row("endless_body", _TAKES_ALL, BOUNDED, form="headers", seconds=0.05),
)
