"""The fields of a notification, rendered with the context of one callback."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.notifications.alert_text import PLACEHOLDER
from airflow_provider_jsms.notifications.deadline import deadline_context
from airflow_provider_jsms.operators.rendering import reason_of, render_field, render_value

if TYPE_CHECKING:
    from collections.abc import Callable

    import jinja2
    from airflow.providers.common.compat.notifier import BaseNotifier
    from airflow.providers.common.compat.sdk import Context

_log = logging.getLogger(__name__)


def rendered_fields(notifier: BaseNotifier, context: Context) -> dict[str, Any]:
    """Return the rendered fields by name.

    A parameter of ``temp_para`` that cannot be rendered becomes a placeholder.

    :raises JsmsRenderError: another field cannot be rendered.
    """
    environment = _environment_of(notifier, context)
    known = deadline_context(context, environment.filters)
    render = partial(render_value, notifier.render_template, context=known, jinja_env=environment)
    fields: dict[str, Any] = {}
    for name in notifier.template_fields:
        value = getattr(notifier, name)
        if name == "temp_para" and isinstance(value, Mapping):
            fields[name] = {key: _parameter(key, item, render) for key, item in value.items()}
        else:
            fields[name] = render_field(notifier.render_template, name, value, known, environment)
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


def _parameter(key: object, item: object, render: Callable[..., Any]) -> object:
    try:
        return render({key: item})[key]
    except Exception as error:  # noqa: BLE001  a template can raise anything
        _log.warning(
            "temp_para[%r] could not be rendered (%s): the text has %r in its place.",
            *(mask_text(key), reason_of(error, item), PLACEHOLDER),
        )
        return PLACEHOLDER
