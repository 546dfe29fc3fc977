"""The state of a sandbox, in memory and without HTTP."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_jsms.sandbox.account import (
    APPROVED,
    DEFAULT_API_DEV_SECRET,
    DEFAULT_APP_KEY,
    DEFAULT_DEV_KEY,
    DEFAULT_MASTER_SECRET,
    Account,
    Credentials,
    default_signatures,
    default_templates,
)
from airflow_provider_jsms.sandbox.clock import Clock, milliseconds
from airflow_provider_jsms.sandbox.dispatch import dispatch
from airflow_provider_jsms.sandbox.faults import Faults
from airflow_provider_jsms.sandbox.inquiries import Inbox
from airflow_provider_jsms.sandbox.outage import Outage
from airflow_provider_jsms.sandbox.responses import ErrorCode, Refusal
from airflow_provider_jsms.sandbox.schedules import ScheduleBook
from airflow_provider_jsms.sandbox.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_jsms.sandbox.account import Template
    from airflow_provider_jsms.sandbox.records import ApiRequest
    from airflow_provider_jsms.sandbox.schedules import Schedule

_FIRST_MSG_ID = 288_193_860_302


@dataclass(frozen=True)
class Hold:
    """A held call.

    :param moment: one of :data:`airflow_provider_jsms.sandbox.faults.MOMENTS`.
    :param since: by the clock of the sandbox.
    :param released: its result is False if the sandbox was reset instead.
    """

    request: ApiRequest
    moment: str
    since: datetime
    released: Future[bool] = field(default_factory=Future)


class Waits:
    """Requests that wait: held calls, and responses that last until the client leaves.

    Hold the sandbox's lock to use it. Any thread may end a wait, so these are not futures of an
    event loop. Without a running server every wait ends at once.
    """

    def __init__(self) -> None:
        self.holds: list[Hold] = []
        self._lasting: list[Future[None]] = []
        self._is_serving = False

    def hold(self, hold: Hold) -> None:
        """Add a held call."""
        self.holds.append(hold)
        if not self._is_serving:
            self.release()

    def last(self) -> Future[None]:
        """Return a future that is cancelled on a reset and when the server stops."""
        lasting: Future[None] = Future()
        self._lasting = [each for each in self._lasting if not each.done()] + [lasting]
        if not self._is_serving:
            self.cancel()
        return lasting

    def release(self) -> int:
        """Let every held call continue, and return their number."""
        return self._end_holds(released=True)

    def cancel(self) -> None:
        """End the lasting responses."""
        lasting, self._lasting = self._lasting, []
        for each in lasting:
            each.cancel()

    def reset(self) -> None:
        """Drop the held calls and end the lasting responses."""
        self._end_holds(released=False)
        self.cancel()

    def open(self) -> None:
        """Let requests wait from now on."""
        self._is_serving = True

    def close(self) -> None:
        """End every wait, and let no request wait from now on."""
        self._is_serving = False
        self.release()
        self.cancel()

    def _end_holds(self, *, released: bool) -> int:
        holds, self.holds = self.holds, []
        for hold in holds:
            hold.released.set_result(released)
        return len(holds)


class Sandbox:
    """The state of a sandbox. Hold ``lock`` to use it.

    :param app_key: the user name of HTTP Basic.
    :param master_secret: its password.
    :param dev_key: the user name for the balance of the developer.
    :param api_dev_secret: its password.
    :param timezone: the zone in which ``send_time`` is read.
    :param switches: see :class:`Switches`; a reset returns to these.
    """

    def __init__(
        self,
        *,
        app_key: str = DEFAULT_APP_KEY,
        master_secret: str = DEFAULT_MASTER_SECRET,
        dev_key: str = DEFAULT_DEV_KEY,
        api_dev_secret: str = DEFAULT_API_DEV_SECRET,
        timezone: str = "Asia/Shanghai",
        switches: Mapping[str, object] | None = None,
    ) -> None:
        self.credentials = Credentials(app_key, master_secret)
        self.developer = Credentials(dev_key, api_dev_secret)
        self.lock = threading.RLock()
        self.waits = Waits()
        self.outage = Outage(self.lock)
        # Set, with the lock, where a request may change the state.
        self.changed = threading.Event()
        self._timezone = timezone
        self._initial_switches = Switches().updated(switches or {})
        self.reset()

    def reset(self) -> None:
        """Return to the initial state, the real time, and no waiting request."""
        with self.lock:
            self.waits.reset()
            self.outage.end()
            self.account = Account()
            self.clock = Clock(self._timezone)
            self.switches = self._initial_switches
            self.templates = default_templates()
            self.signs = default_signatures()
            # Only unsubscribed and invalid ones.
            self.numbers: dict[str, str] = {}
            # Only of numbers that their carrier does not deliver to.
            self.deliveries: dict[str, int] = {}
            # The documents name three days for reports, and a client seven for replies.
            self.reports = Inbox(timedelta(days=3))
            self.replies = Inbox(timedelta(days=7))
            self.replied: list[tuple[datetime, str, str]] = []
            # The times of the texts that were handed to a carrier, by number.
            self.dispatched: defaultdict[str, list[datetime]] = defaultdict(list)
            self.book = ScheduleBook()
            self.faults = Faults(self.outage)
            self.recorded: list[ApiRequest] = []
            self.sent: list[Schedule] = []
            self.next_msg_id = _FIRST_MSG_ID

    def new_msg_id(self) -> int:
        """Return a unique ``msg_id``."""
        self.next_msg_id += 1
        return self.next_msg_id - 1

    def advance(self, seconds: float) -> None:
        """Move the clock forward and send everything that is due."""
        with self.lock:
            self.clock.advance(seconds)
            self.send_due()

    def travel_to(self, when: datetime) -> None:
        """Move the clock forward to an aware time and send everything that is due."""
        with self.lock:
            self.clock.travel_to(when)
            self.send_due()

    def send_due(self) -> None:
        """Send every due schedule, in the order of their times."""
        with self.lock:
            for schedule in self.book.send_due(self.clock.now()):
                self.sent.append(schedule)
                dispatch(self, schedule)

    def check_sign(self, sign_id: int) -> None:
        """Refuse a signature that does not exist, or that is not approved.

        :raises Refusal: 50102.
        """
        signature = self.signs.get(sign_id)
        if signature is None or signature.status != APPROVED:
            raise Refusal(ErrorCode.INVALID_SIGN_ID)

    def check_number(self, mobile: str, template: Template) -> None:
        """Refuse a number that does not exist, or whose owner has unsubscribed.

        :raises Refusal: 50006 or 50024.
        """
        state = self.numbers.get(mobile)
        if state == "invalid":
            raise Refusal(ErrorCode.INVALID_MOBILE)
        is_strict = self.switches.unsubscribed == "all_refused"
        if state == "unsubscribed" and (template.is_marketing or is_strict):
            raise Refusal(ErrorCode.UNSUBSCRIBED_MOBILE)

    def reply(self, mobile: str, content: str) -> dict[str, object]:
        """Let a person reply, and return the row."""
        now = self.clock.now()
        row = {"phone": mobile, "replyTime": milliseconds(now), "content": content}
        self.replies.add(now, row)
        self.replied.append((now, mobile, content))
        return row
