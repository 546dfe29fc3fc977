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
    return without_a_question(record)


def without_a_question(record: SubmissionRecord) -> str:
    """Return the same where the task cannot ask, as before Airflow 3.3."""
    is_part = record.attempt.is_part
    if is_part and not record.has_store:
        return (
            "Neither clear the task nor trigger a new run: without a record everybody would be "
            "texted again. Look in the JSMS console which schedules of the task exist, mark it as "
            "success, and text the people without one by another task."
        )
    go_on = (
        "clear the task with on_uncertain='assume_sent'" if is_part else "mark the task as success"
    )
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        f"* If it exists and is right, {go_on}.\n"
        f"* If it does not exist, {_if_missing(record, go_on)}."
    )


def _if_missing(record: SubmissionRecord, go_on: str) -> str:
    is_open = record.may_be_resubmitted or not record.attempt.is_in_table
    if record.has_store and is_open:
        return f"{_not_there(record, record.key)}, and clear the task"
    if record.attempt.is_part:
        return f"text its people by another task, and {go_on}"
    if record.has_store:
        return "use another once_key" if record.attempt.is_keyed else "trigger a new run"
    return "trigger a new run, or clear the task with on_uncertain='resubmit'"


def not_wanted(record: SubmissionRecord) -> str:
    """Return the same for a text that has vanished from a list."""
    return (
        "Look in the JSMS console whether that schedule exists, and delete it there if it does. "
        f"Then {_not_there(record, record.key)}, and clear the task."
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
    again = "run your code again." if record.attempt.is_in_table else f"clear the task. {KEEP}"
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        "* If it exists and is right, let your code continue without this text.\n"
        f"* If it does not exist, {_not_there(record, key)}, and {again}".rstrip()
    )


def _not_there(record: SubmissionRecord, key: str) -> str:
    """Return how a person writes that JSMS has nothing of a submission."""
    if not record.attempt.is_in_table:
        return f'write {{"state": "begun"}} into the record {key} in the task\'s Storage tab'
    name = key if record.attempt.is_keyed else f"{record.attempt.by}/{key}"
    return (
        f"run `python -m airflow_provider_jsms not-there {shlex.quote(name)}`, with `--conn-id` "
        f"for another connection than {DEFAULT_CONN_ID}"
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
    if record.attempt.is_keyed and not record.attempt.is_part:
        return JsmsForeignRecordError(
            f"{text} Give each text a once_key of its own. To change the text, trigger a new run, "
            "or use JsmsModifyScheduleOperator."
        )
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
