"""The base of every operator: the connection, the private fields, and the id of a schedule."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_jsms.api.arguments import once_key_of
from airflow_provider_jsms.api.references import only_ids, references_in
from airflow_provider_jsms.exceptions import JsmsError
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.operators.private_fields import (
    INIT_KWARGS,
    PRIVATE_FIELDS,
    STORE,
    PrivateField,
    Store,
    keep,
)
from airflow_provider_jsms.operators.rendering import (
    KEYS,
    TEXT_FIELDS,
    Renderer,
    expanded_arguments,
    explaining_missing_dates,
    upstream_texts,
)
from airflow_provider_jsms.operators.unknown_arguments import naming_unknown_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook

Templated: TypeAlias = Any
"""An argument: a literal, a template, an XComArg, or a function that returns the value."""


class JsmsOperator(BaseOperator):
    """The base of the JSMS operators.

    ``mobile``, ``temp_para``, ``recipients``, ``texts`` and ``exclude`` hold personal data: your
    code reads their values, Airflow stores and shows them masked.

    :param jsms_conn_id: the Airflow connection to JSMS (templated).
    """

    template_fields: Sequence[str] = ("jsms_conn_id",)
    template_fields_renderers: ClassVar = dict.fromkeys(
        ("temp_para", "recipients", "texts", "exclude"), "json"
    )
    ui_color = "#e3f0ff"

    mobile = PrivateField("mobile")
    temp_para = PrivateField("temp_para")
    recipients = PrivateField("recipients")
    texts = PrivateField("texts")
    exclude = PrivateField("exclude")
    _BaseOperator__init_kwargs = INIT_KWARGS
    schedule_id: Templated

    def __new__(cls, *_: Any, **kwargs: Any) -> Self:
        """Keep the arguments: a mapped task does not have them later."""
        operator = super().__new__(cls)
        vars(operator)[STORE] = Store(kwargs)
        return operator

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in PRIVATE_FIELDS:
            # A class attribute such as `temp_para = {...}` would replace the private field.
            if name in vars(cls) and not hasattr(vars(cls)[name], "__get__"):
                setattr(cls, name, PrivateField(name, vars(cls)[name]))

    def __init__(self, *, jsms_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        with naming_unknown_arguments(type(self), kwargs):
            super().__init__(**kwargs)
        self.jsms_conn_id = jsms_conn_id

    def hook(self) -> JsmsHook:
        """Return a hook for the connection, for subclasses; use it in ``with``."""
        # It imports an HTTP library, which parsing a DAG file must not.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        return JsmsHook(self.jsms_conn_id)

    def _plain_hook(self) -> JsmsHook:
        """Return a hook without records: the submit operators have their own."""
        hook = self.hook()
        hook.durable = False
        return hook

    def _do_render_template_fields(
        self,
        parent: Any,  # noqa: ANN401  as in Airflow
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        # Every Airflow calls this for plain, XComArg and mapped tasks alike.
        render = super()._do_render_template_fields
        if parent is not self:
            return render(parent, template_fields, context, jinja_env, seen_oids)
        if getattr(context.get("ti"), "task", None) is self:
            # Airflow 3.0 has the task of the DAG file there: a pre_execute would change that one.
            context["task"] = self
        self._before_rendering(context)
        data = upstream_texts(self, vars(self)[STORE].arguments)
        renderer = Renderer(self.render_template, context, jinja_env, data)
        for name in template_fields:
            if name in PRIVATE_FIELDS:
                keep(self, name, renderer.field(name, getattr(self, name)), is_rendered=True)
                continue
            if name in TEXT_FIELDS:
                setattr(self, name, self._text_field(name, renderer))
                continue
            with explaining_missing_dates(name, context):
                render(self, [name], context, jinja_env, seen_oids)
            if name == "schedule_id":
                # The result of another task may name people.
                self.schedule_id = only_ids(self.schedule_id)
        return None

    def _text_field(self, name: str, renderer: Renderer) -> object:
        """Return a field rendered to text, a key only if it is valid: Airflow stores it next."""
        text = renderer.field(name, getattr(self, name), is_text=True)
        return once_key_of(text, name) if name in KEYS and self._is_given(name) else text

    def _is_given(self, name: str) -> bool:
        """Return whether an argument is given, be it the None of an expanded row."""
        arguments = vars(self)[STORE].arguments
        return getattr(self, name) is not None or name in expanded_arguments(self, arguments)

    def _push(self, context: Context, results: Mapping[str, Any]) -> None:
        """Push each result to XCom, unless the author wants none there."""
        for key, value in results.items() if self.do_xcom_push else ():
            context["ti"].xcom_push(key=key, value=value)

    @contextmanager
    def _results_kept(
        self, context: Context, results: Callable[[], Mapping[str, Any]]
    ) -> Iterator[None]:
        """Push the results so far to XCom if the task fails."""
        try:
            yield
        except JsmsError:
            try:
                self._push(context, results())
            except Exception:  # the error that the task fails with must not be lost
                self.log.exception("The results so far could not be pushed to XCom")
            raise

    def _before_rendering(self, context: Context) -> None:
        """Do what has to be done even if a template cannot be rendered."""


class JsmsReferenceOperator(JsmsOperator):
    """The base of the operators that name a schedule."""

    def __init__(self, *, schedule_id: Templated, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schedule_id = schedule_id

    def _only_schedule_id(self, advice: str) -> str:
        """Return the id of the only schedule, or skip the task if there is none."""
        references = references_in(self.schedule_id)
        if absence := references.absence():
            raise AirflowSkipException(absence)
        return references.only(advice)
