"""The hook: one method per call of the JSMS API, one request per call."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_jsms.api import calls
from airflow_provider_jsms.api.arguments import connection_id_of, once_key_of
from airflow_provider_jsms.api.send_time import parse_send_time, parse_wire
from airflow_provider_jsms.api.send_window import send_window_of
from airflow_provider_jsms.api.statuses import MAX_ROWS, lost_replies
from airflow_provider_jsms.compat import connection_form_widgets, ui_field_behaviour
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsError,
    JsmsInputError,
    JsmsNoAnswerError,
    JsmsStateError,
)
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.hooks.client import JsmsClient
from airflow_provider_jsms.hooks.connection import explain, looking_up, settings_of
from airflow_provider_jsms.hooks.ledger_database import open_ledger
from airflow_provider_jsms.submission.custom_code import (
    accepted_under,
    begin,
    submit_batch,
    submit_text,
)
from airflow_provider_jsms.submission.records.fingerprint import account_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Session

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.results import Balance, BatchResult, Schedule, Sign, Template
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

__all__ = ["JsmsHook"]

T = TypeVar("T")


class JsmsHook(BaseHook):
    """Schedule, change, follow and cancel texts with JiGuang SMS (JSMS, 极光短信).

    A failed call is retried within a minute, but only if that cannot text anyone twice: a
    submission is never resent once it has begun to leave this machine. Threads and forked processes
    may share a hook, each with an HTTP session of its own. Close it, or use it in ``with``.

    In a task of Airflow 3.3 and newer, or of any version if the connection names a ledger, the hook
    records its submissions: a retry of the task finds each by its text and sends only the missing
    ones. Outside a task only a submission with ``once_key`` has a record: never retry
    :class:`JsmsUncertainError` of another one there, the text may go out twice.

    :param jsms_conn_id: the Airflow connection. Its login is the app key, its password the master
        secret, its host a bare name or a base URL (default ``https://api.sms.jpush.cn``); the page
        *Connection* of the documentation describes its extras.
    :param durable: whether to record the submissions of a task. Where no record can be read, a
        later try is then uncertain instead of submitting again. One with ``once_key`` is always
        recorded.
    """

    conn_name_attr = "jsms_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "jsms"
    hook_name = "JSMS (Jiguang SMS)"

    def __init__(
        self, jsms_conn_id: str = default_conn_name, *, durable: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.jsms_conn_id = jsms_conn_id
        self.durable = durable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_client", "settings", "ledger")  # sockets and credentials
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def close(self) -> None:
        """Close this thread's connections to JSMS, and those to the ledger's database.

        The next call opens them again.
        """
        if "_client" in self.__dict__:
            self._client.close()
        if (ledger := self.__dict__.get("ledger")) is not None:
            ledger.close()

    def get_conn(self) -> Session:
        """Return this thread's HTTP session, which reaches the base URL only."""
        return self._client.session

    @cached_property
    def settings(self) -> JsmsSettings:
        """The settings of the Airflow connection, read once.

        :raises JsmsConnectionNotFoundError: Airflow does not find the connection.
        :raises JsmsSettingsError: one of its fields is invalid.
        """
        conn_id = connection_id_of(self.jsms_conn_id)
        with looking_up(conn_id):
            connection = self.get_connection(conn_id)
        return settings_of(connection)

    @cached_property
    def ledger(self) -> SqlLedger | None:
        """The ledger that the connection names, None if it names none.

        :raises JsmsConnectionNotFoundError: Airflow does not find the connection of its database.
        :raises JsmsSettingsError: that is no SQL database, or its provider is not installed.
        """
        return open_ledger(self.settings) if self.settings.ledger_conn_id else None

    def require_ledger(self, needed_by: str) -> SqlLedger:
        """Return the ledger that the connection names.

        :param needed_by: the argument that needs it.
        :raises JsmsInputError: it names none.
        """
        if self.ledger is None:
            raise JsmsInputError(
                f"{needed_by} needs a ledger, and the connection {self.jsms_conn_id} names none. "
                "Nothing was sent. Set its extra ledger_conn_id to an Airflow connection to "
                "PostgreSQL, MySQL or SQLite."
            )
        return self.ledger

    def parse_send_time(
        self, send_time: object, send_window: object = None, on_outside_window: object = "fail"
    ) -> SendTime:
        """Return a time as the wall clock of this connection, moved into the send_window."""
        window = send_window_of(send_window, self.settings.send_window, on_outside_window)
        time = window.fit(parse_send_time(send_time, self.settings.zone))
        if time.given:
            self.log.info("Outside the send_window %s: send_time is now %s", window, time)
        return time

    def submit_schedule(
        self,
        *,
        send_time: object,
        mobile: object,
        temp_id: object,
        sign_id: object = None,
        temp_para: object = None,
        once_key: object = None,
        send_window: object = None,
        on_outside_window: object = "fail",
    ) -> str:
        """Schedule one text and return its schedule_id (``POST /v1/schedule``).

        :param send_time: a future time: an aware datetime, an ISO 8601 string with an offset or
            ``Z``, or the wall clock of JSMS as ``yyyy-MM-dd HH:mm:ss``.
        :param mobile: a mainland China number, with or without +86.
        :param temp_id: the id of an approved template.
        :param sign_id: the id of an approved signature; None for the default one.
        :param temp_para: the parameters of the template, strings by name.
        :param once_key: names this text, whatever task, run or script submits it, 1 to 200
            characters. Where the ledger has it already, the same request is not sent again, and
            another one modifies the schedule until it is sent. Two texts of one run need two keys.
            Needs the extra ``ledger_conn_id``.
        :param send_window: the times of day at which the text may go out, ``"08:00-21:00"``;
            None for the connection's, ``"always"`` for no window.
        :param on_outside_window: ``"fail"``, or ``"next"`` to send at the next opening.
        :raises JsmsInputError: an argument is invalid; nothing was sent.
        :raises JsmsSendWindowError: ``send_time`` is outside the window; nothing was sent.
        :raises JsmsApiError: JSMS refused it.
        :raises JsmsUncertainError: this call, or an earlier try of the task, may have been
            accepted; it was not sent again. Never retry it.
        :raises JsmsForeignRecordError: an earlier try of the task submitted another text.
        :raises JsmsLateChangeError: another text was submitted under ``once_key``, and was sent.
        :raises JsmsLedgerError: the record cannot be read or written; nothing was sent.
        """
        key = self._begin(once_key)
        time = self.parse_send_time(send_time, send_window, on_outside_window)
        call = calls.submit_schedule(
            send_time=time, mobile=mobile, temp_id=temp_id, sign_id=sign_id, temp_para=temp_para
        )
        is_recorded = self.durable or key is not None
        return submit_text(self, call, key) if is_recorded else self._send_future(call)

    def submit_batch_schedule(
        self,
        *,
        send_time: object,
        recipients: object,
        temp_id: object,
        sign_id: object = None,
        tag: object = None,
        once_key: object = None,
        send_window: object = None,
        on_outside_window: object = "fail",
    ) -> BatchResult:
        """Schedule a text for 1 to 1,000 people (``POST /v1/schedule/batch``).

        JSMS may refuse some of them and schedule the rest; the result names the refused ones.

        :param recipients: a list of ``{"mobile": ..., "temp_para": {...}}``, or of numbers where
            the template has no parameters.
        :param tag: a label of at most 10 characters, not shown to the recipients.
        :raises JsmsRecipientsFileError: the list cannot be read.

        The other arguments and errors are those of :meth:`submit_schedule`.
        """
        key = self._begin(once_key)
        time = self.parse_send_time(send_time, send_window, on_outside_window)
        call = calls.submit_batch_schedule(
            send_time=time, recipients=recipients, temp_id=temp_id, sign_id=sign_id, tag=tag
        )
        is_recorded = self.durable or key is not None
        return submit_batch(self, call, key) if is_recorded else self._send_future(call)

    def modify_schedule(
        self,
        schedule_id: object,
        *,
        send_time: object,
        mobile: object,
        temp_id: object,
        sign_id: object = None,
        temp_para: object = None,
        send_window: object = None,
        on_outside_window: object = "fail",
    ) -> str:
        """Replace a schedule and return its schedule_id (``PUT /v1/schedule/{schedule_id}``).

        Pass ``sign_id`` again, or JSMS uses the default signature. If the connection names a
        ledger, it notes the new time there. The arguments are those of :meth:`submit_schedule`,
        without ``once_key``.

        :raises JsmsInputError: an argument is invalid; nothing was sent.
        :raises JsmsSendWindowError: ``send_time`` is outside the window; nothing was sent.
        :raises JsmsApiError: JSMS refused it.
        :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.
        :raises JsmsNoAnswerError: no usable reply came; a retry is safe.
        """
        time = self.parse_send_time(send_time, send_window, on_outside_window)
        call = calls.submit_schedule(
            send_time=time, mobile=mobile, temp_id=temp_id, sign_id=sign_id, temp_para=temp_para
        )
        return self._modify(call, schedule_id)

    def modify_batch_schedule(
        self,
        schedule_id: object,
        *,
        send_time: object,
        recipients: object,
        temp_id: object,
        sign_id: object = None,
        tag: object = None,
        send_window: object = None,
        on_outside_window: object = "fail",
    ) -> BatchResult:
        """Replace a batch schedule (``PUT /v1/schedule/batch/{schedule_id}``).

        The arguments are those of :meth:`submit_batch_schedule`, without ``once_key``. The errors
        are those of :meth:`modify_schedule`.

        :raises JsmsRecipientsFileError: the list cannot be read.
        """
        time = self.parse_send_time(send_time, send_window, on_outside_window)
        call = calls.submit_batch_schedule(
            send_time=time, recipients=recipients, temp_id=temp_id, sign_id=sign_id, tag=tag
        )
        return self._modify(call, schedule_id)

    def query_schedule(self, schedule_id: object) -> Schedule:
        """Return a single or batch schedule (``GET /v1/schedule/{schedule_id}``).

        JSMS returns no status. A ``msg_id`` names a message that JSMS has accepted or dispatched;
        it never proves delivery.
        """
        return self._client.send(calls.query_schedule(schedule_id))

    def fetch_reports(self, *, met: list[BaseException] | None = None) -> list[dict[str, Any]]:
        """Read up to 500 delivery reports of the app, which JSMS then forgets (``GET /v1/report``).

        JSMS hands out each row once, to the first reader, and keeps it for three days. Store the
        rows before you call again, at least five seconds later. If a reply is lost, so are its
        rows: the call is retried for the next ones, and the loss is logged as an error.

        Each row is ``{"msgId", "phone", "receiveTime", "status"}`` with the full number, or
        ``{"unreadable": row}``. :data:`airflow_provider_jsms.api.statuses.STATUSES` has the
        meaning of ``status``.

        :param met: collects the errors of all attempts that failed. Each
            :class:`JsmsNoAnswerError` among them may have lost a page.
        :raises JsmsFrequencyError: 50201, somebody else reads too. Nothing was read.
        :raises JsmsAccountError: 50202, usually because a callback is set. Nothing was read.
        :raises JsmsNoAnswerError: all replies were lost.
        """
        return self._fetch(calls.fetch_reports(), met)

    def fetch_replies(self, *, met: list[BaseException] | None = None) -> list[dict[str, Any]]:
        """Read up to 500 replies of people, which JSMS then forgets (``GET /v1/reply``).

        Each row is ``{"phone", "replyTime", "content"}``, or ``{"unreadable": row}``. Otherwise it
        is as :meth:`fetch_reports`.
        """
        return self._fetch(calls.fetch_replies(), met)

    def find_schedule(self, once_key: object) -> str | None:
        """Return the schedule_id that was accepted under a key, None if there is none.

        It stays after the text was sent, and until the schedule is deleted.

        :raises JsmsInputError: the key is invalid, or the connection names no ledger.
        :raises JsmsLedgerError: the ledger cannot be read.
        """
        key, app = once_key_of(once_key), account_of(self.settings).app
        return accepted_under(self.require_ledger("once_key"), app, key)

    async def aquery_schedule(self, schedule_id: object) -> Schedule:
        """Query a schedule without blocking the event loop."""
        # It imports a second HTTP library, which most tasks do not need.
        from airflow_provider_jsms.hooks.async_client import shared  # noqa: PLC0415

        call = calls.query_schedule(schedule_id)
        async with shared(connection_id_of(self.jsms_conn_id)) as connection:
            return await connection.send(call)

    def get_template(self, temp_id: object) -> Template:
        """Return a template with its text, type and review status (``GET /v1/templates/{id}``).

        :param temp_id: the id of a template of the application.
        :raises JsmsRequestError: 50013, there is no such template.
        """
        return self._client.send(calls.get_template(temp_id))

    def get_sign(self, sign_id: object) -> Sign:
        """Return a signature with its review status (``GET /v1/sign/{sign_id}``).

        :param sign_id: the id of a signature of the application.
        :raises JsmsTemplateError: 50102, there is no such signature.
        """
        return self._client.send(calls.get_sign(sign_id))

    def get_balance(self) -> Balance:
        """Return how many SMS parts the application has left (``GET /v1/accounts/app``).

        :raises JsmsAccountError: 50033, no balance is assigned to the application, which then
            spends that of the developer account.
        """
        return self._client.send(calls.get_balance())

    def delete_schedule(self, schedule_id: object) -> None:
        """Cancel a single or batch schedule (``DELETE /v1/schedule/{schedule_id}``).

        If the connection names a ledger, it notes the deletion there: the same ``once_key``, or a
        cleared task, submits again.

        :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.
        :raises JsmsAlreadySentError: a reply was lost, and meanwhile the text was sent.
        """
        call = calls.delete_schedule(schedule_id)
        met: list[BaseException] = []
        is_gone = False
        try:
            self._client.send(call, met=met)
        except JsmsStateError as error:
            if not any(isinstance(earlier, JsmsNoAnswerError) for earlier in met):
                raise
            # An earlier try may have deleted it, or it was sent before any of them arrived.
            self.raise_if_sent(schedule_id, error)
            is_gone = True
        self.log.info("%s: deleted", call)
        self.note_deletion(schedule_id, is_gone=is_gone)

    def note_deletion(self, schedule_id: object, *, is_gone: bool = False) -> None:
        """Write into the ledger, if there is one, that a schedule was deleted.

        :param is_gone: JSMS does not know it. Then it was deleted only if its time is ahead.
        """
        self._note(
            *(schedule_id, "was deleted, so it is not submitted again under the same key"),
            lambda ledger, app, key: ledger.mark_deleted(app, key, only_ahead=is_gone),
        )

    def raise_if_sent(self, schedule_id: object, error: JsmsStateError) -> None:
        """Raise JsmsAlreadySentError if a schedule is still known and its send_time has passed."""
        try:
            answer = self.query_schedule(schedule_id)
        except JsmsStateError:
            return
        moment = parse_wire(answer["send_time"] or "", self.settings.zone)
        if moment is None or moment <= datetime.now(UTC):
            raise JsmsAlreadySentError.like(
                error,
                f"{error.text} JSMS still knows it and its send_time has passed: it was sent "
                "before it could be deleted, or JSMS also shows deleted schedules.",
            ) from error

    def test_connection(self) -> tuple[bool, str]:
        """Query the balance, which changes nothing; return whether it worked, and a text."""
        try:
            balance = self._client.send(calls.get_balance(), max_attempts=1)
        except JsmsError as error:
            return explain(error)
        amounts = ", ".join(
            f"{name} {'not assigned' if amount is None else amount}"
            for name, amount in balance.items()
        )
        return True, f"The credentials work. Balance: {amounts or 'unknown'}."

    get_connection_form_widgets = staticmethod(connection_form_widgets)
    get_ui_field_behaviour = staticmethod(ui_field_behaviour)

    @cached_property
    def _client(self) -> JsmsClient:
        return JsmsClient(self.settings)

    def _begin(self, once_key: object) -> str | None:
        """Return the key; without one, write that the task has sent nothing yet."""
        if once_key is not None:
            return once_key_of(once_key)
        if self.durable:
            begin()
        return None

    def _fetch(
        self, call: Call[list[dict[str, Any]]], met: list[BaseException] | None
    ) -> list[dict[str, Any]]:
        met = [] if met is None else met
        try:
            return self._client.send(call, met=met)
        except JsmsError as error:
            met.append(error)
            raise
        finally:
            if lost := lost_replies(met):
                self.log.error(
                    "%s: pages that were lost on their way: %d, each with up to %d rows, which "
                    "JSMS does not hand out again. The JSMS console may show them.",
                    *(call, lost, MAX_ROWS),
                )

    def _note(
        self, schedule_id: object, what: str, write: Callable[[SqlLedger, str, str], None]
    ) -> None:
        """Write into the ledger, if there is one; what fails is only logged.

        :param what: what happened to the schedule, and what follows if the ledger does not know.
        :param write: gets the ledger, the app and the schedule_id.
        """
        try:
            if self.ledger is not None:
                write(self.ledger, account_of(self.settings).app, str(schedule_id).strip())
        except Exception as error:  # noqa: BLE001  JSMS has done it, and it must not be repeated
            self.log.warning(
                "The ledger could not note that schedule %s %s: %s", schedule_id, what, error
            )

    def _modify(self, call: Call[T], schedule_id: object) -> T:
        result = self._send_future(calls.modification(call, schedule_id))
        if _accepted_of(result) is not None:
            times = {name: call.summary[name] for name in ("send_time", "send_time_utc")}
            self._note(
                *(schedule_id, "was moved, so a list that is reconciled may not delete it in time"),
                lambda ledger, app, key: ledger.mark_moved(app, key, times),
            )
        return result

    def _send_future(self, call: Call[T]) -> T:
        call.require_sendable()
        return self.send_call(call)

    def send_call(self, call: Call[T]) -> T:
        """Send a submit or modify, without a record of it, and return its result."""
        moment = call.send_time.utc if call.send_time else "unknown"
        self.log.info("%s: %s, which is %s", call, call.subject, moment)
        result = self._client.send(call)
        self.log.info("%s: JSMS answered with schedule_id %s", call, _accepted_of(result))
        return result


def _accepted_of(result: Any) -> str | None:  # noqa: ANN401  of a single text or a batch
    return result if isinstance(result, str) else result["schedule_id"]
