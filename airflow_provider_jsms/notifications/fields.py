"""Rendering the fields of a notification, and saying which template failed and why."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined, UndefinedError, nodes

from airflow_provider_jsms.api.arguments import reading
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsRenderError
from airflow_provider_jsms.notifications.alert_text import PLACEHOLDER
from airflow_provider_jsms.notifications.deadline import DENIED, WHY_DENIED, deadline_context
from airflow_provider_jsms.operators.rendering import render_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.notifier import BaseNotifier
    from airflow.providers.common.compat.sdk import Context

_log = logging.getLogger(__name__)

# Names in ASCII only: a key in another script may be the name of a person.
_NAME: Final = "[A-Za-z_][A-Za-z0-9_]*"
_NO_NAME: Final = re.compile(f"'{_NAME}' is undefined")
_NO_ATTRIBUTE: Final = re.compile(f".* has no attribute '({_NAME})'", re.DOTALL)
_PATH: Final = re.compile(rf"(?:\.?{_NAME}(?:\(\.\.\.\))?)+")
_NO_VARIABLE: Final = re.compile(
    r"Variable [A-Za-z0-9_.-]+ (?:not found|does not exist)"
    r"|VARIABLE_NOT_FOUND: \{'key': '[A-Za-z0-9_.-]+'\}"  # Airflow 3.0
)


class Fields:
    """The fields of a notification, rendered with the context of one callback."""

    def __init__(self, notifier: BaseNotifier, context: Context) -> None:
        self._notifier = notifier
        self._context = deadline_context(context)
        dag = self._context.get("dag")
        # Neither a deadline alert nor `dag.test()` passes a DAG that has an environment.
        self._dag = dag if hasattr(dag, "get_template_env") else None
        self._environment = notifier.get_template_env(dag=self._dag)
        if self._dag is None:
            # As in a DAG: an undefined name is an error, not an empty text.
            self._environment.undefined = StrictUndefined

    def render(self) -> dict[str, Any]:
        """Return the rendered fields by name.

        A parameter of ``temp_para`` that cannot be rendered becomes a placeholder.

        :raises JsmsRenderError: another field cannot be rendered.
        """
        return {name: self._field(name) for name in self._notifier.template_fields}

    def _field(self, name: str) -> object:
        value = getattr(self._notifier, name)
        if name == "temp_para" and isinstance(value, Mapping):
            with reading(name):
                return {key: self._parameter(key, item) for key, item in value.items()}
        try:
            return self._rendered(name, value)
        except JsmsRenderError as error:
            raise JsmsRenderError(
                f"The field {name} could not be rendered ({self._reason(error, value)}). "
                "Nothing was sent. Fix the template, or set the value that it uses."
            ) from None

    def _parameter(self, key: object, item: object) -> object:
        try:
            return self._rendered("temp_para", {key: item})[key]  # type: ignore[index]
        except Exception as error:  # noqa: BLE001  a template can raise anything
            _log.warning(
                "temp_para[%r] could not be rendered (%s): the text has %r in its place.",
                *(mask_text(key), self._reason(error, item), PLACEHOLDER),
            )
            return PLACEHOLDER

    def _rendered(self, name: str, value: object) -> object:
        return render_field(
            self._notifier, name, value, self._context, self._environment, dag=self._dag
        )

    def _reason(self, error: BaseException, template: object) -> str:
        """Say why a template failed, without repeating a value."""
        error = error.__context__ or error if isinstance(error, JsmsRenderError) else error
        kind, text = type(error).__name__, str(error)
        if isinstance(error, UndefinedError):
            found = _NO_ATTRIBUTE.fullmatch(text)
            paths = self._paths_to(found[1], template) if found else []
            if detail := " or ".join(f"{path!r}" for path in paths):
                return f"{kind}: {detail} is undefined"
            return f"{kind}: {text}" if _NO_NAME.fullmatch(text) else kind
        if kind == DENIED:
            return f"{kind}: {WHY_DENIED}"
        missing = _NO_VARIABLE.search(text)
        return f"{kind}: {mask_text(missing[0])}" if missing else kind

    def _paths_to(self, name: str, template: object) -> list[str]:
        """Return the dotted expressions of a template that end with a name, as ``dag_run.x``."""
        paths = [
            path
            for text in _texts_in(template)
            for node in self._environment.parse(text).find_all((nodes.Getattr, nodes.Getitem))
            if (path := _path(node)).endswith(f".{name}") and _PATH.fullmatch(path)
        ]
        return list(dict.fromkeys(paths))


def _texts_in(template: object) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, list | tuple | set):
        for each in template:
            yield from _texts_in(each)


def _path(node: nodes.Node) -> str:
    """Return an expression of names as it is written, empty for any other."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Call():
            return f"{_path(node.node)}(...)"
        case nodes.Getattr(attr=key) | nodes.Getitem(arg=nodes.Const(value=key)):
            return f"{_path(node.node)}.{key}"
        case _:
            return ""
