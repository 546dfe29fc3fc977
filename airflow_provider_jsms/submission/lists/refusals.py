"""Recipients that JSMS refused: the tolerated number, and their form in the record and the log."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.arguments import Limit
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import first_ten, mask_mobile
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import JsmsRefusedRecipientsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, FailedRecipient


class FailureLimit:
    """How many refused recipients a batch tolerates.

    :param max_failures: a count (``3`` or ``"3"``) or a share of all recipients (``"5%"``).
    """

    def __init__(self, max_failures: object) -> None:
        self._limit = Limit("max_failures", max_failures)

    def tolerates(self, refused: int, total: int) -> bool:
        """Return whether the task tolerates so many refused recipients of all."""
        return refused == 0 or (refused < total and refused <= self._limit.of(total))

    def check(self, result: BatchResult, *, uncertain_count: int = 0) -> None:
        """Raise if more recipients were refused than tolerated, or all of them.

        :param result: of a batch, or of a campaign with all its ids in ``schedule_id``.
        :raises JsmsRefusedRecipientsError: with counts, reasons, and the accepted schedules.
        """
        refused, accepted = result["failure_count"], result["success_count"]
        total = refused + accepted + uncertain_count
        if self.tolerates(refused, total):
            return
        kept = (
            f"{accepted} are scheduled under {result['schedule_id']} and stay scheduled"
            if accepted
            else "nobody is scheduled"
        )
        doubt = f", {uncertain_count} are uncertain" if uncertain_count else ""
        raise JsmsRefusedRecipientsError(
            f"JSMS refused {refused} of {total} {noun(total)} (max_failures is {self._limit}); "
            f"{kept}{doubt}. The refused ones are in the XCom failure_recipients of this task.\n"
            f"{describe_failures(result['failure_recipients'])}"
        )


def to_record(result: str | BatchResult, people: Sequence[Recipient]) -> dict[str, Any]:
    """Return a result as the record keeps it: refused recipients as position and code."""
    if isinstance(result, str):
        return {"schedule_id": result}
    positions: dict[str, list[int]] = {}
    if result["failure_recipients"]:
        for at, person in enumerate(people):
            positions.setdefault(person["mobile"], []).append(at)
    counts = ("schedule_id", "success_count", "failure_count")
    return {
        **{name: result[name] for name in counts},  # type: ignore[literal-required]
        "refused": [
            [_position(failure, positions, people), failure["error_code"]]
            for failure in result["failure_recipients"]
        ],
    }


def _position(
    failure: FailedRecipient, positions: Mapping[str, list[int]], people: Sequence[Recipient]
) -> int | None:
    """Return the position of a refused recipient, each once, None if it is not in the list."""
    found = positions.get(failure["mobile"].removeprefix("+").removeprefix("86"), [])
    matching = [at for at in found if people[at].get("temp_para", {}) == failure["temp_para"]]
    position: int | None = next(iter(matching or found), None)
    if position is not None:
        found.remove(position)
    return position


def all_refused(people: Sequence[Recipient], code: int | None) -> dict[str, Any]:
    """Return, as a record keeps it, that JSMS refused everyone in a batch."""
    return {
        "schedule_id": None,
        "success_count": 0,
        "failure_count": len(people),
        "refused": [[at, code] for at in range(len(people))],
    }


def is_complete(record: Mapping[str, Any], call: Call[Any]) -> bool:
    """Return whether a record holds the outcome of a call: for a batch everyone is counted."""
    if "recipients" not in (call.body or {}):
        return True
    counts = (record.get("success_count"), record.get("failure_count"))
    return "refused" in record and None not in counts and sum(counts) == len(call.recipients)  # type: ignore[arg-type]


def from_record(record: Mapping[str, Any], people: Sequence[Recipient]) -> BatchResult:
    """Return the result that a record stands for; ``people`` are those of the same request."""
    return {
        "schedule_id": record["schedule_id"],
        "success_count": record["success_count"],
        "failure_count": record["failure_count"],
        "failure_recipients": [_failed(people, *pair) for pair in record["refused"]],
    }


def _failed(people: Sequence[Recipient], position: int | None, code: int | None) -> FailedRecipient:
    person = people[position] if position is not None and position < len(people) else None
    return {
        "mobile": person["mobile"] if person else "",
        "temp_para": person.get("temp_para", {}) if person else {},
        "error_code": code,
        "error_message": CODES[code].message if code and code in CODES else "",
    }


def describe_failures(failures: Sequence[FailedRecipient]) -> str:
    """Return the refusals by code, and the first ten of them with their numbers masked."""
    by_code = Counter(failure["error_code"] for failure in failures)
    lines = [f"{count} × {_reason(code)}" for code, count in by_code.most_common()]
    people = (f"{mask_mobile(each['mobile'])}: {each['error_code']}" for each in failures)
    return "\n".join([*lines, *first_ten(people)])


def _reason(code: int | None) -> str:
    if code and code in CODES:
        return f"{code} ({CODES[code].meaning})"
    return "no readable code" if code is None else f"{code} (an unknown code)"
