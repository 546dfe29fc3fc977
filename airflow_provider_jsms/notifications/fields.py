"""The fields of a notification: rendered for one callback, converted, cleaned and cut."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pendulum
from jinja2 import StrictUndefined

from airflow_provider_jsms.api.arguments import period
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import mobile_of
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.operators.rendering import TEXT_FIELDS, Renderer, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jinja2
    from airflow.providers.common.compat.notifier import BaseNotifier
    from airflow.providers.common.compat.sdk import Context

_BRACKETS: Final = str.maketrans("【】", "[]")
_NAMES: Final = ("run_id", "dag_id", "logical_date", "data_interval_start", "data_interval_end")
_DATES: Final = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
_TIMES: Final = (
    *("logical_date", "data_interval_start", "data_interval_end", "run_after"),
    *("queued_at", "start_date", "end_date", "deadline_time"),
)
# Brackets and quotes are those of a list that a template has rendered to text.
_BETWEEN_NUMBERS: Final = re.compile(r"[,;，；、\r\n\[\]\"']")
_log = logging.getLogger(__name__)


def rendered_fields(notifier: BaseNotifier, context: Context) -> dict[str, Any]:
    """Return the rendered fields by name.

    A parameter of ``temp_para`` that cannot be rendered becomes a placeholder.

    :raises JsmsRenderError: another field cannot be rendered.
    """
    environment = _environment_of(notifier, context)
    if "deadline" in context and isinstance(context["dag_run"], Mapping):
        context = _deadline_context(context, environment.filters)
    renderer = Renderer(notifier.render_template, context, environment)
    fields: dict[str, Any] = {}
    for name in notifier.template_fields:
        value = getattr(notifier, name)
        if name == "temp_para" and isinstance(value, Mapping):
            fields[name] = {key: _parameter(key, item, renderer) for key, item in value.items()}
        else:
            fields[name] = renderer.field(name, value, is_text=name in TEXT_FIELDS)
    return fields


def _environment_of(notifier: BaseNotifier, context: Context) -> jinja2.Environment:
    dag = context.get("dag")
    if hasattr(dag, "get_template_env"):
        return notifier.get_template_env(dag=dag)
    # A deadline alert has no DAG, and dag.test() a serialized one. As in a DAG, an undefined name
    # is an error.
    environment = notifier.get_template_env()
    environment.undefined = StrictUndefined
    return environment


def _parameter(key: object, item: object, renderer: Renderer) -> object:
    try:
        return renderer.nested(item)
    except Exception as error:  # noqa: BLE001  a template can raise anything
        return _placeholder(key, f"could not be rendered ({reason_of(error, item)})")


def _placeholder(key: object, why: str) -> str:
    _log.warning("temp_para[%r] %s: the text has '-' in its place.", mask_text(key), why)
    return "-"


def _deadline_context(context: Context, filters: Mapping[str, Callable[..., Any]]) -> Context:
    """Return the context of a deadline alert with the names of a task's context.

    Airflow passes only the deadline, and the run in the form of its REST API (``dag_run_id``, times
    as text).
    """
    # Only Airflow 3.1 and newer have deadline alerts.
    from airflow.sdk.execution_time import context as accessors  # noqa: PLC0415

    given = cast("dict[str, Any]", context)
    run = _with_times(given["dag_run"])
    run.setdefault("run_id", run.get("dag_run_id"))
    names: dict[str, Any] = {name: run[name] for name in _NAMES if run.get(name) is not None}
    if date := names.get("logical_date"):
        names |= {name: filters[name](date) for name in _DATES}
    names |= {
        # Airflow reads whether the DAG renders native objects.
        "dag": SimpleNamespace(dag_id=run.get("dag_id"), render_template_as_native_obj=False),
        "macros": accessors.MacrosAccessor(),
        "var": {
            "json": accessors.VariableAccessor(deserialize_json=True),
            "value": accessors.VariableAccessor(deserialize_json=False),
        },
    }
    given = {**names, **given, "dag_run": run, "deadline": _with_times(given["deadline"])}
    return cast("Context", given)


def _with_times(values: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: values[name] for name in _TIMES if values.get(name) is not None}
    return {**values, **{name: _time(value) for name, value in times.items()}}


def _time(value: str | datetime) -> datetime:
    return pendulum.instance(datetime.fromisoformat(value) if isinstance(value, str) else value)


def numbers_of(value: object) -> list[str]:
    """Return valid numbers without duplicates, from one, several, or a text of several."""
    given = list(_each(value))
    if not given:
        raise JsmsInputError("mobile is empty: there is nobody to text. Nothing was sent.")
    numbers: dict[str, None] = {}
    for position, each in enumerate(given, start=1):
        try:
            numbers[mobile_of(each)] = None
        except JsmsInputError as error:
            raise JsmsInputError(f"number {position} of {len(given)}: {error}") from None
    return list(numbers)


def _each(value: object) -> Iterator[object]:
    if isinstance(value, str):
        yield from (part for part in _BETWEEN_NUMBERS.split(value) if part.strip())
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _each(each)
    else:
        yield value


def delay_of(value: object) -> timedelta:
    """Return the time from the callback to ``send_time``."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    delay = period("delay", value)
    # A slow connection may use up a shorter delay.
    if timedelta(seconds=5) <= delay <= timedelta(days=1):
        return delay
    raise JsmsInputError(
        f"delay is {delay}: pass a timedelta, or a number of seconds, from 5 seconds to a day. "
        "Nothing was sent."
    )


def alert_parameters(value: object, max_length: int) -> object:
    """Return the parameters as texts that JSMS accepts, with at most ``max_length`` in total.

    Anything but a dictionary is returned as it is. JSMS refuses a text with an empty parameter
    (50023), with 【 or 】 (50054), or of more than 500 characters (50038). An incomplete alert is
    better than none.
    """
    parameters = _parsed(value)
    if not isinstance(parameters, Mapping):
        return parameters
    texts = {name: _text(name, item) for name, item in parameters.items()}
    allowed = max_length
    while allowed > 1 and sum(min(len(text), allowed) for text in texts.values()) > max_length:
        allowed -= 1  # the longest are cut, all to the same length
    return {name: _cut(name, text, allowed) for name, text in texts.items()}


def _parsed(value: object) -> object:
    """Return the dictionary that a template has rendered to text, in Python or JSON."""
    if isinstance(value, str):
        for parse in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError):
                return parse(value)
    return value


def _text(name: object, value: object) -> str:
    # A lone surrogate, as in the name of a file, cannot be encoded.
    text = str(value).encode(errors="replace").decode().translate(_BRACKETS)
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    # A template renders None, such as the `exception` of a success, as the word.
    return _placeholder(name, "is empty") if text in ("", "None") else text


def _cut(name: object, text: str, allowed: int) -> str:
    if len(text) <= allowed:
        return text
    _log.info(
        "temp_para[%r] was cut from %d to %d characters.", mask_text(name), len(text), allowed
    )
    return f"{text[: allowed - 1].rstrip()}…"
