"""All that a sandbox knows, in memory and without HTTP."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox.account import Account
from airflow_provider_jsms.sandbox.clock import Clock
from airflow_provider_jsms.sandbox.credentials import (
    DEFAULT_APP_KEY,
    DEFAULT_MASTER_SECRET,
    Credentials,
)
from airflow_provider_jsms.sandbox.door import Door
from airflow_provider_jsms.sandbox.endings import Endings
from airflow_provider_jsms.sandbox.faults import Faults
from airflow_provider_jsms.sandbox.holds import Holds
from airflow_provider_jsms.sandbox.records import SentMessage
from airflow_provider_jsms.sandbox.schedules import ScheduleBook
from airflow_provider_jsms.sandbox.switches import Switches
from airflow_provider_jsms.sandbox.templates import (
    default_signatures,
    default_templates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.sandbox.records import RecordedRequest
    from airflow_provider_jsms.sandbox.templates import (
        Signature,
        Template,
    )

_FIRST_MSG_ID = 288_193_860_302


class Sandbox:
    """The state of a sandbox. Whoever works on it holds ``lock``.

    :param app_key: the user name of HTTP Basic.
    :param master_secret: its password.
    :param timezone: the zone of the wall clock in which ``send_time`` is read.
    :param switches: answers to open questions, see :class:`Switches`; a reset returns to them.
    """

    account: Account
    clock: Clock
    switches: Switches
    templates: dict[int, Template]
    signs: dict[int, Signature]
    numbers: dict[str, str]
    """Numbers that are not normal, each ``unsubscribed`` or ``invalid``."""
    book: ScheduleBook
    faults: Faults
    recorded: list[RecordedRequest]
    sent: list[SentMessage]

    def __init__(
        self,
        *,
        app_key: str = DEFAULT_APP_KEY,
        master_secret: str = DEFAULT_MASTER_SECRET,
        timezone: str = "Asia/Shanghai",
        switches: Mapping[str, object] | None = None,
    ) -> None:
        self.credentials = Credentials(app_key, master_secret)
        self.lock = threading.RLock()
        self.holds = Holds()
        self.endings = Endings()
        self.door = Door(self.lock)
        self._timezone = timezone
        self._first_switches = Switches().changed(switches or {})
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new sandbox, with the real time; nothing is held or goes on."""
        with self.lock:
            self.holds.drop()
            self.endings.end()
            self.door.open()
            self.account = Account()
            self.clock = Clock(self._timezone)
            self.switches = self._first_switches
            self.templates = default_templates()
            self.signs = default_signatures()
            self.numbers = {}
            self.book = ScheduleBook()
            self.faults = Faults(self.door)
            self.recorded = []
            self.sent = []
            self._msg_ids = itertools.count(_FIRST_MSG_ID)

    def new_msg_id(self) -> int:
        """Return a ``msg_id`` that no message has yet."""
        return next(self._msg_ids)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by some seconds and send what is due by then."""
        with self.lock:
            self.clock.advance(seconds)
            self.send_due()

    def travel_to(self, when: datetime) -> None:
        """Move the clock forward to an aware time and send what is due by then."""
        with self.lock:
            self.clock.travel_to(when)
            self.send_due()

    def send_due(self) -> None:
        """Send every schedule that is due, in the order of their times.

        No document tells when a message is charged: here it is when it is sent.
        """
        with self.lock:
            for schedule in self.book.send_due(self.clock.now()):
                recipients = schedule.content.recipients
                self.sent += [SentMessage(schedule, recipient) for recipient in recipients]
                self.account.balance = max(0, self.account.balance - schedule.content.cost)
