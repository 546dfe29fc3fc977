"""Operators that submit, modify, query and delete schedules of JSMS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.api.calls import submit_schedule
from airflow_provider_jsms.api.entries import entries_of
from airflow_provider_jsms.api.references import references_in
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsChangedListError,
    JsmsError,
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsNotDeletedError,
    JsmsStateError,
)
from airflow_provider_jsms.operators.base import (
    JsmsBatchOperator,
    JsmsReferenceOperator,
    JsmsSingleOperator,
    past_send_time,
)
from airflow_provider_jsms.operators.delivery import (
    JsmsFetchRepliesOperator,
    JsmsFetchReportsOperator,
)
from airflow_provider_jsms.operators.reconcile import JsmsReconcileSchedulesOperator
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.submit import JsmsCheckedOperator
from airflow_provider_jsms.submission.campaign import Campaign, Tally
from airflow_provider_jsms.submission.chunks import chunks, nobody
from airflow_provider_jsms.submission.custom_code import refuse_templates
from airflow_provider_jsms.submission.fingerprint import fingerprint_of
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.recipients_file import excluded_numbers, source_of
from airflow_provider_jsms.submission.refusals import FailureLimit
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.task_try import RECORD, RECORD_OF_CHUNK

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.references import References
    from airflow_provider_jsms.api.replies import BatchResult, Schedule
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.submission import Policy

__all__ = [
    "JsmsDeleteScheduleOperator",
    "JsmsFetchRepliesOperator",
    "JsmsFetchReportsOperator",
    "JsmsModifyBatchScheduleOperator",
    "JsmsModifyScheduleOperator",
    "JsmsQueryScheduleOperator",
    "JsmsReconcileSchedulesOperator",
    "JsmsSubmitBatchScheduleOperator",
    "JsmsSubmitScheduleOperator",
]

_MODIFY_SEVERAL: Final = (
    "Use .partial(...).expand_kwargs([...]) with the schedule_id and the {} of each: a person in "
    "two schedules is texted twice."
)
_QUERY_SEVERAL: Final = (
    "Use .partial(...).expand(schedule_id=ids) for one task each, where ids is the output of a "
    '@task that returns result["schedule_ids"].'
)


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
        was sent. Needs the extra ``ledger_conn_id`` of the connection (templated).
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
            with past_send_time(
                self.on_past_send_time, is_begun=lambda: record.is_scheduled_or_unknown
            ):
                outcome = submission.carry_out()
            submission.finish()
        return outcome["schedule_id"] if outcome else None

    def _refuse_excluded(self, person: Recipient, record: SubmissionRecord) -> None:
        """Skip the task if the person is excluded, or fail if the text may have been submitted."""
        if int(person["mobile"]) not in (excluded_numbers(self.exclude) or ()):
            return
        if not record.is_scheduled_or_unknown:
            raise AirflowSkipException("The recipient is in exclude, so nothing was sent.")
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


class JsmsModifyScheduleOperator(JsmsReferenceOperator, JsmsSingleOperator):
    """Replace a schedule that has not been sent yet; returns its schedule_id.

    This replaces the whole schedule: pass every argument again. Without ``sign_id`` it gets the
    default signature, also where the submit named another.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id (templated).
    :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.

    The other arguments and errors are those of :class:`JsmsSubmitScheduleOperator`, without
    ``exclude``, ``on_uncertain`` and ``durable``.
    """

    template_fields = ("schedule_id", *JsmsSingleOperator.template_fields)

    def execute(self, context: Context) -> str:
        """Modify the schedule."""
        require_task_run(context)
        may_be_done = context["ti"].try_number > 1
        with (
            past_send_time(self.on_past_send_time, may_be_done=may_be_done),
            self._plain_hook() as hook,
        ):
            schedule_id = _only_schedule_id(self.schedule_id, _MODIFY_SEVERAL.format("mobile"))
            return hook.modify_schedule(schedule_id, **self._timing(), **self._fields())


class JsmsSubmitBatchScheduleOperator(JsmsCheckedOperator, JsmsBatchOperator):
    """Schedule a text to any number of people, each with their own parameters.

    Returns ``{"schedule_ids": [...], "success_count": n, "failure_count": n}``; each is also an
    XCom of its own (``.output["schedule_ids"]``). Recipients that JSMS refused are in
    ``.output["failure_recipients"]`` as ``{"mobile", "temp_para", "error_code",
    "error_message"}``. A task that fails pushes both. Without recipients the task is skipped.

    All recipients are validated before the first request, and each number with the same parameters
    is texted once. More than 1,000 are submitted in chunks of 1,000, each a schedule with its own
    record: a retry, or the cleared task, continues after the last accepted chunk. A list that has
    changed by then is refused, unless it was and is one chunk, which is modified.

    :param recipients: a list of ``{"mobile": ..., "temp_para": {...}}``, or of bare numbers if
        the template has no parameters; rows of a database such as ``{"mobile": ..., "name":
        ...}``; a pandas or polars frame; or the path or URI of a ``.csv`` file (its first line
        names the columns: ``mobile`` and the parameters), ``.jsonl`` or ``.txt`` file (a number
        per line), such as ``s3://connection@bucket/{{ ds }}.csv``. A file is UTF-8, UTF-16 or (not
        JSON Lines) GBK (templated).
    :param exclude: numbers that are left out, as in :class:`JsmsSubmitScheduleOperator`. The
        result has their ``excluded_count`` in ``recipients``. If all are left out, the task is
        skipped (templated).
    :param columns: renames the columns of a table, such as
        ``{"手机号": "mobile", "姓名": "name"}``; the others keep their names (templated).
    :param tag: a label of at most 10 characters, not shown to the recipients (templated).
    :param max_failures: how many refused recipients the task tolerates, a count or a share such as
        ``"5%"``. With more, or if all are refused, the task fails at the end without retry, and
        accepted recipients stay scheduled (templated).
    :param preflight: before the first chunk, fetch the template, the signature that ``sign_id``
        names, and the balance, and fail if the template or signature is not approved, if more than
        ``max_failures`` people lack a parameter of it, or if the balance does not pay for the
        chunks that are still to be submitted. What cannot be fetched is not checked, with a
        warning (templated).
    :raises JsmsPreflightError: the preflight failed; nothing was sent.
    :raises JsmsReviewError: the template is still under review; a retry may succeed.
    :raises JsmsRefusedRecipientsError: more were refused than ``max_failures``.
    :raises JsmsChangedListError: the list changed since an earlier try, or while it was read.
    :raises JsmsRecipientsFileError: the file, or a lazily fetched list, cannot be read.

    The other arguments and errors are those of :class:`JsmsSubmitScheduleOperator`.
    ``on_past_send_time`` never skips a campaign that is partly scheduled. ``on_uncertain`` applies
    to each chunk: with ``"assume_sent"`` the others continue, and the result has an
    ``uncertain_count`` of recipients. An error between two chunks reports the progress.
    """

    template_fields = (
        *JsmsBatchOperator.template_fields,
        *("durable", "on_uncertain", "once_key", "is_dry_run", "max_texts", "preflight"),
    )
    _first_record = RECORD_OF_CHUNK

    def __init__(self, *, preflight: bool | str = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preflight = preflight

    def _source(self) -> Source:
        return source_of(self.recipients, self.columns)

    def _submit(self, context: Context) -> dict[str, Any]:
        limit, tally = FailureLimit(self.max_failures), Tally(0)
        with self._submitting(context) as hook:
            campaign = self._campaign(hook, context)
            tally = campaign.tally
            with (
                past_send_time(self.on_past_send_time, is_begun=lambda: tally.done > 0),
                self._results_kept(context, tally.so_far),
            ):
                campaign.carry_out()
                context["ti"].xcom_push(key="failure_recipients", value=tally.failures)
                campaign.finish()
                limit.check(tally.as_batch(), uncertain_count=tally.uncertain_count)
        return tally.result()

    def _campaign(self, hook: JsmsHook, context: Context) -> Campaign:
        source, head = self._source(), self._head()
        return Campaign(
            hook,
            source,
            self._survey(source),
            hook.parse_send_time(**self._timing()),
            head,
            task_try=self._task_try(context),
            is_in_code=self._is_in_code(context),
            policy=self._policy(context),
            preflight=self._preflight(hook, head),
            once_key=self._key(),
        )


class JsmsModifyBatchScheduleOperator(JsmsReferenceOperator, JsmsBatchOperator):
    """Replace a batch schedule that has not been sent yet, by at most 1,000 recipients.

    This replaces the whole schedule: pass every argument again. Without ``sign_id`` it gets the
    default signature, also where the submit named another. Returns ``{"schedule_id",
    "success_count", "failure_count", "failure_recipients"}``; each is also an XCom of its own.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id (templated).
    :raises JsmsChangedListError: all are left out by ``exclude``, so the schedule is to be deleted.
    :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.

    The other arguments and errors are those of :class:`JsmsSubmitBatchScheduleOperator`, without
    ``on_uncertain`` and ``durable``.
    """

    template_fields = ("schedule_id", *JsmsBatchOperator.template_fields)

    def execute(self, context: Context) -> BatchResult:
        """Modify the batch."""
        require_task_run(context)
        limit = FailureLimit(self.max_failures)
        may_be_done = context["ti"].try_number > 1
        with (
            past_send_time(self.on_past_send_time, may_be_done=may_be_done),
            self._plain_hook() as hook,
        ):
            schedule_id = _only_schedule_id(self.schedule_id, _MODIFY_SEVERAL.format("recipients"))
            result = hook.modify_batch_schedule(
                schedule_id,
                recipients=self._people(schedule_id),
                **self._timing(),
                **self._fields(),
            )
        context["ti"].xcom_push(key="failure_recipients", value=result["failure_recipients"])
        limit.check(result)
        return result

    def _people(self, schedule_id: str) -> list[Recipient]:
        source = source_of(self.recipients, self.columns)
        known = self._survey(source)
        people = [person for chunk in chunks(source, known) for person in chunk]
        if people:
            return people
        why = nobody(known.excluded)
        if known.excluded:
            raise JsmsChangedListError(
                f"{why} The batch stands as it was. Nothing was sent. So that nobody is "
                f"texted, delete schedule {schedule_id}."
            )
        raise AirflowSkipException(why)


class JsmsQueryScheduleOperator(JsmsReferenceOperator):
    """Query a schedule, single or batch.

    Returns ``{"schedule_id", "send_time", "temp_id", "recipients": [{"msg_id", "mobile",
    "temp_para"}]}``, with ``send_time`` on the wall clock of JSMS and ``msg_id`` None until JSMS
    assigns one, which never proves delivery. All who may read the XComs of the DAG see the full
    numbers and parameters.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id. To query several, map the task over the ids
        (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsStateError: 50028, no such schedule.
    """

    template_fields = ("schedule_id", "jsms_conn_id")

    def execute(self, context: Context) -> Schedule:
        """Query the schedule."""
        del context
        schedule_id = _only_schedule_id(self.schedule_id, _QUERY_SEVERAL)
        with self._plain_hook() as hook:
            return hook.query_schedule(schedule_id)


class JsmsDeleteScheduleOperator(JsmsReferenceOperator):
    """Cancel schedules, single or batch, before they are sent.

    Returns ``{"deleted": [...], "missing": [...]}``. Every id of a list is tried before the task
    fails. A schedule that JSMS still knows after its ``send_time`` was sent, which is always an
    error. On a second try an unknown id counts as deleted by the first. Without any schedule_id,
    because the upstream task continued without one, the task is skipped.

    :param schedule_id: one id, a list of them, or the results of tasks that submitted the
        schedules, also mapped ones (templated).
    :param missing_ok: tolerate an id that JSMS does not know, or that was deleted before, and an
        upstream task that returned nothing, such as a skipped one (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsStateError: no such schedule.
    :raises JsmsAlreadySentError: it was sent.
    :raises JsmsNotDeletedError: some of a list were not deleted; a retry may succeed.
    :raises JsmsNeverDeletedError: some of a list can never be deleted.
    """

    template_fields = ("schedule_id", "missing_ok", "jsms_conn_id")

    def __init__(self, *, missing_ok: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.missing_ok = missing_ok

    def execute(self, context: Context) -> dict[str, list[str]]:
        """Delete the schedules."""
        require_task_run(context)
        references = references_in(self.schedule_id)
        missing_ok = flag("missing_ok", self.missing_ok)
        self._check_gaps(references, missing_ok=missing_ok)
        is_retry = context["ti"].try_number > 1
        gone = "deleted" if is_retry else "missing" if missing_ok else None
        done: dict[str, list[str]] = {"deleted": [], "missing": []}
        failed: dict[str, JsmsError] = {}
        with self._plain_hook() as hook:
            for schedule_id in references.schedule_ids:
                try:
                    done[self._delete(hook, schedule_id, gone)].append(schedule_id)
                except JsmsError as error:
                    failed[schedule_id] = error
        if references.uncertain_count:
            text = f"{references.gaps()} Delete it there, and mark this task as success."
            failed["Unknown schedule_id"] = JsmsNeverDeletedError(text)
        if failed:
            raise _deletion_error(failed, done)
        return done

    def _check_gaps(self, references: References, *, missing_ok: bool) -> None:
        """Skip or fail the task if schedules are unknown, unless that is tolerated."""
        # missing_ok tolerates an upstream task without a result, but no text that may go out.
        is_final = references.uncertain_count or references.is_dry_run or not missing_ok
        if (absence := references.absence()) and is_final:
            raise AirflowSkipException(absence)
        gaps = references.gaps()
        if references.empty and not missing_ok:
            raise JsmsInputError(
                f"schedule_id names too few schedules. {gaps} Nothing was sent or deleted. To "
                "tolerate it, set missing_ok=True."
            )
        if gaps:
            self.log.warning("Not every schedule can be deleted. %s", gaps)

    def _delete(self, hook: JsmsHook, schedule_id: str, gone: str | None) -> str:
        """Delete a schedule; return its key in the result, ``gone`` if JSMS does not know it."""
        try:
            hook.delete_schedule(schedule_id)
        except JsmsAlreadySentError:
            raise
        except JsmsStateError as error:
            hook.raise_if_sent(schedule_id, error)
            if gone is None:
                raise
            self.log.info("Schedule %s is gone and counts as %s", schedule_id, gone)
            hook.note_deletion(schedule_id, is_gone=True)
            return gone
        return "deleted"


def _only_schedule_id(value: object, advice: str) -> str:
    """Return the id of the only schedule, or skip the task if there is none."""
    references = references_in(value)
    if absence := references.absence():
        raise AirflowSkipException(absence)
    return references.only(advice)


def _deletion_error(failed: dict[str, JsmsError], done: dict[str, list[str]]) -> JsmsError:
    count = len(failed) + sum(map(len, done.values()))
    if count == 1:
        return next(iter(failed.values()))
    lines = "\n".join(f"{schedule_id}: {error}" for schedule_id, error in failed.items())
    text = (
        f"{len(failed)} of {count} schedules could not be deleted; deleted are "
        f"{', '.join(done['deleted']) or 'none'}.\n{lines}"
    )
    never = all(isinstance(error, AirflowFailException) for error in failed.values())
    return JsmsNeverDeletedError(text) if never else JsmsNotDeletedError(text)
