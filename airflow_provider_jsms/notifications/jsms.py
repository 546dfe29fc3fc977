"""The notifier: texts the person on call, as a callback of a task, a DAG or a deadline."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
import traceback
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.notifier import BaseNotifier
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.arguments import connection_id_of, reading, text_of
from airflow_provider_jsms.api.bodies import MOST_RECIPIENTS
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.recipients import mobile_of
from airflow_provider_jsms.connection_form import DEFAULT_CONN_ID
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsInputError,
    JsmsRefusedRecipientsError,
    JsmsSettingsError,
)
from airflow_provider_jsms.notifications.alert_text import (
    MAX_LENGTH,
    alert_parameters,
    max_length_of,
)
from airflow_provider_jsms.notifications.deadline import DENIED, WHY_DENIED, is_deadline
from airflow_provider_jsms.notifications.fields import Fields
from airflow_provider_jsms.submission.refusals import describe_failures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook

_log = logging.getLogger(__name__)

# Less would be used up by a slow way to JSMS.
_SHORTEST_DELAY: Final = timedelta(seconds=5)
_LONGEST_DELAY: Final = timedelta(days=1)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]+)?")
# What begins a list, a tuple, a set, a dictionary or a text in quotes.
_LITERAL: Final = ("[", "(", "{", '"', "'")
_BETWEEN_NUMBERS = re.compile(r"\s*[,;\r\n，；、]\s*")


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

    Use it in ``on_failure_callback`` and ``on_success_callback`` of a DAG, in
    ``on_failure_callback``, ``on_success_callback``, ``on_retry_callback``,
    ``on_execute_callback`` and ``on_skipped_callback`` of a task, and in the ``AsyncCallback`` or
    ``SyncCallback`` of a deadline alert.

    **How many texts.** Each callback submits once: one number as a single schedule, several as one
    batch. JSMS sends ``delay`` later, because the notifier only uses schedules. The callback of a
    DAG sends one text per run. The callback of a task sends one for each task, and one for each
    mapped task instance: if 20 of them fail, you get 20 texts. There is no limit such as "once in
    ten minutes", because no record of earlier texts is kept.

    **What a callback cannot promise.** Airflow may run a callback twice (when a worker, a DAG
    processor or a triggerer dies in the middle of it; in 3.3 every time that the heartbeat of a
    task times out), late (a DAG's, if its file was broken meanwhile) or not at all (when a worker
    is killed at once). So you may, rarely, get a text twice or none. Use a task with
    ``JsmsSubmitScheduleOperator`` and a ``trigger_rule`` such as ``"one_failed"`` for a text that
    must be sent once.

    **When something is wrong.** A parameter of ``temp_para`` that is empty or cannot be rendered
    becomes ``-``, and the log names it. Line breaks become spaces, and 【】, which JSMS refuses,
    become ``[]``. Any other failure is logged with the next step: a failed notification never fails
    the task that it is about. A failed deadline alert raises, so that Airflow records a failure. A
    submission that JSMS may have accepted is not sent again.

    **What you can use in templates.** In callbacks of a task: its whole context, and ``exception``
    when it failed. In callbacks of a DAG: ``dag``, ``dag_run``, ``run_id``, ``reason`` and mostly
    the context of the last ``ti``; there is no ``exception``. In a deadline alert: ``deadline``,
    ``dag_run``, ``run_id``, ``dag_id``, ``dag.dag_id``, ``logical_date``, ``ds``, ``ts`` and their
    like, ``data_interval_start``, ``data_interval_end``, ``var`` and ``macros``. A text may be
    late: ``ti.end_date`` (task), ``dag_run.end_date`` (DAG) and ``deadline.deadline_time`` say when
    it happened, in UTC. ``{{ ti.end_date.astimezone(dag.timezone).strftime('%H:%M') }}`` is the
    wall clock of the DAG.

    Airflow keeps the arguments of a deadline alert as they are: in its database, from 3.2 on in
    the tags of metrics, in logs of debug level, and in the log of a callback that failed. Put the
    numbers into an Airflow Variable to keep them out of there.

    :param mobile: who is texted: a number, a list of them, a text of several with commas or line
        breaks between them, or a list in Python or JSON that a template has rendered to text
        (templated). A number twice is texted once; at most 1,000. If one number is invalid, nobody
        is texted, and the log says which.
    :param temp_id: the id of an approved template (templated).
    :param temp_para: the parameters of the template by name; a value that is no string is turned
        into one (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param delay: how long after the callback JSMS sends, from 5 seconds to a day: a timedelta or
        seconds (templated). The time passes in the queue of JSMS: it is no promise of delivery.
    :param jsms_conn_id: the Airflow connection to JSMS (templated).
    :param max_length: characters of all parameters together, from 1 to 500; the longest are cut
        and end with ``…``. JSMS refuses a text of more than 500 characters with its template and
        signature, and charges a text of more than 70 by parts of 67.
    """

    template_fields: Sequence[str] = (
        "mobile",
        "temp_id",
        "temp_para",
        "sign_id",
        "delay",
        "jsms_conn_id",
    )

    def __init__(
        self,
        *,
        mobile: Any,  # noqa: ANN401  a number, several, or a template
        temp_id: Any,  # noqa: ANN401  a number or a template
        temp_para: Any = None,  # noqa: ANN401  a dictionary or a template
        sign_id: Any = None,  # noqa: ANN401  a number or a template
        delay: Any = timedelta(minutes=1),  # noqa: ANN401  a timedelta, seconds or a template
        jsms_conn_id: str = DEFAULT_CONN_ID,
        max_length: int = MAX_LENGTH,
        **kwargs: Any,
    ) -> None:
        # Airflow 3.1 and newer pass the context of a deadline alert here.
        super().__init__(**kwargs)
        self.mobile = mobile
        self.temp_id = temp_id
        self.temp_para = temp_para
        self.sign_id = sign_id
        self.delay = delay
        self.jsms_conn_id = jsms_conn_id
        self.max_length = max_length_of(max_length)

    def _update_context(self, context: Context) -> Context:
        # It is the task's too, which must not find there who is texted, nor a `delay` that is not
        # its own: on_execute_callback comes before the task.
        return context

    def render_template_fields(
        self, context: Context, jinja_env: jinja2.Environment | None = None
    ) -> None:
        """Leave the templates as they are; each notification renders them for itself.

        A DAG processor runs the callbacks of several runs with one notifier: if the first of them
        replaced the templates, the others would be told of the wrong run.
        """

    def notify(self, context: Context) -> None:
        """Schedule the text. A failure is logged; in a deadline alert it is raised too."""
        # The hook brings an HTTP library, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with _failures_logged(raises=is_deadline(context)):
            fields = Fields(self, context).render()
            self._submit(JsmsHook(fields["jsms_conn_id"], durable=False), fields)

    async def async_notify(self, context: Context) -> None:
        """Schedule the text without blocking the event loop. A failure is logged and raised."""
        from asgiref.sync import sync_to_async  # noqa: PLC0415

        from airflow_provider_jsms.hooks.async_client import settings_for  # noqa: PLC0415

        # It brings a second HTTP library, which only a triggerer needs.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with _failures_logged(raises=True):
            # A template may read an Airflow Variable, which blocks. In a thread of `asyncio` that
            # would end the triggerer of some Airflow 3.
            fields = await sync_to_async(Fields(self, context).render)()
            hook = JsmsHook(fields["jsms_conn_id"], durable=False)
            hook.settings = await settings_for(connection_id_of(hook.jsms_conn_id))
        # In a thread, because only that transport knows what may have left this machine.
        await asyncio.to_thread(self._send, hook, fields)

    def _send(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        # Logged in the thread, which continues if Airflow cancels the coroutine that awaits it.
        with _failures_logged(raises=True):
            self._submit(hook, fields)

    def _submit(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        numbers = _numbers(fields["mobile"])
        parameters = _parameters(fields["temp_para"], self.max_length)
        delay = _delay(fields["delay"])
        _log.debug("Texting by %s", hook.settings.base_url)  # read before the delay begins
        common = {
            "send_time": _next_second(datetime.now(UTC) + delay),
            "temp_id": fields["temp_id"],
            "sign_id": fields["sign_id"],
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

    :param raises: whether to raise it too. A notification must not fail the task that it is about;
        a deadline alert concerns no task, and Airflow would record it as a success.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  a notification can meet anything
        failure = _failure(error)
        _log.error("The notification failed: %s", failure)
        cause = failure.__cause__
        if cause and not isinstance(cause, Exception):
            # Airflow interrupted the request, and has to get its own exception back.
            raise cause from None
        if raises:
            raise failure from cause


def _failure(error: Exception) -> AirflowException:
    """Return the error, or one that repeats nothing private in its place."""
    if isinstance(error, JsmsError):
        return error
    if type(error).__name__ == DENIED:
        return JsmsSettingsError(f"{WHY_DENIED}. Nothing was sent.")
    steps = "".join(traceback.format_tb(error.__traceback__))
    return AirflowException(f"an unexpected {type(error).__name__} was raised:\n{steps}")


def _parameters(value: object, max_length: int) -> object:
    """Return what JSMS accepts of ``temp_para``; anything but a mapping is left to the hook."""
    value = _parsed(value)
    return alert_parameters(value, max_length) if isinstance(value, Mapping) else value


@reading("mobile")
def _numbers(value: object) -> list[str]:
    """Return checked numbers, each once, from one, several, or a text of several."""
    given = list(_each(value))
    if not given:
        raise JsmsInputError("mobile is empty: there is nobody to text. Nothing was sent.")
    count = len(given)
    numbers = list(dict.fromkeys(_number(each, at, count) for at, each in enumerate(given, 1)))
    if len(numbers) > MOST_RECIPIENTS:
        raise JsmsInputError(
            f"mobile has {len(numbers)} numbers: one notification goes to at most "
            f"{MOST_RECIPIENTS}. Nothing was sent."
        )
    return numbers


def _each(value: object) -> Iterator[object]:
    """Yield the numbers of lists and texts, however they are nested."""
    value = _parsed(value)
    if isinstance(value, str):
        text = text_of(value)
        yield from [part for part in _BETWEEN_NUMBERS.split(text.strip()) if part] or [text]
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _each(each)
    else:
        yield value


def _parsed(value: object) -> object:
    """Return the list or dictionary that a template has rendered to a text, in Python or JSON."""
    text = text_of(value).strip() if isinstance(value, str) else ""
    if text.startswith(_LITERAL):
        for parse in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError):
                return parse(text)
    return value


def _number(value: object, position: int, count: int) -> str:
    try:
        return mobile_of(value)
    except JsmsInputError as error:
        if count == 1:
            raise
        raise JsmsInputError(f"number {position} of {count}: {error}") from None


def _next_second(moment: datetime) -> datetime:
    """Return the moment, or the next whole second: JSMS knows no fractions."""
    return (moment + timedelta(microseconds=999_999)).replace(microsecond=0)


@reading("delay")
def _delay(value: object) -> timedelta:
    """Return the delay that a timedelta or a number of seconds means."""
    text = text_of(value).strip() or (f"{value:f}" if isinstance(value, float) else "")
    if _SECONDS.fullmatch(text):
        value = timedelta(seconds=float(text))
    if isinstance(value, timedelta) and _SHORTEST_DELAY <= value <= _LONGEST_DELAY:
        return value
    shown = str(value) if isinstance(value, timedelta) else show(value)
    raise JsmsInputError(
        f"delay {shown} cannot be used: a timedelta or a number of seconds is accepted, from "
        f"{_SHORTEST_DELAY.total_seconds():.0f} to {_LONGEST_DELAY.total_seconds():.0f} seconds. "
        "Nothing was sent."
    )
