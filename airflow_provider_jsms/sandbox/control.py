"""The control of a sandbox that runs elsewhere, for tests and demos."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from requests import Session

from airflow_provider_jsms.sandbox.accept import NotAcceptedError
from airflow_provider_jsms.sandbox.clock import monotonic

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from requests import Response

_TIMEOUT_SECONDS = 10
_POLL_SECONDS = 0.02


class SandboxControl:
    """Looks at a sandbox and changes it over HTTP.

    Every method raises :class:`~airflow_provider_jsms.sandbox.accept.NotAcceptedError` with the
    sandbox's own words if it does not accept what it is told.

    :param url: where the sandbox listens, such as ``http://127.0.0.1:8025``.
    :param ca_bundle: the file that a sandbox writes which serves https.
    """

    def __init__(self, url: str, *, ca_bundle: Path | str | None = None) -> None:
        self.url = url.rstrip("/")
        self._session = Session()
        self._session.verify = True if ca_bundle is None else str(ca_bundle)
        # A proxy of the environment would not reach a sandbox on this machine.
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
        return self._object("GET", "state")

    def requests(self) -> list[dict[str, Any]]:
        """Return every request to the API, the first one first."""
        return self._list("GET", "requests")

    def messages(self) -> list[dict[str, Any]]:
        """Return every message that was sent, the first one first."""
        return self._list("GET", "messages")

    def advance(self, seconds: float) -> dict[str, Any]:
        """Move the clock forward by some seconds and return the time it shows then."""
        return self._object("POST", "clock", {"advance": seconds})

    def travel_to(self, when: datetime) -> dict[str, Any]:
        """Move the clock forward to an aware time and return the time it shows then."""
        return self._object("POST", "clock", {"travel_to": when.isoformat()})

    def switch(self, **switches: str | int) -> dict[str, str]:
        """Set some switches, such as ``msg_id_when="accepted"``, and return all of them."""
        return self._object("PATCH", "switches", switches)

    def account(self, **fields: Any) -> dict[str, Any]:
        """Set some fields of the account, such as ``balance=0``, and return all of them."""
        return self._object("PATCH", "account", fields)

    def template(self, temp_id: int, **fields: str | int) -> dict[str, Any]:
        """Set ``text``, ``type`` or ``status`` of a template, new or known, and return it."""
        return self._object("PUT", f"templates/{temp_id}", fields)

    def sign(self, sign_id: int, **fields: str | bool) -> dict[str, Any]:
        """Set ``text`` or ``is_default`` of a signature, new or known, and return it."""
        return self._object("PUT", f"signs/{sign_id}", fields)

    def number(self, mobile: str, state: str) -> dict[str, str]:
        """Make a number ``normal``, ``unsubscribed`` or ``invalid``."""
        return self._object("PUT", f"numbers/{mobile}", {"state": state})

    def fault(
        self, call: str, kind: str, times: int | None = 1, **settings: Any
    ) -> list[dict[str, Any]]:
        """Set a fault for the next requests of a call and return every fault that waits.

        Settings without a default have to be given. Where there is ``handled``, it says whether
        the call is carried out all the same, which it is by default.

        ===================== =====================================================================
        kind                  what happens, and its settings
        ===================== =====================================================================
        slow                  the call waits for ``seconds`` before it is carried out
        stalled               no answer ever comes; ``handled``
        status                an HTTP ``status`` from 400 to 599 as a page of a proxy, or with a
                              ``code`` as JSMS says it; ``headers``
        code                  JSMS refuses it with a ``code``
        connection_refused    nothing listens for ``seconds``, beginning now, and idle connections
                              are closed; only for the call ``*``, and this control is refused too
        bad_certificate       the next TLS handshakes offer a certificate that does not verify, for
                              a ``reason``: ``unknown_authority``, ``other_host`` or ``expired``;
                              only for ``*``, on a sandbox with https; one of this control counts
        closed_before_reading the connection is closed before the body of the request is read
        accepted_then_closed  the call is carried out, and the connection closed without an answer
        half_body             the same, in the middle of a ``part`` of the answer: its ``body``
                              (default) or its ``headers``
        garbage               HTTP 200 with ``size`` bytes (200) made from ``seed`` (0); ``handled``
        wrong_types           the call is carried out, and the JSON of its answer has other types:
                              ``shape`` is ``values`` (default), ``list``, ``null``, ``text`` or
                              ``number``
        redirect              a ``status`` of 301, 302 (default), 303, 307 or 308 to ``location``,
                              by default the same path here
        endless_body          HTTP 200, and then it goes on for ever; ``form`` is ``chunks``
                              (default), ``length`` (a terabyte) or ``headers``; a byte every
                              ``seconds``, as fast as it goes with 0 (default); ``handled``
        hold                  the call stops at its ``moment`` (``request_read``, ``accepted`` or
                              ``answered``) until :meth:`release`
        ===================== =====================================================================

        :param call: such as ``submit_schedule``, or ``*`` for any.
        :param kind: what goes wrong.
        :param times: how many requests meet it, None for all until it is cleared.
        :param settings: those of the kind. For any kind but ``connection_refused`` also
            ``probability``, above 0 and at most 1, with which each request meets it (then
            ``times`` counts those that did), and ``seed`` (0), by which a run can be repeated.
        """
        given = {"call": call, "kind": kind, "times": times, **settings}
        return self._list("POST", "faults", given)

    def clear_faults(self) -> None:
        """Clear every fault that still waits."""
        self._ask("DELETE", "faults")

    def holds(self) -> list[dict[str, Any]]:
        """Return every call that is held, the first one first.

        Each is the ``number`` of its request, its ``call``, the ``moment`` at which it is held and
        ``since`` when, by the clock of the sandbox.
        """
        return self._list("GET", "holds")

    def wait_for_hold(self, timeout: float = 30) -> dict[str, Any]:
        """Wait until a call is held, and return the first one that is.

        :param timeout: for how many seconds at most.
        :raises TimeoutError: naming the calls that came and the faults that still wait.
        """
        deadline = monotonic() + timeout
        while not (holds := self.holds()):
            if monotonic() >= deadline:
                calls = ", ".join(str(request["call"]) for request in self.requests()) or "none"
                faults = self.state()["faults"] or "none"
                raise TimeoutError(
                    f"no call was held within {timeout} seconds; calls that came: {calls}; "
                    f"faults that wait: {faults}"
                )
            time.sleep(_POLL_SECONDS)
        return holds[0]

    def release(self) -> int:
        """Let every held call go on, and return how many they were."""
        released: int = self._object("POST", "holds/release")["released"]
        return released

    def reset(self) -> None:
        """Return the sandbox to the state of a new one."""
        self._ask("POST", "reset")

    def _object(self, method: str, path: str, given: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = self._ask(method, path, given).json()
        return shown

    def _list(self, method: str, path: str, given: object = None) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self._ask(method, path, given).json()
        return shown

    def _ask(self, method: str, path: str, given: object = None) -> Response:
        url = f"{self.url}/sandbox/{path}"
        response = self._session.request(method, url, json=given, timeout=_TIMEOUT_SECONDS)
        if response.status_code == HTTPStatus.BAD_REQUEST:
            raise NotAcceptedError(response.json()["error"])
        response.raise_for_status()
        return response
