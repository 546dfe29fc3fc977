"""Control of a running sandbox from Python."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypeVar

from requests import Session

from airflow_provider_jsms.sandbox import control_api, control_views
from airflow_provider_jsms.sandbox.clock import monotonic
from airflow_provider_jsms.sandbox.validation import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SandboxControl"]

T = TypeVar("T")

_TIMEOUT_SECONDS = 10
_POLL_SECONDS = 0.02


class Controls(ABC):
    """The changes that a test can make to a sandbox.

    Every method raises :class:`~airflow_provider_jsms.sandbox.validation.InvalidInputError` for
    invalid input, and returns the part that it changed.
    """

    @abstractmethod
    def _apply(self, control: Callable[..., T], given: object, *arguments: str | int) -> T:
        """Apply a control of :mod:`airflow_provider_jsms.sandbox.control_api`."""

    def advance(self, time: timedelta | float) -> dict[str, Any]:
        """Move the clock forward by a timedelta or seconds, and send everything that is due."""
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        return self._apply(control_api.move_clock, {"advance": seconds})

    def travel_to(self, when: datetime | str) -> dict[str, Any]:
        """Move the clock forward to a time, and send everything that is due.

        :param when: an aware datetime, ISO 8601 with an offset, or the wall clock of JSMS as
            ``yyyy-MM-dd HH:mm:ss``.
        """
        text = when.isoformat() if isinstance(when, datetime) else when
        return self._apply(control_api.move_clock, {"travel_to": text})

    def switch(self, **switches: str | int) -> dict[str, str]:
        """Set switches, such as ``msg_id_when="accepted"`` or ``query_sent=50028``.

        :param switches: see :class:`airflow_provider_jsms.sandbox.switches.Switches`.
        """
        return self._apply(control_api.set_switches, switches)

    def account(self, **fields: Any) -> dict[str, Any]:
        """Set fields of the account, such as ``balance=0``.

        :param fields: see :class:`airflow_provider_jsms.sandbox.account.Account`.
        """
        return self._apply(control_api.set_account, fields)

    def template(self, temp_id: int, **fields: str | int) -> dict[str, Any]:
        """Add or update a template: ``text``, ``type`` and ``status``."""
        return self._apply(control_api.set_template, fields, int(temp_id))

    def sign(self, sign_id: int, **fields: str | int) -> dict[str, Any]:
        """Add or update a signature: ``text``, ``is_default`` and ``status``."""
        return self._apply(control_api.set_sign, fields, int(sign_id))

    def delete(self, schedule_id: str) -> dict[str, Any]:
        """Delete a pending schedule, as somebody could in the console of JSMS."""
        return self._apply(control_api.delete_schedule, {}, schedule_id)

    def number(self, mobile: str, state: str) -> dict[str, str]:
        """Make a number ``normal``, ``unsubscribed`` from marketing texts, or ``invalid``."""
        return self._apply(control_api.set_number, {"state": state}, mobile)

    def delivery(self, mobile: str, status: int) -> dict[str, Any]:
        """Set the status in the delivery reports of a number, such as 4003; 4001 is delivered.

        :param status: one of :data:`airflow_provider_jsms.api.statuses.STATUSES`.
        """
        return self._apply(control_api.set_delivery, {"status": status}, mobile)

    def reply(self, mobile: str, content: str) -> dict[str, Any]:
        """Let a person reply now."""
        return self._apply(control_api.add_reply, {"mobile": mobile, "content": content})

    def fault(
        self, call: str, kind: str, times: int | None = 1, **settings: Any
    ) -> list[dict[str, Any]]:
        """Set a fault for the next requests to a call, and return all faults that are set.

        ===================== =====================================================================
        kind                  effect, and settings; those without a default are required
        ===================== =====================================================================
        slow                  the call is delayed by ``seconds``
        stalled               no response ever comes; ``handled``
        status                HTTP ``status`` 400 to 599 with the HTML page of a proxy, or with the
                              JSON of JSMS for a ``code``; ``headers``
        code                  JSMS refuses the call with a ``code``
        connection_refused    nothing listens for ``seconds``, starting now; only for call ``*``;
                              affects this control too
        bad_certificate       the next TLS handshakes fail for a ``reason``: ``unknown_authority``,
                              ``other_host`` or ``expired``; only for ``*`` and https
        closed_before_reading the connection closes before the body is read
        accepted_then_closed  the call is handled, then the connection closes without a response
        half_body             the same in the middle of a ``part``: ``body`` (default), ``headers``
        garbage               HTTP 200 with ``size`` (200) random bytes of ``seed`` (0); ``handled``
        wrong_types           the call is handled, its response has a wrong ``shape``: ``values``
                              (default), ``list``, ``null``, ``text`` or ``number``
        redirect              ``status`` 301, 302 (default), 303, 307 or 308 to ``location``
                              (default: the same path)
        endless_body          HTTP 200 without an end; ``form`` is ``chunks`` (default), ``length``
                              or ``headers``; one byte per ``seconds``, or full speed with 0
                              (default); ``handled``
        hold                  the call stops at a ``moment`` until it is released:
                              ``request_read``, ``accepted`` or ``answered``
        ===================== =====================================================================

        With ``handled=False`` the call has no effect; the default is True.

        :param call: such as ``submit_schedule``, or ``*`` for any.
        :param times: how many requests it affects, None for all.
        :param settings: those of the kind; for every kind but ``connection_refused`` also
            ``probability`` (above 0, at most 1), reproducible by ``seed`` (0).
        """
        given = {"call": call, "kind": kind, "times": times, **settings}
        return self._apply(control_api.add_fault, given)

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._apply(control_api.clear_faults, {})

    def reset(self) -> None:
        """Return the sandbox to its initial state."""
        self._apply(control_api.reset, {})


class SandboxControl(Controls):
    """Controls a sandbox over HTTP.

    :param url: such as ``http://127.0.0.1:8025``.
    :param ca_bundle: the file that a sandbox with https writes.
    """

    def __init__(self, url: str, *, ca_bundle: Path | str | None = None) -> None:
        self.url = url.rstrip("/")
        self._session = Session()
        self._session.verify = True if ca_bundle is None else str(ca_bundle)
        # A proxy of the environment cannot reach a sandbox on this machine.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def state(self) -> dict[str, Any]:
        """Return clock, switches, account, templates, signs, numbers, faults and schedules."""
        return self._apply(control_views.state, None)

    def requests(self) -> list[dict[str, Any]]:
        """Return every request to the API, oldest first."""
        return self._apply(control_views.requests, None)

    def messages(self) -> list[dict[str, Any]]:
        """Return every delivered message, oldest first."""
        return self._apply(control_views.messages, None)

    def undelivered(self) -> list[dict[str, Any]]:
        """Return every message that failed at its time, with ``status`` and ``reason``."""
        return self._apply(control_views.undelivered, None)

    def holds(self) -> list[dict[str, Any]]:
        """Return every held call, oldest first.

        Each has the ``number`` of its request, its ``call``, its ``moment``, and ``since`` when it
        is held, by the clock of the sandbox.
        """
        return self._apply(control_views.holds, None)

    def wait_for_hold(self, timeout: float = 30) -> dict[str, Any]:
        """Wait until a call is held, and return it.

        :param timeout: in seconds.
        :raises TimeoutError: naming the recorded calls and the faults that are set.
        """
        deadline = monotonic() + timeout
        while not (holds := self.holds()):
            if monotonic() >= deadline:
                calls = ", ".join(str(request["call"]) for request in self.requests()) or "none"
                faults = self.state()["faults"] or "none"
                raise TimeoutError(
                    f"no call was held within {timeout} seconds; recorded calls: {calls}; "
                    f"faults: {faults}"
                )
            time.sleep(_POLL_SECONDS)
        return holds[0]

    def release(self) -> int:
        """Let every held call continue, and return their number."""
        return self._apply(control_api.release, {})["released"]

    def _apply(self, control: Callable[..., T], given: object, *arguments: str | int) -> T:
        method, path, _ = control_api.ROUTES[control]
        url = "/".join([f"{self.url}/sandbox/{path}", *map(str, arguments)])
        response = self._session.request(method, url, json=given, timeout=_TIMEOUT_SECONDS)
        if response.status_code == HTTPStatus.BAD_REQUEST:
            raise InvalidInputError(response.json()["error"])
        response.raise_for_status()
        shown: T = response.json()
        return shown
