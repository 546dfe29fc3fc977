"""The notifier: a text to whoever is on call, as a callback of a task, a DAG or a deadline."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.notifier import BaseNotifier

from airflow_provider_jsms.arguments import connection_id_of, reading
from airflow_provider_jsms.connection_form import DEFAULT_CONN_ID
from airflow_provider_jsms.exceptions import JsmsError, JsmsInputError
from airflow_provider_jsms.failures import describe_failures
from airflow_provider_jsms.privacy import show
from airflow_provider_jsms.recipient import mobile_of, text_of
from airflow_provider_jsms.rendering import render_field
from airflow_provider_jsms.schedule import MOST_RECIPIENTS

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
_BETWEEN_NUMBERS = re.compile(r"\s*[,;\r\n，；、]\s*")


class JsmsNotifier(BaseNotifier):
    """Text whoever is on call when a task or a DAG run fails, succeeds, retries or is late.

    .. code-block:: python

        PythonOperator(
            task_id="load",
            python_callable=load,
            on_failure_callback=JsmsNotifier(
                mobile="{{ var.value.on_call }}",
                temp_id=1250,
                temp_para={"task": "{{ ti.task_id }}", "run": "{{ run_id }}"},
            ),
        )

    It fits every callback of Airflow: ``on_failure_callback``, ``on_success_callback``,
    ``on_retry_callback``, ``on_execute_callback`` and ``on_skipped_callback`` of a task,
    ``on_failure_callback`` and ``on_success_callback`` of a DAG, and the ``AsyncCallback`` or
    ``SyncCallback`` of a deadline alert.

    A notification makes one submission: one number is a single schedule, several are one batch.
    It goes out ``delay`` later, because only the schedules of JSMS are used here. A notification
    that fails is told in the log, with what to do, and never fails the task that it is about. One
    that JSMS may have accepted is not sent again.

    **What a callback cannot promise.** There is no record for it as the operators keep one, and
    Airflow may run a callback twice (when a worker, a DAG processor or a triggerer dies in the
    middle of it) or not at all (when a worker is killed at once, or loses its connection). So
    whoever is on call may, rarely, get a text twice or none. What must be sent once is a task for
    ``JsmsSubmitScheduleOperator``, with a ``trigger_rule`` such as ``"one_failed"``.

    **What can be rendered.** The whole context of the task in its callbacks; in those of a DAG
    what Airflow hands to them, such as ``dag``, ``run_id``, ``reason`` and the last ``ti``; in a
    deadline alert only ``dag_run`` and ``deadline``. Airflow keeps the arguments of a deadline
    alert as they are, also a number: in its database, from 3.2 on in the tags of metrics, in logs
    of debug level, and in the log of a callback that cannot be built, as with a slip in a name.
    Whom nobody may read of there is better texted by a task.

    :param mobile: who is texted: a number, a list of them, or a text of several with commas
        between them (templated). A number twice is texted once; at most 1,000. If one of them
        cannot be one, nobody is texted, and the log says which.
    :param temp_id: the id of an approved template (templated).
    :param temp_para: the parameters of the template, strings by name (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param delay: how long after the callback JSMS sends, from 5 seconds to a day: a timedelta or
        seconds (templated). The time passes in the queue of JSMS: it is no promise of delivery.
    :param jsms_conn_id: the Airflow connection to JSMS (templated).
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
        """Schedule the text; whatever goes wrong is logged."""
        # The hook brings an HTTP library, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        with self._told_in_the_log():
            fields = self._rendered(context)
            self._submit(JsmsHook(fields["jsms_conn_id"]), fields)

    async def async_notify(self, context: Context) -> None:
        """Schedule the text without blocking the event loop; whatever goes wrong is logged."""
        # It brings a second HTTP library, which only a triggerer needs.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415
        from airflow_provider_jsms.hooks.shared import settings_for  # noqa: PLC0415

        with self._told_in_the_log():
            fields = self._rendered(context)
            hook = JsmsHook(fields["jsms_conn_id"])
            hook.settings = await settings_for(connection_id_of(hook.jsms_conn_id))
            # In a thread, because only that transport knows what may have left this machine.
            await asyncio.to_thread(self._send, hook, fields)

    def _send(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        # Told here too: the thread goes on where Airflow cancels the one who awaits it.
        with self._told_in_the_log():
            self._submit(hook, fields)

    def _rendered(self, context: Context) -> dict[str, Any]:
        dag = context.get("dag")
        # `dag.test()` hands over the DAG as it was serialized, which has no environment.
        dag = dag if hasattr(dag, "get_template_env") else None
        environment = self.get_template_env(dag=dag)
        return {
            name: render_field(self, name, getattr(self, name), context, environment, dag=dag)
            for name in self.template_fields
        }

    def _submit(self, hook: JsmsHook, fields: dict[str, Any]) -> None:
        numbers = _numbers(fields["mobile"])
        parameters = fields["temp_para"]
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
            _log.error(
                "JSMS refused %d of %d numbers, who will not be texted:\n%s",
                result["failure_count"],
                len(numbers),
                describe_failures(result["failure_recipients"]),
            )

    @contextmanager
    def _told_in_the_log(self) -> Iterator[None]:
        """Log what went wrong instead of raising it: a notification must not fail a task."""
        try:
            yield
        except JsmsError as error:
            _log.error("The notification failed: %s", error)
            if error.__cause__ and not isinstance(error.__cause__, Exception):
                # Airflow ended this while the answer was awaited, and is to know that it did.
                raise error.__cause__ from None
        except Exception as error:  # noqa: BLE001  nothing that happens here concerns the task
            # Not its text, which may repeat anything.
            _log.error(
                "The notification failed because of an unexpected %s:\n%s",
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )


@reading("mobile")
def _numbers(value: object) -> list[str]:
    """Return checked numbers, each once, from one, several, or a text of several."""
    if isinstance(value, str):
        text = text_of(value)
        value = [part for part in _BETWEEN_NUMBERS.split(text.strip()) if part] or [text]
    if not isinstance(value, list | tuple | set | frozenset):
        value = [value]
    if not value:
        raise JsmsInputError("mobile is empty: there is nobody to text. Nothing was sent.")
    count = len(value)
    numbers = list(dict.fromkeys(_number(each, at, count) for at, each in enumerate(value, 1)))
    if len(numbers) > MOST_RECIPIENTS:
        raise JsmsInputError(
            f"mobile has {len(numbers)} numbers: one notification goes to at most "
            f"{MOST_RECIPIENTS}. Nothing was sent."
        )
    return numbers


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
