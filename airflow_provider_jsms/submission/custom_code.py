"""Submissions by the hook in your own code.

In a task of Airflow 3.3 and newer, or with a ledger, they are recorded like those of the operators.
Outside a task only a key has a record; without one the process remembers the texts with an unknown
outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.keyed import KeyedSubmission
from airflow_provider_jsms.submission.lists.chunks import digest
from airflow_provider_jsms.submission.lists.refusals import from_record
from airflow_provider_jsms.submission.records.decisions import Attempt
from airflow_provider_jsms.submission.records.fingerprint import fingerprint_of, list_fingerprint
from airflow_provider_jsms.submission.running_try import running_try
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.task_try import TaskTry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.results import BatchResult
    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

# Of this process, outside a task.
uncertain: Final[dict[str, tuple[float, JsmsUncertainError]]] = {}


def begin() -> None:
    """Write, before anything can fail, that the running task has sent nothing yet."""
    _task_try().begin_code()


def submit_text(hook: JsmsHook, call: Call[str], once_key: str | None = None) -> str:
    """Submit one text and return its schedule_id."""
    request = fingerprint_of(call, hook.settings)
    submission = _submission(hook, call, request, once_key, lambda it: it.record_of_text(request))
    return str((submission.carry_out() or {})["schedule_id"])


def submit_batch(
    hook: JsmsHook, call: Call[BatchResult], once_key: str | None = None
) -> BatchResult:
    """Submit one batch and return its result."""
    request = fingerprint_of(call, hook.settings)
    listed = list_fingerprint([digest(call.recipients)], hook.settings)
    submission = _submission(
        *(hook, call, request, once_key),
        lambda it: it.records_of_batch(request, listed)(1),
        about={"chunks": 1, "list": listed},
    )
    outcome = submission.carry_out() or {}
    return submission.result or from_record(outcome, call.recipients)


def accepted_under(ledger: SqlLedger, app: str, once_key: str) -> str | None:
    """Return the schedule_id that was accepted under a key, None if there is none."""
    record = TaskTry(None, Attempt(1)).record_of_key(ledger, app, once_key)
    return record.schedule_id if record.is_scheduled_or_unknown else None


def _submission(
    hook: JsmsHook,
    call: Call[Any],
    request: Fingerprint,
    once_key: str | None,
    record_of: Callable[[TaskTry], SubmissionRecord],
    about: Mapping[str, Any] = {},
) -> Submission:
    """Return a submission by its record: that of the key, or that of the task."""
    refuse_templates(call)
    task_try, app, kind = _task_try(), request.app, Submission
    if once_key is not None:
        kind = KeyedSubmission
        record = task_try.record_of_key(hook.require_ledger("once_key"), app, once_key)
    else:
        if hook.ledger is not None:
            task_try.keep_in(hook.ledger, app)
            task_try.begin_code()
        record = record_of(task_try)
    return kind(hook, task_try, record, call, request, about=about, is_hook=True)


def refuse_templates(call: Call[Any]) -> None:
    """Refuse a parameter that is a template, because nothing renders it in your own code."""
    for person in call.recipients:
        for name, value in person.get("temp_para", {}).items():
            if "{{" in value and "}}" in value:
                raise JsmsInputError(
                    f"temp_para[{mask_text(name)!r}] holds a template. Airflow renders templates "
                    "in the arguments of a task only, not in a hook or in an operator that your "
                    "code executes, so nothing was sent. Render it first: "
                    'context["task"].render_template(value, context).'
                )


def _task_try() -> TaskTry:
    return running_try() or TaskTry(None, Attempt(1), uncertain=uncertain)
