"""A sandbox in the words of a test: what is scheduled, what was sent, which requests came."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.connection_form import DEFAULT_CONN_ID
from airflow_provider_jsms.sandbox import controls, texts
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.sandbox.texts import ApiRequest, Refused, Text

# A task that waits for msg_ids would otherwise wait in a test until send_time has really come.
_SWITCHES: Final = {"msg_id_when": "accepted"}


def serve() -> SandboxServer:
    """Return the server for the tests of one process."""
    return SandboxServer(Sandbox(switches=_SWITCHES))


class JsmsSandbox:
    """What the fixture ``jsms_sandbox`` gives to a test: a JSMS that texts nobody.

    It is as new for each test, and the Airflow connection ``jsms_default`` leads to it. Meanwhile
    no connection of this process leads to any other JSMS: a task with one that the test has not
    named to :meth:`connect` fails and sends nothing.

    A msg_id is there as soon as its schedule is, so that a sensor ends with its first look; after
    ``switch(msg_id_when="sent")`` it is there once the text was sent.

    The clock of the sandbox runs with that of the machine, and can be moved ahead of it. The clock
    of Airflow and the provider is always that of the machine.

    What is seldom needed, such as held calls, is in
    :class:`airflow_provider_jsms.sandbox.control.SandboxControl`, which takes the ``url``.

    :ivar url: where the sandbox listens, and shows a page to a browser while the test runs.
    """

    def __init__(
        self, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, guard: pytest.MonkeyPatch
    ) -> None:
        self.url = server.url
        self._sandbox = server.sandbox
        self._monkeypatch = monkeypatch
        # What `dag.test()` in an earlier test has left: a script of this test is no later try.
        monkeypatch.delenv("AIRFLOW_CTX_TRY_NUMBER", raising=False)
        self.reset()
        self._lead_nowhere_else(guard)
        self.connect()

    def connect(self, conn_id: str = DEFAULT_CONN_ID, **extras: object) -> None:
        """Let an Airflow connection lead to the sandbox until the test ends.

        :param conn_id: such as ``"jsms_marketing"``.
        :param extras: those of the connection, such as ``read_timeout=1``.
        """
        app_key, master_secret = self._sandbox.credentials
        fields = {
            "conn_type": "jsms",
            "host": self.url,
            "login": app_key,
            "password": master_secret,
            "extra": extras,
        }
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    @property
    def scheduled(self) -> list[Text]:
        """The texts that are still to be sent, the next one first."""
        return self._look(texts.texts, "pending")

    @property
    def sent(self) -> list[Text]:
        """The texts that were sent, the first one first."""
        return self._look(texts.texts, "sent")

    def sent_to(self, mobile: str | int) -> list[Text]:
        """Return the texts that a person has got, the first one first.

        :param mobile: the number, in any form that an operator takes.
        """
        digits = _mobile(mobile)
        return [text for text in self.sent if text.mobile == digits]

    @property
    def deleted(self) -> list[Text]:
        """The texts that will not be sent because their schedules were deleted."""
        return self._look(texts.texts, "deleted")

    @property
    def refused(self) -> list[Refused]:
        """The recipients of batches that were refused."""
        return self._look(texts.refused)

    @property
    def requests(self) -> list[ApiRequest]:
        """Every request that came, the first one first."""
        return self._look(texts.requests)

    def advance(self, time: timedelta | float) -> None:
        """Move the clock forward by a time, or by some seconds, and send what is due by then."""
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        self._control(controls.clock, {"advance": seconds})

    def travel_to(self, when: datetime | str) -> None:
        """Move the clock forward to a time and send what is due by then.

        :param when: an aware time, ISO 8601 with an offset, or the wall clock of JSMS as
            ``yyyy-MM-dd HH:mm:ss``.
        """
        text = when.isoformat() if isinstance(when, datetime) else when
        self._control(controls.clock, {"travel_to": text})

    def switch(self, **switches: str | int) -> None:
        """Answer what no document tells about JSMS, such as ``query_sent=50028``.

        :param switches: those of :class:`airflow_provider_jsms.sandbox.switches.Switches`.
        """
        self._control(controls.switches, switches)

    def account(self, **fields: Any) -> None:
        """Set fields of the account, such as ``balance=0``.

        :param fields: those of :class:`airflow_provider_jsms.sandbox.account.Account`.
        """
        self._control(controls.account, fields)

    def template(self, temp_id: int, **fields: str | int) -> None:
        """Set ``text``, ``type`` or ``status`` of a template, new or known."""
        self._control(controls.template, fields, int(temp_id))

    def sign(self, sign_id: int, **fields: str | bool) -> None:
        """Set ``text`` or ``is_default`` of a signature, new or known."""
        self._control(controls.sign, fields, int(sign_id))

    def number(self, mobile: str | int, state: str) -> None:
        """Make a number ``normal``, ``unsubscribed`` or ``invalid``."""
        self._control(controls.number, {"state": state}, _mobile(mobile))

    def fault(self, call: str, kind: str, times: int | None = 1, **settings: Any) -> None:
        """Set a fault for the next requests of a call, such as ``"accepted_then_closed"``.

        Calls, kinds and their settings are those of
        :meth:`airflow_provider_jsms.sandbox.control.SandboxControl.fault`.
        """
        given = {"call": call, "kind": kind, "times": times, **settings}
        self._control(controls.fault, given)

    def clear_faults(self) -> None:
        """Clear every fault that still waits."""
        self._control(controls.clear_faults, {})

    def reset(self) -> None:
        """Return to the state of a new sandbox; the connections stay as they are."""
        self._sandbox.reset()

    def _look(self, view: Callable[..., list[Any]], *arguments: object) -> list[Any]:
        with self._sandbox.lock:
            self._sandbox.send_due()
            return view(self._sandbox, *arguments)

    def _control(self, control: Callable[..., object], given: object, *arguments: object) -> None:
        with self._sandbox.lock:
            self._sandbox.send_due()
            control(self._sandbox, given, *arguments)

    def _lead_nowhere_else(self, guard: pytest.MonkeyPatch) -> None:
        # It brings Airflow, which a test may import only once it has told it where its home is.
        from airflow_provider_jsms.hooks.connection import read_settings  # noqa: PLC0415
        from airflow_provider_jsms.submission import in_code  # noqa: PLC0415

        # Texts of an earlier test, which a hook in this process would not submit again.
        in_code.uncertain.clear()

        def read(**fields: Any) -> JsmsSettings:
            settings = read_settings(**fields)
            _check_way(settings.base_url, self.url)
            return settings

        guard.setattr("airflow_provider_jsms.hooks.jsms.read_settings", read)


def _check_way(base_url: str, sandbox: str) -> None:
    """Check that a connection leads to the sandbox.

    It is given no more than that: pytest prints what the function was given that has raised.
    """
    from airflow_provider_jsms.exceptions import JsmsSettingsError  # noqa: PLC0415

    if base_url != sandbox:
        raise JsmsSettingsError(
            "This Airflow connection does not lead to the sandbox of the test. Nothing was sent. "
            "Let it lead there: jsms_sandbox.connect(...) with its id. If that was done, a secrets "
            "backend answers first: run the tests without it."
        )


def _mobile(mobile: str | int) -> str:
    from airflow_provider_jsms.api.recipients import mobile_of  # noqa: PLC0415

    return mobile_of(mobile)
