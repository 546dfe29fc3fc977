"""The base of the operators that submit their arguments: the dry run, and the limit of cost."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.arguments import choice, flag, is_none, whole_number_of
from airflow_provider_jsms.api.calls import batch_head
from airflow_provider_jsms.exceptions import JsmsPastSendTimeError, JsmsSendWindowError
from airflow_provider_jsms.operators.base import (
    JsmsSubmitOperator,
    JsmsTextOperator,
    past_send_time,
)
from airflow_provider_jsms.operators.private_fields import PRIVATE_FIELDS
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.submission.recipients_file import excluded_numbers
from airflow_provider_jsms.submission.refusals import FailureLimit
from airflow_provider_jsms.submission.submission import ON_UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.preflight import Preflight

_MOST_TEXTS: Final = 10**9 - 1


class JsmsCheckedOperator(JsmsSubmitOperator, JsmsTextOperator):
    """The base of the operators that can be run without sending anything."""

    def __init__(
        self,
        *,
        dry_run: bool | str = False,
        max_texts: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Airflow has a method of the name dry_run, for `airflow tasks test --dry-run`.
        self.is_dry_run = dry_run
        self.max_texts = max_texts

    def execute(self, context: Context) -> Any:  # noqa: ANN401  the result of the operator
        """Submit, as far as earlier tries have not done so, or run dry."""
        require_task_run(context)
        self._begin(context)
        is_dry_run = flag("dry_run", self.is_dry_run)
        return self._run_dry(context) if is_dry_run else self._submit(context)

    @contextmanager
    def _submitting(self, context: Context) -> Iterator[JsmsHook]:
        """Return a hook, and see to the records, the question and the skip around its calls."""
        with (
            self._guarding_other_submissions(context),
            self._asking(context),
            self._plain_hook() as hook,
        ):
            self._open_ledger(context, hook)
            yield hook

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
                limit=self._limit(),
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
            with past_send_time(self.on_past_send_time):
                send_time.require_future(datetime.now(UTC))
        except JsmsPastSendTimeError as error:
            yield str(error)

    def _head(self) -> dict[str, Any]:
        """Return the validated fields that are the same for everybody."""
        fields = self._fields().items()
        return batch_head(**{name: it for name, it in fields if name not in PRIVATE_FIELDS})

    def _preflight(
        self, hook: JsmsHook, head: Mapping[str, Any], *, is_wanted: bool = False
    ) -> Preflight:
        # A DAG file needs none of it.
        from airflow_provider_jsms.submission.preflight import Preflight  # noqa: PLC0415

        most = self._most_texts()
        return Preflight(hook, head, self._limit(), is_wanted=is_wanted, max_texts=most)

    def _limit(self) -> FailureLimit:
        return FailureLimit(getattr(self, "max_failures", 0))  # only a list has it

    def _most_texts(self) -> int | None:
        if is_none(self.max_texts):
            return None
        return whole_number_of("max_texts", self.max_texts, 1, _MOST_TEXTS)
