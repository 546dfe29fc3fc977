"""What the operators share: the connection, and fields that stay private after rendering."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.bodies import MOST_RECIPIENTS
from airflow_provider_jsms.api.codes import INVALID_SEND_TIME
from airflow_provider_jsms.api.references import only_ids
from airflow_provider_jsms.connection_form import DEFAULT_CONN_ID
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsPastSendTimeError,
    JsmsRequestError,
)
from airflow_provider_jsms.operators.private_fields import (
    PRIVATE_FIELDS,
    PrivateField,
    arguments_of,
    keep,
    remember_arguments,
)
from airflow_provider_jsms.operators.rendering import render_field, upstream_data
from airflow_provider_jsms.operators.run_context import explaining_missing_dates
from airflow_provider_jsms.submission.chunks import NOBODY, chunks, survey
from airflow_provider_jsms.submission.recipients_file import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import FailedRecipient
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.chunks import Survey


class JsmsOperator(BaseOperator):
    """The base of the JSMS operators.

    Airflow shows the rendered fields of a task in its UI. The fields that hold personal data are
    rendered apart: your code reads the values, Airflow stores them masked.

    :param jsms_conn_id: the Airflow connection to JSMS (templated).
    """

    template_fields: Sequence[str] = ("jsms_conn_id",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "temp_para": "json",
        "recipients": "json",
    }
    ui_color = "#e3f0ff"

    mobile = PrivateField()
    temp_para = PrivateField()
    recipients = PrivateField()

    def __new__(cls, *_: Any, **kwargs: Any) -> Self:
        """Make an operator, and remember what it was made with."""
        operator = super().__new__(cls)
        remember_arguments(operator, kwargs)
        return operator

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in PRIVATE_FIELDS:
            if name in vars(cls) and not hasattr(vars(cls)[name], "__get__"):
                field = PrivateField(vars(cls)[name])
                field.__set_name__(cls, name)
                setattr(cls, name, field)

    def __init__(self, *, jsms_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jsms_conn_id = jsms_conn_id

    def hook(self) -> JsmsHook:
        """Return a hook for the connection, for code of a subclass; use it in ``with``."""
        # The hook brings an HTTP library, which a DAG file must not pull in when it is parsed.
        from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415

        return JsmsHook(self.jsms_conn_id)

    def _plain_hook(self) -> JsmsHook:
        """Return a hook that keeps no records: the operators keep those of their submissions."""
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
        # Airflow calls this for plain, XComArg and mapped tasks alike, on 2.11 and on 3.x.
        for name in template_fields:
            if parent is self and name in PRIVATE_FIELDS:
                rendered = self._render_private(name, context, jinja_env)
                keep(self, name, rendered, is_rendered=True)
                continue
            with explaining_missing_dates(name, context):
                super()._do_render_template_fields(parent, [name], context, jinja_env, seen_oids)
            if parent is self and name == "schedule_id":
                setattr(self, "schedule_id", only_ids(getattr(self, "schedule_id")))  # noqa: B009, B010  of some

    def _render_private(self, name: str, context: Context, jinja_env: jinja2.Environment) -> object:
        map_index = getattr(context.get("ti"), "map_index", -1)
        data = partial(upstream_data, self, arguments_of(self), map_index)
        value = getattr(self, name)
        return render_field(self, name, value, context, jinja_env, dag=self.get_dag(), data=data)


class JsmsSingleOperator(JsmsOperator):
    """What the two operators for one person share: their fields."""

    template_fields: Sequence[str] = (
        "send_time",
        "mobile",
        "temp_id",
        "sign_id",
        "temp_para",
        "on_past_send_time",
        "jsms_conn_id",
    )

    def __init__(
        self,
        *,
        send_time: Any,  # noqa: ANN401  any time a DAG can give, or a template
        mobile: Any,  # noqa: ANN401  a number, a template or an XComArg
        temp_id: Any,  # noqa: ANN401  the same
        sign_id: Any = None,  # noqa: ANN401  the same
        temp_para: Any = None,  # noqa: ANN401  the same
        on_past_send_time: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.send_time = send_time
        self.mobile = mobile
        self.temp_id = temp_id
        self.sign_id = sign_id
        self.temp_para = temp_para
        self.on_past_send_time = on_past_send_time

    def _fields(self) -> dict[str, Any]:
        """Return the arguments of the call."""
        names = ("send_time", "mobile", "temp_id", "sign_id", "temp_para")
        return {name: getattr(self, name) for name in names}


class JsmsBatchOperator(JsmsOperator):
    """What the two batch operators share: their fields and what becomes of refused recipients."""

    template_fields: Sequence[str] = (
        "send_time",
        "recipients",
        "columns",
        "temp_id",
        "sign_id",
        "tag",
        "max_failures",
        "on_past_send_time",
        "jsms_conn_id",
    )

    def __init__(
        self,
        *,
        send_time: Any,  # noqa: ANN401  any time a DAG can give, or a template
        recipients: Any,  # noqa: ANN401  a list, a frame, a file, a template or an XComArg
        columns: Any = None,  # noqa: ANN401  a dictionary, a template or an XComArg
        temp_id: Any,  # noqa: ANN401  a number, a template or an XComArg
        sign_id: Any = None,  # noqa: ANN401  the same
        tag: Any = None,  # noqa: ANN401  the same
        max_failures: int | str = 0,
        on_past_send_time: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.send_time = send_time
        # What can be iterated only once would be used up by the first of several runs or tries.
        self.recipients = list(recipients) if isinstance(recipients, Iterator) else recipients
        self.columns = columns
        self.temp_id = temp_id
        self.sign_id = sign_id
        self.tag = tag
        self.max_failures = max_failures
        self.on_past_send_time = on_past_send_time

    def _fields(self) -> dict[str, Any]:
        """Return the arguments of the call, without the recipients."""
        return {name: getattr(self, name) for name in ("send_time", "temp_id", "sign_id", "tag")}

    def _survey(self, source: Source) -> Survey:
        """Check all recipients, before anything is sent."""
        known = survey(source)
        if known.repeated:
            self.log.info("%d repeated entries of recipients are left out", known.repeated)
        return known

    def _people(self) -> list[Recipient]:
        """Return the recipients of one request, each person and text once.

        :raises AirflowSkipException: there is nobody to text.
        """
        source = source_of(self.recipients, self.columns)
        known = self._survey(source)
        if not known.recipients:
            raise AirflowSkipException(NOBODY)
        if len(known.digests) > 1:
            raise JsmsInputError(
                f"recipients has {known.recipients} entries: a schedule has at most "
                f"{MOST_RECIPIENTS}. Nothing was sent."
            )
        return next(chunks(source, known))

    def _hand_on(self, context: Context, failures: Sequence[FailedRecipient]) -> None:
        """Hand on who was refused, also if the task is going to fail because of it."""
        context["ti"].xcom_push(key="failure_recipients", value=failures)


@contextmanager
def past_send_time(
    on_past_send_time: object,
    *,
    may_be_done: bool = False,
    is_begun: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Skip the task instead of failing it if ``send_time`` has passed and the user says so.

    :param on_past_send_time: ``"fail"`` or ``"skip"``, the operator's argument.
    :param may_be_done: an earlier try may have done it, so that the task is never skipped.
    :param is_begun: tells whether a part is done, so that the task is not skipped either.
    """
    skips = choice("on_past_send_time", on_past_send_time, ("fail", "skip")) == "skip"
    try:
        yield
    except JsmsPastSendTimeError as error:
        if may_be_done:
            error.add(
                "This is not the first try: an earlier one may have modified the schedule in time. "
                "Look in the JSMS console what was sent."
            )
        elif not is_begun():
            if skips:
                raise _skipped(error) from error
            error.add("Choose a later time, or set on_past_send_time='skip' to skip late runs.")
        raise
    except JsmsRequestError as error:
        # By the clock of JSMS it has passed.
        is_past = error.code == INVALID_SEND_TIME
        if is_past and skips and not may_be_done and not is_begun():
            raise _skipped(error) from error
        raise


def _skipped(error: JsmsError) -> AirflowSkipException:
    return AirflowSkipException(f"{error} Skipped, because on_past_send_time is 'skip'.")
