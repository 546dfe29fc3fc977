"""Rendering of fields that may hold personal data, without quoting it in a log.

Airflow logs the template of a field that cannot be rendered, and Jinja quotes it in its errors:
both may contain a phone number or a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError
from airflow_provider_jsms.operators.run_context import explaining_missing_dates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jinja2
    from airflow.providers.common.compat.sdk import BaseOperator, Context

# ASCII only: a key in another script may be the name of a person.
_MISSING_NAME: Final = re.compile(
    r"'([a-z_]\w*)' is undefined"
    r"|'[\w. ]+' has no attribute '([a-z_]\w*)'"
    r"|Variable ([a-z_][\w.-]*) (?:not found|does not exist)",
    re.ASCII | re.IGNORECASE,
)


def render_field(
    render_template: Callable[..., object],
    name: str,
    value: object,
    context: Context,
    jinja_env: jinja2.Environment,
    *,
    data: frozenset[str] = frozenset(),
) -> object:
    """Return the rendered value of a field.

    :param render_template: the method of the operator or the notifier.
    :param value: a literal, a template, an XComArg or a function.
    :param data: texts that are not templates.
    :raises JsmsRenderError: a template raised; the error quotes no value.
    :raises JsmsInputError: it needs a date that the run does not have.
    """
    try:
        with explaining_missing_dates(name, context):
            _refuse_uncalled(name, value)
            return render_value(render_template, value, context, jinja_env, data=data)
    except AirflowException:
        raise
    except Exception as error:  # noqa: BLE001  a template can raise anything
        raise JsmsRenderError(
            f"The field {name} could not be rendered ({reason_of(error, value)}). Nothing was "
            "sent. Fix the template, or set the value that it uses."
        ) from None


def render_value(
    render_template: Callable[..., object],
    value: object,
    context: Context,
    jinja_env: jinja2.Environment,
    *,
    data: frozenset[str] = frozenset(),
) -> object:
    """Return a value rendered, or raise the error of its template.

    A template that is the whole value renders as the DAG says, so that a list stays a list. One
    inside a list or a dictionary renders to text in every DAG: native rendering would turn
    ``"00"``, ``"1e5"`` and ``"3#301"`` into numbers.
    """

    def nested(value: object) -> object:
        if isinstance(value, str):
            is_template = value not in data and _is_template(value, jinja_env)
            return _as_text(jinja_env.from_string(value), context) if is_template else value
        if isinstance(value, Mapping):
            return {key: nested(item) for key, item in value.items()}
        for kind in (list, tuple, set):
            if isinstance(value, kind):
                return kind(map(nested, value))
        return render_template(value, context, jinja_env, set())

    if callable(value):
        return value(context=context, jinja_env=jinja_env)
    if isinstance(value, str) and value not in data:
        return render_template(value, context, jinja_env, set())
    return nested(value)


def reason_of(error: Exception, template: object) -> str:
    """Say why a template failed, quoting nothing but a name that stands in it."""
    kind = type(error).__name__
    found = _MISSING_NAME.search(str(error))
    is_safe = found and any(name and name in str(template) for name in found.groups())
    return f"{kind}: {found[0]}" if found and is_safe else kind


def upstream_texts(operator: BaseOperator, arguments: Mapping[str, object]) -> frozenset[str]:
    """Return the texts that a mapped task got from other tasks: braces in them are no template.

    :param arguments: the arguments that the operator was created with.
    """
    dag = operator.get_dag()
    mapped: Any = dag.task_dict.get(operator.task_id) if dag else None
    if (expand_input := getattr(mapped, "expand_input", None)) is None:
        return frozenset()
    given = [value for name, value in arguments.items() if name not in mapped.partial_kwargs]
    return frozenset(_texts_in(given)).difference(_texts_in(expand_input.value))


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple | set):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(item)


def _is_template(text: str, jinja_env: jinja2.Environment) -> bool:
    # Compiling every string of a long list would take seconds.
    return (
        jinja_env.variable_start_string in text
        or jinja_env.block_start_string in text
        or jinja_env.comment_start_string in text
    )


def _as_text(template: jinja2.Template, context: Any) -> str:  # noqa: ANN401  Jinja knows no Context
    """Render to text, also in an environment that renders native objects."""
    return "".join(map(str, template.root_render_func(template.new_context(context))))


def _refuse_uncalled(name: str, function: object) -> None:
    if hasattr(function, "expand") and hasattr(function, "function"):
        raise JsmsInputError(
            f"{name} is a @task function that was not called. Nothing was sent. Call it where you "
            f"pass it: {name}=function()."
        )
