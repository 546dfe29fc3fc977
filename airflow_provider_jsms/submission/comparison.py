"""Compare a schedule that JSMS holds with a submission that may have created it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.masking import mask_mobile, mask_text
from airflow_provider_jsms.api.recipients import noun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.replies import Schedule


def differences(schedule: Schedule, call: Call[Any]) -> list[str]:
    """Return how a schedule differs from a call, empty if the call may have created it.

    Numbers are compared masked, because no document says whether JSMS masks them. JSMS may have
    refused some recipients of a batch, which a schedule does not list.
    """
    theirs = Counter(mask_mobile(person["mobile"]) for person in schedule["recipients"])
    ours = Counter(mask_mobile(person["mobile"]) for person in call.recipients)
    return _differences(schedule, call.body or {}, (theirs - ours).total())


def differences_from_record(
    schedule: Schedule, record: Mapping[str, Any], people: Callable[[list[str]], str]
) -> list[str]:
    """Return the same for a record, whose arguments the task does not have any more.

    :param people: returns the fingerprint of numbers.
    """
    numbers = [person["mobile"] for person in schedule["recipients"]]
    others = max(0, len(numbers) - record["recipients"])
    is_comparable = len(numbers) == record["recipients"] and all(map(str.isdigit, numbers))
    if is_comparable and people(numbers) != record["fingerprint"].get("people"):
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


def outcome_of(schedule: Schedule, call: Call[Any]) -> dict[str, Any]:
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


def outcome_of_record(schedule: Schedule, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for a record, which does not say who was refused."""
    accepted = len(schedule["recipients"])
    refused = max(0, record["recipients"] - accepted)
    counts = {"success_count": accepted, "failure_count": refused}
    return {"schedule_id": schedule["schedule_id"], **counts, "refused": [[None, None]] * refused}
