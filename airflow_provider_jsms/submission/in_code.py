"""Submissions by the hook, in code of one's own: once, as far as that can be known.

In a task of Airflow 3.3 and newer they are recorded as those of the operators are. Outside a task
no record is kept; what this process knows is that a text was uncertain, and it is not sent again.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.chunks import digest
from airflow_provider_jsms.submission.fingerprint import list_fingerprint
from airflow_provider_jsms.submission.ledger import Attempt, SubmissionLedger
from airflow_provider_jsms.submission.orders import order_of_batch, order_of_text
from airflow_provider_jsms.submission.refusals import from_record
from airflow_provider_jsms.submission.submission import Submission
from airflow_provider_jsms.submission.this_try import ThisTry, Uncertain, running_try

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.api.bodies import BatchBody, SingleBody
    from airflow_provider_jsms.api.results import BatchResult
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.submission.orders import Order, Sender

_ONCE: Final = Attempt(number=1, is_cleared=False, is_mapped=False, store_survives_clear=True)
# Of this process, outside a task.
uncertain: Final = Uncertain()


def submit_text(sender: Sender, body: SingleBody, moment: SendTime, *, durable: bool) -> str:
    """Submit one text and return its schedule_id.

    :param durable: whether a later try of the task is to find it.
    """
    order = order_of_text(sender, body, moment)
    outcome = _submit(
        sender, order, lambda this: this.place_of_text(order.request), durable=durable
    )
    return str(outcome["schedule_id"])


def submit_batch(
    sender: Sender, body: BatchBody, moment: SendTime, *, durable: bool
) -> BatchResult:
    """Submit one batch and return its result.

    :param durable: whether a later try of the task is to find it.
    """
    people = recipients_of(body["recipients"])
    results: list[BatchResult] = []
    content = digest(people)
    order = order_of_batch(sender, body, people, moment, digest=content, received=results.append)
    listed = list_fingerprint([content], master_secret=sender.settings.master_secret)
    order = replace(order, extra={"chunks": 1, **asdict(listed)})

    def place_of_batch(this_try: ThisTry) -> SubmissionLedger:
        place = this_try.place_of_batch(order.request, listed)
        return SubmissionLedger(place.store, place.key_of_chunk(1), place.attempt)

    outcome = _submit(sender, order, place_of_batch, durable=durable)
    return results[-1] if results else from_record(outcome, people)


def refuse_templates(order: Order) -> None:
    """Check that no parameter is a template, which nobody renders in code of your own.

    :raises JsmsInputError: one is.
    """
    for person in order.people:
        for name, value in person.get("temp_para", {}).items():
            if "{{" in value and "}}" in value:
                raise JsmsInputError(
                    f"temp_para[{mask_text(name)!r}] holds a template, which Airflow renders only "
                    "in the arguments of a task, not in a hook or in an operator that your code "
                    "executes. Nothing was sent. Render it first: "
                    'context["task"].render_template(value, context).'
                )


def _submit(
    sender: Sender, order: Order, place_of: Callable[[ThisTry], SubmissionLedger], *, durable: bool
) -> dict[str, Any]:
    refuse_templates(order)
    if not durable:
        order.moment.require_future(datetime.now(UTC))
        return order.submit()
    this_try = running_try() or ThisTry(None, _ONCE, uncertain=uncertain)
    submission = Submission(sender, this_try, place_of(this_try), ways_on=_ways_on)
    return submission.carry_out(order) or {}


def _ways_on(ledger: SubmissionLedger, _: bool) -> str:  # noqa: FBT001  see Submission
    if ledger.exists:
        return (
            "To continue: 1. If it exists and is right, let your code go on without this text. "
            "2. To send it again, delete the schedule there first, then delete the record "
            f"{ledger.key} in the task's Storage tab and clear the task."
        )
    return (
        "Never retry this error: no record is kept here, so the text may go out twice. Only if "
        "the schedule does not exist, submit the text again, with JsmsHook(..., durable=False)."
    )
