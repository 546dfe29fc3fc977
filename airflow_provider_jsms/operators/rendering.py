"""Rendering fields that may hold personal data, without any of it getting into a log.

Airflow logs the template of a field that cannot be rendered, and Jinja quotes it in its errors:
both may hold the very number or value.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import KeysView, Mapping, ValuesView
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError
from airflow_provider_jsms.operators.run_context import explaining_missing_dates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jinja2
    from airflow.providers.common.compat.sdk import DAG, BaseOperator, Context

_MANY: Final = (list, tuple, set, frozenset, deque, KeysView, ValuesView)
_UNDEFINED: Final = re.compile(r"'[A-Za-z_][A-Za-z0-9_]*' is undefined")


class Templater(Protocol):
    """What Airflow renders: an operator or a notifier."""

    def render_template(
        self,
        content: object,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> object:
        """Return ``content`` with the templates in it rendered."""


def render_field(
    templater: Templater,
    name: str,
    value: object,
    context: Context,
    jinja_env: jinja2.Environment,
    *,
    dag: DAG | None,
    data: Callable[[], frozenset[str]] = frozenset,
) -> object:
    """Return the rendered value of a field.

    A template that is the whole field renders to whatever the DAG says, so that a list or a
    dictionary stays one. One inside a list or a dictionary renders to text in every DAG: native
    rendering would make numbers of ``"00"``, ``"1e5"`` and ``"3#301"``.

    :param value: the argument: a literal, a template, an XComArg or a function.
    :param dag: the DAG, where there is one; it says whether native objects are rendered.
    :param data: returns texts that are no templates.
    :raises JsmsRenderError: a template raised; the text repeats nothing of it.
    :raises JsmsInputError: it needs a date that the run does not have.
    """

    def whole(value: object) -> object:
        return templater.render_template(value, context, jinja_env, set())

    def text(template: str) -> object:
        if not _has_template(template, marks) or template in no_templates:
            return template
        if environment is None:
            return whole(template)
        return environment.from_string(template).render(context)

    marks = _marks_of(jinja_env)
    try:
        with explaining_missing_dates(name, context):
            if callable(value):
                _refuse_uncalled(name, value)
                return value(context=context, jinja_env=jinja_env)
            is_many = isinstance(value, (Mapping, *_MANY))
            if is_many and _is_literal(value, marks):
                return value
            no_templates, environment = data(), _text_environment(templater, dag)
            if is_many:
                return _each(value, text, whole)
            is_data = isinstance(value, str) and value in no_templates
            return value if is_data else whole(value)
    except AirflowException:
        raise
    except Exception as error:  # noqa: BLE001  a template can raise anything
        # An undefined name is safe to show, and the common slip.
        detail = f": {error}" if _UNDEFINED.fullmatch(str(error)) else ""
        raise JsmsRenderError(
            f"The field {name} could not be rendered ({type(error).__name__}{detail}). "
            "Nothing was sent."
        ) from None


def _refuse_uncalled(name: str, function: object) -> None:
    if hasattr(function, "expand") and hasattr(function, "function"):
        raise JsmsInputError(
            f"{name} is a @task function that was not called. Nothing was sent. Call it where you "
            f"pass it: {name}=function()."
        )


def upstream_data(
    operator: BaseOperator, arguments: Mapping[str, object], map_index: int
) -> frozenset[str]:
    """Return the texts that other tasks gave to a mapped task.

    They are data, and braces in them are no template. Airflow itself renders the lists and
    dictionaries that ``expand_kwargs`` gets from another task, and whatever a subclass makes of
    its arguments.

    :param arguments: those that the operator was made with.
    """
    dag = operator.get_dag()
    mapped: Any = dag.task_dict.get(operator.task_id) if dag else None
    if (expand_input := getattr(mapped, "expand_input", None)) is None:
        return frozenset()
    given = expand_input.value
    if isinstance(given, dict):  # of expand()
        names = [name for name, value in given.items() if _comes_from_a_task(value)]
    elif _comes_from_a_task(given) or _comes_from_a_task(given[map_index]):
        names = [name for name in arguments if name not in mapped.partial_kwargs]
    else:
        names = []
    return frozenset(_texts_in([arguments.get(name) for name in names]))


def _texts_in(value: object) -> Iterator[str]:
    """Yield the texts of nested lists and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _texts_in(item)


def _comes_from_a_task(argument: object) -> bool:
    return callable(getattr(argument, "resolve", None))


def _each(value: object, text: Callable[[str], object], other: Callable[[object], object]) -> Any:  # noqa: ANN401  of the same type
    """Render the strings in nested lists and dictionaries by ``text``, XComArgs by ``other``."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {key: _each(item, text, other) for key, item in value.items()}
    if isinstance(value, _MANY):
        items = [_each(item, text, other) for item in value]
        if isinstance(value, set | frozenset):
            return set(items)
        return tuple(items) if isinstance(value, tuple) else items
    # A path would be resolved before Airflow 3.2, as if it were an XComArg.
    return value if _is_plain(value) else other(value)


def _text_environment(templater: Templater, dag: DAG | None) -> jinja2.Environment | None:
    """Return what renders templates to text in a DAG that renders native objects."""
    # From Airflow 3.2 on an operator may have a setting of its own.
    own = getattr(templater, "render_template_as_native_obj", None)
    if dag is None or not (dag.render_template_as_native_obj or own):
        return None
    return dag.get_template_env(force_sandboxed=True)


def _marks_of(jinja_env: jinja2.Environment) -> tuple[str, ...]:
    """Return the marks of which every template has at least one."""
    return (
        jinja_env.variable_start_string,
        jinja_env.block_start_string,
        jinja_env.comment_start_string,
        jinja_env.line_statement_prefix or jinja_env.comment_start_string,
        jinja_env.line_comment_prefix or jinja_env.comment_start_string,
    )


def _has_template(text: str, marks: tuple[str, ...]) -> bool:
    return any(mark in text for mark in marks)


def _is_literal(value: object, marks: tuple[str, ...]) -> bool:
    """Return whether there is nothing to render, so that a long list is not copied."""
    if type(value) is str:
        return not _has_template(value, marks)
    if isinstance(value, list | tuple):
        return all(_is_literal(item, marks) for item in value)
    if isinstance(value, dict):
        return all(_is_literal(item, marks) for item in value.values())
    return _is_plain(value)


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (int, float, bool, type(Path()))
