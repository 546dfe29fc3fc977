"""Carry the answer of a person into the record, if the schedule that they name is of this text."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.masking import mask_mobile, mask_text
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsStateError, JsmsUncertainError
from airflow_provider_jsms.submission.records.decisions import Decision, Do
from airflow_provider_jsms.submission.records.fingerprint import people_fingerprint
from airflow_provider_jsms.submission.uncertain.doubt import DELETION
from airflow_provider_jsms.submission.uncertain.question import LEAVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.results import Schedule
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.uncertain.question import Answer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adoption:
    """An answer, and the submission that it decides.

    :param hook: open; it asks JSMS about a schedule that the person has found.
    :param call: None if the text has vanished from a list.
    """

    answer: Answer
    hook: JsmsHook
    record: SubmissionRecord
    call: Call[Any] | None = None
    request: Fingerprint | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)

    def decide(self) -> Decision | None:
        """Write the answer into the record, and return the next step; None to leave the text.

        :raises JsmsUncertainError: the answer names a schedule that is not of this text.
        """
        answer, record = self.answer, self.record
        _log.warning("Record %s: %s", record.key, answer.note)
        if answer.option == LEAVE:
            record.note(answer.note)
            return None
        if answer.denies(record.key):
            record.not_there(answer.note)
            return Decision(Do.SUBMIT, answer.note)
        schedule = self._found(answer.schedule_ids.get(record.key))
        if self.call is None or self.request is None:
            self._adopt_as_recorded(schedule)
            return Decision(Do.REUSE, answer.note)
        if record.is_of_other_arguments(self.request):
            self._adopt_as_recorded(schedule)
            return record.decide(self.request)
        self._require_agreement(schedule, differences(schedule, self.call))
        outcome = {**_outcome_of(schedule, self.call), **self.summary}
        record.there(outcome, answer.note, self.request)
        return Decision(Do.REUSE, answer.note)

    def _adopt_as_recorded(self, schedule: Schedule) -> None:
        """Write the record as if it had been *accepted*: the arguments have changed since."""
        content = self.record.content or {}
        found = _differences_from_record(schedule, content, self.hook.settings)
        self._require_agreement(schedule, found)
        self.record.there(_outcome_of_record(schedule, content), self.answer.note)

    def _found(self, schedule_id: str | None) -> Schedule:
        if schedule_id is None:
            raise _not_adopted(self.call, "No schedule_id was entered")
        try:
            return self.hook.query_schedule(schedule_id)
        except JsmsInputError as error:
            raise _not_adopted(self.call, str(error)) from error
        except JsmsStateError as error:
            why = f"JSMS does not know schedule {schedule_id}, or it was sent ({error.code})"
            raise _not_adopted(self.call, why) from error

    def _require_agreement(self, schedule: Schedule, found: list[str]) -> None:
        if found:
            raise _not_adopted(
                self.call,
                f"Schedule {schedule['schedule_id']} is of another text: {', '.join(found)}. If "
                "the arguments of the task have changed since, restore the arguments of that time "
                "first",
            )


def refuse_if_changed(answer: Answer, record: SubmissionRecord, call: object = DELETION) -> None:
    """Refuse an answer about a record that was edited or deleted since the question."""
    if answer.versions.get(record.key, record.version) != record.version:
        raise _not_adopted(call, "The answer is to an older question")


def _not_adopted(call: object, why: str) -> JsmsUncertainError:
    return JsmsUncertainError(
        f"{why}. Nothing was sent, and the task does not know more than before. To be asked again, "
        "clear the task.",
        call=str(call or DELETION),
    )


def differences(schedule: Schedule, call: Call[Any]) -> list[str]:
    """Return how a schedule differs from a call, empty if the call may have created it.

    Numbers are compared masked, because no document says whether JSMS masks them. JSMS may have
    refused some recipients of a batch, which a schedule does not list.
    """
    theirs = Counter(mask_mobile(person["mobile"]) for person in schedule["recipients"])
    ours = Counter(mask_mobile(person["mobile"]) for person in call.recipients)
    return _differences(schedule, call.body or {}, (theirs - ours).total())


def _differences_from_record(
    schedule: Schedule, record: Mapping[str, Any], settings: JsmsSettings
) -> list[str]:
    """Return the same for a record, whose arguments the task does not have any more."""
    numbers = [person["mobile"] for person in schedule["recipients"]]
    others = max(0, len(numbers) - record["recipients"])
    is_comparable = len(numbers) == record["recipients"] and all(map(str.isdigit, numbers))
    recorded = record["fingerprint"].get("people")
    if is_comparable and people_fingerprint(numbers, settings) != recorded:
        others = len(numbers)
    return _differences(schedule, record, others)


def _differences(schedule: Schedule, expected: Mapping[str, Any], others: int) -> list[str]:
    found = [
        f"its {name} is {mask_text(schedule[name])}"
        for name in ("send_time", "temp_id")
        if schedule[name] not in (None, expected[name])
    ]
    if others:
        found.append(f"it goes to {others} other {noun(others)}")
    return found if schedule["recipients"] else [*found, "it goes to nobody"]


def _outcome_of(schedule: Schedule, call: Call[Any]) -> dict[str, Any]:
    """Return the outcome of a call, as a record keeps it, by the schedule that it created."""
    schedule_id = {"schedule_id": schedule["schedule_id"]}
    if "recipients" not in (call.body or {}):
        return schedule_id
    listed = Counter(mask_mobile(person["mobile"]) for person in schedule["recipients"])
    refused = []
    for at, person in enumerate(call.recipients):
        masked = mask_mobile(person["mobile"])
        if not listed[masked]:
            refused.append([at, None])
        listed[masked] -= listed[masked] > 0
    accepted = len(call.recipients) - len(refused)
    counts = {"success_count": accepted, "failure_count": len(refused)}
    return {**schedule_id, **counts, "refused": refused}


def _outcome_of_record(schedule: Schedule, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for a record, which does not say who was refused."""
    accepted = len(schedule["recipients"])
    refused = max(0, record["recipients"] - accepted)
    counts = {"success_count": accepted, "failure_count": refused}
    return {"schedule_id": schedule["schedule_id"], **counts, "refused": [[None, None]] * refused}
