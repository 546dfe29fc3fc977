"""The operators that replace a schedule, single or batch, before it is sent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.exceptions import JsmsChangedListError
from airflow_provider_jsms.operators.base import JsmsReferenceOperator
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.operators.text_arguments import (
    JsmsBatchOperator,
    JsmsSingleOperator,
    JsmsTextOperator,
)
from airflow_provider_jsms.submission.lists.chunks import chunks, nobody
from airflow_provider_jsms.submission.lists.recipients_file import source_of
from airflow_provider_jsms.submission.lists.refusals import FailureLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult
    from airflow_provider_jsms.hooks.jsms import JsmsHook

_SEVERAL: Final = (
    "Use .partial(...).expand_kwargs([...]) with the schedule_id and the {} of each: a person in "
    "two schedules is texted twice."
)


class JsmsModifyOperator(JsmsReferenceOperator, JsmsTextOperator):
    """The base of the operators that modify."""

    @contextmanager
    def _modifying(self, context: Context, people: str) -> Iterator[tuple[JsmsHook, str]]:
        """Return a hook and the schedule_id, and see to a send_time that has passed.

        :param people: the argument that differs from schedule to schedule.
        """
        require_task_run(context)
        may_be_done = context["ti"].try_number > 1
        with (
            self._skipping_past_send_time(may_be_done=may_be_done),
            self._plain_hook() as hook,
        ):
            yield hook, self._only_schedule_id(_SEVERAL.format(people))


class JsmsModifyScheduleOperator(JsmsModifyOperator, JsmsSingleOperator):
    """Replace a schedule that has not been sent yet; returns its schedule_id.

    This replaces the whole schedule: pass every argument again. Without ``sign_id`` it gets the
    default signature, also where the submit named another.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id (templated).
    :param on_past_send_time: ``"fail"`` or ``"skip"`` if ``send_time`` has passed. A later try
        always fails then: an earlier one may have modified the schedule (templated).
    :param send_window: the times of day at which the text may go out, as for
        :class:`JsmsSubmitScheduleOperator` (templated).
    :param on_outside_window: outside it, ``"fail"`` without retry, or ``"next"``: send at the next
        opening (templated).
    :raises JsmsInputError: an argument is invalid; nothing was sent.
    :raises JsmsSendWindowError: ``send_time`` is outside the ``send_window``; nothing was sent.
    :raises JsmsApiError: JSMS refused it.
    :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.
    :raises JsmsNoAnswerError: no usable reply came; a retry is safe.

    ``send_time``, ``mobile``, ``temp_id``, ``sign_id``, ``temp_para`` and ``jsms_conn_id`` are
    those of :class:`JsmsSubmitScheduleOperator`.
    """

    template_fields = ("schedule_id", *JsmsSingleOperator.template_fields)

    def execute(self, context: Context) -> str:
        """Modify the schedule."""
        with self._modifying(context, "mobile") as (hook, schedule_id):
            return hook.modify_schedule(schedule_id, **self._timing(), **self._fields())


class JsmsModifyBatchScheduleOperator(JsmsModifyOperator, JsmsBatchOperator):
    """Replace a batch schedule that has not been sent yet, by at most 1,000 recipients.

    This replaces the whole schedule: pass every argument again. Without ``sign_id`` it gets the
    default signature, also where the submit named another. Returns ``{"schedule_id",
    "success_count", "failure_count", "failure_recipients"}``; each is also an XCom of its own.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id (templated).
    :param exclude: numbers that are left out, as in :class:`JsmsSubmitScheduleOperator`
        (templated).
    :raises JsmsChangedListError: all are left out by ``exclude``, so the schedule is to be deleted.
    :raises JsmsRefusedRecipientsError: more were refused than ``max_failures``.
    :raises JsmsRecipientsFileError: the file, or a lazily fetched list, cannot be read.
    :raises JsmsStateError: 50028, no such schedule; 50029, it was sent or deleted.

    ``recipients``, ``columns``, ``tag`` and ``max_failures`` are those of
    :class:`JsmsSubmitBatchScheduleOperator`. The other arguments and errors are those of
    :class:`JsmsModifyScheduleOperator`, without ``mobile`` and ``temp_para``.
    """

    template_fields = ("schedule_id", *JsmsBatchOperator.template_fields)

    def execute(self, context: Context) -> BatchResult:
        """Modify the batch."""
        limit = FailureLimit(self.max_failures)
        with self._modifying(context, "recipients") as (hook, schedule_id):
            result = hook.modify_batch_schedule(
                schedule_id,
                recipients=self._people(schedule_id),
                **self._timing(),
                **self._fields(),
            )
        self._push(context, {"failure_recipients": result["failure_recipients"]})
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
