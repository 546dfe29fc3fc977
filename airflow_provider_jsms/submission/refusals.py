"""Refused recipients of a batch: how many a task tolerates, and how they are told to people."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.arguments import reading, text_of
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import SHOWN_RECIPIENTS, mask_mobile, show
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRefusedRecipientsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, FailedRecipient

_COUNT = re.compile(r"[0-9]{1,9}")
_SHARE = re.compile(r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%")


class FailureLimit:
    """How many refused recipients a batch tolerates.

    :param max_failures: a count (``3`` or ``"3"``) or a share of all recipients (``"5%"``).
    :raises JsmsInputError: anything else.
    """

    @reading("max_failures")
    def __init__(self, max_failures: object) -> None:
        self._text = text_of(max_failures)
        self._is_share = bool(_SHARE.fullmatch(self._text))
        if not self._is_share and not _COUNT.fullmatch(self._text):
            raise JsmsInputError(
                f"max_failures {show(max_failures)} is neither a count (0 or more) nor "
                "a share from '0%' to '100%'. Nothing was sent."
            )

    def check(self, result: BatchResult, *, uncertain_count: int = 0) -> None:
        """Raise if more recipients were refused than is tolerated, or all of them.

        :param result: of a batch, or of a whole campaign, whose ``schedule_id`` are all of them.
        :param uncertain_count: how many may have been accepted beside, nobody knows.
        :raises JsmsRefusedRecipientsError: says how many, why, and what is scheduled.
        """
        refused, accepted = result["failure_count"], result["success_count"]
        everybody = refused + accepted + uncertain_count
        if refused == 0 or (refused < everybody and refused <= self._allowed(everybody)):
            return
        kept = (
            f"{accepted} are scheduled under {result['schedule_id']} and stay scheduled"
            if accepted
            else "nobody is scheduled"
        )
        doubt = f", {uncertain_count} are uncertain" if uncertain_count else ""
        raise JsmsRefusedRecipientsError(
            f"JSMS refused {refused} of {everybody} recipients (max_failures is {self._text}); "
            f"{kept}{doubt}. The refused ones are in the XCom failure_recipients of this task.\n"
            f"{describe_failures(result['failure_recipients'])}"
        )

    def _allowed(self, total: int) -> Fraction:
        # Fractions, because 0.07 * 100 is more than 7 in binary.
        limit = Fraction(self._text.removesuffix("%"))
        return limit * total / 100 if self._is_share else limit


def to_record(result: BatchResult, people: Sequence[Recipient]) -> dict[str, Any]:
    """Return a result as a record keeps it: who was refused, as position and code, no numbers."""
    refused: list[list[int | None]] = []
    record = {
        "schedule_id": result["schedule_id"],
        "success_count": result["success_count"],
        "failure_count": result["failure_count"],
        "refused": refused,
    }
    if not result["failure_recipients"]:
        return record
    positions: dict[str, list[int]] = {}
    for at, person in enumerate(people):
        positions.setdefault(person["mobile"], []).append(at)
    for failure in result["failure_recipients"]:
        found = positions.get(failure["mobile"].removeprefix("+").removeprefix("86"), [])
        matching = [at for at in found if people[at].get("temp_para", {}) == failure["temp_para"]]
        position: int | None = next(iter(matching or found), None)
        if position is not None:
            found.remove(position)
        refused.append([position, failure["error_code"]])
    return record


def all_refused(people: Sequence[Recipient], code: int | None) -> dict[str, Any]:
    """Return, as a record keeps it, that JSMS refused a whole batch because of its recipients."""
    return {
        "schedule_id": None,
        "success_count": 0,
        "failure_count": len(people),
        "refused": [[at, code] for at in range(len(people))],
        "code": code,
    }


def from_record(record: Mapping[str, Any], people: Sequence[Recipient]) -> BatchResult:
    """Return the result that a record stands for; ``people`` are those of the same request."""
    return {
        "schedule_id": record["schedule_id"],
        "success_count": record["success_count"],
        "failure_count": record["failure_count"],
        "failure_recipients": [
            _failed(_at(people, position), code) for position, code in record["refused"]
        ],
    }


def _at(people: Sequence[Recipient], position: int | None) -> Recipient | None:
    is_one = position is not None and 0 <= position < len(people)
    return people[position] if is_one else None  # type: ignore[index]


def _failed(person: Recipient | None, code: int | None) -> FailedRecipient:
    return {
        "mobile": person["mobile"] if person else "",
        "temp_para": person.get("temp_para", {}) if person else {},
        "error_code": code,
        "error_message": CODES[code].message if code in CODES else "",
    }


def describe_failures(failures: Sequence[FailedRecipient]) -> str:
    """Return the refusals by code, and the first ten of them with their numbers masked."""
    by_code = Counter(failure["error_code"] for failure in failures)
    lines = [f"{count} × {_reason(code)}" for code, count in by_code.most_common()]
    lines += [
        f"{mask_mobile(failure['mobile'])}: {failure['error_code']}"
        for failure in failures[:SHOWN_RECIPIENTS]
    ]
    if len(failures) > SHOWN_RECIPIENTS:
        lines.append(f"and {len(failures) - SHOWN_RECIPIENTS} more")
    return "\n".join(lines)


def _reason(code: int | None) -> str:
    if code in CODES:
        return f"{code} ({CODES[code].meaning})"
    return "no readable code" if code is None else f"{code} (a code that is not known here)"
