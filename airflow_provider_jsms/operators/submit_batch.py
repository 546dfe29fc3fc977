"""The operator that submits a text to a list of people of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.operators.checked import JsmsCheckedOperator
from airflow_provider_jsms.operators.text_arguments import JsmsBatchOperator
from airflow_provider_jsms.submission.campaigns.campaign import Campaign
from airflow_provider_jsms.submission.campaigns.tally import Tally
from airflow_provider_jsms.submission.lists.recipients_file import source_of
from airflow_provider_jsms.submission.lists.refusals import FailureLimit
from airflow_provider_jsms.submission.task_try import RECORD_OF_CHUNK

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.hooks.jsms import JsmsHook


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
                self._skipping_past_send_time(is_begun=lambda: tally.done > 0),
                self._results_kept(context, tally.so_far),
            ):
                campaign.carry_out()
                self._push(context, {"failure_recipients": tally.failures})
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
