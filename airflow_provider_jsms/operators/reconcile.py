"""The operator that makes JSMS match a list of texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import (
    Limit,
    choice,
    flag,
    is_none,
    once_key_of,
    whole_number_of,
)
from airflow_provider_jsms.api.entries import TEXTS
from airflow_provider_jsms.api.send_window import send_window_of
from airflow_provider_jsms.exceptions import JsmsError
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.submit import JsmsSubmitOperator
from airflow_provider_jsms.submission.lists.recipients_file import excluded_numbers, source_of
from airflow_provider_jsms.submission.reconciling.plan import plan
from airflow_provider_jsms.submission.reconciling.reconciliation import Reconciliation
from airflow_provider_jsms.submission.reconciling.report import Outcome, check, log_plan, planned
from airflow_provider_jsms.submission.reconciling.scope import Scope
from airflow_provider_jsms.submission.reconciling.steps import StepRunner
from airflow_provider_jsms.submission.reconciling.texts import read_texts
from airflow_provider_jsms.submission.records.fingerprint import account_of
from airflow_provider_jsms.submission.records.ledger_rows import ONCE, Place

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.reconciling.plan import Plan, Text

_MOST_AT_ONCE: Final = 32


class JsmsReconcileSchedulesOperator(JsmsSubmitOperator):
    """Make JSMS match a list of texts: submit, modify and cancel as it has changed.

    Pass the whole list each time, such as every appointment of the coming days. A key names a
    text: a new key is submitted, a changed text is modified, a pending text whose key has vanished
    is cancelled, and the others are left alone, without a request. A text that was sent is never
    touched. The connection needs the extra ``ledger_conn_id``: the ledger remembers the texts of
    all runs.

    Every text is validated before the first request. Then the next due texts go first. An error in
    one does not stop the others: the task fails at the end and names them, and a retry, or the
    cleared task, continues with the others.

    Returns ``{"submitted": [...], "modified": [...], "deleted": [...], "counts": {...},
    "dry_run": false}``: at most 1,000 schedule_ids of each kind, and how many texts were
    ``submitted``, ``modified``, ``deleted``, ``unchanged``, ``sent``, ``past``, ``uncertain`` and
    ``failed``, and how many of the list were ``excluded``. Each is also an XCom of its own, as far
    as the task came if it fails.

    :param texts: a list of ``{"key", "send_time", "mobile", "temp_id", "sign_id", "temp_para"}``,
        where instead of ``temp_para`` all other keys may be the parameters; a pandas or polars
        frame; or the path or URI of a ``.csv`` or ``.jsonl`` file with these columns (templated).
        ``sign_id`` may be left out. A key has 1 to 200 printable characters and no phone number.
    :param scope: names the list, such as ``"appointments"``: texts of other scopes are never
        touched (templated).
    :param columns: renames the columns of a table, such as ``{"手机号": "mobile"}`` (templated).
    :param exclude: numbers whose texts count as vanished from the list, so that pending ones are
        cancelled, within ``max_deletes``: as for :class:`.JsmsSubmitScheduleOperator` (templated).
    :param max_deletes: how many pending texts may be cancelled, a count or a share of the pending
        texts such as ``"20%"``. With more, nothing is sent, modified or cancelled. By default 10 %,
        but at least one, and none if the list is empty (templated).
    :param dry_run: log the plan and do nothing (templated). Airflow finds no upstream task in
        ``.partial(dry_run=upstream.output)``: also write ``upstream >> task``.
    :param on_past_send_time: ``"fail"`` or ``"skip"`` for texts that can be neither submitted nor
        moved, because their ``send_time`` has passed (templated).
    :param send_window: the times of day at which texts may go out, as for
        :class:`.JsmsSubmitScheduleOperator` (templated).
    :param on_outside_window: outside it, ``"fail"`` before anything is sent, modified or
        cancelled, or ``"next"``: send at the next opening. A text that is scheduled or sent stays,
        if only the window has changed (templated).
    :param on_sent: ``"report"`` or ``"fail"`` for texts that the list changes after they were sent
        (templated).
    :param concurrency: how many requests are in flight at once, 1 to 32.
    :raises JsmsInputError: an argument or a text is invalid; nothing was sent.
    :raises JsmsSendWindowError: a text is outside the ``send_window``; nothing was sent.
    :raises JsmsMaxDeletesError: the list would cancel more than ``max_deletes``; nothing was sent.
    :raises JsmsNotReconciledError: some texts could not be reconciled; a retry may succeed.
    :raises JsmsNeverReconciledError: some texts can never be as the list says.
    :raises JsmsUncertainError: some texts may have been accepted; they were not sent again.

    ``on_uncertain``, ``ask_users``, ``ask_timeout`` and ``jsms_conn_id`` are those of
    :class:`.JsmsSubmitScheduleOperator`; a person is asked once about all uncertain texts.
    """

    template_fields = (
        *("texts", "scope", "columns", "exclude", "max_deletes", "is_dry_run"),
        *("on_past_send_time", "send_window", "on_outside_window"),
        *("on_sent", "on_uncertain", "jsms_conn_id"),
    )

    def __init__(
        self,
        *,
        texts: Templated,
        scope: str,
        columns: Templated = None,
        max_deletes: int | str | None = None,
        dry_run: bool | str = False,
        on_past_send_time: str = "fail",
        send_window: Templated = None,
        on_outside_window: str = "fail",
        on_sent: str = "report",
        concurrency: int = 4,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.texts = texts
        self.scope = scope
        self.columns = columns
        self.max_deletes = max_deletes
        # Airflow has a method of the name dry_run, for `airflow tasks test --dry-run`.
        self.is_dry_run = dry_run
        self.on_past_send_time = on_past_send_time
        self.send_window = send_window
        self.on_outside_window = on_outside_window
        self.on_sent = on_sent
        self.concurrency = concurrency

    def execute(self, context: Context) -> dict[str, Any]:
        """Reconcile JSMS with the list."""
        require_task_run(context)
        return self._submit(context)

    def _submit(self, context: Context) -> dict[str, Any]:
        limit = None if is_none(self.max_deletes) else Limit("max_deletes", self.max_deletes)
        tolerated, is_dry_run = self._tolerated(), flag("dry_run", self.is_dry_run)
        with self._asking(context), self._plain_hook() as hook:
            ledger = hook.require_ledger("JsmsReconcileSchedulesOperator")
            scope = Scope(ledger, self._place(hook, context))
            reconciliation = self._reconciliation(hook, context, scope)
            exclude = excluded_numbers(self.exclude) or frozenset()
            texts = self._texts(hook.settings)
            moment = datetime.now(UTC)
            records = scope.read([text.key for text in texts], moment)
            made = plan(texts, records, moment, exclude)
            log_plan(made)
            if is_dry_run:
                return self._only_planned(made, limit)
            check(made, limit)
            scope.adopt()
            outcome = Outcome(made, tolerated)
            with self._results_kept(context, outcome.result):
                reconciliation.carry_out(made, outcome)
        return outcome.result()

    def _texts(self, settings: JsmsSettings) -> list[Text]:
        window = send_window_of(self.send_window, settings.send_window, self.on_outside_window)
        return read_texts(source_of(self.texts, self.columns, TEXTS), settings, window)

    def _place(self, hook: JsmsHook, context: Context) -> Place:
        """Return where the rows of the scope are, and who writes them."""
        app, writer = account_of(hook.settings).app, self._task_try(context).writer
        return Place(app, ONCE, writer, once_key_of(self.scope, "scope"))

    def _reconciliation(self, hook: JsmsHook, context: Context, scope: Scope) -> Reconciliation:
        return Reconciliation(
            StepRunner(hook, scope.store, self._task_try(context), self._policy(context)),
            concurrency=whole_number_of("concurrency", self.concurrency, 1, _MOST_AT_ONCE),
        )

    def _tolerated(self) -> frozenset[str]:
        """Return the kinds of texts that are reported and do not fail the task."""
        past = choice("on_past_send_time", self.on_past_send_time, ("fail", "skip")) == "skip"
        sent = choice("on_sent", self.on_sent, ("report", "fail")) == "report"
        return frozenset([*["past"] * past, *["sent"] * sent])

    def _only_planned(self, made: Plan, limit: Limit | None) -> dict[str, Any]:
        try:
            check(made, limit)
        except JsmsError as error:
            self.log.warning("Without dry_run this would fail: %s", error)
        self.log.info("dry_run: nothing was sent, modified or deleted")
        return planned(made)
