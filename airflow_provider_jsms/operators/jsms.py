"""Operators that submit, modify, query and delete schedules of JSMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.api.calls import batch_head, submit_schedule
from airflow_provider_jsms.api.references import one_schedule_id_of, references_in
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsError,
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsNotDeletedError,
    JsmsStateError,
)
from airflow_provider_jsms.operators.base import (
    JsmsBatchOperator,
    JsmsOperator,
    JsmsSingleOperator,
    past_send_time,
)
from airflow_provider_jsms.operators.run_context import require_task_run
from airflow_provider_jsms.operators.submitting import SubmitsOnce
from airflow_provider_jsms.submission.campaign import Campaign, Tally
from airflow_provider_jsms.submission.custom_code import refuse_templates
from airflow_provider_jsms.submission.fingerprint import fingerprint_of
from airflow_provider_jsms.submission.recipients_file import source_of
from airflow_provider_jsms.submission.refusals import FailureLimit
from airflow_provider_jsms.submission.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.references import References
    from airflow_provider_jsms.api.replies import BatchResult, Schedule
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.task_try import TaskTry

_MODIFY_SEVERAL: Final = (
    "Use .partial(...).expand_kwargs([...]) with the schedule_id and the {} of each: whoever is in "
    "two schedules is texted twice."
)
_QUERY_SEVERAL: Final = (
    "Use .partial(...).expand(schedule_id=ids) for one task each, where ids is the output of a "
    '@task that returns result["schedule_ids"].'
)


class JsmsSubmitScheduleOperator(SubmitsOnce, JsmsSingleOperator):
    """Schedule one text to one person; returns its schedule_id.

    JSMS keeps the schedule and sends at ``send_time``. For many people use
    :class:`JsmsSubmitBatchScheduleOperator`, not a task for each of them.

    Before it submits, the task writes that down in Airflow's task state store (3.3 and newer;
    Storage tab of the task), and afterwards what came of it. So a retry after a crash, or a
    cleared task, finds what was accepted and goes on with it; with other arguments it modifies
    that schedule. Where nobody can know, ``on_uncertain`` decides. Nothing is ever sent a second
    time by itself.

    :param send_time: when JSMS sends the text, as one unambiguous moment: an aware datetime, an
        ISO 8601 time with an offset or ``Z`` (``{{ dag_run.run_after }}``,
        ``{{ data_interval_end }}``), or the wall clock of JSMS as ``yyyy-MM-dd HH:mm:ss``.
        ``2026-12-01T01:00:00Z`` and ``2026-12-01 09:00:00`` are the same moment. Anything else
        naive is refused. Two slips cannot be noticed: ``to_datetime_string()`` of an Airflow time
        is UTC in the form of that wall clock, eight hours early, and a ``pendulum.naive(...)``
        that a task returns comes through XCom in the time zone of the worker (templated).
    :param mobile: a mainland China number, 11 digits, with or without +86 (templated).
    :param temp_id: the id of an approved template (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param temp_para: the parameters of the template, strings by name (templated).
    :param on_past_send_time: what a run does whose ``send_time`` has passed: ``"fail"`` or
        ``"skip"`` (templated).
    :param on_uncertain: what a task does that cannot know whether JSMS has accepted its
        submission: ``"fail"`` without retry, ``"resubmit"`` once, or ``"assume_sent"``: go on
        and return None (templated).
    :param durable: whether to use the ledger (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsInputError: an argument cannot be used; nothing was sent.
    :raises JsmsApiError: JSMS refused it.
    :raises JsmsUncertainError: it may have been accepted; it was not sent again.
    :raises JsmsLedgerError: the ledger cannot be read or written; nothing was sent.
    """

    template_fields: Sequence[str] = (
        *JsmsSingleOperator.template_fields,
        "durable",
        "on_uncertain",
    )

    def execute(self, context: Context) -> str | None:
        """Submit the schedule, unless an earlier try has done so."""
        require_task_run(context)
        fields = self._fields()
        submission: Submission | None = None
        outcome = None
        with (
            self.guarding_other_submissions(context),
            past_send_time(
                self.on_past_send_time,
                is_begun=lambda: submission is not None and submission.is_begun,
            ),
            self._plain_hook() as hook,
        ):
            call = submit_schedule(
                **{**fields, "send_time": hook.parse_send_time(fields["send_time"])}
            )
            if not self.is_task(context):
                refuse_templates(call)
            task_try, request = self.task_try(context), fingerprint_of(call, hook.settings)
            submission = Submission(
                hook,
                task_try,
                self._record(context, task_try, request),
                on_uncertain=self.on_uncertain,
                before_send=self._raise_if_stopped,
            )
            outcome = submission.carry_out(call, request)
            submission.finish()
        return outcome["schedule_id"] if outcome else None

    def _record(
        self, context: Context, task_try: TaskTry, request: Fingerprint
    ) -> SubmissionRecord:
        if not self.is_task(context):
            return task_try.record_of_text(request)
        if self.is_subclass(JsmsSubmitScheduleOperator):
            return task_try.record_of_subclass(request)
        return task_try.record_of_task()


class JsmsModifyScheduleOperator(JsmsSingleOperator):
    """Replace a schedule that has not been sent yet; returns its schedule_id.

    It is a replacement, not a change of single fields: pass everything again, ``sign_id`` too.

    :param schedule_id: an id, or what the task returned that submitted this one schedule
        (templated).
    :param send_time: the new moment, in the forms of :class:`JsmsSubmitScheduleOperator`
        (templated).
    :param mobile: a mainland China number, 11 digits, with or without +86 (templated).
    :param temp_id: the id of an approved template (templated).
    :param sign_id: the id of an approved signature; None for the default one, also where the
        submit named another (templated).
    :param temp_para: the parameters of the template, strings by name (templated).
    :param on_past_send_time: what a run does whose ``send_time`` has passed: ``"fail"`` or
        ``"skip"`` (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsInputError: an argument cannot be used; nothing was sent.
    :raises JsmsApiError: JSMS refused it.
    :raises JsmsStateError: 50028, there is no such schedule; 50029, it was sent or deleted.
    """

    template_fields: Sequence[str] = ("schedule_id", *JsmsSingleOperator.template_fields)

    def __init__(self, *, schedule_id: Any, **kwargs: Any) -> None:  # noqa: ANN401  or a template
        super().__init__(**kwargs)
        self.schedule_id = schedule_id

    def execute(self, context: Context) -> str:
        """Modify the schedule."""
        require_task_run(context)
        may_be_done = context["ti"].try_number > 1
        with (
            past_send_time(self.on_past_send_time, may_be_done=may_be_done),
            self._plain_hook() as hook,
        ):
            schedule_id = one_schedule_id_of(self.schedule_id, _MODIFY_SEVERAL.format("mobile"))
            return hook.modify_schedule(schedule_id, **self._fields())


class JsmsSubmitBatchScheduleOperator(SubmitsOnce, JsmsBatchOperator):
    """Schedule a text to any number of people, each with parameters of their own.

    Returns ``{"schedule_ids": [...], "success_count": n, "failure_count": n}``; each is also an
    XCom of its own (``.output["schedule_ids"]``). Recipients that JSMS refused are under
    ``.output["failure_recipients"]`` as ``{"mobile", "temp_para", "error_code",
    "error_message"}``, also when the task fails because of them; ``schedule_ids`` is there then
    too. Without recipients the task is skipped.

    Everything is checked before the first request. More than 1,000 recipients are submitted in
    chunks of 1,000, each a schedule with a record of its own: another try, or the cleared task,
    goes on after the last chunk that was accepted. If the list has changed by then it is refused;
    only a list that was and is of one chunk is modified instead. The same number with the same
    parameters twice in the list is texted once.

    :param send_time: as in :class:`JsmsSubmitScheduleOperator` (templated).
    :param recipients: a list of ``{"mobile": ..., "temp_para": {...}}``, or of bare numbers where
        the template has no parameters, commonly the ``.output`` of an upstream task; or the path
        or URI of a ``.csv`` file (its first line names the columns: ``mobile`` and the parameters)
        or ``.jsonl`` file, such as ``s3://connection@bucket/{{ ds }}.csv`` (templated). A file is
        UTF-8, UTF-16 or (only CSV) GBK. It is read twice, and never kept in memory as a whole. Rows
        of a database as ``{"mobile": ..., "name": ...}`` and frames of pandas or polars are read by
        the names of their columns too.
    :param columns: names by the headers of a table that has other ones, such as
        ``{"手机号": "mobile", "姓名": "name"}``; the other columns keep theirs (templated).
    :param temp_id: the id of an approved template (templated).
    :param sign_id: the id of an approved signature; None for the default one (templated).
    :param tag: a label of at most 10 characters, not shown to the recipients (templated).
    :param max_failures: how many refused recipients the task tolerates over the whole campaign, a
        count or a share such as ``"5%"``. It is judged at the end: with more the task fails
        without retry, and what JSMS took stays scheduled. If all are refused the task always
        fails (templated).
    :param on_past_send_time: ``"fail"`` or ``"skip"``; a campaign of which a part is scheduled is
        never skipped (templated).
    :param on_uncertain: as in :class:`JsmsSubmitScheduleOperator`, for each chunk; with
        ``"assume_sent"`` the others go on, and the result counts its recipients under
        ``uncertain_count`` (templated).
    :param durable: whether to use the ledger (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsRefusedRecipientsError: more were refused than ``max_failures``.
    :raises JsmsChangedListError: the list is not the one that was begun, or changed while it was
        read.
    :raises JsmsRecipientsFileError: the file, or a list that is fetched bit by bit, cannot be read.

    The other errors are those of :class:`JsmsSubmitScheduleOperator`. An error in the middle says
    how many are scheduled under which ids, and how many are not.
    """

    template_fields: Sequence[str] = (
        *JsmsBatchOperator.template_fields,
        "durable",
        "on_uncertain",
    )

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit the campaign, as far as earlier tries have not done so."""
        require_task_run(context)
        limit = FailureLimit(self.max_failures)
        source = source_of(self.recipients, self.columns)
        campaign: Campaign | None = None
        with (
            self.guarding_other_submissions(context),
            past_send_time(
                self.on_past_send_time,
                is_begun=lambda: campaign is not None and campaign.tally.done > 0,
            ),
            self._plain_hook() as hook,
        ):
            fields, known = self._fields(), self._survey(source)
            campaign = Campaign(
                hook,
                source,
                known,
                hook.parse_send_time(fields.pop("send_time")),
                batch_head(**fields),
                task_try=self.task_try(context),
                is_in_code=not self.is_task(context)
                or self.is_subclass(JsmsSubmitBatchScheduleOperator),
                on_uncertain=self.on_uncertain,
                before_send=self._raise_if_stopped,
            )
            try:
                campaign.carry_out()
            except JsmsError:
                self._hand_on_what_was_done(context, campaign.tally)
                raise
            self._hand_on(context, campaign.tally.failures)
            campaign.finish()
        tally = campaign.tally if campaign else Tally(0)
        try:
            limit.check(tally.as_batch(), uncertain_count=tally.uncertain_count)
        except JsmsError:
            self._hand_on_what_was_done(context, tally)
            raise
        return tally.result()

    def _hand_on_what_was_done(self, context: Context, tally: Tally) -> None:
        """Hand on what a task that fails has done: a failed task returns nothing."""
        try:
            self._hand_on(context, tally.failures)
            context["ti"].xcom_push(key="schedule_ids", value=tally.schedule_ids)
        except Exception:  # the error that the task fails with must not be lost
            self.log.exception("What was submitted could not be handed on")


class JsmsModifyBatchScheduleOperator(JsmsBatchOperator):
    """Replace a batch schedule that has not been sent yet, by at most 1,000 recipients.

    It is a replacement: pass everything again, ``sign_id`` too. Returns what the hook returns,
    ``{"schedule_id", "success_count", "failure_count", "failure_recipients"}``; each is also an
    XCom of its own (``.output["schedule_id"]``).

    :param schedule_id: an id, or the result of the task that submitted this one schedule, as its
        ``.output`` or ``.output["schedule_ids"]`` (templated).
    :param send_time: the new moment, in the forms of :class:`JsmsSubmitScheduleOperator`
        (templated).
    :param recipients: 1 to 1,000, in the forms of :class:`JsmsSubmitBatchScheduleOperator`
        (templated).
    :param columns: names by the headers of a table, as there (templated).
    :param temp_id: the id of an approved template (templated).
    :param sign_id: the id of an approved signature; None for the default one, also where the
        submit named another (templated).
    :param tag: a label of at most 10 characters, not shown to the recipients (templated).
    :param max_failures: how many refused recipients the task tolerates, a count or a share such as
        ``"5%"``; with more it fails without retry (templated).
    :param on_past_send_time: what a run does whose ``send_time`` has passed: ``"fail"`` or
        ``"skip"`` (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsInputError: an argument cannot be used; nothing was sent.
    :raises JsmsApiError: JSMS refused it.
    :raises JsmsRefusedRecipientsError: more were refused than ``max_failures``.
    :raises JsmsStateError: 50028, there is no such schedule; 50029, it was sent or deleted.
    """

    template_fields: Sequence[str] = ("schedule_id", *JsmsBatchOperator.template_fields)

    def __init__(self, *, schedule_id: Any, **kwargs: Any) -> None:  # noqa: ANN401  or a template
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.schedule_id = schedule_id

    def execute(self, context: Context) -> BatchResult:
        """Modify the batch."""
        require_task_run(context)
        limit = FailureLimit(self.max_failures)
        may_be_done = context["ti"].try_number > 1
        with (
            past_send_time(self.on_past_send_time, may_be_done=may_be_done),
            self._plain_hook() as hook,
        ):
            schedule_id = one_schedule_id_of(self.schedule_id, _MODIFY_SEVERAL.format("recipients"))
            result = hook.modify_batch_schedule(
                schedule_id, recipients=self._people(), **self._fields()
            )
        self._hand_on(context, result["failure_recipients"])
        limit.check(result)
        return result


class JsmsQueryScheduleOperator(JsmsOperator):
    """Ask JSMS for a schedule, single or batch.

    Returns ``{"schedule_id", "send_time", "temp_id", "recipients": [{"msg_id", "mobile",
    "temp_para"}]}``, with ``send_time`` on the wall clock of JSMS and ``msg_id`` None as long as
    JSMS has not handed one out. The result holds full numbers and parameters, because it was
    asked for: whoever may read the XComs of the DAG can read them. A ``msg_id`` never proves
    that a text was delivered.

    :param schedule_id: an id, or what the task returned that submitted this one schedule; for a
        schedule of several, map the task over the ids (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsStateError: 50028, there is no such schedule.
    """

    template_fields: Sequence[str] = ("schedule_id", "jsms_conn_id")

    def __init__(self, *, schedule_id: Any, **kwargs: Any) -> None:  # noqa: ANN401  or a template
        super().__init__(**kwargs)
        self.schedule_id = schedule_id

    def execute(self, context: Context) -> Schedule:
        """Query the schedule."""
        del context
        schedule_id = one_schedule_id_of(self.schedule_id, _QUERY_SEVERAL)
        with self._plain_hook() as hook:
            return hook.query_schedule(schedule_id)


class JsmsDeleteScheduleOperator(JsmsOperator):
    """Cancel schedules, single or batch, before they are sent.

    Returns ``{"deleted": [...], "missing": [...]}``. Every id of a list is tried before the task
    fails. A schedule that was sent before it could be deleted is an error that says so, whatever
    ``missing_ok`` is. On a second try an id that is gone counts as deleted by the first. (JSMS
    tells neither: a schedule that it still shows after its ``send_time`` counts as sent, one that
    it does not know any more as deleted.)

    :param schedule_id: one id or a list of them, or what tasks returned that submitted the
        schedules, also mapped ones (templated).
    :param missing_ok: whether an id that JSMS does not know, or that was deleted before, is
        tolerated, and an upstream task that returned nothing, as a skipped one (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsStateError: there is no such schedule.
    :raises JsmsAlreadySentError: it was sent.
    :raises JsmsNotDeletedError: some of a list were not deleted, and another try may do it.
    :raises JsmsNeverDeletedError: some of a list were not deleted, and never will be.
    """

    template_fields: Sequence[str] = ("schedule_id", "missing_ok", "jsms_conn_id")

    def __init__(
        self,
        *,
        schedule_id: Any,  # noqa: ANN401  or a template or an XComArg
        missing_ok: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.schedule_id = schedule_id
        self.missing_ok = missing_ok

    def execute(self, context: Context) -> dict[str, list[str]]:
        """Delete the schedules."""
        require_task_run(context)
        missing_ok = flag("missing_ok", self.missing_ok)
        references = references_in(self.schedule_id)
        self._note_gaps(references, missing_ok=missing_ok)
        gone = "missing" if missing_ok else None
        if context["ti"].try_number > 1:
            gone = "deleted"
        done: dict[str, list[str]] = {"deleted": [], "missing": []}
        failed: dict[str, JsmsError] = {}
        with self._plain_hook() as hook:
            for schedule_id in references.schedule_ids:
                try:
                    done[self._delete(hook, schedule_id, gone)].append(schedule_id)
                except JsmsError as error:
                    failed[schedule_id] = error
        if references.uncertain_count:
            failed["Unknown schedule_id"] = JsmsNeverDeletedError(
                f"{references.gaps()} Delete it there, and mark this task as success."
            )
        if failed:
            raise _deletion_error(failed, done)
        return done

    def _note_gaps(self, references: References, *, missing_ok: bool) -> None:
        """Refuse results that are nothing, unless that is tolerated."""
        if references.empty and not missing_ok:
            raise JsmsInputError(
                f"schedule_id names too few schedules. {references.gaps()} Nothing was sent, and "
                "nothing was deleted. To tolerate it, set missing_ok=True."
            )
        if gaps := references.gaps():
            self.log.warning("Not every schedule can be deleted. %s", gaps)

    def _delete(self, hook: JsmsHook, schedule_id: str, gone: str | None) -> str:
        """Delete one schedule and return under which key it belongs.

        :param gone: the key for an id that is gone, None if that is an error.
        """
        try:
            hook.delete_schedule(schedule_id)
        except JsmsAlreadySentError:
            raise
        except JsmsStateError as error:
            hook.raise_if_sent(schedule_id, error)
            if gone is None:
                raise
            self.log.info("Schedule %s is gone and counts as %s", schedule_id, gone)
            return gone
        return "deleted"


def _deletion_error(failed: dict[str, JsmsError], done: dict[str, list[str]]) -> JsmsError:
    if len(failed) == 1 and not done["deleted"] and not done["missing"]:
        return next(iter(failed.values()))
    lines = "\n".join(f"{schedule_id}: {error}" for schedule_id, error in failed.items())
    text = (
        f"{len(failed)} of {len(failed) + len(done['deleted']) + len(done['missing'])} schedules "
        f"could not be deleted; deleted are {', '.join(done['deleted']) or 'none'}.\n{lines}"
    )
    never = all(isinstance(error, AirflowFailException) for error in failed.values())
    return JsmsNeverDeletedError(text) if never else JsmsNotDeletedError(text)
