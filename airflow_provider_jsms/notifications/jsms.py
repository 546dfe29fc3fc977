"""The notifier: texts the person on call, as a callback of a task, a DAG or a deadline."""

from __future__ import annotations

import asyncio
import logging
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.notifier import BaseNotifier
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import connection_id_of
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRefusedRecipientsError,
    JsmsSettingsError,
)
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.notifications.fields import (
    alert_parameters,
    delay_of,
    numbers_of,
    rendered_fields,
)
from airflow_provider_jsms.submission.lists.refusals import describe_failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook

__all__ = ["JsmsNotifier"]

_LONGEST_CONTENT: Final = 500
_log = logging.getLogger(__name__)


class JsmsNotifier(BaseNotifier):
    """Text the person on call when a task or a DAG run fails, succeeds, retries or is late.

    .. code-block:: python

        with DAG(
            "load",
            on_failure_callback=JsmsNotifier(
                mobile="{{ var.value.on_call }}",
                temp_id=1250,
                temp_para={"dag": "{{ dag.dag_id }}", "task": "{{ ti.task_id }}"},
            ),
        ):
            ...

    Use it as any ``on_..._callback`` of a DAG or a task, and in the ``AsyncCallback`` or
    ``SyncCallback`` of a deadline alert.

    **How many texts.** Each callback submits once: that of a DAG once per run, that of a task once
    per task and per mapped task instance. With ``once_key="{{ run_id }}"`` you get one per run.

    **No guarantee.** Airflow may run a callback twice, late or not at all. For a text that must be
    sent once, use a task with ``JsmsSubmitScheduleOperator`` and a ``trigger_rule`` such as
    ``"one_failed"``.

    **Failures.** A parameter of ``temp_para`` that is empty or cannot be rendered becomes ``-``,
    and the log names it. Line breaks become spaces, and 【】, which JSMS refuses, become ``[]``.
    Any other failure is logged and never fails the task; in a deadline alert it is raised, so that
    Airflow records it.

    **Templates.** In callbacks of a task: its whole context, and ``exception`` when it failed. In
    callbacks of a DAG: ``dag``, ``dag_run``, ``run_id``, ``reason`` and mostly the context of the
    last ``ti``, without ``exception``. In a deadline alert: ``deadline``, ``dag_run``, ``run_id``,
    ``dag_id``, ``dag.dag_id``, ``logical_date``, ``ds``, ``ts`` and their variants,
    ``data_interval_start``, ``data_interval_end``, ``var`` and ``macros``.

    **Privacy.** Airflow stores the arguments of a deadline alert unmasked: keep the numbers in an
    Airflow Variable.

    :param mobile: a number, a list of numbers, or a text of several with commas or line breaks
        between them, also a list that a template has rendered to text (templated). A repeated
        number is texted once; at most 1,000. If one is invalid, nobody is texted.
    :param temp_id: the id of an approved template (templated).
    :param temp_para: the parameters of the template by name; values become strings (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param delay: the time from the callback to ``send_time``, 5 seconds to a day: a timedelta or
        seconds (templated).
    :param send_window: the times of day at which the text may go out, such as ``"08:00-21:00"``;
        outside, it is sent at the next opening. By default always, also where the connection has a
        window; None for that of the connection (templated).
    :param once_key: names the text, which is then sent once, whatever callback, run or DAG submits
        it. Needs the extra ``ledger_conn_id`` of the connection (templated).
    :param jsms_conn_id: the Airflow connection to JSMS (templated).
    :param max_length: characters of all parameters together, 1 to 500; the longest are cut and end
        with ``…``. JSMS refuses a text of more than 500 characters with its template and
        signature, and charges a text of more than 70 by parts of 67.
    """

    template_fields = (
        *("mobile", "temp_id", "temp_para", "sign_id", "delay", "send_window"),
        *("once_key", "jsms_conn_id"),
    )

    def __init__(
        self,
        *,
        mobile: Any,  # noqa: ANN401  a number, several, or a template
        temp_id: Any,  # noqa: ANN401  a number or a template
        temp_para: Any = None,  # noqa: ANN401  a dictionary or a template
        sign_id: Any = None,  # noqa: ANN401  a number or a template
        delay: Any = timedelta(minutes=1),  # noqa: ANN401  a timedelta, seconds or a template
        send_window: Any = "always",  # noqa: ANN401  a pair of times, a text or a template
        once_key: Any = None,  # noqa: ANN401  a text or a template
        jsms_conn_id: str = DEFAULT_CONN_ID,
        max_length: int = 200,
        **kwargs: Any,
    ) -> None:
        if not isinstance(max_length, int) or not 0 < max_length <= _LONGEST_CONTENT:
            raise JsmsInputError(
                f"max_length is {show(max_length)}: use a whole number of characters from 1 to "
                f"{_LONGEST_CONTENT}, the most that JSMS accepts in a text."
            )
        # Airflow 3.1 and newer pass the context of a deadline alert here.
        super().__init__(**kwargs)
        self.mobile = mobile
        self.temp_id = temp_id
        self.temp_para = temp_para
        self.sign_id = sign_id
        self.delay = delay
        self.send_window = send_window
        self.once_key = once_key
        self.jsms_conn_id = jsms_conn_id
        self.max_length = max_length

    def _update_context(self, context: Context) -> Context:
        # Airflow would add these fields to it, but it is the task's context too.
        return context

    def render_template_fields(
        self, context: Context, jinja_env: jinja2.Environment | None = None
    ) -> None:
        """Keep the templates: one notifier serves several runs, and renders them for each."""

    def notify(self, context: Context) -> None:
        """Schedule the text. A failure is logged; in a deadline alert it is raised too."""
        # The hook imports an HTTP library, which parsing a DAG file must not.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with _failures_logged(raises="deadline" in context):
            fields = rendered_fields(self, context)
            self._submit(JsmsHook(fields["jsms_conn_id"], durable=False), fields)

    async def async_notify(self, context: Context) -> None:
        """Schedule the text without blocking the event loop. A failure is logged and raised."""
        from asgiref.sync import sync_to_async  # noqa: PLC0415

        from airflow_provider_jsms.hooks.async_client import settings_for  # noqa: PLC0415
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with _failures_logged(raises=True):
            # A template may read an Airflow Variable, which blocks. In a thread of `asyncio` that
            # would end the triggerer of some Airflow 3.
            fields = await sync_to_async(rendered_fields)(self, context)
            hook = JsmsHook(fields["jsms_conn_id"], durable=False)
            hook.settings = await settings_for(connection_id_of(hook.jsms_conn_id))
            if fields["once_key"] is not None:
                await sync_to_async(hook.require_ledger)("once_key")  # reads a connection too
        # In a thread, because only that transport knows whether a request has left this machine.
        await asyncio.to_thread(self._send, hook, fields)

    def _send(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        # Logged in the thread, which continues if Airflow cancels the coroutine that awaits it.
        with _failures_logged(raises=True):
            self._submit(hook, fields)

    def _submit(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        numbers = numbers_of(fields["mobile"])
        parameters = alert_parameters(fields["temp_para"], self.max_length)
        delay = delay_of(fields["delay"])
        _log.debug("Texting by %s", hook.settings.base_url)  # read before the delay begins
        once_key = fields["once_key"]
        if once_key is not None and (schedule_id := hook.find_schedule(once_key)):
            _log.info("This notification was submitted before, as schedule %s", schedule_id)
            return
        common = {
            "once_key": once_key,
            # A second more, because JSMS has no fractions.
            "send_time": datetime.now(UTC) + delay + timedelta(seconds=1),
            "temp_id": fields["temp_id"],
            "sign_id": fields["sign_id"],
            "send_window": fields["send_window"],
            "on_outside_window": "next",
        }
        with hook:
            if len(numbers) == 1:
                hook.submit_schedule(mobile=numbers[0], temp_para=parameters, **common)
                return
            recipients = [{"mobile": number, "temp_para": parameters} for number in numbers]
            result = hook.submit_batch_schedule(recipients=recipients, **common)
        if result["failure_count"]:
            raise JsmsRefusedRecipientsError(
                f"JSMS refused {result['failure_count']} of {len(numbers)} numbers, who will not "
                f"be texted:\n{describe_failures(result['failure_recipients'])}"
            )


@contextmanager
def _failures_logged(*, raises: bool) -> Iterator[None]:
    """Log why a notification failed.

    :param raises: raise it too. A notification must not fail the task that it is about; a deadline
        alert is about no task, and Airflow would record it as a success.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  a notification can meet anything
        failure = _failure(error)
        _log.error("The notification failed: %s", failure)
        cause = failure.__cause__
        if cause and not isinstance(cause, Exception):
            # Airflow interrupted the request and needs its own exception.
            raise cause from None
        if raises:
            raise failure from cause


def _failure(error: Exception) -> AirflowException:
    """Return the error, or another in its place if it may quote private values."""
    names = (type(error).__name__, type(error.__context__).__name__)
    if "AirflowSecretsBackendAccessDenied" in names:
        return JsmsSettingsError(
            "Airflow 3.3 lets a SyncCallback read neither connections nor Variables of its "
            "database. Nothing was sent. Use AsyncCallback, or set them in the environment or a "
            "secrets backend."
        )
    if isinstance(error, JsmsError):
        return error
    steps = "".join(traceback.format_tb(error.__traceback__))
    return AirflowException(f"an unexpected {type(error).__name__} was raised:\n{steps}")
