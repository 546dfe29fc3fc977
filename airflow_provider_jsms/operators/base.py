"""The bases of the operators: the connection, the arguments, and fields that stay private."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.codes import INVALID_SEND_TIME
from airflow_provider_jsms.api.references import only_ids
from airflow_provider_jsms.exceptions import JsmsError, JsmsPastSendTimeError, JsmsRequestError
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
    Renderer,
    explaining_missing_dates,
    upstream_texts,
)
from airflow_provider_jsms.submission.chunks import survey
from airflow_provider_jsms.submission.recipients_file import excluded_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.chunks import Survey
    from airflow_provider_jsms.submission.doubt import Doubt
    from airflow_provider_jsms.submission.question import Answer
    from airflow_provider_jsms.submission.task_try import TaskTry

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
        self._before_rendering(context)
        data = upstream_texts(self, vars(self)[STORE].arguments)
        renderer = Renderer(self.render_template, context, jinja_env, data)
        for name in template_fields:
            if name in PRIVATE_FIELDS:
                keep(self, name, renderer.field(name, getattr(self, name)), is_rendered=True)
                continue
            with explaining_missing_dates(name, context):
                render(self, [name], context, jinja_env, seen_oids)
            if name == "schedule_id":
                # The result of another task may name people.
                self.schedule_id = only_ids(self.schedule_id)
        return None

    @contextmanager
    def _results_kept(
        self, context: Context, results: Callable[[], Mapping[str, Any]]
    ) -> Iterator[None]:
        """Push the results so far to XCom if the task fails."""
        try:
            yield
        except JsmsError:
            try:
                for key, value in results().items():
                    context["ti"].xcom_push(key=key, value=value)
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


class JsmsTextOperator(JsmsOperator):
    """The base of the operators that submit or modify."""

    _arguments: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        send_time: Templated,
        temp_id: Templated,
        sign_id: Templated = None,
        on_past_send_time: str = "fail",
        send_window: Templated = None,
        on_outside_window: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.send_time = send_time
        self.temp_id = temp_id
        self.sign_id = sign_id
        self.on_past_send_time = on_past_send_time
        self.send_window = send_window
        self.on_outside_window = on_outside_window

    def _timing(self) -> dict[str, Any]:
        names = ("send_time", "send_window", "on_outside_window")
        return {name: getattr(self, name) for name in names}

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments}


class JsmsExcludingOperator(JsmsOperator):
    """The base of the operators that leave numbers out."""

    def __init__(self, *, exclude: Templated = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exclude = kept(exclude)


class JsmsSubmitOperator(JsmsExcludingOperator):
    """The base of the operators that submit, with records."""

    _first_record: ClassVar = RECORD

    def __init__(
        self,
        *,
        on_uncertain: str = "fail",
        ask_users: Sequence[str | Mapping[str, str]] | None = None,
        ask_timeout: timedelta | float | None = None,
        durable: bool | str = True,
        once_key: Templated = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.once_key = once_key
        self.on_uncertain = on_uncertain
        self.ask_users = ask_users
        self.ask_timeout = ask_timeout
        self.durable = durable
        self._answer: Answer | None = None
        self._is_stopped = False

    def answered(
        self, context: Context, event: Mapping[str, Any], about: Mapping[str, Mapping[str, str]]
    ) -> Any:  # noqa: ANN401  the result of the operator
        """Continue with the answer of a person."""
        self._answer = answer_of(event, about)
        return self._submit(context)

    def _submit(self, context: Context) -> Any:  # noqa: ANN401  the result of the operator
        """Submit, as far as earlier tries have not done so."""
        raise NotImplementedError

    def _before_rendering(self, context: Context) -> None:
        # Rendering may fail, after which a later try has to know that nothing was sent. What fails
        # here fails again in execute.
        with suppress(Exception):
            self._begin(context)

    def _begin(self, context: Context) -> None:
        """Write that the task has sent nothing yet, before anything can fail.

        Not with a key: if the author removes it, a later try must not conclude that nothing was
        sent.
        """
        if self.once_key is not None:
            return
        task_try = self._task_try(context)
        if self._is_in_code(context):
            task_try.begin_code()
        else:
            task_try.begin(self._first_record)

    @contextmanager
    def _asking(self, context: Context) -> Iterator[None]:
        """Ask a person about submissions with an unknown outcome, if the task may."""
        users, given = users_of(self.ask_users), self.ask_timeout
        timeout = None if given is None else period("ask_timeout", given)
        try:
            yield
        except JsmsError as error:
            doubts = [it for it in self._task_try(context).doubts if self._may_ask(context, it)]
            if doubts and isinstance(error, JsmsUncertainError):
                ask(context, doubts, users=users, timeout=timeout, error=error)
            self._add_keep(context, error)
            raise

    def _add_keep(self, context: Context, error: JsmsError) -> None:
        attempt = self._task_try(context).attempt
        is_in_table = attempt.is_in_table or self.once_key is not None
        if KEEP and not error.ends_run and not is_in_table and store_of(context) is not None:
            error.add(KEEP)

    def _policy(self, context: Context) -> Policy:
        return Policy(
            on_uncertain=self.on_uncertain,
            before_send=self._raise_if_stopped,
            may_ask=partial(self._may_ask, context),
            answer=self._answer,
        )

    def _may_ask(self, context: Context, doubt: Doubt) -> bool:
        """Return whether to ask now: as the user wants it, or because somebody has cleared it."""
        # Airflow 3.3 would show the first question of a try again.
        has_record = self.once_key is not None or self._task_try(context).store is not None
        is_possible = CAN_ASK and self._answer is None and has_record
        if not is_possible or self._is_in_code(context):
            return False
        is_cleared = self._task_try(context).attempt.is_cleared
        return self.on_uncertain == "ask" or (is_cleared and not doubt.has_sent)

    def on_kill(self) -> None:
        """Stop before the next request; accepted schedules stay."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def _task_try(self, context: Context) -> TaskTry:
        durable = flag("durable", self.durable)
        return task_try_of(context, retries=self.retries or 0, durable=durable)

    def _open_ledger(self, context: Context, hook: JsmsHook) -> None:
        """Keep the records in the table of the connection, if it names one."""
        if flag("durable", self.durable) and hook.ledger is not None:
            self._task_try(context).keep_in(hook.ledger, account_of(hook.settings).app)
            self._begin(context)

    def _key(self) -> str | None:
        return None if self.once_key is None else once_key_of(self.once_key)

    def _is_task(self, context: Context) -> bool:
        # Otherwise the user's code executes this operator in a task of its own.
        task = context.get("task")
        return task is None or (task.task_id == self.task_id and type(task) is type(self))

    def _is_subclassed(self) -> bool:
        # The execute of a subclass may submit any number of times.
        return type(self).execute.__module__ not in _OWN_MODULES

    def _is_in_code(self, context: Context) -> bool:
        """Return whether the user's code submits with it, possibly more than once."""
        return self._is_subclassed() or not self._is_task(context)

    @contextmanager
    def _guarding_other_submissions(self, context: Context) -> Iterator[None]:
        """Keep a skip or a retry of this submission from affecting others of the task."""
        is_recorded = flag("durable", self.durable) and self.once_key is None
        guard = fail_without_retry(self._task_try(context)) if is_recorded else nullcontext()
        try:
            with guard:
                yield
        except AirflowSkipException as skip:
            if self._is_task(context):
                raise
            self.log.warning("%s Your code continues without this submission.", skip)

    def _raise_if_stopped(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was stopped, so nothing more is sent. Accepted schedules stay."
            )


class JsmsSingleOperator(JsmsTextOperator):
    """The base of the operators for one person."""

    _arguments = ("mobile", "temp_id", "sign_id", "temp_para")
    template_fields: Sequence[str] = (
        *("send_time", *_arguments),
        *("on_past_send_time", "send_window", "on_outside_window", "jsms_conn_id"),
    )

    def __init__(self, *, mobile: Templated, temp_para: Templated = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mobile = mobile
        self.temp_para = temp_para


class JsmsBatchOperator(JsmsExcludingOperator, JsmsTextOperator):
    """The base of the operators for a list of people."""

    _arguments = ("temp_id", "sign_id", "tag")
    template_fields: Sequence[str] = (
        *("send_time", "recipients", "columns", "exclude", *_arguments),
        *("max_failures", "on_past_send_time", "send_window", "on_outside_window", "jsms_conn_id"),
    )

    def __init__(
        self,
        *,
        recipients: Templated,
        columns: Templated = None,
        tag: Templated = None,
        max_failures: int | str = 0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.recipients = recipients
        self.columns = columns
        self.tag = tag
        self.max_failures = max_failures

    def _survey(self, source: Source) -> Survey:
        # Read once, so that both readings of the recipients leave out the same people.
        known = survey(source, excluded_numbers(self.exclude))
        if known.excluded:
            self.log.info("%d entries of recipients are left out by exclude", known.excluded)
        if known.repeated:
            self.log.info("%d repeated entries of recipients are left out", known.repeated)
        return known


@contextmanager
def past_send_time(
    on_past_send_time: object,
    *,
    may_be_done: bool = False,
    is_begun: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Skip the task, if the user wants that, instead of failing because ``send_time`` has passed.

    :param may_be_done: an earlier try may have succeeded: never skip.
    :param is_begun: returns whether a part is submitted: never skip then either.
    """
    skips = choice("on_past_send_time", on_past_send_time, ("fail", "skip")) == "skip"
    try:
        yield
    except (JsmsPastSendTimeError, JsmsRequestError) as error:
        is_past = getattr(error, "code", INVALID_SEND_TIME) == INVALID_SEND_TIME
        if not is_past or is_begun():
            raise
        if may_be_done:
            error.add(
                "This is not the first try: an earlier one may have modified the schedule in time. "
                "Check in the JSMS console what was sent."
            )
        elif skips:
            raise AirflowSkipException(
                f"{error} Skipped, because on_past_send_time is 'skip'."
            ) from error
        else:
            error.add("Choose a later time, or set on_past_send_time='skip' to skip late runs.")
        raise
