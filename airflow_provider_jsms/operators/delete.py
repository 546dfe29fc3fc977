"""The operator that cancels schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.api.references import references_in
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsError,
    JsmsInputError,
    JsmsNeverDeletedError,
    JsmsNotDeletedError,
    JsmsStateError,
)
from airflow_provider_jsms.operators.base import JsmsReferenceOperator
from airflow_provider_jsms.operators.rendering import require_task_run

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.references import References
    from airflow_provider_jsms.hooks.jsms import JsmsHook


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
