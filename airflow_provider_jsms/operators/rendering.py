"""The context of a run: a check on it, and the rendering of fields that may hold personal data.

Airflow logs the template of a field that cannot be rendered, and Jinja quotes it in its errors:
both may contain a phone number or a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jinja2
    from airflow.providers.common.compat.sdk import BaseOperator, Context

KEYS: Final = ("once_key", "scope")
"""Fields that name a text or a list of them."""
TEXT_FIELDS: Final = (*KEYS, "tag")
"""Fields that are rendered to text in every DAG: as a number, ``12_34`` would be ``1_234``."""

# ASCII only: a key in another script may be the name of a person.
_MISSING_NAME: Final = re.compile(
    r"'([a-z_]\w*)' is undefined"
    r"|'[\w. ]+' has no attribute '([a-z_]\w*)'"
    r"|Variable ([a-z_][\w.-]*) (?:not found|does not exist)",
    re.ASCII | re.IGNORECASE,
)
# The messages of Jinja and Python for a missing date, or an attribute or operand of one.
_MISSING_DATE: Final = re.compile(
    r"'(logical_date|(prev_)?data_interval_(start|end)(_success)?|[dt]s(_nodash)?(_with_tz)?)'"
    r" is undefined|'None' has no attribute .*|.*'NoneType'.*"
)


def require_task_run(context: Context) -> None:
    """Raise if Airflow does not run the task, as in ``execute({})`` of a unit test."""
    if not context or "ti" not in context:
        raise JsmsInputError(
            "execute() was called without the context of a task run (it has no 'ti'). Nothing was "
            "sent. To test a task, run its DAG with dag.test() and the pytest fixture "
            "jsms_sandbox; in your own code use JsmsHook."
        )


@contextmanager
def explaining_missing_dates(field: str, context: Context) -> Iterator[None]:
    """Suggest ``dag_run.run_after`` where a template needs a date that the run does not have.

    Airflow 3 gives no logical date to a run that the API, the command line or an asset starts.
    """
    try:
        yield
    except AirflowException:
        raise
    except Exception as error:
        dag_run: Any = context.get("dag_run")
        is_dated = dag_run is None or getattr(dag_run, "logical_date", dag_run) is not None
        if is_dated or not _MISSING_DATE.fullmatch(str(error)):
            raise
        raise JsmsInputError(
            f"The field {field} could not be rendered: this run has no logical date, and so no "
            "data_interval_end, ds or ts (the API, the command line or an asset started it). "
            "Nothing was sent. Use the time that every run has, such as "
            "{{ dag_run.run_after + macros.timedelta(hours=6) }}."
        ) from None


@dataclass(frozen=True)
class Renderer:
    """Renders fields with the context of a run.

    :param data: texts that are not templates.
    """

    render_template: Callable[..., object]
    context: Context
    jinja_env: jinja2.Environment
    data: frozenset[str] = frozenset()

    def field(self, name: str, value: object, *, is_text: bool = False) -> object:
        """Return the rendered value of a field.

        :param value: a literal, a template, an XComArg or a function.
        :param is_text: whether templates are rendered to text in every DAG.
        :raises JsmsRenderError: a template raised; the error quotes no value.
        :raises JsmsInputError: it needs a date that the run does not have.
        """
        if hasattr(value, "expand") and hasattr(value, "function"):
            raise JsmsInputError(
                f"{name} is a @task function that was not called. Nothing was sent. Call it where "
                f"you pass it: {name}=function()."
            )
        try:
            with explaining_missing_dates(name, self.context):
                return self._value(value, is_text=is_text)
        except AirflowException:
            raise
        except Exception as error:  # noqa: BLE001  a template can raise anything
            raise JsmsRenderError(
                f"The field {name} could not be rendered ({reason_of(error, value)}). Nothing was "
                "sent. Fix the template, or set the value that it uses."
            ) from None

    def _value(self, value: object, *, is_text: bool) -> object:
        """Return a value rendered as the DAG says, so that a list may stay a list."""
        if callable(value):
            return value(context=self.context, jinja_env=self.jinja_env)
        if isinstance(value, str) and value not in self.data and not is_text:
            return self._as_airflow_does(value)
        return self.nested(value)

    def nested(self, value: object) -> object:
        """Return a value inside a list or a dictionary rendered, templates always to text.

        Native rendering would turn ``"00"``, ``"1e5"``, ``"12_34"`` and ``"3#301"`` into numbers.
        """
        if isinstance(value, str):
            return self._as_text(value) if self._is_template(value) else value
        if isinstance(value, Mapping):
            return {key: self.nested(item) for key, item in value.items()}
        for kind in (list, tuple, set):
            if isinstance(value, kind):
                return kind(map(self.nested, value))
        # Airflow 3.0 would call its resolve(), which fails where the file is not there yet.
        return value if type(value) is type(Path()) else self._as_airflow_does(value)

    def _as_airflow_does(self, value: object) -> object:
        return self.render_template(value, self.context, self.jinja_env, set())

    def _is_template(self, text: str) -> bool:
        # Compiling every string of a long list would take seconds.
        env = self.jinja_env
        starts = (env.variable_start_string, env.block_start_string, env.comment_start_string)
        return text not in self.data and any(start in text for start in starts)

    def _as_text(self, text: str) -> str:
        # An environment for native objects would render to an object.
        template = self.jinja_env.from_string(text)
        variables: Any = self.context
        return "".join(map(str, template.root_render_func(template.new_context(variables))))


def reason_of(error: Exception, template: object) -> str:
    """Return why a template failed, quoting nothing but a name that stands in it."""
    kind = type(error).__name__
    found = _MISSING_NAME.search(str(error))
    is_safe = found and any(name and name in str(template) for name in found.groups())
    return f"{kind}: {found[0]}" if found and is_safe else kind


def upstream_texts(operator: BaseOperator, arguments: Mapping[str, object]) -> frozenset[str]:
    """Return the texts that a mapped task got from other tasks: braces in them are no template."""
    if not (expanded := expanded_arguments(operator, arguments)):
        return frozenset()
    literals = _texts_in(_mapped(operator).expand_input.value)
    return frozenset(_texts_in(expanded)).difference(literals)


def expanded_arguments(
    operator: BaseOperator, arguments: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments that a task got from ``expand`` or ``expand_kwargs``."""
    mapped = _mapped(operator)
    if getattr(mapped, "expand_input", None) is None:
        return {}
    return {name: it for name, it in arguments.items() if name not in mapped.partial_kwargs}


def _mapped(operator: BaseOperator) -> Any:  # noqa: ANN401  the class differs between versions
    dag = operator.get_dag()
    return dag.task_dict.get(operator.task_id) if dag else None


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple | set):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(item)
