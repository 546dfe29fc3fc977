"""Rendering fields that may hold personal data, without any of it getting into a log.

Airflow logs the template of a field that cannot be rendered, and Jinja quotes it in its errors:
both may hold the very number or value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import JsmsRenderError

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import DAG, Context

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
) -> object:
    """Return the rendered value of a field.

    :param value: what was passed for it: a literal, a template, an XComArg or a function.
    :param dag: the DAG, where there is one; it says whether native objects are rendered.
    :raises JsmsRenderError: a template raised; the text repeats nothing of it.
    """
    try:
        if callable(value):
            return value(context=context, jinja_env=jinja_env)
        if name != "temp_para" or not isinstance(value, Mapping):
            return templater.render_template(value, context, jinja_env, set())
        # Native rendering would make numbers of "00" and "1e5", and a text is what is sent.
        # From Airflow 3.2 on an operator may have a setting of its own.
        own = getattr(templater, "render_template_as_native_obj", None)
        is_native = dag is not None and (dag.render_template_as_native_obj or own)
        as_text = dag.get_template_env(force_sandboxed=True) if dag and is_native else None
        return {
            key: as_text.from_string(item).render(context)
            if as_text and isinstance(item, str)
            else templater.render_template(item, context, jinja_env, set())
            for key, item in value.items()
        }
    except AirflowException:
        raise
    except Exception as error:  # noqa: BLE001  a template can raise anything
        # An undefined name is told: it is the common slip.
        detail = f": {error}" if _UNDEFINED.fullmatch(str(error)) else ""
        raise JsmsRenderError(
            f"The field {name} could not be rendered ({type(error).__name__}{detail}). "
            "Nothing was sent."
        ) from None
