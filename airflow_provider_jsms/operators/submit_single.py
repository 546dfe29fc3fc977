"""The operator that submits one text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.calls import submit_schedule
from airflow_provider_jsms.api.entries import entries_of
from airflow_provider_jsms.exceptions import JsmsChangedListError
from airflow_provider_jsms.operators.checked import JsmsCheckedOperator
from airflow_provider_jsms.operators.text_arguments import JsmsSingleOperator
from airflow_provider_jsms.submission.custom_code import refuse_templates
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.lists.recipients_file import excluded_numbers
from airflow_provider_jsms.submission.records.fingerprint import fingerprint_of
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.task_try import RECORD

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.policy import Policy
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord


class JsmsSubmitScheduleOperator(JsmsCheckedOperator, JsmsSingleOperator):
    """Schedule one text to one person; returns its schedule_id.

    JSMS keeps the schedule and sends at ``send_time``. To text many people use
    :class:`JsmsSubmitBatchScheduleOperator`, not a task for each of them.

    The task records its intent and the outcome in Airflow's task state store (3.3 and newer;
    Storage tab of the task), or in the SQL table that the connection names. A retry after a crash,
    or a cleared task, returns the accepted schedule, or modifies it if the arguments have changed.
    If the outcome is unknown, ``on_uncertain`` decides. Nothing is resent automatically.

    :param send_time: when JSMS sends the text: an aware datetime, an ISO 8601 time with an offset
        or ``Z`` (``{{ dag_run.run_after }}``, ``{{ data_interval_end }}``), or the wall clock of
        JSMS as ``yyyy-MM-dd HH:mm:ss``: ``2026-12-01T01:00:00Z`` is ``2026-12-01 09:00:00``. Any
        other naive time is refused. Never pass ``to_datetime_string()`` of an Airflow time, which
        is UTC in the form of that wall clock, or a ``pendulum.naive(...)`` of another task, which
        XCom moves to the worker's time zone: neither mistake can be detected (templated).
    :param mobile: a mainland China number, 11 digits, with or without +86 (templated).
    :param temp_id: the id of an approved template (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param temp_para: the parameters of the template, strings by name (templated).
    :param exclude: numbers that are not texted: a list, or the path or URI of a ``.csv`` file
        with a column ``mobile``, or a ``.jsonl`` or ``.txt`` file. The task is skipped if
        ``mobile`` is among them. An entry that is no number fails the task (templated).
    :param on_past_send_time: ``"fail"`` or ``"skip"`` if ``send_time`` has passed (templated).
    :param send_window: the times of day of the wall clock of JSMS at which the text may go out:
        ``("08:00", "21:00")`` or ``"08:00-21:00"``, the first time included and the second not,
        also across midnight. None for that of the connection, ``"always"`` for none (templated).
    :param on_outside_window: outside it, ``"fail"`` without retry, or ``"next"``: send at the next
        opening. An accepted schedule stays, if only the window has changed (templated).
    :param on_uncertain: if JSMS may have accepted the submission: ``"fail"`` without retry, and
        ask a person once the task is cleared; ``"ask"`` at once; ``"resubmit"`` once; or
        ``"assume_sent"``, which returns None (templated). To ask takes Airflow 3.3 or newer.
    :param ask_users: who may answer: ids of Airflow users; None for all who may act on the task.
    :param ask_timeout: how long to wait for an answer, a timedelta or seconds; None for ever. Then
        the task fails.
    :param durable: whether to keep the record; with ``once_key`` it is always kept (templated).
    :param once_key: names this text, whatever task, DAG or run submits it, 1 to 200 characters,
        such as ``appointment-{{ params.id }}``. The first one submits it. Later the same request
        returns the schedule without sending anything, another one modifies it, and fails once it
        was sent. Two texts of one run need two keys. Needs the extra ``ledger_conn_id`` of the
        connection (templated).
    :param dry_run: do everything but the sending: compare the arguments with the template, the
        signature and the balance, log the outcome as a table, return it as ``{"dry_run": True,
        "schedule_ids": [], "counts", "parts", "refused", ...}``, and fail with every problem that
        was found. The sensor, query, modify and delete behind it are skipped (templated). Airflow
        finds no upstream task in ``.partial(dry_run=upstream.output)``: also write
        ``upstream >> task``.
    :param max_texts: the most SMS parts that the task may cost, as JSMS charges them (a text of
        more than 70 characters is several); None for no limit. More are refused before anything is
        sent (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsPreflightError: it costs more than ``max_texts``, or a dry run found problems.
    :raises JsmsInputError: an argument is invalid; nothing was sent.
    :raises JsmsSendWindowError: ``send_time`` is outside the ``send_window``; nothing was sent.
    :raises JsmsApiError: JSMS refused it.
    :raises JsmsUncertainError: it may have been accepted; it was not sent again.
    :raises JsmsLateChangeError: it was sent before its arguments changed.
    :raises JsmsLedgerError: the record cannot be read or written; nothing was sent.
    """

    template_fields = (
        *JsmsSingleOperator.template_fields,
        *("exclude", "durable", "on_uncertain", "once_key", "is_dry_run", "max_texts"),
    )

    def _source(self) -> Source:
        return entries_of([{"mobile": self.mobile, "temp_para": self.temp_para}])

    def _submit(self, context: Context) -> str | None:
        outcome = None
        with self._submitting(context) as hook:
            time = hook.parse_send_time(**self._timing())
            call = submit_schedule(send_time=time, **self._fields())
            if not self._is_task(context):
                refuse_templates(call)
            request = fingerprint_of(call, hook.settings)
            preflight = self._preflight(hook, call.body or {})
            policy = replace(
                self._policy(context),
                preflight=lambda: preflight.check([(call.recipients, True)], 1),
            )
            submission = self._submission(context, hook, call, request, policy)
            record = submission.record
            self._refuse_excluded(call.recipients[0], record)
            with self._skipping_past_send_time(is_begun=lambda: record.is_scheduled_or_unknown):
                outcome = submission.carry_out()
            submission.finish()
        return outcome["schedule_id"] if outcome else None

    def _refuse_excluded(self, person: Recipient, record: SubmissionRecord) -> None:
        """Skip the task if the person is excluded, or fail if the text may have been submitted."""
        if int(person["mobile"]) not in (excluded_numbers(self.exclude) or ()):
            return
        if not record.is_scheduled_or_unknown:
            raise AirflowSkipException("The recipient is in exclude, so nothing was sent.")
        if record.is_sent(datetime.now(UTC)):
            raise AirflowSkipException(
                f"The recipient is in exclude now. Schedule {record.schedule_id} was sent before."
            )
        raise JsmsChangedListError(
            "The recipient is in exclude now, but the text was submitted before, or may have been "
            f"(record {record.key}, schedule {record.schedule_id or 'unknown'}). Nothing "
            "was sent. If the text has not been sent yet, delete that schedule. Then mark the task "
            "as success."
        )

    def _submission(
        self,
        context: Context,
        hook: JsmsHook,
        call: Call[str],
        request: Fingerprint,
        policy: Policy,
    ) -> Submission:
        """Return the submission by its record: that of the key, or that of the task."""
        task_try = self._task_try(context)
        if (key := self._key()) is not None:
            ledger = hook.require_ledger("once_key")
            own = None if self._is_in_code(context) else RECORD
            record = task_try.record_of_key(ledger, request.app, key, instead_of=own)
            return KeyedSubmission(hook, task_try, record, call, request, policy)
        if not self._is_task(context):
            record = task_try.record_of_text(request)
        elif self._is_subclassed():
            record = task_try.record_of_subclass(request)
        else:
            record = task_try.record_of_task()
        return Submission(hook, task_try, record, call, request, policy)
