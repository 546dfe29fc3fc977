"""The bases of the operators that submit: records, the question to a person, the dry run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.arguments import (
    choice,
    flag,
    is_none,
    once_key_of,
    period,
    whole_number_of,
)
from airflow_provider_jsms.api.calls import batch_head
from airflow_provider_jsms.compat import fail_without_retry
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsPastSendTimeError,
    JsmsSendWindowError,
    JsmsStoppedError,
    JsmsUncertainError,
)
from airflow_provider_jsms.operators.asking import ask, users_of
from airflow_provider_jsms.operators.private_fields import PRIVATE_FIELDS
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.text_arguments import JsmsExcludingOperator, JsmsTextOperator
from airflow_provider_jsms.submission.advice import KEEP
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.fingerprint import account_of
from airflow_provider_jsms.submission.question import answer_of
from airflow_provider_jsms.submission.recipients_file import excluded_numbers
from airflow_provider_jsms.submission.refusals import FailureLimit
from airflow_provider_jsms.submission.running_try import store_of, task_try_of
from airflow_provider_jsms.submission.submission import ON_UNCERTAIN, Policy
from airflow_provider_jsms.submission.task_try import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.doubt import Doubt
    from airflow_provider_jsms.submission.preflight import Preflight
    from airflow_provider_jsms.submission.question import Answer
    from airflow_provider_jsms.submission.task_try import TaskTry

_OWN_MODULES: Final = tuple(f"{__package__}.{name}" for name in ("submit", "reconcile"))
_MOST_TEXTS: Final = 10**9 - 1


class JsmsSubmitOperator(JsmsExcludingOperator):
    """The base of the operators that submit, and ask a person about an unknown outcome."""

    durable: bool | str = True
    once_key: Templated = None

    def __init__(
        self,
        *,
        on_uncertain: str = "fail",
        ask_users: Sequence[str | Mapping[str, str]] | None = None,
        ask_timeout: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.on_uncertain = on_uncertain
        self.ask_users = ask_users
        self.ask_timeout = ask_timeout
        self._answer: Answer | None = None
        self._is_stopped = False

    def answered(
        self, context: Context, event: Mapping[str, Any], about: Mapping[str, Mapping[str, str]]
    ) -> Any:  # noqa: ANN401  the result of the operator
        """Continue with the answer of a person."""
        self._answer = answer_of(event, about)
        return self._submit(context)

    def on_kill(self) -> None:
        """Stop before the next request; accepted schedules stay."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def _submit(self, context: Context) -> Any:  # noqa: ANN401  the result of the operator
        """Submit, as far as earlier tries have not done so."""
        raise NotImplementedError

    def _policy(self, context: Context) -> Policy:
        return Policy(
            on_uncertain=self.on_uncertain,
            before_send=self._raise_if_stopped,
            may_ask=partial(self._may_ask, context),
            answer=self._answer,
        )

    def _raise_if_stopped(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was stopped, so nothing more is sent. Accepted schedules stay."
            )

    @contextmanager
    def _asking(self, context: Context) -> Iterator[None]:
        """Ask a person about submissions with an unknown outcome, if the task may."""
        users, given = users_of(self.ask_users), self.ask_timeout
        timeout = None if given is None else period("ask_timeout", given)
        try:
            yield
        except JsmsUncertainError as error:
            doubts = [it for it in self._task_try(context).doubts if self._may_ask(context, it)]
            if doubts:
                ask(context, doubts, users=users, timeout=timeout, error=error)
            raise

    def _may_ask(self, context: Context, doubt: Doubt) -> bool:
        """Return whether to ask now: as the user wants it, or because somebody has cleared it."""
        task_try = self._task_try(context)
        has_record = self.once_key is not None or task_try.store is not None
        # Airflow 3.3 would show the first question of a try again.
        if not CAN_ASK or self._answer or not has_record or self._is_in_code(context):
            return False
        return self.on_uncertain == "ask" or (task_try.attempt.is_cleared and not doubt.has_sent)

    def _task_try(self, context: Context) -> TaskTry:
        durable = flag("durable", self.durable)
        return task_try_of(context, retries=self.retries or 0, durable=durable)

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


class JsmsCheckedOperator(JsmsSubmitOperator, JsmsTextOperator):
    """The base of the operators that submit their arguments, or run dry."""

    max_failures: int | str = 0
    preflight: bool | str = False
    _first_record: ClassVar = RECORD

    def __init__(
        self,
        *,
        durable: bool | str = True,
        once_key: Templated = None,
        dry_run: bool | str = False,
        max_texts: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.durable = durable
        self.once_key = once_key
        # Airflow has a method of the name dry_run, for `airflow tasks test --dry-run`.
        self.is_dry_run = dry_run
        self.max_texts = max_texts

    def execute(self, context: Context) -> Any:  # noqa: ANN401  the result of the operator
        """Submit, as far as earlier tries have not done so, or run dry."""
        require_task_run(context)
        self._begin(context)
        is_dry_run = flag("dry_run", self.is_dry_run)
        return self._run_dry(context) if is_dry_run else self._submit(context)

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

    def _key(self) -> str | None:
        return None if self.once_key is None else once_key_of(self.once_key)

    @contextmanager
    def _submitting(self, context: Context) -> Iterator[JsmsHook]:
        """Return a hook, and see to the records, the question and the skip around its calls."""
        is_durable, task_try = flag("durable", self.durable), self._task_try(context)
        has_own_record = is_durable and self.once_key is None
        guard = fail_without_retry(task_try) if has_own_record else nullcontext()
        try:
            with guard, self._asking(context), self._plain_hook() as hook:
                if is_durable and hook.ledger is not None:
                    task_try.keep_in(hook.ledger, account_of(hook.settings).app)
                    self._begin(context)
                yield hook
        except JsmsError as error:
            is_in_table = task_try.attempt.is_in_table or self.once_key is not None
            if KEEP and not error.ends_run and not is_in_table and store_of(context) is not None:
                error.add(KEEP)
            raise
        except AirflowSkipException as skip:
            if self._is_task(context):
                raise
            self.log.warning("%s Your code continues without this submission.", skip)

    def _source(self) -> Source:
        """Return the people to text."""
        raise NotImplementedError

    def _run_dry(self, context: Context) -> dict[str, Any]:
        """Do everything but the sending.

        :raises JsmsPreflightError: the submission would fail; the text names every problem.
        """
        # A DAG file needs none of it.
        from airflow_provider_jsms.submission.dry_run import DryRun  # noqa: PLC0415

        choice("on_uncertain", self.on_uncertain, ON_UNCERTAIN)
        result: dict[str, Any] = {"dry_run": True, "schedule_ids": []}
        with self._submitting(context) as hook:
            if self._key() is not None:
                hook.require_ledger("once_key")
            send_time = hook.parse_send_time(**self._timing())
            made = DryRun(
                hook,
                self._source(),
                send_time,
                self._head(),
                exclude=excluded_numbers(self.exclude),
                limit=FailureLimit(self.max_failures),
                max_texts=self._most_texts(),
                problems=[*self._flaws_of(send_time)],
            )
            if made.nobody:
                raise AirflowSkipException(made.nobody)
            made.log()
            result = made.result()
            with self._results_kept(context, lambda: result):
                made.check()
        return result

    def _flaws_of(self, send_time: SendTime) -> Iterator[str]:
        """Yield why the time would be refused, or skip the task as a submission would."""
        try:
            send_time.require_in_window()
        except JsmsSendWindowError as error:
            yield str(error)
        try:
            with self._skipping_past_send_time():
                send_time.require_future(datetime.now(UTC))
        except JsmsPastSendTimeError as error:
            yield str(error)

    def _head(self) -> dict[str, Any]:
        """Return the validated fields that are the same for everybody."""
        fields = self._fields().items()
        return batch_head(**{name: it for name, it in fields if name not in PRIVATE_FIELDS})

    def _preflight(self, hook: JsmsHook, head: Mapping[str, Any]) -> Preflight:
        # A DAG file needs none of it.
        from airflow_provider_jsms.submission.preflight import Preflight  # noqa: PLC0415

        return Preflight(
            hook,
            head,
            FailureLimit(self.max_failures),
            is_wanted=flag("preflight", self.preflight),
            max_texts=self._most_texts(),
        )

    def _most_texts(self) -> int | None:
        if is_none(self.max_texts):
            return None
        return whole_number_of("max_texts", self.max_texts, 1, _MOST_TEXTS)
