"""The hook: one method per call of the JSMS API, one request per call."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_jsms.api import calls
from airflow_provider_jsms.api.arguments import connection_id_of
from airflow_provider_jsms.api.send_time import parse_send_time, parse_wire
from airflow_provider_jsms.compat import connection_form_widgets, ui_field_behaviour
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsError,
    JsmsNoAnswerError,
    JsmsStateError,
)
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.hooks.client import JsmsClient
from airflow_provider_jsms.hooks.connection import explain, looking_up, settings_of
from airflow_provider_jsms.submission.custom_code import begin, submit_batch, submit_text

if TYPE_CHECKING:
    from requests import Session

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.replies import BatchResult, Schedule
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.connection import JsmsSettings

__all__ = ["JsmsHook"]

T = TypeVar("T")


class JsmsHook(BaseHook):
    """Schedule, change, follow and cancel texts with JiGuang SMS (JSMS, 极光短信).

    A failed call is retried within a minute, but only if that cannot text anyone twice: a
    submission is never resent once it has begun to leave this machine. Threads and forked processes
    may share a hook, each with an HTTP session of its own. Close it, or use it in ``with``.

    In a task of Airflow 3.3 and newer the hook records its submissions: a retry of the task finds
    each by its text and sends only the missing ones. Outside a task there is no record: never
    retry :class:`JsmsUncertainError` there, the text may go out twice.

    :param jsms_conn_id: the Airflow connection. Its login is the app key, its password the master
        secret, its host a bare name or a base URL (default ``https://api.sms.jpush.cn``); extras:
        ``timezone`` (of the wall clock of JSMS, default ``Asia/Shanghai``), ``connect_timeout``
        and ``read_timeout`` (seconds, default 5 and 30), ``max_attempts`` (default 3) and
        ``ca_bundle`` (a path).
    :param durable: whether to record the submissions of a task. Where no record can be read, a
        later try is then uncertain instead of submitting again.
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
        left_out = ("_client", "settings")  # sockets and credentials
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def close(self) -> None:
        """Close this thread's connections to JSMS; the next call opens them again."""
        if "_client" in self.__dict__:
            self._client.close()

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

    def parse_send_time(self, value: object) -> SendTime:
        """Return a time as the wall clock of this connection."""
        return parse_send_time(value, self.settings.zone)

    def submit_schedule(
        self,
        *,
        send_time: object,
        mobile: object,
        temp_id: object,
        sign_id: object = None,
        temp_para: object = None,
    ) -> str:
        """Schedule one text and return its schedule_id (``POST /v1/schedule``).

        :param send_time: a future time: an aware datetime, an ISO 8601 string with an offset or
            ``Z``, or the wall clock of JSMS as ``yyyy-MM-dd HH:mm:ss``.
        :param mobile: a mainland China number, with or without +86.
        :param temp_id: the id of an approved template.
        :param sign_id: the id of an approved signature; None for the default one.
        :param temp_para: the parameters of the template, strings by name.
        :raises JsmsInputError: an argument is invalid; nothing was sent.
        :raises JsmsApiError: JSMS refused it.
        :raises JsmsUncertainError: this call, or an earlier try of the task, may have been
            accepted; it was not sent again. Never retry it.
        :raises JsmsForeignRecordError: an earlier try of the task submitted another text.
        :raises JsmsLedgerError: the record cannot be read or written; nothing was sent.
        """
        if self.durable:
            begin()
        time = self.parse_send_time(send_time)
        call = calls.submit_schedule(
            send_time=time, mobile=mobile, temp_id=temp_id, sign_id=sign_id, temp_para=temp_para
        )
        return submit_text(self, call) if self.durable else self._send_future(call)

    def submit_batch_schedule(
        self,
        *,
        send_time: object,
        recipients: object,
        temp_id: object,
        sign_id: object = None,
        tag: object = None,
    ) -> BatchResult:
        """Schedule a text for 1 to 1,000 people (``POST /v1/schedule/batch``).

        JSMS may refuse some of them and schedule the rest; the result names the refused ones.

        :param recipients: a list of ``{"mobile": ..., "temp_para": {...}}``, or of numbers where
            the template has no parameters.
        :param tag: a label of at most 10 characters, not shown to the recipients.
        :raises JsmsRecipientsFileError: the list cannot be read.

        The other arguments and errors are those of :meth:`submit_schedule`.
        """
        if self.durable:
            begin()
        time = self.parse_send_time(send_time)
        call = calls.submit_batch_schedule(
            send_time=time, recipients=recipients, temp_id=temp_id, sign_id=sign_id, tag=tag
        )
        return submit_batch(self, call) if self.durable else self._send_future(call)

    def modify_schedule(
        self,
        schedule_id: object,
        *,
        send_time: object,
        mobile: object,
        temp_id: object,
        sign_id: object = None,
        temp_para: object = None,
    ) -> str:
        """Replace a schedule and return its schedule_id (``PUT /v1/schedule/{schedule_id}``).

        Pass ``sign_id`` again, or JSMS uses the default signature. The arguments and errors are
        those of :meth:`submit_schedule`.

        :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.
        """
        time = self.parse_send_time(send_time)
        call = calls.submit_schedule(
            send_time=time, mobile=mobile, temp_id=temp_id, sign_id=sign_id, temp_para=temp_para
        )
        return self._send_future(calls.modification(call, schedule_id))

    def modify_batch_schedule(
        self,
        schedule_id: object,
        *,
        send_time: object,
        recipients: object,
        temp_id: object,
        sign_id: object = None,
        tag: object = None,
    ) -> BatchResult:
        """Replace a batch schedule (``PUT /v1/schedule/batch/{schedule_id}``).

        The arguments are those of :meth:`submit_batch_schedule`, the errors those of
        :meth:`modify_schedule`.
        """
        time = self.parse_send_time(send_time)
        call = calls.submit_batch_schedule(
            send_time=time, recipients=recipients, temp_id=temp_id, sign_id=sign_id, tag=tag
        )
        return self._send_future(calls.modification(call, schedule_id))

    def query_schedule(self, schedule_id: object) -> Schedule:
        """Return a single or batch schedule (``GET /v1/schedule/{schedule_id}``).

        JSMS returns no status. A ``msg_id`` names a message that JSMS has accepted or dispatched;
        it never proves delivery.
        """
        return self._client.send(calls.query_schedule(schedule_id))

    async def aquery_schedule(self, schedule_id: object) -> Schedule:
        """Query a schedule without blocking the event loop."""
        # It imports a second HTTP library, which most tasks do not need.
        from airflow_provider_jsms.hooks.async_client import shared  # noqa: PLC0415

        call = calls.query_schedule(schedule_id)
        async with shared(connection_id_of(self.jsms_conn_id)) as connection:
            return await connection.send(call)

    def delete_schedule(self, schedule_id: object) -> None:
        """Cancel a single or batch schedule (``DELETE /v1/schedule/{schedule_id}``).

        :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.
        :raises JsmsAlreadySentError: a reply was lost, and meanwhile the text was sent.
        """
        call = calls.delete_schedule(schedule_id)
        met: list[BaseException] = []
        try:
            self._client.send(call, met=met)
        except JsmsStateError as error:
            if not any(isinstance(earlier, JsmsNoAnswerError) for earlier in met):
                raise
            # An earlier try may have deleted it, or it was sent before any of them arrived.
            self.raise_if_sent(schedule_id, error)
        self.log.info("%s: deleted", call)

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
            balance = self._client.send(calls.query_balance(), max_attempts=1)
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

    def _send_future(self, call: Call[T]) -> T:
        call.require_future()
        return self.send_call(call)

    def send_call(self, call: Call[T]) -> T:
        """Send a submit or modify, without a record of it, and return its result."""
        moment = call.send_time.utc if call.send_time else "unknown"
        self.log.info("%s: %s, which is %s", call, call.subject, moment)
        result = self._client.send(call)
        accepted = result if isinstance(result, str) else result["schedule_id"]  # type: ignore[index]
        self.log.info("%s: JSMS answered with schedule_id %s", call, accepted)
        return result
