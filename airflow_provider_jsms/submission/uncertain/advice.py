"""The next steps of a person, as errors name them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.exceptions import JsmsForeignRecordError, JsmsLateChangeError
from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID
from airflow_provider_jsms.submission.airflow_version import CAN_ASK, CLEAR_REMOVES_RECORDS
from airflow_provider_jsms.submission.records.decisions import Do

if TYPE_CHECKING:
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.submission.records.decisions import Decision
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord

CODE_KEY: Final = "jsms_code"
"""The key of the record that counts the submissions of a task with code of its own."""

KEEP: Final = (
    "When you clear the task, tick 'Keep task state and resume', so that it knows what it has sent."
    if CLEAR_REMOVES_RECORDS
    else ""
)
"""What errors add where a clear removes the records, empty elsewhere."""


def with_an_operator(record: SubmissionRecord) -> str:
    """Return the next steps after a submission of an operator with an unknown outcome."""
    if record.has_store and record.attempt.is_in_code:
        return with_code(record)
    if record.has_store and CAN_ASK:
        marking = (
            "\n* Or, if the schedule exists and is right, mark the task as success. Tasks that "
            "need its schedule_id are skipped."
        )
        return (
            "Look in the JSMS console whether that schedule exists. Then:\n"
            "* Clear the task: it asks what you found, and continues with your answer."
            f"{'' if record.attempt.is_part else marking}"
        )
    ways = ["use another once_key" if record.attempt.is_keyed else "trigger a new run"]
    if record.may_be_resubmitted:
        ways.append("clear the task with on_uncertain='resubmit'")
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        "* If it exists and is right, mark the task as success.\n"
        f"* If it does not exist, {', or '.join(ways)}."
    )


def with_code(record: SubmissionRecord) -> str:
    """Return the next steps after a submission of the user's own code with an unknown outcome."""
    if not record.has_store:
        return (
            "Never retry this error: there is no record here, so the text may go out twice. Look "
            "in the JSMS console. Only if the schedule does not exist, submit the text again, with "
            "JsmsHook(..., durable=False)."
        )
    key = CODE_KEY if record.attempt.doubt else record.key
    if record.attempt.is_in_table:
        name = key if record.attempt.is_keyed else f"{record.attempt.by}/{key}"
        return (
            "Look in the JSMS console whether that schedule exists.\n"
            "* If it exists and is right, let your code continue without this text.\n"
            "* If it does not exist, run `python -m airflow_provider_jsms not-there "
            f"{shlex.quote(name)}`, with `--conn-id` for another connection than "
            f"{DEFAULT_CONN_ID}, and run your code again."
        )
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        "* If it exists and is right, let your code continue without this text.\n"
        f'* If it does not exist, write {{"state": "begun"}} into the record {key} in the '
        f"task's Storage tab, and clear the task. {KEEP}".rstrip()
    )


def conflict(record: SubmissionRecord, decision: Decision) -> JsmsError:
    """Return the error of a record that is of another text, which it is too late to change."""
    text = f"Record {record.key}: {decision.why} (schedule {record.schedule_id}). Nothing was sent."
    error: JsmsError
    if decision.do is Do.GIVE_UP:
        new = "use another once_key" if record.attempt.is_keyed else "trigger a new run"
        error = JsmsLateChangeError(
            f"{text} To send the new text as well, {new}; to keep the old one, mark the task as "
            "success."
        )
        error.ends_run = True
        return error
    if record.attempt.is_one_of_several:
        return JsmsForeignRecordError(
            f"{text} Texts of your own code are not modified, because another try may ask in "
            "another order. To continue: 1. If the recorded schedule is right, ask for the "
            "same text (take send_time from the run, such as dag_run.run_after, not from the "
            "clock) and clear the task. 2. To replace it, delete the schedule in JSMS, write "
            '{"state": "begun"} into the record in the task\'s Storage tab, and clear the '
            "task. 3. Or mark the task as success, and text the missing people by another "
            "task."
        )
    if record.attempt.is_part:
        other = (
            " with another once_key."
            if record.attempt.is_keyed
            else "; a new run of this one would text everyone again."
        )
        return JsmsForeignRecordError(f"{text} To text others as well, use another task{other}")
    error = JsmsForeignRecordError(
        f"{text} The upstream list may have changed between two runs of the task. Trigger a "
        "new run, or use one batch task for the whole list."
    )
    error.ends_run = True
    return error
