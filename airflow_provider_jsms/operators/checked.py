"""The base of the operators that submit their arguments: first record, preflight, dry run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.arguments import choice, flag, is_none, once_key_of, whole_number_of
from airflow_provider_jsms.api.calls import batch_head
from airflow_provider_jsms.compat import fail_without_retry
from airflow_provider_jsms.exceptions import JsmsError, JsmsPastSendTimeError, JsmsSendWindowError
from airflow_provider_jsms.operators.private_fields import PRIVATE_FIELDS
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.submit import JsmsSubmitOperator
from airflow_provider_jsms.operators.text_arguments import JsmsTextOperator
from airflow_provider_jsms.submission.lists.recipients_file import excluded_numbers
from airflow_provider_jsms.submission.lists.refusals import FailureLimit
from airflow_provider_jsms.submission.policy import ON_UNCERTAIN
from airflow_provider_jsms.submission.records.fingerprint import account_of
from airflow_provider_jsms.submission.running_try import store_of
from airflow_provider_jsms.submission.task_try import RECORD
from airflow_provider_jsms.submission.uncertain.advice import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.preflight import Preflight

_MOST_TEXTS: Final = 10**9 - 1


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
        if self._is_given("once_key"):
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
