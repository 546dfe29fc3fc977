"""The next steps of a person, as errors name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow import __version__ as airflow_version

if TYPE_CHECKING:
    from airflow_provider_jsms.submission.ledger import SubmissionRecord

AIRFLOW: Final = tuple(int(part) for part in airflow_version.split(".")[:2])
CLEARS_STORE: Final = (3, 4)
"""From this version on, a clear removes the task's records unless the person keeps them."""

CODE_KEY: Final = "jsms_code"
"""The key of the record that counts the submissions of a task with code of its own."""

KEEP: Final = (
    "When you clear the task, tick 'Keep task state and resume', so that it knows what it has sent."
    if AIRFLOW >= CLEARS_STORE
    else ""
)
"""What errors add where a clear removes the records, empty elsewhere."""


def with_an_operator(record: SubmissionRecord) -> str:
    """Return the next steps after a submission of an operator with an unknown outcome."""
    if record.has_store and record.attempt.is_in_code:
        return with_code(record)
    if record.has_store:
        marking = (
            "\n* Or, if the schedule exists and is right, mark the task as success. Tasks that "
            "need its schedule_id are skipped."
        )
        return (
            "Look in the JSMS console whether that schedule exists. Then:\n"
            "* Clear the task: it asks what you found, and continues with your answer."
            f"{'' if record.attempt.is_part else marking}"
        )
    again = ", or clear the task with on_uncertain='resubmit'" if record.may_be_resubmitted else ""
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        "* If it exists and is right, mark the task as success.\n"
        f"* If it does not exist, trigger a new run{again}."
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
    return (
        "Look in the JSMS console whether that schedule exists.\n"
        "* If it exists and is right, let your code continue without this text.\n"
        f'* If it does not exist, write {{"state": "begun"}} into the record {key} in the '
        f"task's Storage tab, and clear the task. {KEEP}".rstrip()
    )
