"""The object behind the pytest fixture ``jsms_sandbox``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.sandbox.control import Controls
from airflow_provider_jsms.sandbox.control_views import messages_of
from airflow_provider_jsms.sandbox.records import Refused, Text, Undelivered
from airflow_provider_jsms.sandbox.responses import message_of
from airflow_provider_jsms.sandbox.server import SandboxServer
from airflow_provider_jsms.sandbox.state import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.sandbox.control import T
    from airflow_provider_jsms.sandbox.records import ApiRequest
    from airflow_provider_jsms.sandbox.schedules import Schedule, Status

__all__ = ["JsmsSandbox"]


def serve() -> SandboxServer:
    """Return the server for the tests of one process."""
    # Airflow 3.4 would define its models at the first call of a hook, and pydantic cannot do so
    # while freezegun stops the clock.
    from airflow.providers.common.compat.sdk import BaseOperator  # noqa: F401, PLC0415

    # Otherwise a task that waits for msg_ids would wait in a test until send_time.
    return SandboxServer(Sandbox(switches={"msg_id_when": "accepted"}))


class JsmsSandbox(Controls):
    """The value of the fixture ``jsms_sandbox``: a local JSMS that sends nothing.

    It is reset for each test, and the Airflow connection ``jsms_default`` points to it. During the
    test no connection of this process reaches another JSMS: a task with a connection that you did
    not pass to :meth:`connect` fails and sends nothing.

    A msg_id exists as soon as its schedule does, so a sensor succeeds at its first poke; after
    ``switch(msg_id_when="sent")`` it exists once the text is sent.

    The clock of the sandbox runs with the machine's, and can be moved ahead of it. The clock of
    Airflow and the provider is always the machine's.

    For anything else, such as held calls, pass ``url`` to
    :class:`airflow_provider_jsms.sandbox.control.SandboxControl`.

    :ivar url: its address, which also shows a page in a browser while the test runs.
    """

    def __init__(
        self, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, guard: pytest.MonkeyPatch
    ) -> None:
        self.url = server.url
        self._sandbox = server.sandbox
        self._monkeypatch = monkeypatch
        # `dag.test()` in an earlier test leaves it, but this test is no later try.
        monkeypatch.delenv("AIRFLOW_CTX_TRY_NUMBER", raising=False)
        self.reset()
        self._block_other_services(guard)
        self.connect()

    def connect(self, conn_id: str = "jsms_default", **extras: object) -> None:
        """Point an Airflow connection to the sandbox until the test ends.

        :param conn_id: such as ``"jsms_marketing"``.
        :param extras: extras of the connection, such as ``read_timeout=1``.
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
        """The texts still to be sent, by send time."""
        return self._texts("pending")

    @property
    def sent(self) -> list[Text]:
        """The delivered texts, by send time."""
        return [text for text in self._texts("sent") if not isinstance(text, Undelivered)]

    @property
    def undelivered(self) -> list[Undelivered]:
        """The texts that were accepted and failed at their time, by send time."""
        return [text for text in self._texts("sent") if isinstance(text, Undelivered)]

    def sent_to(self, mobile: str | int) -> list[Text]:
        """Return the texts delivered to a number, given in any form that an operator takes."""
        digits = _mobile(mobile)
        return [text for text in self.sent if text.mobile == digits]

    @property
    def deleted(self) -> list[Text]:
        """The texts of deleted schedules, by send time."""
        return self._texts("deleted")

    @property
    def refused(self) -> list[Refused]:
        """The refused recipients of batches."""
        return [
            Refused(mobile, code, message_of(code), schedule.schedule_id, temp_para or {})
            for schedule in self._schedules()
            for mobile, temp_para, code in schedule.content.failures
        ]

    @property
    def requests(self) -> list[ApiRequest]:
        """Every request to the API, oldest first."""
        return list(self._sandbox.recorded)

    def number(self, mobile: str | int, state: str) -> dict[str, str]:
        """Make a number ``normal``, ``unsubscribed`` from marketing texts, or ``invalid``."""
        return super().number(_mobile(mobile), state)

    def delivery(self, mobile: str | int, status: int) -> dict[str, Any]:
        """Set the status in the delivery reports of a number, such as 4003; 4001 is delivered."""
        return super().delivery(_mobile(mobile), status)

    def reply(self, mobile: str | int, content: str) -> dict[str, Any]:
        """Let a person reply now."""
        return super().reply(_mobile(mobile), content)

    def _apply(self, control: Callable[..., T], given: object, *arguments: str | int) -> T:
        with self._sandbox.lock:
            self._sandbox.send_due()
            return control(self._sandbox, given, *arguments)

    def _schedules(self) -> list[Schedule]:
        with self._sandbox.lock:
            self._sandbox.send_due()
            return list(self._sandbox.book.schedules.values())

    def _texts(self, status: Status) -> list[Text]:
        schedules = [schedule for schedule in self._schedules() if schedule.status == status]
        texts = [text for schedule in schedules for text in self._texts_of(schedule)]
        return sorted(texts, key=lambda text: text.send_time)

    def _texts_of(self, schedule: Schedule) -> Iterator[Text]:
        send_time = schedule.content.send_at.astimezone(self._sandbox.clock.zone)
        for message, failure in messages_of(self._sandbox, schedule):
            del message["sent_at"]
            message |= {"send_time": send_time, "temp_para": message["temp_para"] or {}}
            yield Undelivered(**message, **failure._asdict()) if failure else Text(**message)

    def _block_other_services(self, guard: pytest.MonkeyPatch) -> None:
        # These import Airflow, which reads AIRFLOW_HOME: a test may set it first.
        from airflow_provider_jsms.hooks.connection import read_settings  # noqa: PLC0415
        from airflow_provider_jsms.submission import custom_code as in_code  # noqa: PLC0415

        # A hook in this process does not resubmit texts that were uncertain in an earlier test.
        in_code.uncertain.clear()

        def read(**fields: Any) -> JsmsSettings:
            settings = read_settings(**fields)
            _check_url(settings.base_url, self.url)
            return settings

        guard.setattr("airflow_provider_jsms.hooks.connection.read_settings", read)


def _check_url(base_url: str, sandbox: str) -> None:
    """Check that a connection points to the sandbox.

    It takes no credentials, because pytest prints the arguments of the function that raises.
    """
    from airflow_provider_jsms.exceptions import JsmsSettingsError  # noqa: PLC0415

    if base_url != sandbox:
        raise JsmsSettingsError(
            "This Airflow connection does not point to the sandbox of the test. Nothing was sent. "
            "Call jsms_sandbox.connect(...) with its id; if you did, a secrets backend takes "
            "precedence: run the tests without it."
        )


def _mobile(mobile: str | int) -> str:
    from airflow_provider_jsms.api.recipients import mobile_of  # noqa: PLC0415

    return mobile_of(mobile)
